//! Those who wait at the gate, and whose turn it is.

use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::{GuardTripped, Pass, State, lock};

/// Seconds that one who has twice the work of another may come later and still
/// goes first. The largest is never held up so, and the smallest's turn comes
/// about a minute later at most, where there are always larger ones.
const LEAD_SECONDS: f64 = 1.0;

/// Somebody who waits to be let through.
#[derive(Debug)]
pub(super) struct Waiter {
    pub work: u64,
    pub since: Instant,
    /// How long the gate had been stopped in all by then.
    pub stopped_before: Duration,
    pub grant: oneshot::Sender<Result<Pass, GuardTripped>>,
}

/// Those who wait, and who is let through next.
pub(super) struct Queue {
    arriving: mpsc::UnboundedReceiver<Waiter>,
    in_flight: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
    waiting: BinaryHeap<Place>,
    opened: Instant,
    arrived: u64,
}

/// The greater goes first.
struct Place {
    /// Seconds after the gate was opened.
    due: f64,
    arrival: u64,
    waiter: Waiter,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.due.total_cmp(&self.due).then(other.arrival.cmp(&self.arrival))
    }
}

impl Queue {
    pub(super) fn new(
        arriving: mpsc::UnboundedReceiver<Waiter>,
        in_flight: Arc<Semaphore>,
        state: Arc<Mutex<State>>,
    ) -> Self {
        Self { arriving, in_flight, state, waiting: BinaryHeap::new(), opened: Instant::now(), arrived: 0 }
    }

    /// Serves until the gate is gone.
    pub(super) async fn serve(mut self) {
        while self.wait_for_somebody().await {
            let Ok(permit) = Arc::clone(&self.in_flight).acquire_owned().await else { return };
            let turn = self.turn().await;
            self.take_in();
            match turn {
                Ok(()) => self.let_through(permit),
                Err(tripped) => self.refuse_all(tripped),
            }
        }
    }

    async fn wait_for_somebody(&mut self) -> bool {
        self.take_in();
        // Who was cancelled meanwhile needs no turn.
        self.waiting.retain(|place| !place.waiter.grant.is_closed());
        if self.waiting.is_empty() {
            match self.arriving.recv().await {
                Some(waiter) => self.seat(waiter),
                None => return false,
            }
        }
        true
    }

    fn take_in(&mut self) {
        while let Ok(waiter) = self.arriving.try_recv() {
            self.seat(waiter);
        }
    }

    fn seat(&mut self, waiter: Waiter) {
        self.arrived += 1;
        #[allow(clippy::cast_precision_loss, reason = "an order")]
        let lead = LEAD_SECONDS * (waiter.work as f64 + 1.0).log2();
        let due = (waiter.since - self.opened).as_secs_f64() - lead;
        self.waiting.push(Place { due, arrival: self.arrived, waiter });
    }

    /// Waits until the pace and any stop allow a request, and takes that turn.
    async fn turn(&self) -> Result<(), GuardTripped> {
        loop {
            let turn = lock(&self.state).turn()?;
            sleep_until(turn).await;
            let mut state = lock(&self.state);
            if state.stop.until <= Instant::now() {
                state.take(turn);
                return Ok(());
            }
        }
    }

    fn let_through(&mut self, mut permit: OwnedSemaphorePermit) {
        while let Some(Place { waiter, .. }) = self.waiting.pop() {
            let waited = lock(&self.state).waited(waiter.since, waiter.stopped_before);
            match waiter.grant.send(Ok(Pass { waited, in_flight: permit })) {
                // It was cancelled: the next one goes.
                Err(Ok(back)) => permit = back.in_flight,
                _ => return,
            }
        }
    }

    fn refuse_all(&mut self, tripped: GuardTripped) {
        for place in self.waiting.drain() {
            // Nobody listens any more when it was cancelled.
            place.waiter.grant.send(Err(tripped)).ok();
        }
    }
}
