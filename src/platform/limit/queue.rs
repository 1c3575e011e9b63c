//! Orders pending requests by priority and grants them permits.

use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::{InvalidRequestLimitReached, Permit, State, lock};

/// Head start in seconds per doubling of the backlog. It lets the largest channel, which
/// bounds the run, go first; since it grows with the logarithm, a small request is
/// delayed by at most about a minute.
const HEAD_START_SECONDS: f64 = 1.0;

/// A request waiting for a permit.
#[derive(Debug)]
pub(super) struct PendingRequest {
    /// Messages left to read, an estimate.
    pub backlog: u64,
    pub enqueued_at: Instant,
    /// Total length of the gate's pauses up to `enqueued_at`.
    pub paused_before: Duration,
    pub grant: oneshot::Sender<Result<Permit, InvalidRequestLimitReached>>,
}

/// The gate's pending requests.
pub(super) struct Queue {
    incoming: mpsc::UnboundedReceiver<PendingRequest>,
    in_flight: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
    pending: BinaryHeap<HeapEntry>,
    opened_at: Instant,
    /// Requests enqueued so far.
    sequence: u64,
}

/// Heap entry; the earliest deadline is the greatest, so that [`BinaryHeap`] pops it
/// first.
struct HeapEntry {
    /// Seconds after the gate was created, less the head start.
    deadline: f64,
    sequence: u64,
    request: PendingRequest,
}

impl PartialEq for HeapEntry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for HeapEntry {}

impl PartialOrd for HeapEntry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HeapEntry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.deadline.total_cmp(&self.deadline).then(other.sequence.cmp(&self.sequence))
    }
}

impl Queue {
    pub(super) fn new(
        incoming: mpsc::UnboundedReceiver<PendingRequest>,
        in_flight: Arc<Semaphore>,
        state: Arc<Mutex<State>>,
    ) -> Self {
        let (pending, opened_at) = (BinaryHeap::new(), Instant::now());
        Self { incoming, in_flight, state, pending, opened_at, sequence: 0 }
    }

    /// Grants permits until the gate is dropped.
    pub(super) async fn run(mut self) {
        while self.wait_until_nonempty().await {
            let Ok(in_flight) = Arc::clone(&self.in_flight).acquire_owned().await else { return };
            let slot = self.next_slot().await;
            self.drain_incoming();
            match slot {
                Ok(()) => self.grant_next(in_flight),
                Err(reached) => self.reject_all(reached),
            }
        }
    }

    /// Returns whether there is a request, `false` once the gate is dropped.
    async fn wait_until_nonempty(&mut self) -> bool {
        self.drain_incoming();
        // Drop requests whose caller was cancelled.
        self.pending.retain(|entry| !entry.request.grant.is_closed());
        if self.pending.is_empty() {
            match self.incoming.recv().await {
                Some(request) => self.enqueue(request),
                None => return false,
            }
        }
        true
    }

    fn drain_incoming(&mut self) {
        while let Ok(request) = self.incoming.try_recv() {
            self.enqueue(request);
        }
    }

    fn enqueue(&mut self, request: PendingRequest) {
        self.sequence += 1;
        #[allow(clippy::cast_precision_loss, reason = "only the order matters")]
        let head_start = HEAD_START_SECONDS * (request.backlog as f64 + 1.0).log2();
        let deadline = (request.enqueued_at - self.opened_at).as_secs_f64() - head_start;
        self.pending.push(HeapEntry { deadline, sequence: self.sequence, request });
    }

    /// Waits until the pace and any pause allow a request, and takes that slot.
    async fn next_slot(&self) -> Result<(), InvalidRequestLimitReached> {
        loop {
            let slot = lock(&self.state).next_slot()?;
            sleep_until(slot).await;
            let mut state = lock(&self.state);
            if state.pause.until <= Instant::now() {
                state.take_slot(slot);
                return Ok(());
            }
        }
    }

    fn grant_next(&mut self, mut in_flight: OwnedSemaphorePermit) {
        while let Some(HeapEntry { request, .. }) = self.pending.pop() {
            let wait = lock(&self.state).wait_since(request.enqueued_at, request.paused_before);
            match request.grant.send(Ok(Permit { wait, in_flight })) {
                // The caller was cancelled: grant the next request.
                Err(Ok(returned)) => in_flight = returned.in_flight,
                _ => return,
            }
        }
    }

    fn reject_all(&mut self, reached: InvalidRequestLimitReached) {
        for entry in self.pending.drain() {
            // Sending fails if the caller was cancelled.
            entry.request.grant.send(Err(reached)).ok();
        }
    }
}
