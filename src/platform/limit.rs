//! The one gate that every request goes through: requests in flight, a smooth
//! pace, a stop for all, and a guard against being banned.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// Refused requests are counted over this long.
/// <https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans>
const REFUSAL_WINDOW: Duration = Duration::from_mins(10);
/// From here on requests are slowed down.
const REFUSALS_SLOW: usize = 300;
/// From here on none is sent.
const REFUSALS_END: usize = 500;
/// The pace of a slowed-down gate: the rest of the allowance lasts a window.
const SLOW_INTERVAL: Duration = Duration::from_secs(3);

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
    in_flight: Semaphore,
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The earliest time for the next request.
    next: Instant,
    /// Nobody goes before this.
    stopped_until: Instant,
    /// When requests were refused, oldest first.
    refusals: VecDeque<Instant>,
}

/// The right to have one request in flight; dropping it gives it back.
#[derive(Debug)]
#[must_use = "the request may be in flight only as long as the pass lives"]
pub struct Pass<'a>(#[allow(dead_code, reason = "held for its drop")] SemaphorePermit<'a>);

/// Too many requests were refused; none may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardTripped;

impl Gate {
    /// A gate that is open at once.
    pub fn new(settings: GateSettings) -> Self {
        let now = Instant::now();
        Self {
            in_flight: Semaphore::new(settings.max_in_flight.max(1)),
            interval: Duration::from_secs_f64(1.0 / settings.requests_per_second.max(0.001)),
            state: Mutex::new(State { next: now, stopped_until: now, refusals: VecDeque::new() }),
        }
    }

    /// Waits for a free place, then for the pace and for any stop to end.
    ///
    /// # Errors
    /// [`GuardTripped`] when too many requests were refused.
    pub async fn enter(&self) -> Result<Pass<'_>, GuardTripped> {
        let Ok(permit) = self.in_flight.acquire().await else {
            unreachable!("the semaphore is never closed");
        };
        loop {
            let turn = self.take_turn()?;
            sleep_until(turn).await;
            if self.state().stopped_until <= turn {
                return Ok(Pass(permit));
            }
        }
    }

    /// Lets nothing through for as long as the platform asks.
    pub fn stop_for(&self, duration: Duration) {
        let mut state = self.state();
        state.stopped_until = state.stopped_until.max(Instant::now() + duration);
    }

    /// Counts an answer that the platform holds against its sender.
    pub fn record_refusal(&self) {
        self.state().refusals.push_back(Instant::now());
    }

    fn take_turn(&self) -> Result<Instant, GuardTripped> {
        let now = Instant::now();
        let mut state = self.state();
        while state.refusals.front().is_some_and(|at| now.duration_since(*at) > REFUSAL_WINDOW) {
            state.refusals.pop_front();
        }
        if state.refusals.len() >= REFUSALS_END {
            return Err(GuardTripped);
        }
        let slowed = state.refusals.len() >= REFUSALS_SLOW;
        let interval = if slowed { self.interval.max(SLOW_INTERVAL) } else { self.interval };
        let turn = state.next.max(state.stopped_until).max(now);
        state.next = turn + interval;
        Ok(turn)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(max_in_flight: usize, requests_per_second: f64) -> Gate {
        Gate::new(GateSettings { max_in_flight, requests_per_second })
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_spread_evenly() {
        let gate = gate(10, 10.0);
        let begin = Instant::now();
        let mut times = Vec::new();
        for _ in 0..5 {
            drop(gate.enter().await.unwrap());
            times.push(begin.elapsed().as_millis() / 10);
        }
        assert_eq!(times, [0, 10, 20, 30, 40]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_in_flight_than_allowed() {
        let gate = gate(2, 1000.0);
        let first = gate.enter().await.unwrap();
        let _second = gate.enter().await.unwrap();
        let third = tokio::time::timeout(Duration::from_mins(1), gate.enter()).await;
        assert!(third.is_err());
        drop(first);
        assert!(gate.enter().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_holds_also_those_that_wait_for_their_turn() {
        let gate = gate(10, 1.0);
        drop(gate.enter().await.unwrap());
        let begin = Instant::now();
        let waiting = gate.enter();
        gate.stop_for(Duration::from_secs(5));
        drop(waiting.await.unwrap());
        assert!(begin.elapsed() >= Duration::from_secs(5), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_slow_the_gate_and_then_shut_it() {
        let gate = gate(10, 1000.0);
        for _ in 0..REFUSALS_SLOW {
            gate.record_refusal();
        }
        let begin = Instant::now();
        drop(gate.enter().await.unwrap());
        drop(gate.enter().await.unwrap());
        assert!(begin.elapsed() >= SLOW_INTERVAL);
        for _ in REFUSALS_SLOW..REFUSALS_END {
            gate.record_refusal();
        }
        assert_eq!(gate.enter().await.err(), Some(GuardTripped));
        tokio::time::advance(REFUSAL_WINDOW + Duration::from_secs(1)).await;
        assert!(gate.enter().await.is_ok());
    }
}
