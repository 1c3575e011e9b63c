//! The one gate that every request goes through: requests in flight, a smooth
//! pace, the largest work first, a stop for all, and a guard against being
//! banned.

mod queue;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use self::queue::{Queue, Waiter};

/// Refused requests are counted over this long.
/// <https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans>
const REFUSAL_WINDOW: Duration = Duration::from_mins(10);
/// From here on requests are slowed down.
const REFUSALS_SLOW: usize = 300;
/// From here on none is sent.
const REFUSALS_END: usize = 500;
/// So many answers "too often" in a row, and no other answer between them, mean
/// that nothing is let through at all. All requests in flight may meet a limit
/// together, many times over, before it comes to that.
const LIMITED_END: usize = 100;
/// So few are enough where they come slowly: over a whole [`REFUSAL_WINDOW`].
const LIMITED_SLOWLY_END: usize = 10;
/// The pace of a slowed-down gate. Refusals at this pace still add up to the end
/// before the first ones are forgotten.
const SLOW_INTERVAL: Duration = Duration::from_secs(1);

/// What a gate lets through.
#[derive(Debug, Clone, Copy)]
pub struct GateSettings {
    /// Requests in flight at once.
    pub max_in_flight: usize,
    /// Requests a second, evenly spread.
    pub requests_per_second: f64,
}

/// Lets requests through one by one.
#[derive(Debug)]
pub struct Gate {
    waiters: mpsc::UnboundedSender<Waiter>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    interval: Duration,
    /// The earliest time for the next request.
    next: Instant,
    /// When nobody may go.
    stop: Stop,
    /// When requests were refused, oldest first.
    refusals: VecDeque<Instant>,
    /// Answers "too often" since the last other answer, and when the first came.
    limited: Option<(usize, Instant)>,
    /// How often in a row nobody was let in when the stop was over.
    shut_out: u32,
}

/// The right to have one request in flight; dropping it gives it back.
#[derive(Debug)]
#[must_use = "the request may be in flight only as long as the pass lives"]
pub struct Pass {
    /// What it took to get it.
    pub waited: Waited,
    in_flight: OwnedSemaphorePermit,
}

/// Time spent at the gate, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waited {
    /// The platform wanted to be left alone.
    pub stopped: Duration,
    /// Many requests had been refused.
    pub guarded: Duration,
    /// The pace, and a free place in flight.
    pub paced: Duration,
}

/// Too many requests were refused; none may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardTripped {
    /// So many that the platform might ban this address.
    TooManyRefused,
    /// All of them, for long.
    NothingElse,
}

impl Gate {
    /// A gate that is open at once. Needs a tokio runtime: whose turn it is is
    /// decided by a task of its own, which ends with the gate.
    pub fn new(settings: GateSettings) -> Self {
        let now = Instant::now();
        let interval = Duration::from_secs_f64(1.0 / settings.requests_per_second.max(0.001));
        let state = Arc::new(Mutex::new(State {
            interval,
            next: now,
            stop: Stop::over(now),
            refusals: VecDeque::new(),
            limited: None,
            shut_out: 0,
        }));
        let (waiters, arriving) = mpsc::unbounded_channel();
        let in_flight = Arc::new(Semaphore::new(settings.max_in_flight.max(1)));
        tokio::spawn(Queue::new(arriving, in_flight, Arc::clone(&state)).serve());
        Self { waiters, state }
    }

    /// Waits for a free place, for the pace, and for any stop to end. Of those
    /// that wait, the one with the most `work` goes first, unless another has
    /// waited for long.
    ///
    /// # Errors
    /// [`GuardTripped`] when too many requests were refused.
    pub async fn enter(&self, work: u64) -> Result<Pass, GuardTripped> {
        let (grant, granted) = oneshot::channel();
        let since = Instant::now();
        let stopped_before = lock(&self.state).stop.total(since);
        let sent = self.waiters.send(Waiter { work, since, stopped_before, grant });
        debug_assert!(sent.is_ok(), "the queue lives as long as the gate");
        granted.await.unwrap_or(Err(GuardTripped::NothingElse))
    }

    /// Lets nothing through for as long as the platform asks.
    pub fn stop_for(&self, duration: Duration) {
        lock(&self.state).stop.extend(Instant::now(), duration);
    }

    /// Counts an answer that the platform holds against its sender.
    pub fn record_refusal(&self) {
        lock(&self.state).refusals.push_back(Instant::now());
    }

    /// Takes note of an answer "too often". Returns how many there were in a
    /// row.
    pub fn record_limited(&self) -> u32 {
        let mut state = lock(&self.state);
        let (count, since) = state.limited.unwrap_or((0, Instant::now()));
        state.limited = Some((count + 1, since));
        u32::try_from(count + 1).unwrap_or(u32::MAX)
    }

    /// Takes note that the platform shuts this address out, and stops for a
    /// while. Returns how often in a row it did when a stop was over; requests
    /// that were in flight together count once.
    pub fn record_shut_out(&self, duration: Duration) -> u32 {
        let (mut state, now) = (lock(&self.state), Instant::now());
        state.shut_out += u32::from(state.stop.until <= now);
        state.stop.extend(now, duration);
        state.shut_out
    }

    /// Takes note of an answer that isn't "too often".
    pub fn record_answer(&self) {
        let mut state = lock(&self.state);
        (state.limited, state.shut_out) = (None, 0);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// The time at which the next request may go, if it were now.
    fn turn(&mut self) -> Result<Instant, GuardTripped> {
        let now = Instant::now();
        while self.refusals.front().is_some_and(|at| now.duration_since(*at) > REFUSAL_WINDOW) {
            self.refusals.pop_front();
        }
        if self.refusals.len() >= REFUSALS_END {
            return Err(GuardTripped::TooManyRefused);
        }
        if self.limited.is_some_and(|(count, since)| {
            count >= LIMITED_END || (count >= LIMITED_SLOWLY_END && now - since >= REFUSAL_WINDOW)
        }) {
            return Err(GuardTripped::NothingElse);
        }
        Ok(self.next.max(self.stop.until).max(now))
    }

    fn take(&mut self, turn: Instant) {
        self.next = turn + if self.is_guarded() { self.interval.max(SLOW_INTERVAL) } else { self.interval };
    }

    fn is_guarded(&self) -> bool {
        self.refusals.len() >= REFUSALS_SLOW
    }

    /// What somebody waited for who came at `since`.
    fn waited(&self, since: Instant, stopped_before: Duration) -> Waited {
        let now = Instant::now();
        let stopped = self.stop.total(now).saturating_sub(stopped_before);
        let rest = (now - since).saturating_sub(stopped);
        let (guarded, paced) =
            if self.is_guarded() { (rest, Duration::ZERO) } else { (Duration::ZERO, rest) };
        Waited { stopped, guarded, paced }
    }
}

/// The stop that was asked for last, and how long all before it took.
#[derive(Debug)]
struct Stop {
    from: Instant,
    until: Instant,
    before: Duration,
}

impl Stop {
    const fn over(now: Instant) -> Self {
        Self { from: now, until: now, before: Duration::ZERO }
    }

    fn extend(&mut self, now: Instant, duration: Duration) {
        if now >= self.until {
            self.before += self.until - self.from;
            (self.from, self.until) = (now, now);
        }
        self.until = self.until.max(now + duration);
    }

    /// How long the gate has been stopped in all.
    fn total(&self, now: Instant) -> Duration {
        self.before + (now.min(self.until) - self.from)
    }
}
