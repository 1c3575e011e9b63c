//! How far a job is: what `status`, the bars and the log show while it runs.

use std::time::Duration;

use tokio::time::Instant;

use super::estimate::{Estimate, Left, Pace, Part, Work, progress};
use super::meter::Meter;
use crate::monitor::Counter;

/// An estimate is shown once this much of the work is done.
const ESTIMABLE_PROGRESS: f64 = 0.02;
/// No job is shown to be further before it has ended.
const ALMOST: f64 = 0.99;

/// What the estimate of a job goes by.
#[derive(Debug)]
pub(super) struct JobProgress {
    began: Instant,
    /// Channels planned, and what they are expected to hold.
    channels: u64,
    weight: u64,
    /// What its finished channels were.
    done: Part,
    pace: Pace,
    /// The greatest progress that was shown: what turns up later doesn't take it
    /// back.
    shown: f64,
    /// Whether it is known what is to be read.
    is_planned: bool,
    page_size: u16,
    reaction_budget: Duration,
    /// Since when reactors are read.
    reacting: Option<Instant>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    /// 0 to 1.
    pub progress: f64,
    /// Seconds to go, once that can be told.
    pub eta_seconds: Option<f64>,
    /// Reactions whose reactors are still to be read.
    pub reactions_pending: u64,
}

impl JobProgress {
    /// Begins now.
    pub fn new(page_size: u16, reaction_budget: Duration) -> Self {
        Self {
            began: Instant::now(),
            channels: 0,
            weight: 0,
            done: Part::default(),
            pace: Pace::default(),
            shown: 0.0,
            is_planned: false,
            page_size,
            reaction_budget,
            reacting: None,
        }
    }

    /// More of its channels are known.
    pub fn planned(&mut self, channels: u64, weight: u64) {
        self.is_planned = true;
        self.channels += channels;
        self.weight += weight;
    }

    /// One of its channels is finished.
    pub fn finished(&mut self, part: Part) {
        self.done.weight += part.weight;
        self.done.messages += part.messages;
    }

    /// Since it began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Takes note of the pace, about once a second.
    pub fn look(&mut self, meter: &Meter) {
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        self.pace.look(self.began.elapsed().as_secs_f64(), meter.sum(Counter::ApiCalls) as f64);
        if meter.sum(Counter::ReactionsQueued) > 0 {
            self.reacting.get_or_insert_with(Instant::now);
        }
    }

    /// These figures were shown.
    pub fn shown(&mut self, figures: Figures) {
        self.shown = figures.progress;
    }

    /// How far it is with `finished` channels finished, while `open` are being read.
    #[allow(clippy::cast_precision_loss, reason = "ratios")]
    pub fn figures(&self, meter: &Meter, finished: u64, open: &[Part]) -> Figures {
        let estimate = Estimate::of(self.weight as f64, self.done, open.iter().copied());
        let pending = |queued, read| meter.sum(queued).saturating_sub(meter.sum(read));
        let reactions_pending = pending(Counter::ReactionsQueued, Counter::ReactionsRead);
        let reacting = self.reacting.map_or(Duration::ZERO, |since| since.elapsed());
        let done = Work {
            messages: meter.sum(Counter::Messages) as f64,
            channels: finished as f64,
            listings: meter.sum(Counter::ListingsRead) as f64,
        };
        let to_do = Work {
            messages: estimate.messages_left.unwrap_or_default(),
            channels: self.channels.saturating_sub(finished) as f64,
            listings: pending(Counter::ListingsQueued, Counter::ListingsRead) as f64,
        };
        let page_size = f64::from(self.page_size);
        let (asked, to_ask) = (done.requests(page_size), to_do.requests(page_size));
        let progress = estimate.messages_left.map_or(0.0, |_| progress(asked, to_ask));
        let left = Left {
            requests: to_ask,
            longest_seconds: estimate.longest_seconds,
            reactions: reactions_pending as f64,
            reactions_seconds: self.reaction_budget.saturating_sub(reacting).as_secs_f64(),
        };
        let is_estimable = progress >= ESTIMABLE_PROGRESS || (self.is_planned && self.channels == 0);
        Figures {
            progress: progress.min(ALMOST).max(self.shown),
            eta_seconds: left.seconds(self.pace.per_second()).filter(|_| is_estimable),
            reactions_pending,
        }
    }
}
