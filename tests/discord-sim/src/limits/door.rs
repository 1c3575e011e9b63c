//! Counts invalid requests and bans the client for too many of them.

use std::collections::VecDeque;
use std::time::Instant;

use super::FrontDoor;

/// Invalid requests in the sliding window, and the ban.
#[derive(Debug)]
pub(super) struct InvalidRequestCounter {
    rule: FrontDoor,
    invalid_at: VecDeque<Instant>,
    banned_at: Option<Instant>,
}

impl InvalidRequestCounter {
    pub(super) fn new(rule: FrontDoor) -> Self {
        Self { rule, invalid_at: VecDeque::new(), banned_at: None }
    }

    pub(super) fn is_banned(&self, now: Instant) -> bool {
        self.banned_at.is_some_and(|banned_at| now.saturating_duration_since(banned_at) < self.rule.ban)
    }

    /// Counts an invalid request; requests during a ban don't count.
    pub(super) fn record(&mut self, now: Instant) {
        if self.is_banned(now) {
            return;
        }
        let is_old = |at: &Instant| now.saturating_duration_since(*at) >= self.rule.window;
        while self.invalid_at.front().is_some_and(is_old) {
            self.invalid_at.pop_front();
        }
        self.invalid_at.push_back(now);
        if self.invalid_at.len() >= self.rule.invalid_requests as usize {
            self.invalid_at.clear();
            self.banned_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn counter() -> (InvalidRequestCounter, Instant) {
        let rule = FrontDoor { invalid_requests: 3, window: 10 * MINUTE, ban: 60 * MINUTE };
        (InvalidRequestCounter::new(rule), Instant::now())
    }

    #[test]
    fn counts_only_the_last_window() {
        let (mut counter, start) = counter();
        for minute in [0, 6, 10, 16, 20] {
            counter.record(start + minute * MINUTE);
            assert!(!counter.is_banned(start + minute * MINUTE), "{minute}");
        }
        counter.record(start + 21 * MINUTE);
        assert!(counter.is_banned(start + 21 * MINUTE));
    }

    #[test]
    fn requests_during_a_ban_neither_extend_it_nor_count_after_it() {
        let (mut counter, start) = counter();
        (0..3).for_each(|_| counter.record(start));
        (0..9).for_each(|_| counter.record(start + 59 * MINUTE));
        assert!(counter.is_banned(start + 59 * MINUTE));
        let after = start + 60 * MINUTE;
        assert!(!counter.is_banned(after));
        (0..2).for_each(|_| counter.record(after));
        assert!(!counter.is_banned(after));
        counter.record(after);
        assert!(counter.is_banned(after));
    }
}
