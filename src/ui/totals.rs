//! Sums over all jobs of a run, shared by the bars and the progress lines.

use std::time::Duration;

use hashbrown::HashMap;
use tokio::time::Instant;

use super::rate::Rate;
use crate::model::JobStats;
use crate::monitor::{Counter, Event, PauseReason};

/// Waits are shown as at most this long.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// The main activity of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No job is planned yet.
    Planning,
    /// Channels are being read.
    Channels,
    /// All known channels are read; archived threads are still being listed.
    Listings,
    /// Only reactor lists are still being read.
    Reactors,
    /// All known work is done.
    Done,
}

/// Sums over all jobs of a run.
#[derive(Debug, Default)]
pub struct Totals {
    jobs: HashMap<String, Job>,
    /// Messages committed.
    pub messages: Rate,
    /// Requests sent.
    pub requests: Rate,
    /// Channels planned so far, including those already read.
    pub channels: u64,
    /// Channels read.
    pub channels_done: u64,
    /// Channels whose archived threads must be listed.
    pub listings: u64,
    /// Channels whose archived threads have been listed.
    pub listings_done: u64,
    /// Reactions whose reactor lists must be read.
    pub reactions: u64,
    /// Reactions whose reactor lists have been read.
    pub reactions_done: Rate,
    has_begun: bool,
    is_planned: bool,
    /// End of the rate limit that blocks all requests.
    paused_until: Option<Instant>,
    /// The last delay before a retry, and its end.
    retry: Option<(Duration, Instant)>,
}

/// One tenant in this run.
#[derive(Debug, Default)]
struct Job {
    tenant: String,
    stats: JobStats,
    /// Channels planned, and channels read.
    channels: (u64, u64),
    is_reading_reactors: bool,
}

impl Totals {
    /// Adds a count.
    pub fn count(&mut self, counter: Counter, amount: u64) {
        match counter {
            Counter::Messages => self.messages.add(amount),
            Counter::ApiCalls => {
                self.has_begun = true;
                self.requests.add(amount);
            }
            Counter::ReactorListsRead => self.reactions_done.add(amount),
            Counter::ListingsQueued => self.listings += amount,
            Counter::ListingsRead => self.listings_done += amount,
            _ => {}
        }
    }

    /// Records an event.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::JobStarted { job_id, tenant } => {
                self.jobs.insert(job_id.clone(), Job { tenant: tenant.clone(), ..Job::default() });
            }
            Event::Planned { job_id, channels, .. } => {
                self.is_planned = true;
                self.channels += *channels as u64;
                if let Some(job) = self.jobs.get_mut(job_id) {
                    job.channels.0 += *channels as u64;
                }
            }
            Event::JobProgress { job_id, stats } => {
                if let Some(job) = self.jobs.get_mut(job_id) {
                    job.stats = **stats;
                }
            }
            Event::JobFinished { job_id, .. } => self.finish(job_id),
            Event::ChannelFinished { channel, .. } => {
                self.channels_done += 1;
                if let Some(job) = self.jobs.get_mut(&*channel.job_id) {
                    job.channels.1 += 1;
                }
            }
            Event::ReactorListsQueued { job_id, reactions } => {
                if self.reactions == 0 {
                    // Measure the rate from now on.
                    self.reactions_done = Rate::default();
                }
                self.reactions += reactions;
                if let Some(job) = self.jobs.get_mut(job_id) {
                    job.is_reading_reactors = true;
                }
            }
            Event::RateLimited { scope: "global" | "unknown", wait, .. } => {
                self.paused_until = self.paused_until.max(Some(deadline_after(*wait)));
            }
            Event::Retrying { wait, .. } => self.retry = Some((*wait, deadline_after(*wait))),
            // The preceding `Retrying` event was about this one channel, not the run.
            Event::ChannelPaused { reason: PauseReason::Retry, wait, .. } => {
                self.retry.take_if(|(retry, _)| retry == wait);
            }
            _ => {}
        }
    }

    fn finish(&mut self, job_id: &str) {
        let Some(job) = self.jobs.get_mut(job_id) else { return };
        // A finished job reads none of its remaining channels.
        let (planned, read) = std::mem::take(&mut job.channels);
        self.channels = self.channels.saturating_sub(planned.saturating_sub(read));
        job.stats.eta_seconds = None;
        job.is_reading_reactors = false;
        // It holds up the run no longer, however it ended.
        job.stats.progress = 1.0;
    }

    /// True once a request was sent. Before that, the run may wait for its archive.
    pub const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// The current phase.
    pub fn phase(&self) -> Phase {
        if !self.is_planned {
            Phase::Planning
        } else if self.channels_done < self.channels {
            Phase::Channels
        } else if self.is_listing() {
            Phase::Listings
        } else if self.is_reading_reactors() {
            Phase::Reactors
        } else {
            Phase::Done
        }
    }

    /// Progress of the run over all phases, 0 to 1: that of the job that is furthest behind.
    /// All jobs run at the same time, so this one ends last.
    pub fn progress(&self) -> f64 {
        self.jobs.values().map(|job| job.stats.progress).reduce(f64::min).unwrap_or(0.0)
    }

    /// Estimated time to the end of the run; `None` if unknown.
    pub fn eta(&self) -> Option<Duration> {
        let longest = self.jobs.values().filter_map(|job| job.stats.eta_seconds).reduce(f64::max)?;
        Duration::try_from_secs_f64(longest).ok()
    }

    /// True while archived threads are being listed.
    pub const fn is_listing(&self) -> bool {
        self.listings_done < self.listings
    }

    /// True while reactor lists are being read.
    pub fn is_reading_reactors(&self) -> bool {
        self.reactions_done.sum() < self.reactions && self.jobs.values().any(|job| job.is_reading_reactors)
    }

    /// Reason and remaining time of a wait that affects more than one channel.
    pub fn wait(&self) -> Option<(PauseReason, Duration)> {
        let limit = self.paused_until.map(|until| (PauseReason::RateLimit, until));
        let retry = self.retry.map(|(_, until)| (PauseReason::Retry, until));
        limit.and_then(remaining).or_else(|| retry.and_then(remaining))
    }

    /// The job's tenant; `None` if the run has only one job.
    pub fn tenant_among_several(&self, job_id: &str) -> Option<&str> {
        (self.jobs.len() > 1).then(|| self.jobs.get(job_id)).flatten().map(|job| job.tenant.as_str())
    }
}

/// End of a wait that begins now.
pub fn deadline_after(wait: Duration) -> Instant {
    Instant::now() + wait.min(LONGEST_WAIT)
}

/// Reason and remaining time of a wait; `None` if it is over.
pub fn remaining((reason, until): (PauseReason, Instant)) -> Option<(PauseReason, Duration)> {
    let remaining = until.checked_duration_since(Instant::now())?;
    (!remaining.is_zero()).then_some((reason, remaining))
}
