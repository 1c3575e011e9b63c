//! Decides which tenant opens the next channel: round-robin in turns of a few channels,
//! each tenant's work in the order it was queued. Pure.

use std::collections::VecDeque;

/// Pending work of one tenant.
#[derive(Debug)]
struct TenantQueue<T> {
    tenant: usize,
    pending: VecDeque<T>,
}

/// Round-robin queue of the tenants' pending work.
#[derive(Debug)]
pub struct Schedule<T> {
    queues: VecDeque<TenantQueue<T>>,
    batch_size: usize,
    opened_in_turn: usize,
}

impl<T> Schedule<T> {
    /// Creates an empty schedule. A tenant may open `batch_size` channels before the next
    /// tenant's turn.
    pub fn new(batch_size: usize) -> Self {
        Self { queues: VecDeque::new(), batch_size: batch_size.max(1), opened_in_turn: 0 }
    }

    /// Appends work to the tenant's queue, in the order in which it is to be opened.
    pub fn add(&mut self, tenant: usize, work: impl IntoIterator<Item = T>) {
        let mut pending: VecDeque<T> = work.into_iter().collect();
        match self.queues.iter_mut().find(|queue| queue.tenant == tenant) {
            Some(queue) => queue.pending.append(&mut pending),
            None if pending.is_empty() => {}
            None => self.queues.push_back(TenantQueue { tenant, pending }),
        }
    }

    /// Takes the next piece of work of a tenant for which `may_open` holds, with the
    /// tenant's index.
    pub fn next(&mut self, may_open: impl Fn(usize) -> bool) -> Option<(usize, T)> {
        if self.opened_in_turn >= self.batch_size && self.queues.len() > 1 {
            self.queues.rotate_left(1);
            self.opened_in_turn = 0;
        }
        let index = self.queues.iter().position(|queue| may_open(queue.tenant))?;
        if index > 0 {
            self.queues.rotate_left(index);
            self.opened_in_turn = 0;
        }
        let queue = self.queues.front_mut()?;
        let (tenant, work) = (queue.tenant, queue.pending.pop_front()?);
        self.opened_in_turn += 1;
        if queue.pending.is_empty() {
            self.queues.pop_front();
            self.opened_in_turn = 0;
        }
        Some((tenant, work))
    }

    /// Tenants with pending work.
    pub fn tenants(&self) -> impl Iterator<Item = usize> {
        self.queues.iter().map(|queue| queue.tenant)
    }

    /// Removes the tenant's pending work. Returns how many pieces that were.
    pub fn remove(&mut self, tenant: usize) -> usize {
        let Some(index) = self.queues.iter().position(|queue| queue.tenant == tenant) else { return 0 };
        if index == 0 {
            self.opened_in_turn = 0;
        }
        self.queues.remove(index).map_or(0, |queue| queue.pending.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any_tenant(_: usize) -> bool {
        true
    }

    /// Drains the schedule: all pending work, with its tenant.
    fn drain<T>(schedule: &mut Schedule<T>) -> Vec<(usize, T)> {
        std::iter::from_fn(|| schedule.next(any_tenant)).collect()
    }

    #[test]
    fn tenants_take_turns_in_queue_order() {
        let mut schedule = Schedule::new(2);
        schedule.add(0, ["a", "b", "c", "d", "e"]);
        schedule.add(1, ["x", "y", "z"]);
        schedule.add(2, []);
        let order: Vec<_> = std::iter::from_fn(|| schedule.next(any_tenant)).map(|(_, work)| work).collect();
        assert_eq!(order, ["a", "b", "x", "y", "c", "d", "z", "e"]);
    }

    #[test]
    fn work_added_later_joins_the_tenants_queue() {
        let mut schedule = Schedule::new(1);
        schedule.add(0, ["a"]);
        schedule.add(1, ["x", "y"]);
        schedule.add(0, ["b"]);
        let order: Vec<_> = std::iter::from_fn(|| schedule.next(any_tenant)).map(|(_, work)| work).collect();
        assert_eq!(order, ["a", "x", "b", "y"]);
    }

    #[test]
    fn removing_a_tenant_passes_its_turn_on() {
        let mut schedule = Schedule::new(2);
        schedule.add(0, ["a", "b"]);
        schedule.add(1, ["x", "y"]);
        assert_eq!(schedule.next(any_tenant), Some((0, "a")));
        assert_eq!((schedule.remove(0), schedule.remove(0)), (1, 0));
        assert_eq!(drain(&mut schedule), [(1, "x"), (1, "y")]);
    }

    #[test]
    fn a_tenant_added_later_gets_its_turn() {
        let mut schedule = Schedule::new(1);
        schedule.add(0, 0..3);
        assert_eq!(schedule.next(any_tenant), Some((0, 0)));
        schedule.add(1, 10..11);
        assert_eq!(schedule.next(any_tenant), Some((1, 10)));
        assert_eq!(drain(&mut schedule), [(0, 1), (0, 2)]);
        assert_eq!(schedule.next(any_tenant), None);
    }

    #[test]
    fn skips_tenants_that_may_not_open_more() {
        let mut schedule = Schedule::new(5);
        schedule.add(0, ["a", "b"]);
        schedule.add(1, ["x", "y"]);
        assert_eq!(schedule.next(|tenant| tenant == 1), Some((1, "x")));
        assert_eq!(schedule.next(|_| false), None);
        assert_eq!(schedule.next(|tenant| tenant == 0), Some((0, "a")));
        assert_eq!(schedule.tenants().collect::<Vec<_>>(), [0, 1]);
    }
}
