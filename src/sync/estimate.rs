//! Estimates a job's progress and its remaining time. Pure.

use std::collections::VecDeque;

/// Average share of a page that each channel wastes, since its last page isn't full.
const LAST_PAGE: f64 = 0.5;
/// Samples in the sliding window of the request rate, one a second.
const SAMPLES: usize = 30;
/// Samples that show the present request rate.
const RECENT_SAMPLES: usize = 5;

/// Progress of one open channel, or the sums over a job's finished channels (without progress
/// and waits).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReadProgress {
    /// The planned weight.
    pub weight: f64,
    /// Messages committed.
    pub messages: f64,
    /// Reactor lists that they queued.
    pub reactor_lists: f64,
    /// 0 to 1: how far the cursor is, by the messages' times.
    pub progress: f64,
    /// Seconds the channel has been open, or was.
    pub open_seconds: f64,
    /// Seconds since its last page.
    pub idle_seconds: f64,
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
    /// so it doesn't speed up when the others are done. But it does to `attainable` messages
    /// per second if only the limit of all requests keeps it from that rate.
    fn seconds_left(&self, attainable: f64) -> f64 {
        let left = self.expected().map_or(0.0, |expected| (expected - self.messages).max(0.0));
        let own = ratio(self.messages, self.open_seconds - self.idle_seconds);
        let since_last_page = ratio(left, own.max(attainable));
        self.wait_seconds + (since_last_page - self.idle_seconds).max(0.0)
    }
}

/// A job's finished channels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Finished {
    /// The sums over them.
    pub sums: ReadProgress,
    /// Reactor lists of the channel that has the most.
    pub largest_backlog: f64,
}

impl Finished {
    /// Adds a channel.
    pub const fn add(&mut self, channel: ReadProgress) {
        self.sums.weight += channel.weight;
        self.sums.messages += channel.messages;
        self.sums.open_seconds += channel.open_seconds;
        self.sums.reactor_lists += channel.reactor_lists;
        self.largest_backlog = self.largest_backlog.max(channel.reactor_lists);
    }
}

/// Estimate of what a job still has to do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Messages still to be read; `None` before the first page.
    pub messages_left: Option<f64>,
    /// Remaining seconds of the slowest open channel.
    pub longest_seconds: f64,
    /// Reactor lists that all messages will have queued.
    pub reactor_lists: f64,
    /// Of these, those of the channel that has the most.
    pub largest_backlog: f64,
}

impl Estimate {
    /// Derives messages per unit of weight and reactor lists per message from the finished
    /// and open channels, and extrapolates to the channels that haven't been opened.
    /// `attainable`: messages per second that each channel may speed up to.
    pub fn of(
        total_weight: f64,
        finished: Finished,
        open: impl Iterator<Item = ReadProgress>,
        attainable: f64,
    ) -> Self {
        let mut known = finished.sums;
        let (mut expected, mut lists) = (known.messages, known.reactor_lists);
        let (mut longest_seconds, mut largest_backlog) = (0.0_f64, finished.largest_backlog);
        for channel in open {
            known.messages += channel.messages;
            longest_seconds = longest_seconds.max(channel.seconds_left(attainable));
            if let Some(messages) = channel.expected() {
                known.weight += channel.weight;
                expected += messages;
                let channel_lists = channel.reactor_lists * ratio(messages, channel.messages);
                lists += channel_lists;
                largest_backlog = largest_backlog.max(channel_lists);
            }
        }
        let unknown = (total_weight - known.weight).max(0.0) * ratio(expected, known.weight);
        Self {
            messages_left: (known.weight > 0.0).then(|| (expected + unknown - known.messages).max(0.0)),
            longest_seconds,
            reactor_lists: lists + unknown * ratio(lists, expected),
            largest_backlog,
        }
    }
}

/// Reactor lists that a page queued: those of its new and changed messages (`of_these`), at the
/// page's mean of `reactions` (one per message and emoji) on `messages`.
pub fn queued_lists(reactions: u64, messages: u64, of_these: u64) -> u64 {
    (reactions * of_these).checked_div(messages).unwrap_or(0)
}

/// The ratio of two amounts; 0 if nothing is known of the second.
fn ratio(amount: f64, of: f64) -> f64 {
    if of > 0.0 { amount / of } else { 0.0 }
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
    /// Requests this workload takes with `page_size` messages a page: at least one for each
    /// channel.
    pub fn requests(&self, page_size: f64) -> f64 {
        let pages = self.messages / page_size.max(1.0) + self.channels * LAST_PAGE;
        pages.max(self.channels) + self.listings
    }
}

/// Share of the requests already sent, 0 to 1; 0 if none was sent.
pub fn share(sent: f64, remaining: f64) -> f64 {
    ratio(sent, sent + remaining)
}

/// The progress after `elapsed` more seconds, if `left` are expected from then on. With the
/// right estimate it grows at an even rate; with a wrong one it still never goes back, and
/// never reaches 1 before the end.
pub fn advance(progress: f64, elapsed: f64, left: f64) -> f64 {
    progress + (1.0 - progress) * ratio(elapsed, elapsed + left)
}

/// Remaining requests of a job, without the reactor lists.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RemainingRequests {
    /// The requests.
    pub requests: f64,
    /// Remaining seconds of its slowest open channel.
    pub longest_seconds: f64,
}

impl RemainingRequests {
    /// Remaining seconds at this request rate; `None` if the rate is 0.
    pub fn seconds(&self, requests_per_second: f64) -> Option<f64> {
        (requests_per_second > 0.0).then(|| (self.requests / requests_per_second).max(self.longest_seconds))
    }
}

/// Remaining reactor lists. They are read after the messages, a request each, several
/// channels at once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RemainingReactors {
    /// Lists left.
    pub lists: f64,
    /// Of these, those of the channel that has the most.
    pub largest_backlog: f64,
    /// Lists per second, over all channels.
    pub rate: f64,
    /// Lists per second of one channel.
    pub channel_rate: f64,
    /// Seconds left of the budget for them.
    pub budget_seconds: f64,
}

impl RemainingReactors {
    /// Remaining seconds.
    pub fn seconds(&self) -> f64 {
        let all = ratio(self.lists, self.rate);
        all.max(ratio(self.largest_backlog, self.channel_rate)).min(self.budget_seconds)
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
        self.over_last(SAMPLES)
    }

    /// Requests per second over the last samples; 0 before two of them.
    pub fn recent_per_second(&self) -> f64 {
        self.over_last(RECENT_SAMPLES)
    }

    fn over_last(&self, samples: usize) -> f64 {
        let first = self.samples.get(self.samples.len().saturating_sub(samples));
        let (Some(first), Some(last)) = (first, self.samples.back()) else { return 0.0 };
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

    fn finished(sums: ReadProgress) -> Finished {
        let mut finished = Finished::default();
        finished.add(sums);
        finished
    }

    fn messages_left(total_weight: f64, closed: ReadProgress, open: &[ReadProgress]) -> Option<f64> {
        Estimate::of(total_weight, finished(closed), open.iter().copied(), 0.0).messages_left
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
        let small = Workload { messages: 100.0, channels: 50.0, listings: 0.0 };
        assert!((small.requests(100.0) - 50.0).abs() < 1e-9, "a page for each channel");
    }

    #[test]
    fn reactor_lists_are_extrapolated_from_those_queued() {
        // A list on every second message; a third of the weight is not open.
        let closed = ReadProgress { reactor_lists: 500.0, ..channel(5.0, 1000.0, 1.0) };
        let open = ReadProgress { reactor_lists: 150.0, ..channel(5.0, 300.0, 0.5) };
        let estimate = Estimate::of(15.0, finished(closed), [open].into_iter(), 0.0);
        assert!((estimate.reactor_lists - 1200.0).abs() < 1e-9, "{estimate:?}");
        assert!((estimate.largest_backlog - 500.0).abs() < 1e-9, "{estimate:?}");
    }

    #[test]
    fn progress_is_even_if_the_estimate_is_right_and_never_goes_back() {
        assert!((share(15.0, 45.0) - 0.25).abs() < 1e-9 && share(0.0, 0.0).abs() < 1e-9);
        let mut progress = 0.0;
        for second in 1..=10 {
            progress = advance(progress, 1.0, f64::from(20 - second));
            assert!((progress - f64::from(second) / 20.0).abs() < 1e-9, "{second}: {progress}");
        }
        // More work turns up: 40 seconds are left instead of 10.
        for second in 1..=40 {
            let next = advance(progress, 1.0, f64::from(40 - second));
            assert!(next > progress && next <= 1.0 + 1e-9, "{second}: {next}");
            progress = next;
        }
        assert!((progress - 1.0).abs() < 1e-9);
    }

    fn seconds(open: &[ReadProgress], requests_per_second: f64) -> f64 {
        let estimate = Estimate::of(10.0, Finished::default(), open.iter().copied(), 0.0);
        let workload = Workload { messages: estimate.messages_left.unwrap(), ..Workload::default() };
        let longest_seconds = estimate.longest_seconds;
        let left = RemainingRequests { requests: workload.requests(100.0), longest_seconds };
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
        // If only the limit of all requests slows it down, it will speed up.
        let estimate = Estimate::of(10.0, Finished::default(), [short, long].into_iter(), 450.0);
        assert!((estimate.longest_seconds - 20.0).abs() < 1e-9);
        // The time until the next page passes.
        let idle = ReadProgress { open_seconds: 13.0, idle_seconds: 3.0, ..long };
        assert!((seconds(&[short, idle], 50.0) - 87.0).abs() < 1e-9);
        let waiting = ReadProgress { wait_seconds: 3000.0, ..short };
        assert!((seconds(&[waiting, long], 50.0) - 3001.0).abs() < 1e-9);
    }

    #[test]
    fn reactor_lists_take_as_long_as_the_largest_channel_but_not_longer_than_the_budget() {
        let left = |lists, largest_backlog| {
            let (rate, channel_rate, budget_seconds) = (40.0, 4.0, 900.0);
            RemainingReactors { lists, largest_backlog, rate, channel_rate, budget_seconds }.seconds()
        };
        assert!((left(400.0, 20.0) - 10.0).abs() < 1e-9);
        assert!((left(400.0, 200.0) - 50.0).abs() < 1e-9);
        assert!((left(1e6, 1.0) - 900.0).abs() < 1e-9);
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
        rate.add_sample(110.0, 297.0);
        assert!((rate.recent_per_second() - 9.0 / 14.0).abs() < 1e-9, "{}", rate.recent_per_second());
    }
}
