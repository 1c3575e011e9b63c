//! Rate limiting for one platform connection: requests in flight, an even pace,
//! priority for the largest backlog, pauses that the platform asks for, and a limit on
//! invalid requests.
//!
//! Never sends a request itself: the adapter reports responses through the `record_…`
//! methods.

mod queue;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use self::queue::{PendingRequest, Queue};

/// Sliding window over which invalid requests (401, 403, 429) are counted.
/// <https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans>
const INVALID_REQUEST_WINDOW: Duration = Duration::from_mins(10);
/// Invalid requests within the window from which on the pace is throttled.
const THROTTLE_AT_INVALID_REQUESTS: usize = 300;
/// Invalid requests within the window from which on every request is rejected.
const REJECT_AT_INVALID_REQUESTS: usize = 500;
/// Consecutive 429s after which every request is rejected. All requests in flight may
/// hit one limit together, several times over, before this is reached.
const REJECT_AT_RATE_LIMITS: usize = 100;
/// Consecutive 429s that suffice once they span a whole [`INVALID_REQUEST_WINDOW`].
const REJECT_AT_SLOW_RATE_LIMITS: usize = 10;
/// Interval between requests of a throttled gate. At this pace the reject limit is still
/// reached before the first invalid requests leave the window.
const THROTTLED_INTERVAL: Duration = Duration::from_secs(1);

/// What a [`Gate`] admits.
#[derive(Debug, Clone, Copy)]
pub struct GateSettings {
    /// Requests in flight at once.
    pub max_in_flight: usize,
    /// Requests per second, evenly spread.
    pub requests_per_second: f64,
}

/// Rate limiter: admits requests at the allowed pace.
#[derive(Debug)]
pub struct Gate {
    queue: mpsc::UnboundedSender<PendingRequest>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    interval: Duration,
    /// Earliest time for the next request, pauses aside.
    next_slot: Instant,
    pause: Pause,
    /// When the invalid requests of the window were recorded, oldest first.
    invalid_requests: VecDeque<Instant>,
    /// Consecutive 429s, and when the first of them was recorded.
    rate_limits: Option<(usize, Instant)>,
    /// Consecutive address blocks, each after the pause of the one before.
    address_blocks: u32,
}

/// Permission to have one request in flight, until it is dropped.
#[derive(Debug)]
#[must_use = "the request may be in flight only while the permit is alive"]
pub struct Permit {
    /// How long the request waited for it.
    pub wait: PermitWait,
    in_flight: OwnedSemaphorePermit,
}

/// Time spent waiting for a [`Permit`], by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PermitWait {
    /// The platform asked for a pause.
    pub paused: Duration,
    /// Many invalid requests had slowed the pace.
    pub throttled: Duration,
    /// The regular pace, and the limit on requests in flight.
    pub paced: Duration,
}

/// Every request is rejected before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidRequestLimitReached {
    /// The number of invalid requests is close to the platform's limit for a ban.
    TooManyInvalidRequests,
    /// Nothing but 429s for a long time.
    TooManyConsecutiveRateLimits,
}

impl Gate {
    /// Creates a gate that admits the first request at once.
    ///
    /// Must be called within a tokio runtime: it spawns the task that orders the queue,
    /// which ends with the gate.
    pub fn new(settings: GateSettings) -> Self {
        let now = Instant::now();
        let interval = Duration::from_secs_f64(1.0 / settings.requests_per_second.max(0.001));
        let state = Arc::new(Mutex::new(State {
            interval,
            next_slot: now,
            pause: Pause::ended(now),
            invalid_requests: VecDeque::new(),
            rate_limits: None,
            address_blocks: 0,
        }));
        let (queue, incoming) = mpsc::unbounded_channel();
        let in_flight = Arc::new(Semaphore::new(settings.max_in_flight.max(1)));
        tokio::spawn(Queue::new(incoming, in_flight, Arc::clone(&state)).run());
        Self { queue, state }
    }

    /// Waits for capacity in flight, for the pace, and for the end of any pause.
    ///
    /// Among pending requests the one with the largest `backlog` (messages left to read)
    /// goes first; waiting raises the priority.
    ///
    /// # Errors
    /// Returns [`InvalidRequestLimitReached`] if no request may be sent any more.
    pub async fn acquire(&self, backlog: u64) -> Result<Permit, InvalidRequestLimitReached> {
        let (grant, granted) = oneshot::channel();
        let enqueued_at = Instant::now();
        let paused_before = lock(&self.state).pause.total(enqueued_at);
        let sent = self.queue.send(PendingRequest { backlog, enqueued_at, paused_before, grant });
        debug_assert!(sent.is_ok(), "the queue's task lives as long as the gate");
        granted.await.unwrap_or(Err(InvalidRequestLimitReached::TooManyConsecutiveRateLimits))
    }

    /// Admits no request for `duration` from now on. Never shortens a pause.
    pub fn pause_for(&self, duration: Duration) {
        lock(&self.state).pause.extend(Instant::now(), duration);
    }

    /// Counts a response that the platform counts as an invalid request.
    pub fn record_invalid_request(&self) {
        lock(&self.state).invalid_requests.push_back(Instant::now());
    }

    /// Records a 429. Returns the number of consecutive 429s.
    pub fn record_rate_limit(&self) -> u32 {
        let mut state = lock(&self.state);
        let (count, first_at) = state.rate_limits.unwrap_or((0, Instant::now()));
        state.rate_limits = Some((count + 1, first_at));
        u32::try_from(count + 1).unwrap_or(u32::MAX)
    }

    /// Records that the platform blocks this address, and pauses for `pause`. Returns the
    /// number of consecutive blocks; those recorded during a pause count once, because
    /// their requests were in flight together.
    pub fn record_address_block(&self, pause: Duration) -> u32 {
        let (mut state, now) = (lock(&self.state), Instant::now());
        state.address_blocks += u32::from(state.pause.until <= now);
        state.pause.extend(now, pause);
        state.address_blocks
    }

    /// Records a response other than a 429: resets the consecutive counts.
    pub fn record_response(&self) {
        let mut state = lock(&self.state);
        (state.rate_limits, state.address_blocks) = (None, 0);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// When the next request may be sent, as far as is known now.
    fn next_slot(&mut self) -> Result<Instant, InvalidRequestLimitReached> {
        let now = Instant::now();
        while self.invalid_requests.front().is_some_and(|at| now.duration_since(*at) > INVALID_REQUEST_WINDOW)
        {
            self.invalid_requests.pop_front();
        }
        if self.invalid_requests.len() >= REJECT_AT_INVALID_REQUESTS {
            return Err(InvalidRequestLimitReached::TooManyInvalidRequests);
        }
        if self.rate_limits.is_some_and(|(count, first_at)| {
            count >= REJECT_AT_RATE_LIMITS
                || (count >= REJECT_AT_SLOW_RATE_LIMITS && now - first_at >= INVALID_REQUEST_WINDOW)
        }) {
            return Err(InvalidRequestLimitReached::TooManyConsecutiveRateLimits);
        }
        Ok(self.next_slot.max(self.pause.until).max(now))
    }

    /// Uses the slot at `slot`; the next one is an interval later.
    fn take_slot(&mut self, slot: Instant) {
        self.next_slot =
            slot + if self.is_throttled() { self.interval.max(THROTTLED_INTERVAL) } else { self.interval };
    }

    fn is_throttled(&self) -> bool {
        self.invalid_requests.len() >= THROTTLE_AT_INVALID_REQUESTS
    }

    /// Splits the time since `enqueued_at` by cause.
    fn wait_since(&self, enqueued_at: Instant, paused_before: Duration) -> PermitWait {
        let now = Instant::now();
        let paused = self.pause.total(now).saturating_sub(paused_before);
        let rest = (now - enqueued_at).saturating_sub(paused);
        let (throttled, paced) =
            if self.is_throttled() { (rest, Duration::ZERO) } else { (Duration::ZERO, rest) };
        PermitWait { paused, throttled, paced }
    }
}

/// The latest pause, and the total length of those before it.
#[derive(Debug)]
struct Pause {
    from: Instant,
    until: Instant,
    before: Duration,
}

impl Pause {
    const fn ended(now: Instant) -> Self {
        Self { from: now, until: now, before: Duration::ZERO }
    }

    fn extend(&mut self, now: Instant, duration: Duration) {
        if now >= self.until {
            self.before += self.until - self.from;
            (self.from, self.until) = (now, now);
        }
        self.until = self.until.max(now + duration);
    }

    /// Time paused since the gate was created.
    fn total(&self, now: Instant) -> Duration {
        self.before + (now.min(self.until) - self.from)
    }
}
