//! Whose turn it is: tenants in turns of a few channels, each tenant's largest
//! channel first. Pure.

use std::collections::VecDeque;

/// Waiting work of one tenant.
#[derive(Debug)]
struct Lane<T> {
    tenant: usize,
    waiting: VecDeque<T>,
}

/// What is to be opened next.
#[derive(Debug)]
pub struct Schedule<T> {
    lanes: VecDeque<Lane<T>>,
    batch_size: usize,
    taken_in_turn: usize,
}

impl<T> Schedule<T> {
    /// A tenant may open `batch_size` channels before the next one's turn.
    pub fn new(batch_size: usize) -> Self {
        Self { lanes: VecDeque::new(), batch_size: batch_size.max(1), taken_in_turn: 0 }
    }

    /// Adds a tenant's work, in the order it is to be opened, behind what it
    /// has already.
    pub fn add(&mut self, tenant: usize, work: impl IntoIterator<Item = T>) {
        let mut waiting: VecDeque<T> = work.into_iter().collect();
        match self.lanes.iter_mut().find(|lane| lane.tenant == tenant) {
            Some(lane) => lane.waiting.append(&mut waiting),
            None if waiting.is_empty() => {}
            None => self.lanes.push_back(Lane { tenant, waiting }),
        }
    }

    /// The next piece of work of a tenant that may open one more, and whose it is.
    pub fn next(&mut self, may_open: impl Fn(usize) -> bool) -> Option<(usize, T)> {
        if self.taken_in_turn >= self.batch_size && self.lanes.len() > 1 {
            self.lanes.rotate_left(1);
            self.taken_in_turn = 0;
        }
        let place = self.lanes.iter().position(|lane| may_open(lane.tenant))?;
        if place > 0 {
            self.lanes.rotate_left(place);
            self.taken_in_turn = 0;
        }
        let lane = self.lanes.front_mut()?;
        let (tenant, work) = (lane.tenant, lane.waiting.pop_front()?);
        self.taken_in_turn += 1;
        if lane.waiting.is_empty() {
            self.lanes.pop_front();
            self.taken_in_turn = 0;
        }
        Some((tenant, work))
    }

    /// Those of whom something waits.
    pub fn tenants(&self) -> impl Iterator<Item = usize> {
        self.lanes.iter().map(|lane| lane.tenant)
    }

    /// Takes out what waits of one tenant, and says how much it was.
    pub fn remove(&mut self, tenant: usize) -> usize {
        let Some(place) = self.lanes.iter().position(|lane| lane.tenant == tenant) else { return 0 };
        if place == 0 {
            self.taken_in_turn = 0;
        }
        self.lanes.remove(place).map_or(0, |lane| lane.waiting.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anybody(_: usize) -> bool {
        true
    }

    /// All that waits, and whose it is.
    fn rest<T>(schedule: &mut Schedule<T>) -> Vec<(usize, T)> {
        std::iter::from_fn(|| schedule.next(anybody)).collect()
    }

    #[test]
    fn tenants_take_turns_and_keep_their_order() {
        let mut schedule = Schedule::new(2);
        schedule.add(0, ["a", "b", "c", "d", "e"]);
        schedule.add(1, ["x", "y", "z"]);
        schedule.add(2, []);
        let order: Vec<_> = std::iter::from_fn(|| schedule.next(anybody)).map(|(_, work)| work).collect();
        assert_eq!(order, ["a", "b", "x", "y", "c", "d", "z", "e"]);
    }

    #[test]
    fn more_work_of_a_tenant_takes_its_own_turns() {
        let mut schedule = Schedule::new(1);
        schedule.add(0, ["a"]);
        schedule.add(1, ["x", "y"]);
        schedule.add(0, ["b"]);
        let order: Vec<_> = std::iter::from_fn(|| schedule.next(anybody)).map(|(_, work)| work).collect();
        assert_eq!(order, ["a", "x", "b", "y"]);
    }

    #[test]
    fn a_tenant_that_is_removed_leaves_its_turn_to_the_others() {
        let mut schedule = Schedule::new(2);
        schedule.add(0, ["a", "b"]);
        schedule.add(1, ["x", "y"]);
        assert_eq!(schedule.next(anybody), Some((0, "a")));
        assert_eq!((schedule.remove(0), schedule.remove(0)), (1, 0));
        assert_eq!(rest(&mut schedule), [(1, "x"), (1, "y")]);
    }

    #[test]
    fn a_tenant_that_comes_later_gets_its_turn() {
        let mut schedule = Schedule::new(1);
        schedule.add(0, 0..3);
        assert_eq!(schedule.next(anybody), Some((0, 0)));
        schedule.add(1, 10..11);
        assert_eq!(schedule.next(anybody), Some((1, 10)));
        assert_eq!(rest(&mut schedule), [(0, 1), (0, 2)]);
        assert_eq!(schedule.next(anybody), None);
    }

    #[test]
    fn who_may_not_open_more_is_passed_over_until_it_may() {
        let mut schedule = Schedule::new(5);
        schedule.add(0, ["a", "b"]);
        schedule.add(1, ["x", "y"]);
        assert_eq!(schedule.next(|tenant| tenant == 1), Some((1, "x")));
        assert_eq!(schedule.next(|_| false), None);
        assert_eq!(schedule.next(|tenant| tenant == 0), Some((0, "a")));
        assert_eq!(schedule.tenants().collect::<Vec<_>>(), [0, 1]);
    }
}
