//! Channel slots: bounds how many channels are open at once and grants free slots to
//! tenants in turn. Doesn't know what is done in a slot.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::schedule::Schedule;

/// The slots of a run, shared by its tenants. A free slot is granted to the tenant whose
/// turn it is, together with that tenant's next piece of work.
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
    /// Creates `total` slots, one per channel that may be open. A tenant is granted
    /// `batch_size` slots before the next tenant's turn.
    pub fn new(total: usize, batch_size: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            schedule: Schedule::new(batch_size),
            total,
            free: (0..total).collect(),
            tenants: Vec::new(),
        })))
    }

    /// Adds a tenant, which counts as preparing until [`TenantSlots::set_preparing`].
    pub fn add_tenant(self: &Arc<Self>) -> TenantSlots<T> {
        let (sender, grants) = mpsc::unbounded_channel();
        let mut state = self.lock();
        let tenant = state.tenants.len();
        state.tenants.push(Tenant { open: 0, is_preparing: true, grants: sender });
        TenantSlots { slots: Arc::clone(self), tenant, grants, pending: 0 }
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
    /// Grants free slots until none is left or no tenant may take one.
    fn grant(&mut self) {
        while let Some(slot) = self.free.first().copied() {
            let share = self.share();
            let tenants = &self.tenants;
            let Some((tenant, work)) = self.schedule.next(|tenant| tenants[tenant].open < share) else {
                return;
            };
            self.free.remove(&slot);
            self.tenants[tenant].open += 1;
            // Can't fail: a dropped handle has removed its work from the schedule before.
            self.tenants[tenant].grants.send((slot, work)).ok();
        }
    }

    /// Channels one tenant may have open: the slots, divided among the busy tenants.
    /// A tenant that is still preparing counts as busy, so that it need not wait until
    /// another tenant's channels are read.
    fn share(&self) -> usize {
        let with_pending_work: BTreeSet<usize> = self.schedule.tenants().collect();
        let is_busy = |(index, tenant): &(usize, &Tenant<T>)| {
            tenant.open > 0 || tenant.is_preparing || with_pending_work.contains(index)
        };
        let busy = self.tenants.iter().enumerate().filter(is_busy).count();
        self.total.div_ceil(busy.max(1))
    }
}

/// A tenant's handle on the slots. Dropping it discards the tenant's pending work.
pub struct TenantSlots<T> {
    slots: Arc<Slots<T>>,
    tenant: usize,
    grants: mpsc::UnboundedReceiver<(usize, T)>,
    pending: usize,
}

/// A granted slot and the work to be done in it.
pub struct Grant<T> {
    /// The slot; dropping it frees it.
    pub slot: Slot<T>,
    /// The work.
    pub work: T,
}

/// A taken slot.
pub struct Slot<T> {
    slots: Arc<Slots<T>>,
    tenant: usize,
    number: usize,
}

impl<T> TenantSlots<T> {
    /// Queues work, in the order in which it is to be done.
    pub fn add(&mut self, work: Vec<T>) {
        self.pending += work.len();
        let mut state = self.slots.lock();
        state.schedule.add(self.tenant, work);
        state.grant();
    }

    /// Sets whether more work may come. While it may, the tenant's share of the slots is
    /// kept free.
    pub fn set_preparing(&self, is_preparing: bool) {
        let mut state = self.slots.lock();
        state.tenants[self.tenant].is_preparing = is_preparing;
        state.grant();
    }

    /// Pieces of work without a slot yet, including granted ones not yet taken by
    /// [`Self::next`].
    pub const fn pending(&self) -> usize {
        self.pending
    }

    /// Waits for the next slot with work. Pending forever if no work is queued.
    pub async fn next(&mut self) -> Grant<T> {
        // The channel is never closed: the shared state holds the sender.
        let Some((number, work)) = self.grants.recv().await else { return std::future::pending().await };
        self.pending -= 1;
        Grant { slot: Slot { slots: Arc::clone(&self.slots), tenant: self.tenant, number }, work }
    }

    /// Discards the pending work. Returns how many pieces that were.
    pub fn discard_pending(&mut self) -> usize {
        self.slots.lock().schedule.remove(self.tenant);
        let mut granted = Vec::new();
        while let Ok((slot, _)) = self.grants.try_recv() {
            granted.push(slot);
        }
        self.slots.release(self.tenant, granted);
        std::mem::take(&mut self.pending)
    }
}

impl<T> Drop for TenantSlots<T> {
    fn drop(&mut self) {
        self.discard_pending();
        self.set_preparing(false);
    }
}

impl<T> Slot<T> {
    /// The slot's number, from 0.
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

    /// Takes all grants that are ready.
    fn granted<T>(tenant_slots: &mut TenantSlots<T>) -> Vec<Grant<T>> {
        let mut grants = Vec::new();
        while let Ok((number, work)) = tenant_slots.grants.try_recv() {
            tenant_slots.pending -= 1;
            let slot = Slot { slots: Arc::clone(&tenant_slots.slots), tenant: tenant_slots.tenant, number };
            grants.push(Grant { slot, work });
        }
        grants
    }

    fn work<T: Copy>(grants: &[Grant<T>]) -> Vec<T> {
        grants.iter().map(|grant| grant.work).collect()
    }

    #[test]
    fn a_preparing_tenant_keeps_its_share_free() {
        let slots = Slots::new(4, 5);
        let (mut first, mut second) = (slots.add_tenant(), slots.add_tenant());
        first.add(vec![1, 2, 3, 4, 5]);
        let open = granted(&mut first);
        assert_eq!((work(&open), first.pending()), (vec![1, 2], 3));
        second.add(vec![10]);
        second.set_preparing(false);
        let other = granted(&mut second);
        assert_eq!((work(&other), second.pending()), (vec![10], 0));
        assert!(granted(&mut first).is_empty());
        // The second tenant has no more work: the first may take all slots.
        drop(other);
        assert_eq!(work(&granted(&mut first)), [3, 4]);
        drop(second);
    }

    #[test]
    fn dropping_a_slot_frees_its_number() {
        let slots = Slots::new(2, 5);
        let mut tenant_slots = slots.add_tenant();
        tenant_slots.add(vec!["a", "b", "c"]);
        let mut open = granted(&mut tenant_slots);
        assert_eq!(open.iter().map(|grant| grant.slot.number()).collect::<Vec<_>>(), [0, 1]);
        open.remove(0);
        let next = granted(&mut tenant_slots);
        assert_eq!((next[0].work, next[0].slot.number()), ("c", 0));
    }

    #[test]
    fn discarding_pending_work_frees_its_slots() {
        let slots = Slots::new(2, 1);
        let (mut first, mut second) = (slots.add_tenant(), slots.add_tenant());
        second.add(vec![10, 11]);
        first.add(vec![1, 2, 3]);
        // Two of the three are granted but not taken yet.
        assert_eq!((first.discard_pending(), first.pending()), (3, 0));
        assert!(granted(&mut first).is_empty());
        assert_eq!(work(&granted(&mut second)), [10]);
        drop(first);
        assert_eq!(work(&granted(&mut second)), [11]);
        assert_eq!(slots.lock().free.len(), 2);
    }

    #[tokio::test]
    async fn next_waits_for_a_free_slot() {
        let slots = Slots::new(1, 5);
        let mut tenant_slots = slots.add_tenant();
        tenant_slots.add(vec![1, 2]);
        let first = tenant_slots.next().await;
        assert!(
            tokio::time::timeout(std::time::Duration::from_millis(1), tenant_slots.next()).await.is_err()
        );
        drop(first);
        assert_eq!(tenant_slots.next().await.work, 2);
    }
}
