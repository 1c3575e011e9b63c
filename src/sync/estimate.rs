//! How far a job is, and how long it still takes. Pure.

use std::collections::VecDeque;

/// Of a page, so much is wasted on average: the last one of a channel isn't
/// full.
const LAST_PAGE: f64 = 0.5;
/// Requests a second are told over so many looks, one a second.
const LOOKS: usize = 30;

/// A part of a job: channels closed, or one that is open.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Part {
    /// What was expected of it before it was opened.
    pub weight: f64,
    /// Messages read.
    pub messages: f64,
    /// 0 to 1, by time.
    pub progress: f64,
    /// Seconds it has been open.
    pub seconds: f64,
    /// Seconds it has been told to wait for.
    pub waits: f64,
}

impl Part {
    /// Messages it will have had at its end; `None` before that can be told.
    fn expected(&self) -> Option<f64> {
        (self.progress > 0.0).then(|| self.messages / self.progress.min(1.0))
    }

    /// Messages it still has to read; `None` before that can be told.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; saturates")]
    pub fn remaining(&self) -> Option<u64> {
        self.expected().map(|expected| (expected - self.messages).max(0.0) as u64)
    }

    /// Seconds it still takes at its own rate, however fast the others are: a
    /// channel has a limit of its own.
    fn seconds_left(&self) -> f64 {
        let left = self.expected().map_or(0.0, |expected| (expected - self.messages).max(0.0));
        let at_its_rate = if self.messages > 0.0 { left * self.seconds / self.messages } else { 0.0 };
        self.waits + at_its_rate
    }
}

/// What the messages of a job come to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Messages still to be read; `None` before that can be told.
    pub messages_left: Option<f64>,
    /// Seconds that the open channel still takes which takes longest.
    pub longest_seconds: f64,
}

impl Estimate {
    /// What was read tells how many messages a unit of weight stands for; with
    /// that the rest is reckoned.
    pub fn of(total_weight: f64, closed: Part, open: impl Iterator<Item = Part>) -> Self {
        let mut known = closed;
        let mut expected = closed.messages;
        let mut longest_seconds = 0.0_f64;
        for part in open {
            known.messages += part.messages;
            longest_seconds = longest_seconds.max(part.seconds_left());
            if let Some(messages) = part.expected() {
                known.weight += part.weight;
                expected += messages;
            }
        }
        let messages_left = (known.weight > 0.0).then(|| {
            let unknown_weight = (total_weight - known.weight).max(0.0);
            let in_all = expected + expected / known.weight * unknown_weight;
            (in_all - known.messages).max(0.0)
        });
        Self { messages_left, longest_seconds }
    }
}

/// A part of what a job asks for, but for who reacted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Work {
    /// Messages.
    pub messages: f64,
    /// Channels closed.
    pub channels: f64,
    /// Channels whose archived threads are listed.
    pub listings: f64,
}

impl Work {
    /// Requests that it takes, with so many messages on a page.
    pub fn requests(&self, page_size: f64) -> f64 {
        self.messages / page_size.max(1.0) + self.channels * LAST_PAGE + self.listings
    }
}

/// How far a job is, 0 to 1, by what it has asked for and still has to; 0 where
/// there is neither.
pub fn progress(asked: f64, to_ask: f64) -> f64 {
    if asked > 0.0 { asked / (asked + to_ask) } else { 0.0 }
}

/// What a job still has to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Left {
    /// Requests but for who reacted.
    pub requests: f64,
    /// Seconds that its longest channel takes.
    pub longest_seconds: f64,
    /// Reactions whose users are still to be read; they come last.
    pub reactions: f64,
    /// Seconds that may be spent on them.
    pub reactions_seconds: f64,
}

impl Left {
    /// Seconds it takes at so many requests a second; `None` without any.
    pub fn seconds(&self, requests_per_second: f64) -> Option<f64> {
        if requests_per_second <= 0.0 {
            return None;
        }
        let messages = (self.requests / requests_per_second).max(self.longest_seconds);
        let reactions = (self.reactions / requests_per_second).min(self.reactions_seconds);
        Some(messages + reactions)
    }
}

/// Requests a second, lately.
#[derive(Debug, Default)]
pub struct Pace {
    /// Seconds and requests since the begin, at each look.
    looks: VecDeque<(f64, f64)>,
}

impl Pace {
    /// Takes a look, `requests` having been sent after `seconds`.
    pub fn look(&mut self, seconds: f64, requests: f64) {
        self.looks.push_back((seconds, requests));
        if self.looks.len() > LOOKS {
            self.looks.pop_front();
        }
    }

    /// Requests a second over the looks taken; 0 before there are two.
    pub fn per_second(&self) -> f64 {
        let (Some(first), Some(last)) = (self.looks.front(), self.looks.back()) else { return 0.0 };
        let seconds = last.0 - first.0;
        if seconds > 0.0 { (last.1 - first.1) / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(weight: f64, messages: f64, progress: f64) -> Part {
        Part { weight, messages, progress, ..Part::default() }
    }

    fn messages_left(total_weight: f64, closed: Part, open: &[Part]) -> Option<f64> {
        Estimate::of(total_weight, closed, open.iter().copied()).messages_left
    }

    #[test]
    fn nothing_is_known_before_the_first_page() {
        assert_eq!(messages_left(10.0, Part::default(), &[]), None);
        assert_eq!(messages_left(10.0, Part::default(), &[part(5.0, 0.0, 0.0)]), None);
    }

    #[test]
    fn an_open_channel_is_reckoned_to_its_end_and_stands_for_the_unopened() {
        // Half of one of two equal channels.
        let half = part(5.0, 500.0, 0.5);
        assert_eq!(messages_left(10.0, Part::default(), &[half]), Some(1500.0));
        // One closed, the other half read.
        let closed = part(5.0, 1000.0, 1.0);
        assert_eq!(messages_left(10.0, closed, &[half]), Some(500.0));
    }

    #[test]
    fn every_channel_listing_and_page_is_work() {
        let work = Work { messages: 1000.0, channels: 6.0, listings: 2.0 };
        assert!((work.requests(100.0) - 15.0).abs() < 1e-9);
        assert!((work.requests(10.0) - 105.0).abs() < 1e-9);
    }

    #[test]
    fn a_job_is_as_far_as_its_requests() {
        assert!((progress(15.0, 45.0) - 0.25).abs() < 1e-9);
        assert!((progress(15.0, 0.0) - 1.0).abs() < 1e-9);
        assert!(progress(0.0, 45.0).abs() < 1e-9 && progress(0.0, 0.0).abs() < 1e-9);
    }

    fn seconds(open: &[Part], requests_per_second: f64) -> f64 {
        let estimate = Estimate::of(10.0, Part::default(), open.iter().copied());
        let work = Work { messages: estimate.messages_left.unwrap(), ..Work::default() };
        let longest_seconds = estimate.longest_seconds;
        let left = Left { requests: work.requests(100.0), longest_seconds, ..Left::default() };
        left.seconds(requests_per_second).unwrap()
    }

    #[test]
    fn a_job_takes_at_least_as_long_as_its_longest_channel() {
        let short = Part { seconds: 1.0, ..part(1.0, 100.0, 0.5) };
        let long = Part { seconds: 10.0, ..part(9.0, 1000.0, 0.1) };
        // 9,100 messages are 91 requests, but the long one takes 90 seconds.
        assert!((seconds(&[short, long], 50.0) - 90.0).abs() < 1e-9);
        // At one request a second it is the requests that take longer.
        assert!((seconds(&[short, long], 1.0) - 91.0).abs() < 1e-9);
        let told_to_wait = Part { waits: 3000.0, ..short };
        assert!((seconds(&[told_to_wait, long], 50.0) - 3001.0).abs() < 1e-9);
    }

    #[test]
    fn reactions_are_requests_with_a_budget() {
        let left =
            |reactions| Left { requests: 100.0, reactions, reactions_seconds: 900.0, ..Left::default() };
        assert_eq!(left(50.0).seconds(10.0), Some(15.0));
        assert_eq!(left(1e6).seconds(10.0), Some(910.0));
        assert_eq!(Left::default().seconds(0.0), None);
    }

    #[test]
    fn the_pace_is_that_of_the_last_looks() {
        let mut pace = Pace::default();
        assert!(pace.per_second().abs() < 1e-9);
        for second in 0..100 {
            pace.look(f64::from(second), f64::from(second * if second < 50 { 1 } else { 3 }));
        }
        assert!((pace.per_second() - 3.0).abs() < 1e-9, "{}", pace.per_second());
    }
}
