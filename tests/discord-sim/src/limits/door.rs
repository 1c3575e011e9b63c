//! Counting invalid requests, and the ban that follows.

use std::collections::VecDeque;
use std::time::Instant;

use super::FrontDoor;

#[derive(Debug)]
pub(super) struct Door {
    rule: FrontDoor,
    invalid: VecDeque<Instant>,
    banned: Option<Instant>,
}

impl Door {
    pub(super) fn new(rule: FrontDoor) -> Self {
        Self { rule, invalid: VecDeque::new(), banned: None }
    }

    pub(super) fn is_shut(&self, now: Instant) -> bool {
        self.banned.is_some_and(|began| now.saturating_duration_since(began) < self.rule.ban)
    }

    /// Counts an invalid answer; those of a ban itself don't count.
    pub(super) fn count(&mut self, now: Instant) {
        if self.is_shut(now) {
            return;
        }
        let is_old = |at: &Instant| now.saturating_duration_since(*at) >= self.rule.window;
        while self.invalid.front().is_some_and(is_old) {
            self.invalid.pop_front();
        }
        self.invalid.push_back(now);
        if self.invalid.len() >= self.rule.invalid_requests as usize {
            self.invalid.clear();
            self.banned = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn door() -> (Door, Instant) {
        let rule = FrontDoor { invalid_requests: 3, window: 10 * MINUTE, ban: 60 * MINUTE };
        (Door::new(rule), Instant::now())
    }

    #[test]
    fn only_the_last_window_counts() {
        let (mut door, began) = door();
        for minute in [0, 6, 10, 16, 20] {
            door.count(began + minute * MINUTE);
            assert!(!door.is_shut(began + minute * MINUTE), "{minute}");
        }
        door.count(began + 21 * MINUTE);
        assert!(door.is_shut(began + 21 * MINUTE));
    }

    #[test]
    fn requests_during_a_ban_neither_lengthen_it_nor_count_after_it() {
        let (mut door, began) = door();
        (0..3).for_each(|_| door.count(began));
        (0..9).for_each(|_| door.count(began + 59 * MINUTE));
        assert!(door.is_shut(began + 59 * MINUTE));
        let after = began + 60 * MINUTE;
        assert!(!door.is_shut(after));
        (0..2).for_each(|_| door.count(after));
        assert!(!door.is_shut(after));
        door.count(after);
        assert!(door.is_shut(after));
    }
}
