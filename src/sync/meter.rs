//! Per-job and per-channel counters in front of the run's monitor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::channel::ReadingState;
use crate::model::{COUNTERS, Counts};
use crate::monitor::{Counter, Event, JobChannel, Monitor, PauseReason};

/// A monitor that sums up the counters and forwards everything to the next monitor.
pub struct Meter {
    sums: [AtomicU64; COUNTERS],
    next: Arc<dyn Monitor>,
    /// The channel whose waits are reported, if this is a channel's meter.
    channel: Option<(JobChannel, Arc<ReadingState>)>,
}

impl Meter {
    /// A job's meter; all sums are 0.
    pub fn new(next: Arc<dyn Monitor>) -> Self {
        Self { sums: [const { AtomicU64::new(0) }; COUNTERS], next, channel: None }
    }

    /// A channel's meter; all sums are 0.
    pub fn of_channel(channel: JobChannel, state: Arc<ReadingState>, next: Arc<dyn Monitor>) -> Self {
        Self { channel: Some((channel, state)), ..Self::new(next) }
    }

    /// The sum so far.
    pub fn sum(&self, counter: Counter) -> u64 {
        self.sums[counter as usize].load(Ordering::Relaxed)
    }

    /// All sums so far.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for spec in Counter::ALL {
            counts.set(spec.counter, self.sum(spec.counter));
        }
        counts
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").field("sums", &self.sums).finish_non_exhaustive()
    }
}

impl Monitor for Meter {
    fn count(&self, counter: Counter, amount: u64) {
        self.sums[counter as usize].fetch_add(amount, Ordering::Relaxed);
        self.next.count(counter, amount);
    }

    fn event(&self, event: Event) {
        let wait = match &event {
            Event::RateLimited { wait, .. } => Some((PauseReason::RateLimit, *wait)),
            Event::Retrying { wait, .. } => Some((PauseReason::Retry, *wait)),
            _ => None,
        };
        self.next.event(event);
        if let (Some((channel, state)), Some((reason, wait))) = (&self.channel, wait) {
            state.wait(wait);
            self.next.event(Event::ChannelPaused { channel: channel.clone(), reason, wait });
        }
    }
}
