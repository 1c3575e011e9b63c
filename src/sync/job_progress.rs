//! Progress figures of a running job, as shown by `status`, the bars and the log.

use std::time::Duration;

use tokio::time::Instant;

use super::estimate::{Estimate, ReadProgress, RemainingRequests, RequestRate, Workload, progress};
use super::meter::Meter;
use crate::monitor::Counter;

/// The remaining time is shown from this progress on.
const ESTIMABLE_PROGRESS: f64 = 0.02;
/// Greatest progress shown for a running job.
const MAX_RUNNING_PROGRESS: f64 = 0.99;

/// The inputs of a job's estimate.
#[derive(Debug)]
pub(super) struct JobProgress {
    began: Instant,
    /// Channels planned.
    channels: u64,
    /// Sum of their planned weights.
    weight: u64,
    /// Sums over the finished channels.
    finished: ReadProgress,
    request_rate: RequestRate,
    /// The progress shown last: it never goes back when more work turns up.
    shown: f64,
    /// Whether the first channels were planned.
    is_planned: bool,
    page_size: u16,
    reaction_budget: Duration,
    /// When the reading of reactors began.
    reactors_since: Option<Instant>,
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
    /// Starts the clock. `reaction_budget` is the time allowed for reading reactors.
    pub fn new(page_size: u16, reaction_budget: Duration) -> Self {
        Self {
            began: Instant::now(),
            channels: 0,
            weight: 0,
            finished: ReadProgress::default(),
            request_rate: RequestRate::default(),
            shown: 0.0,
            is_planned: false,
            page_size,
            reaction_budget,
            reactors_since: None,
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
        self.finished.weight += channel.weight;
        self.finished.messages += channel.messages;
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
            self.reactors_since.get_or_insert_with(Instant::now);
        }
    }

    /// Remembers the figures that were shown.
    pub fn set_shown(&mut self, figures: ProgressFigures) {
        self.shown = figures.progress;
    }

    /// Computes the figures, given the number of finished channels and the progress of
    /// the open ones.
    #[allow(clippy::cast_precision_loss, reason = "ratios")]
    pub fn figures(&self, meter: &Meter, finished: u64, open: &[ReadProgress]) -> ProgressFigures {
        let estimate = Estimate::of(self.weight as f64, self.finished, open.iter().copied());
        let pending = |queued, read| meter.sum(queued).saturating_sub(meter.sum(read));
        let pending_reactor_lists = pending(Counter::ReactorListsQueued, Counter::ReactorListsRead);
        let spent = self.reactors_since.map_or(Duration::ZERO, |since| since.elapsed());
        let done = Workload {
            messages: meter.sum(Counter::Messages) as f64,
            channels: finished as f64,
            listings: meter.sum(Counter::ListingsRead) as f64,
        };
        let to_do = Workload {
            messages: estimate.messages_left.unwrap_or_default(),
            channels: self.channels.saturating_sub(finished) as f64,
            listings: pending(Counter::ListingsQueued, Counter::ListingsRead) as f64,
        };
        let page_size = f64::from(self.page_size);
        let (sent_requests, remaining_requests) = (done.requests(page_size), to_do.requests(page_size));
        let progress = estimate.messages_left.map_or(0.0, |_| progress(sent_requests, remaining_requests));
        let left = RemainingRequests {
            requests: remaining_requests,
            longest_seconds: estimate.longest_seconds,
            reactions: pending_reactor_lists as f64,
            reactions_seconds: self.reaction_budget.saturating_sub(spent).as_secs_f64(),
        };
        let is_estimable = progress >= ESTIMABLE_PROGRESS || (self.is_planned && self.channels == 0);
        ProgressFigures {
            progress: progress.min(MAX_RUNNING_PROGRESS).max(self.shown),
            eta_seconds: left.seconds(self.request_rate.per_second()).filter(|_| is_estimable),
            pending_reactor_lists,
        }
    }
}
