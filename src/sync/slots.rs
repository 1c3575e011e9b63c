//! Channel slots: how many channels are open at once, and whose turn it is.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::schedule::Schedule;

/// The slots of a run, shared by its tenants. A slot goes to the tenant whose turn it
/// is, together with that tenant's next piece of work.
pub struct Slots<T>(Mutex<State<T>>);

struct State<T> {
    schedule: Schedule<T>,
    total: usize,
    free: BTreeSet<usize>,
    tenants: Vec<Tenant<T>>,
}

struct Tenant<T> {
    open: usize,
    is_preparing: bool,
    grants: mpsc::UnboundedSender<(usize, T)>,
}

impl<T> Slots<T> {
    /// As many slots as channels may be open. A tenant may open `batch_size`
    /// channels before the next one's turn.
    pub fn new(total: usize, batch_size: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            schedule: Schedule::new(batch_size),
            total,
            free: (0..total).collect(),
            tenants: Vec::new(),
        })))
    }

    /// One more tenant, which counts as preparing.
    pub fn lane(self: &Arc<Self>) -> Lane<T> {
        let (sender, grants) = mpsc::unbounded_channel();
        let mut state = self.lock();
        let tenant = state.tenants.len();
        state.tenants.push(Tenant { open: 0, is_preparing: true, grants: sender });
        Lane { slots: Arc::clone(self), tenant, grants, waiting: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, tenant: usize, slots: impl IntoIterator<Item = usize>) {
        let mut state = self.lock();
        for slot in slots {
            state.free.insert(slot);
            state.tenants[tenant].open -= 1;
        }
        state.grant();
    }
}

impl<T> State<T> {
    /// Hands out free slots.
    fn grant(&mut self) {
        while let Some(slot) = self.free.first().copied() {
            let share = self.share();
            let tenants = &self.tenants;
            let Some((tenant, work)) = self.schedule.next(|tenant| tenants[tenant].open < share) else {
                return;
            };
            self.free.remove(&slot);
            self.tenants[tenant].open += 1;
            // A lane that is dropped has taken its work out before.
            self.tenants[tenant].grants.send((slot, work)).ok();
        }
    }

    /// Channels that a tenant may have open: none waits until another's are read
    /// whole, not even one whose channels aren't known yet.
    fn share(&self) -> usize {
        let waiting: BTreeSet<usize> = self.schedule.tenants().collect();
        let is_busy = |(index, tenant): &(usize, &Tenant<T>)| {
            tenant.open > 0 || tenant.is_preparing || waiting.contains(index)
        };
        let busy = self.tenants.iter().enumerate().filter(is_busy).count();
        self.total.div_ceil(busy.max(1))
    }
}

/// A tenant's side of the slots.
pub struct Lane<T> {
    slots: Arc<Slots<T>>,
    tenant: usize,
    grants: mpsc::UnboundedReceiver<(usize, T)>,
    waiting: usize,
}

/// A slot, and what is to be done in it.
pub struct Grant<T> {
    /// The slot; free again when it is dropped.
    pub slot: Slot<T>,
    /// The work.
    pub work: T,
}

/// A slot that is taken.
pub struct Slot<T> {
    slots: Arc<Slots<T>>,
    tenant: usize,
    number: usize,
}

impl<T> Lane<T> {
    /// Adds work, in the order in which it is to be done.
    pub fn add(&mut self, work: Vec<T>) {
        self.waiting += work.len();
        let mut state = self.slots.lock();
        state.schedule.add(self.tenant, work);
        state.grant();
    }

    /// Says whether more work may come: as long as it may, a share is kept free.
    pub fn set_preparing(&self, is_preparing: bool) {
        let mut state = self.slots.lock();
        state.tenants[self.tenant].is_preparing = is_preparing;
        state.grant();
    }

    /// Pieces of work that wait for a slot.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// The next slot with work. Waits for ever while none waits.
    pub async fn next(&mut self) -> Grant<T> {
        // The state holds the sender.
        let Some((number, work)) = self.grants.recv().await else { return std::future::pending().await };
        self.waiting -= 1;
        Grant { slot: Slot { slots: Arc::clone(&self.slots), tenant: self.tenant, number }, work }
    }

    /// Drops the work that waits, and says how much that was.
    pub fn give_up(&mut self) -> usize {
        self.slots.lock().schedule.remove(self.tenant);
        let mut granted = Vec::new();
        while let Ok((slot, _)) = self.grants.try_recv() {
            granted.push(slot);
        }
        self.slots.release(self.tenant, granted);
        std::mem::take(&mut self.waiting)
    }
}

impl<T> Drop for Lane<T> {
    fn drop(&mut self) {
        self.give_up();
        self.set_preparing(false);
    }
}

impl<T> Slot<T> {
    /// Its number, from 0.
    pub const fn number(&self) -> usize {
        self.number
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        self.slots.release(self.tenant, [self.number]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a lane gets at once.
    fn granted<T>(lane: &mut Lane<T>) -> Vec<Grant<T>> {
        let mut grants = Vec::new();
        while let Ok((number, work)) = lane.grants.try_recv() {
            lane.waiting -= 1;
            let slot = Slot { slots: Arc::clone(&lane.slots), tenant: lane.tenant, number };
            grants.push(Grant { slot, work });
        }
        grants
    }

    fn work<T: Copy>(grants: &[Grant<T>]) -> Vec<T> {
        grants.iter().map(|grant| grant.work).collect()
    }

    #[test]
    fn a_tenant_that_prepares_keeps_its_share_free() {
        let slots = Slots::new(4, 5);
        let (mut first, mut second) = (slots.lane(), slots.lane());
        first.add(vec![1, 2, 3, 4, 5]);
        let open = granted(&mut first);
        assert_eq!((work(&open), first.waiting()), (vec![1, 2], 3));
        second.add(vec![10]);
        second.set_preparing(false);
        let other = granted(&mut second);
        assert_eq!((work(&other), second.waiting()), (vec![10], 0));
        assert!(granted(&mut first).is_empty());
        // It has nothing more to do: the whole is the other's.
        drop(other);
        assert_eq!(work(&granted(&mut first)), [3, 4]);
        drop(second);
    }

    #[test]
    fn slots_are_numbered_and_return_when_they_are_dropped() {
        let slots = Slots::new(2, 5);
        let mut lane = slots.lane();
        lane.add(vec!["a", "b", "c"]);
        let mut open = granted(&mut lane);
        assert_eq!(open.iter().map(|grant| grant.slot.number()).collect::<Vec<_>>(), [0, 1]);
        open.remove(0);
        let next = granted(&mut lane);
        assert_eq!((next[0].work, next[0].slot.number()), ("c", 0));
    }

    #[test]
    fn work_that_is_given_up_frees_its_slots_for_others() {
        let slots = Slots::new(2, 1);
        let (mut first, mut second) = (slots.lane(), slots.lane());
        second.add(vec![10, 11]);
        first.add(vec![1, 2, 3]);
        // Granted, and not taken yet.
        assert_eq!((first.give_up(), first.waiting()), (3, 0));
        assert!(granted(&mut first).is_empty());
        assert_eq!(work(&granted(&mut second)), [10]);
        drop(first);
        assert_eq!(work(&granted(&mut second)), [11]);
        assert_eq!(slots.lock().free.len(), 2);
    }

    #[tokio::test]
    async fn a_lane_waits_for_its_next_slot() {
        let slots = Slots::new(1, 5);
        let mut lane = slots.lane();
        lane.add(vec![1, 2]);
        let first = lane.next().await;
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1), lane.next()).await.is_err());
        drop(first);
        assert_eq!(lane.next().await.work, 2);
    }
}
