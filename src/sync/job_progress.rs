//! Progress figures of a running job, as shown by `status`, the bars and the log: one
//! progress and one remaining time over all its stages.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::context::{Settings, TenantTask};
use super::estimate::{
    Estimate, Finished, ReadProgress, RemainingReactors, RemainingRequests, RequestRate, Workload, advance,
    share,
};
use super::meter::Meter;
use super::reactor_backlog::{ReactorBacklog, ReactorProgress};
use crate::model::ReactionMode;
use crate::monitor::Counter;

/// The remaining time is shown from this share of the requests on.
const ESTIMABLE_SHARE: f64 = 0.02;
/// Greatest progress shown for a running job.
const MAX_RUNNING_PROGRESS: f64 = 0.99;
/// Reactor lists per second of one channel, assumed until they are read, if the platform limits
/// the requests of single channels.
const CHANNEL_LISTS_PER_SECOND: f64 = 4.0;
/// The same, assumed if it doesn't and nothing else is known.
const UNLIMITED_LISTS_PER_SECOND: f64 = 20.0;
/// Share of the request rate from which on it is what limits the channels.
const NEARLY_ALL: f64 = 0.8;
/// Seconds for which the assumed rate of reactor lists counts beside the measured one.
const ASSUMED_SECONDS: f64 = 2.0;

/// The inputs of a job's estimate.
#[derive(Debug)]
pub(super) struct JobProgress {
    began: Instant,
    /// Channels planned.
    channels: u64,
    /// Sum of their planned weights.
    weight: u64,
    finished: Finished,
    request_rate: RequestRate,
    /// The progress shown last, and when: it never goes back when more work turns up.
    shown: f64,
    shown_at: Instant,
    /// Whether the first channels were planned.
    is_planned: bool,
    page_size: u16,
    /// The time allowed for reading reactors; zero if they are not read.
    reaction_budget: Duration,
    /// Reactor lists that earlier runs left.
    lists_left_before: u64,
    /// The limit of the request rate, per second.
    requests_per_second: f64,
    /// The limit of one channel's pages, per second.
    channel_pages_per_second: f64,
    /// The limit of requests in flight.
    requests_in_flight: f64,
    /// Seconds for which requests had waited for these limits when the reading of reactors
    /// began.
    paced_before: Option<f64>,
    /// The reactor lists left, once they are being read.
    pub backlog: Arc<ReactorBacklog>,
}

/// Progress figures of a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProgressFigures {
    /// Progress, 0 to 1.
    pub progress: f64,
    /// Estimated remaining seconds; `None` before an estimate is possible.
    pub eta_seconds: Option<f64>,
    /// Pending reactor lists.
    pub pending_reactor_lists: u64,
}

impl JobProgress {
    /// Starts the clock.
    pub fn new(tenant: &TenantTask, settings: &Settings) -> Self {
        let reads_reactors = tenant.reactions == ReactionMode::Users;
        Self {
            began: Instant::now(),
            channels: 0,
            weight: 0,
            finished: Finished::default(),
            request_rate: RequestRate::default(),
            shown: 0.0,
            shown_at: Instant::now(),
            is_planned: false,
            page_size: settings.page_size.min(tenant.platform.adapter.max_page()),
            reaction_budget: if reads_reactors { settings.reaction_budget } else { Duration::ZERO },
            lists_left_before: 0,
            requests_per_second: tenant.platform.requests_per_second,
            channel_pages_per_second: tenant.platform.adapter.channel_pages_per_second(),
            #[allow(clippy::cast_precision_loss, reason = "a small number")]
            requests_in_flight: settings.max_channel_workers.max(1) as f64,
            paced_before: None,
            backlog: Arc::default(),
        }
    }

    /// Adds planned channels and their total weight.
    pub fn add_planned(&mut self, channels: u64, weight: u64) {
        self.is_planned = true;
        self.channels += channels;
        self.weight += weight;
    }

    /// Adds a finished channel.
    pub fn add_finished(&mut self, channel: ReadProgress) {
        self.finished.add(channel);
    }

    /// Sets the number of reactor lists that earlier runs left.
    pub fn set_lists_left_before(&mut self, lists: u64) {
        self.lists_left_before = lists;
    }

    /// Time since the job began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Samples the request rate; called about once a second.
    pub fn sample(&mut self, meter: &Meter) {
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        self.request_rate.add_sample(self.began.elapsed().as_secs_f64(), meter.sum(Counter::ApiCalls) as f64);
        if meter.sum(Counter::ReactorListsQueued) > 0 {
            self.paced_before.get_or_insert_with(|| paced_seconds(meter));
        }
    }

    /// Remembers the figures that were shown.
    pub fn set_shown(&mut self, figures: ProgressFigures) {
        if figures.eta_seconds.is_some() {
            (self.shown, self.shown_at) = (figures.progress, Instant::now());
        }
    }

    /// Computes the figures, given the number of finished channels and the progress of
    /// the open ones.
    pub fn figures(&self, meter: &Meter, finished: u64, open: &[ReadProgress]) -> ProgressFigures {
        #[allow(clippy::cast_precision_loss, reason = "a ratio")]
        let estimate =
            Estimate::of(self.weight as f64, self.finished, open.iter().copied(), self.attainable());
        let reading = self.backlog.progress();
        let eta_seconds = match reading {
            Some(reading) => Some(self.remaining_reactors(meter, reading).seconds()),
            None => self
                .seconds_to_reactors(meter, finished, estimate)
                .map(|seconds| seconds + self.expected_reactors(meter, open, estimate).seconds()),
        };
        let elapsed = self.shown_at.elapsed().as_secs_f64();
        let progress = eta_seconds.map_or(self.shown, |left| advance(self.shown, elapsed, left));
        ProgressFigures {
            progress: progress.min(MAX_RUNNING_PROGRESS).max(self.shown),
            eta_seconds,
            pending_reactor_lists: pending(meter, Counter::ReactorListsQueued, Counter::ReactorListsRead),
        }
    }

    /// Whether the request rate limits the requests of the channels.
    fn is_rate_limiting(&self) -> bool {
        self.request_rate.recent_per_second() >= self.requests_per_second * NEARLY_ALL
    }

    /// Messages per second that a channel may speed up to.
    fn attainable(&self) -> f64 {
        if self.is_rate_limiting() { self.channel_pages_per_second * f64::from(self.page_size) } else { 0.0 }
    }

    /// Remaining seconds of listing channels and reading messages; `None` before an estimate
    /// is possible.
    #[allow(clippy::cast_precision_loss, reason = "ratios")]
    fn seconds_to_reactors(&self, meter: &Meter, finished: u64, estimate: Estimate) -> Option<f64> {
        let done = Workload {
            messages: meter.sum(Counter::Messages) as f64,
            channels: finished as f64,
            listings: meter.sum(Counter::ListingsRead) as f64,
        };
        let to_do = Workload {
            messages: estimate.messages_left.unwrap_or_default(),
            channels: self.channels.saturating_sub(finished) as f64,
            listings: pending(meter, Counter::ListingsQueued, Counter::ListingsRead) as f64,
        };
        let page_size = f64::from(self.page_size);
        if to_do.listings > 0.0 {
            // The number of threads is not known yet.
            return None;
        }
        let (sent, requests) = (done.requests(page_size), to_do.requests(page_size));
        let share = estimate.messages_left.map_or(0.0, |_| share(sent, requests));
        let is_estimable = share >= ESTIMABLE_SHARE || (self.is_planned && self.channels == 0);
        let left = RemainingRequests { requests, longest_seconds: estimate.longest_seconds };
        left.seconds(self.request_rate.per_second()).filter(|_| is_estimable)
    }

    /// The reactor lists that will be left once all messages are read.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    fn expected_reactors(
        &self,
        meter: &Meter,
        open: &[ReadProgress],
        estimate: Estimate,
    ) -> RemainingReactors {
        let open_seconds: f64 = open.iter().map(|channel| channel.open_seconds).sum();
        let busy_seconds = self.finished.sums.open_seconds + open_seconds - paced_seconds(meter);
        let own_rate = own_rate(meter.sum(Counter::ApiCalls) as f64, busy_seconds);
        RemainingReactors {
            lists: estimate.reactor_lists + self.lists_left_before as f64,
            largest_backlog: estimate.largest_backlog,
            rate: self.requests_per_second.min(self.requests_in_flight * own_rate),
            channel_rate: if limits_channels(meter) { CHANNEL_LISTS_PER_SECOND } else { own_rate },
            budget_seconds: self.reaction_budget.as_secs_f64(),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    fn remaining_reactors(&self, meter: &Meter, reading: ReactorProgress) -> RemainingReactors {
        let seconds = reading.elapsed.as_secs_f64();
        let assumed = self.requests_per_second.min(reading.channels as f64 * CHANNEL_LISTS_PER_SECOND);
        let rate = (reading.read as f64 + assumed * ASSUMED_SECONDS) / (seconds + ASSUMED_SECONDS);
        let recent = reading.channel_rate.unwrap_or(CHANNEL_LISTS_PER_SECOND);
        // While the request rate limits them, channels are slower than later.
        let channel_rate = if !self.is_rate_limiting() {
            recent
        } else if limits_channels(meter) {
            recent.max(CHANNEL_LISTS_PER_SECOND)
        } else {
            let paced = paced_seconds(meter) - self.paced_before.unwrap_or_default();
            recent.max(own_rate(reading.read as f64, reading.busy_seconds - paced))
        };
        RemainingReactors {
            lists: reading.left as f64,
            largest_backlog: reading.largest as f64,
            rate,
            channel_rate,
            budget_seconds: self.reaction_budget.saturating_sub(reading.elapsed).as_secs_f64(),
        }
    }
}

/// Requests per second that one channel could send if the request rate didn't limit it:
/// `requests` took `busy_seconds`, summed over the channels.
fn own_rate(requests: f64, busy_seconds: f64) -> f64 {
    if requests > 0.0 && busy_seconds > 0.0 { requests / busy_seconds } else { UNLIMITED_LISTS_PER_SECOND }
}

/// Seconds for which requests waited for the limits of the request rate and of the requests in
/// flight.
#[allow(clippy::cast_precision_loss, reason = "an estimate")]
fn paced_seconds(meter: &Meter) -> f64 {
    meter.sum(Counter::PaceWaitMilliseconds) as f64 / 1000.0
}

/// Whether the platform limits the requests of single channels, as far as the job knows.
fn limits_channels(meter: &Meter) -> bool {
    meter.sum(Counter::BucketWaitMilliseconds) > 0
}

fn pending(meter: &Meter, queued: Counter, read: Counter) -> u64 {
    meter.sum(queued).saturating_sub(meter.sum(read))
}
