//! Limits that only a 429 told of.
//!
//! Since early 2026 the headers of a 200 may claim 999 requests where a 429
//! then says 5 in 5 seconds (discord-api-docs issue 8161). A limit met in one
//! channel is taken to hold in every channel, by route template; what remains
//! of it is counted for each path apart.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use tokio::time::{Instant, sleep_until};

/// No window is believed to be longer; what is older is forgotten.
const LONGEST_WINDOW: Duration = Duration::from_mins(1);
/// Answers remembered for each path, which bounds what can be learned.
const REMEMBERED: usize = 50;
/// Paths remembered before those that have been quiet are forgotten.
const PATHS: usize = 1000;

/// So many requests in so long a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    requests: usize,
    window: Duration,
}

/// What was learned, and what it leaves for each path.
#[derive(Debug, Default)]
pub struct LearnedLimits {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rules: HashMap<String, Rule>,
    answered: HashMap<String, VecDeque<Instant>>,
}

impl LearnedLimits {
    /// Waits until what was learned allows a request to a path.
    pub async fn wait(&self, path: &str) {
        loop {
            let exhausted_until = self.state().exhausted_until(path);
            let Some(until) = exhausted_until else { return };
            sleep_until(until).await;
        }
    }

    /// A path was answered, and not with a 429.
    pub fn answered(&self, path: &str) {
        self.state().remember(path, Instant::now());
    }

    /// A path met its limit of so many requests, which begins anew after
    /// `reset_after`.
    pub fn exceeded(&self, path: &str, requests: usize, reset_after: Duration) {
        self.state().learn(path, requests, reset_after, Instant::now());
    }

    /// Whether a claim of so many requests is more than what was learned.
    pub fn contradicts(&self, path: &str, requests: usize) -> bool {
        self.state().rules.get(&template(path)).is_some_and(|rule| requests > rule.requests)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A window begins with its first request: when the one that many places
    /// back is a window old, there is room again. Times are those of answers,
    /// so that no jitter on the way brings a request there too early.
    fn exhausted_until(&self, path: &str) -> Option<Instant> {
        let rule = self.rules.get(&template(path))?;
        let answered = self.answered.get(path)?;
        let first = answered.len().checked_sub(rule.requests).and_then(|index| answered.get(index))?;
        let until = *first + rule.window;
        (until > Instant::now()).then_some(until)
    }

    fn remember(&mut self, path: &str, now: Instant) {
        if self.answered.len() >= PATHS && !self.answered.contains_key(path) {
            self.answered.retain(|_, times| times.back().is_some_and(|last| now - *last < LONGEST_WINDOW));
        }
        let times = self.answered.entry_ref(path).or_default();
        times.push_back(now);
        if times.len() > REMEMBERED {
            times.pop_front();
        }
    }

    fn learn(&mut self, path: &str, requests: usize, reset_after: Duration, now: Instant) {
        if requests == 0 || requests > REMEMBERED {
            return;
        }
        let times = self.answered.get(path);
        let first = times.and_then(|times| times.get(times.len().checked_sub(requests)?));
        let Some(first) = first else { return };
        let window =
            (now - *first).saturating_add(reset_after).clamp(reset_after, LONGEST_WINDOW.max(reset_after));
        let rule = self.rules.entry(template(path)).or_insert(Rule { requests, window });
        // Refused in spite of what was learned: the window is longer than it
        // looked, for example because its first answer was slow to come.
        let longer = window.clamp(rule.window, rule.window * 3 / 2);
        *rule = Rule { requests: rule.requests.min(requests), window: longer };
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
            limits.answered(PATH);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        limits.exceeded(PATH, 5, Duration::from_secs(4));
        limits
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_waited_for_before_anything_was_learned() {
        let limits = LearnedLimits::default();
        for _ in 0..100 {
            assert!(seconds_waited(&limits, PATH).await < 0.001);
            limits.answered(PATH);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_met_in_one_channel_holds_in_every_channel() {
        let limits = learned().await;
        for _ in 0..5 {
            assert!(seconds_waited(&limits, OTHER).await < 0.001, "each channel has its own count");
            limits.answered(OTHER);
        }
        let waited = seconds_waited(&limits, OTHER).await;
        assert!((4.9..5.1).contains(&waited), "{waited}");
        assert!(seconds_waited(&limits, "guilds/1/channels").await < 0.001, "another route is another limit");
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_proves_too_short_grows() {
        let limits = LearnedLimits::default();
        for _ in 0..5 {
            limits.answered(PATH);
        }
        limits.exceeded(PATH, 5, Duration::from_secs(4));
        assert!((3.9..4.1).contains(&seconds_waited(&limits, PATH).await));
        limits.exceeded(PATH, 5, Duration::from_secs(1));
        assert!((0.9..1.1).contains(&seconds_waited(&limits, PATH).await), "five seconds in all");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_learned_beats_what_a_header_claims() {
        let limits = learned().await;
        assert!(limits.contradicts(OTHER, 1000));
        assert!(!limits.contradicts(OTHER, 5));
        assert!(!limits.contradicts("guilds/1/channels", 1000));
    }

    #[tokio::test(start_paused = true)]
    async fn odd_limits_are_not_learned() {
        let limits = LearnedLimits::default();
        limits.answered(PATH);
        limits.exceeded(PATH, 0, Duration::from_secs(4));
        limits.exceeded(PATH, usize::MAX, Duration::from_secs(4));
        limits.exceeded(PATH, 5, Duration::MAX);
        assert!(seconds_waited(&limits, PATH).await < 0.001);
    }
}
