//! Rate limits learned from 429s.
//!
//! Since early 2026 the headers of a 200 may claim a limit of 999 requests where a 429
//! then says 5 in 5 seconds (discord-api-docs issue 8161). A limit hit in one channel is
//! applied to every channel, by route template; each path has its own count of requests.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use tokio::time::{Instant, sleep_until};

/// Longest plausible window of a limit; older responses of a path are dropped.
const MAX_WINDOW: Duration = Duration::from_mins(1);
/// Response times kept per path, and the largest limit that can be learned.
const MAX_RESPONSES: usize = 50;
/// Number of paths from which on idle paths are dropped.
const MAX_PATHS: usize = 1000;

/// A limit of `requests` per `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RouteLimit {
    requests: usize,
    window: Duration,
}

/// The learned limits, and the recent responses of each path.
#[derive(Debug, Default)]
pub struct LearnedLimits {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    limits: HashMap<String, RouteLimit>,
    answered: HashMap<String, VecDeque<Instant>>,
}

impl LearnedLimits {
    /// Waits until the learned limit allows a request to a path.
    pub async fn wait(&self, path: &str) {
        loop {
            let exhausted_until = self.state().exhausted_until(path);
            let Some(until) = exhausted_until else { return };
            sleep_until(until).await;
        }
    }

    /// Records a response other than a 429.
    pub fn record_response(&self, path: &str) {
        self.state().record(path, Instant::now());
    }

    /// Learns from a 429: a path exceeded its limit of `requests`, which is reset after
    /// `reset_after`.
    pub fn record_exceeded(&self, path: &str, requests: usize, reset_after: Duration) {
        self.state().learn(path, requests, reset_after, Instant::now());
    }

    /// Whether a claimed limit of `requests` is above the learned one.
    pub fn contradicts(&self, path: &str, requests: usize) -> bool {
        self.state().limits.get(&template(path)).is_some_and(|learned| requests > learned.requests)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// When the next request is allowed, if it isn't now. With a limit of n requests, it
    /// is one window after the nth-last response. Times are those of responses and not of
    /// requests, so that network jitter never makes a request arrive too early.
    fn exhausted_until(&self, path: &str) -> Option<Instant> {
        let learned = self.limits.get(&template(path))?;
        let answered = self.answered.get(path)?;
        let first = answered.len().checked_sub(learned.requests).and_then(|index| answered.get(index))?;
        let until = *first + learned.window;
        (until > Instant::now()).then_some(until)
    }

    fn record(&mut self, path: &str, now: Instant) {
        if self.answered.len() >= MAX_PATHS && !self.answered.contains_key(path) {
            self.answered.retain(|_, times| times.back().is_some_and(|last| now - *last < MAX_WINDOW));
        }
        let times = self.answered.entry_ref(path).or_default();
        times.push_back(now);
        if times.len() > MAX_RESPONSES {
            times.pop_front();
        }
    }

    fn learn(&mut self, path: &str, requests: usize, reset_after: Duration, now: Instant) {
        if requests == 0 || requests > MAX_RESPONSES {
            return;
        }
        let times = self.answered.get(path);
        let first = times.and_then(|times| times.get(times.len().checked_sub(requests)?));
        let Some(first) = first else { return };
        let window =
            (now - *first).saturating_add(reset_after).clamp(reset_after, MAX_WINDOW.max(reset_after));
        let learned = self.limits.entry(template(path)).or_insert(RouteLimit { requests, window });
        // A 429 in spite of the learned limit: the window is longer than it seemed, for
        // example because its first response was slow.
        let longer = window.clamp(learned.window, learned.window * 3 / 2);
        *learned = RouteLimit { requests: learned.requests.min(requests), window: longer };
    }
}

/// A path without its IDs.
fn template(path: &str) -> String {
    let is_id = |segment: &str| !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    path.split('/').map(|segment| if is_id(segment) { "{id}" } else { segment }).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "channels/1/messages";
    const OTHER: &str = "channels/2/messages";

    async fn seconds_waited(limits: &LearnedLimits, path: &str) -> f64 {
        let begin = Instant::now();
        limits.wait(path).await;
        begin.elapsed().as_secs_f64()
    }

    async fn learned() -> LearnedLimits {
        let limits = LearnedLimits::default();
        for _ in 0..5 {
            limits.record_response(PATH);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        limits.record_exceeded(PATH, 5, Duration::from_secs(4));
        limits
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_learned_limit_there_is_no_wait() {
        let limits = LearnedLimits::default();
        for _ in 0..100 {
            assert!(seconds_waited(&limits, PATH).await < 0.001);
            limits.record_response(PATH);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_hit_in_one_channel_applies_to_every_channel() {
        let limits = learned().await;
        for _ in 0..5 {
            assert!(seconds_waited(&limits, OTHER).await < 0.001, "each channel has its own count");
            limits.record_response(OTHER);
        }
        let waited = seconds_waited(&limits, OTHER).await;
        assert!((4.9..5.1).contains(&waited), "{waited}");
        assert!(seconds_waited(&limits, "guilds/1/channels").await < 0.001, "another route is another limit");
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_grows_if_it_was_too_short() {
        let limits = LearnedLimits::default();
        for _ in 0..5 {
            limits.record_response(PATH);
        }
        limits.record_exceeded(PATH, 5, Duration::from_secs(4));
        assert!((3.9..4.1).contains(&seconds_waited(&limits, PATH).await));
        limits.record_exceeded(PATH, 5, Duration::from_secs(1));
        assert!((0.9..1.1).contains(&seconds_waited(&limits, PATH).await), "five seconds in all");
    }

    #[tokio::test(start_paused = true)]
    async fn a_learned_limit_overrides_the_claim_of_a_header() {
        let limits = learned().await;
        assert!(limits.contradicts(OTHER, 1000));
        assert!(!limits.contradicts(OTHER, 5));
        assert!(!limits.contradicts("guilds/1/channels", 1000));
    }

    #[tokio::test(start_paused = true)]
    async fn implausible_limits_are_not_learned() {
        let limits = LearnedLimits::default();
        limits.record_response(PATH);
        limits.record_exceeded(PATH, 0, Duration::from_secs(4));
        limits.record_exceeded(PATH, usize::MAX, Duration::from_secs(4));
        limits.record_exceeded(PATH, 5, Duration::MAX);
        assert!(seconds_waited(&limits, PATH).await < 0.001);
    }
}
