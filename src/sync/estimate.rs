//! Estimates a job's progress and its remaining time. Pure.

use std::collections::VecDeque;

/// Average share of a page that each channel wastes, since its last page isn't full.
const LAST_PAGE: f64 = 0.5;
/// Samples in the sliding window of the request rate, one a second.
const SAMPLES: usize = 30;

/// Progress of one open channel, or the sums over a job's finished channels (weight and
/// messages only).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReadProgress {
    /// The planned weight.
    pub weight: f64,
    /// Messages committed.
    pub messages: f64,
    /// 0 to 1: how far the cursor is, by the messages' times.
    pub progress: f64,
    /// Seconds the channel has been open.
    pub open_seconds: f64,
    /// Seconds left of its current rate-limit or retry wait.
    pub wait_seconds: f64,
}

impl ReadProgress {
    /// Messages expected in all; `None` before the first page.
    fn expected(&self) -> Option<f64> {
        (self.progress > 0.0).then(|| self.messages / self.progress.min(1.0))
    }

    /// Messages still to be read; `None` before the first page.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; saturates")]
    pub fn remaining(&self) -> Option<u64> {
        self.expected().map(|expected| (expected - self.messages).max(0.0) as u64)
    }

    /// Remaining seconds at the channel's own rate: each channel has its own rate limit,
    /// so it doesn't speed up when the others are done.
    fn seconds_left(&self) -> f64 {
        let left = self.expected().map_or(0.0, |expected| (expected - self.messages).max(0.0));
        let at_its_rate = if self.messages > 0.0 { left * self.open_seconds / self.messages } else { 0.0 };
        self.wait_seconds + at_its_rate
    }
}

/// Estimate of a job's remaining messages.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Messages still to be read; `None` before the first page.
    pub messages_left: Option<f64>,
    /// Remaining seconds of the slowest open channel.
    pub longest_seconds: f64,
}

impl Estimate {
    /// Derives messages per unit of weight from the finished and open channels, and
    /// extrapolates to the channels that haven't been opened.
    pub fn of(total_weight: f64, closed: ReadProgress, open: impl Iterator<Item = ReadProgress>) -> Self {
        let mut known = closed;
        let mut expected = closed.messages;
        let mut longest_seconds = 0.0_f64;
        for channel in open {
            known.messages += channel.messages;
            longest_seconds = longest_seconds.max(channel.seconds_left());
            if let Some(messages) = channel.expected() {
                known.weight += channel.weight;
                expected += messages;
            }
        }
        let messages_left = (known.weight > 0.0).then(|| {
            let unknown_weight = (total_weight - known.weight).max(0.0);
            let total = expected + expected / known.weight * unknown_weight;
            (total - known.messages).max(0.0)
        });
        Self { messages_left, longest_seconds }
    }
}

/// Workload of a job, done or remaining, without the reactor lists.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Workload {
    /// Messages read, or to be read.
    pub messages: f64,
    /// Channels finished, or to be finished.
    pub channels: f64,
    /// Channels whose archived threads are listed.
    pub listings: f64,
}

impl Workload {
    /// Requests this workload takes with `page_size` messages a page.
    pub fn requests(&self, page_size: f64) -> f64 {
        self.messages / page_size.max(1.0) + self.channels * LAST_PAGE + self.listings
    }
}

/// Share of the requests already sent, 0 to 1; 0 if none was sent.
pub fn progress(sent: f64, remaining: f64) -> f64 {
    if sent > 0.0 { sent / (sent + remaining) } else { 0.0 }
}

/// Remaining requests of a job.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RemainingRequests {
    /// Requests, without the reactor lists.
    pub requests: f64,
    /// Remaining seconds of its slowest open channel.
    pub longest_seconds: f64,
    /// Pending reactor lists; they are read last, one request each.
    pub reactions: f64,
    /// Seconds left of the budget for them.
    pub reactions_seconds: f64,
}

impl RemainingRequests {
    /// Remaining seconds at this request rate; `None` if the rate is 0.
    pub fn seconds(&self, requests_per_second: f64) -> Option<f64> {
        if requests_per_second <= 0.0 {
            return None;
        }
        let messages = (self.requests / requests_per_second).max(self.longest_seconds);
        let reactions = (self.reactions / requests_per_second).min(self.reactions_seconds);
        Some(messages + reactions)
    }
}

/// Request rate over a sliding window.
#[derive(Debug, Default)]
pub struct RequestRate {
    /// Seconds and requests since the job began, per sample.
    samples: VecDeque<(f64, f64)>,
}

impl RequestRate {
    /// Adds a sample: `requests` were sent in the first `seconds`.
    pub fn add_sample(&mut self, seconds: f64, requests: f64) {
        self.samples.push_back((seconds, requests));
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
    }

    /// Requests per second over the window; 0 before two samples.
    pub fn per_second(&self) -> f64 {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else { return 0.0 };
        let seconds = last.0 - first.0;
        if seconds > 0.0 { (last.1 - first.1) / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(weight: f64, messages: f64, progress: f64) -> ReadProgress {
        ReadProgress { weight, messages, progress, ..ReadProgress::default() }
    }

    fn messages_left(total_weight: f64, closed: ReadProgress, open: &[ReadProgress]) -> Option<f64> {
        Estimate::of(total_weight, closed, open.iter().copied()).messages_left
    }

    #[test]
    fn there_is_no_estimate_before_the_first_page() {
        assert_eq!(messages_left(10.0, ReadProgress::default(), &[]), None);
        assert_eq!(messages_left(10.0, ReadProgress::default(), &[channel(5.0, 0.0, 0.0)]), None);
    }

    #[test]
    fn open_channels_are_extrapolated_to_unopened_ones() {
        // Half of the first of two equal channels is read.
        let half = channel(5.0, 500.0, 0.5);
        assert_eq!(messages_left(10.0, ReadProgress::default(), &[half]), Some(1500.0));
        // One is closed, the other half read.
        let closed = channel(5.0, 1000.0, 1.0);
        assert_eq!(messages_left(10.0, closed, &[half]), Some(500.0));
    }

    #[test]
    fn channels_listings_and_pages_cost_requests() {
        let workload = Workload { messages: 1000.0, channels: 6.0, listings: 2.0 };
        assert!((workload.requests(100.0) - 15.0).abs() < 1e-9);
        assert!((workload.requests(10.0) - 105.0).abs() < 1e-9);
    }

    #[test]
    fn progress_is_the_share_of_requests_sent() {
        assert!((progress(15.0, 45.0) - 0.25).abs() < 1e-9);
        assert!((progress(15.0, 0.0) - 1.0).abs() < 1e-9);
        assert!(progress(0.0, 45.0).abs() < 1e-9 && progress(0.0, 0.0).abs() < 1e-9);
    }

    fn seconds(open: &[ReadProgress], requests_per_second: f64) -> f64 {
        let estimate = Estimate::of(10.0, ReadProgress::default(), open.iter().copied());
        let workload = Workload { messages: estimate.messages_left.unwrap(), ..Workload::default() };
        let longest_seconds = estimate.longest_seconds;
        let left = RemainingRequests {
            requests: workload.requests(100.0),
            longest_seconds,
            ..RemainingRequests::default()
        };
        left.seconds(requests_per_second).unwrap()
    }

    #[test]
    fn a_job_takes_at_least_as_long_as_its_longest_channel() {
        let short = ReadProgress { open_seconds: 1.0, ..channel(1.0, 100.0, 0.5) };
        let long = ReadProgress { open_seconds: 10.0, ..channel(9.0, 1000.0, 0.1) };
        // 9,100 messages are 91 requests, but the long one takes 90 seconds.
        assert!((seconds(&[short, long], 50.0) - 90.0).abs() < 1e-9);
        // At one request a second the requests take longer.
        assert!((seconds(&[short, long], 1.0) - 91.0).abs() < 1e-9);
        let waiting = ReadProgress { wait_seconds: 3000.0, ..short };
        assert!((seconds(&[waiting, long], 50.0) - 3001.0).abs() < 1e-9);
    }

    #[test]
    fn reactor_lists_are_bounded_by_their_budget() {
        let left = |reactions| RemainingRequests {
            requests: 100.0,
            reactions,
            reactions_seconds: 900.0,
            ..RemainingRequests::default()
        };
        assert_eq!(left(50.0).seconds(10.0), Some(15.0));
        assert_eq!(left(1e6).seconds(10.0), Some(910.0));
        assert_eq!(RemainingRequests::default().seconds(0.0), None);
    }

    #[test]
    fn the_rate_is_that_of_the_last_samples() {
        let mut rate = RequestRate::default();
        assert!(rate.per_second().abs() < 1e-9);
        for second in 0..100 {
            rate.add_sample(f64::from(second), f64::from(second * if second < 50 { 1 } else { 3 }));
        }
        assert!((rate.per_second() - 3.0).abs() < 1e-9, "{}", rate.per_second());
    }
}
