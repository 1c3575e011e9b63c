//! What the bars and the lines both tell: sums over all jobs.

use std::time::Duration;

use hashbrown::HashMap;
use tokio::time::Instant;

use super::rate::Rate;
use crate::model::{JobStats, JobStatus};
use crate::monitor::{Counter, Event, Wait};

/// No wait is told for longer.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// What a run is mostly at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is known yet.
    Looking,
    /// Channels are read.
    Channels,
    /// All known channels were read, and archived threads are still listed.
    Listings,
    /// Only who reacted is still read.
    Reactors,
    /// All that is known was done.
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
    /// Channels to read, as far as that is known.
    pub channels: u64,
    /// Channels read.
    pub channels_done: u64,
    /// Channels whose archived threads are to be listed.
    pub listings: u64,
    /// Those of them that were.
    pub listings_done: u64,
    /// Reactions whose users are to be read.
    pub reactions: u64,
    /// Those of them that were.
    pub reactions_done: Rate,
    has_begun: bool,
    is_planned: bool,
    /// Until when no request may be sent.
    stopped_until: Option<Instant>,
    /// The last wait between a failed request and its repetition, and its end.
    retry: Option<(Duration, Instant)>,
}

/// A tenant's part of the run.
#[derive(Debug, Default)]
struct Job {
    tenant: String,
    stats: JobStats,
    /// Channels to read, and those read.
    channels: (u64, u64),
    reads_reactors: bool,
}

impl Totals {
    /// Takes note of a count.
    pub fn count(&mut self, counter: Counter, amount: u64) {
        match counter {
            Counter::Messages => self.messages.add(amount),
            Counter::ApiCalls => {
                self.has_begun = true;
                self.requests.add(amount);
            }
            Counter::ReactionsRead => self.reactions_done.add(amount),
            Counter::ListingsQueued => self.listings += amount,
            Counter::ListingsRead => self.listings_done += amount,
            _ => {}
        }
    }

    /// Takes note of an event.
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
                    job.stats = *stats;
                }
            }
            Event::JobFinished { job_id, status } => self.finish(job_id, *status),
            Event::ChannelFinished { channel, .. } => {
                self.channels_done += 1;
                if let Some(job) = self.jobs.get_mut(&*channel.job_id) {
                    job.channels.1 += 1;
                }
            }
            Event::ReactionsQueued { job_id, reactions } => {
                if self.reactions == 0 {
                    // Their rate is that of the time since.
                    self.reactions_done = Rate::default();
                }
                self.reactions += reactions;
                if let Some(job) = self.jobs.get_mut(job_id) {
                    job.reads_reactors = true;
                }
            }
            Event::RateLimited { scope: "global" | "unknown", wait, .. } => {
                self.stopped_until = self.stopped_until.max(Some(end_of(*wait)));
            }
            Event::Retrying { wait, .. } => self.retry = Some((*wait, end_of(*wait))),
            // It tells whose the wait before was: one channel's.
            Event::ChannelWaits { why: Wait::Retry, wait, .. } => {
                self.retry.take_if(|(retry, _)| retry == wait);
            }
            _ => {}
        }
    }

    fn finish(&mut self, job_id: &str, status: JobStatus) {
        let Some(job) = self.jobs.get_mut(job_id) else { return };
        // What it leaves unread isn't waited for.
        let (planned, read) = std::mem::take(&mut job.channels);
        self.channels = self.channels.saturating_sub(planned.saturating_sub(read));
        job.stats.eta_seconds = None;
        job.reads_reactors = false;
        if status == JobStatus::Completed {
            job.stats.progress = 1.0;
        }
    }

    /// Whether anything was asked for. Before that, a run may wait for its
    /// archive.
    pub const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// What the run is mostly at.
    pub fn phase(&self) -> Phase {
        if !self.is_planned {
            Phase::Looking
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

    /// How much of that is done, 0 to 1.
    pub fn progress(&self) -> f64 {
        match self.phase() {
            Phase::Looking => 0.0,
            Phase::Channels | Phase::Done => self.channel_progress(),
            Phase::Listings => ratio(self.listings_done, self.listings),
            Phase::Reactors => ratio(self.reactions_done.sum(), self.reactions),
        }
    }

    /// Jobs weigh alike.
    #[allow(clippy::cast_precision_loss, reason = "a ratio")]
    fn channel_progress(&self) -> f64 {
        let sum: f64 = self.jobs.values().map(|job| job.stats.progress).sum();
        sum / (self.jobs.len().max(1)) as f64
    }

    /// How long it still takes, if that can be told.
    pub fn eta(&self) -> Option<Duration> {
        match self.phase() {
            Phase::Channels | Phase::Listings => self.jobs_eta(),
            // A job knows how long it may read them, this their own pace.
            Phase::Reactors => self.reactors_eta().into_iter().chain(self.jobs_eta()).min(),
            Phase::Looking | Phase::Done => None,
        }
    }

    fn jobs_eta(&self) -> Option<Duration> {
        let longest = self.jobs.values().filter_map(|job| job.stats.eta_seconds).reduce(f64::max)?;
        Duration::try_from_secs_f64(longest).ok()
    }

    /// At the present rate.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    fn reactors_eta(&self) -> Option<Duration> {
        let left = self.reactions.saturating_sub(self.reactions_done.sum()) as f64;
        Duration::try_from_secs_f64(left / self.reactions_done.per_second()).ok()
    }

    /// Whether archived threads are still listed.
    pub const fn is_listing(&self) -> bool {
        self.listings_done < self.listings
    }

    /// Whether it is being read who reacted.
    pub fn is_reading_reactors(&self) -> bool {
        self.reactions_done.sum() < self.reactions && self.jobs.values().any(|job| job.reads_reactors)
    }

    /// What more than one channel waits for, and how long still.
    pub fn wait(&self) -> Option<(Wait, Duration)> {
        let limit = self.stopped_until.map(|until| (Wait::RateLimit, until));
        let retry = self.retry.map(|(_, until)| (Wait::Retry, until));
        limit.and_then(left).or_else(|| retry.and_then(left))
    }

    /// Whose channel is shown, if there are several whose it could be.
    pub fn tenant_among_several(&self, job_id: &str) -> Option<&str> {
        (self.jobs.len() > 1).then(|| self.jobs.get(job_id)).flatten().map(|job| job.tenant.as_str())
    }
}

/// When a wait that begins now ends.
pub fn end_of(wait: Duration) -> Instant {
    Instant::now() + wait.min(LONGEST_WAIT)
}

/// How long a wait still takes, if it isn't over.
pub fn left((why, until): (Wait, Instant)) -> Option<(Wait, Duration)> {
    let left = until.checked_duration_since(Instant::now())?;
    (!left.is_zero()).then_some((why, left))
}

#[allow(clippy::cast_precision_loss, reason = "a ratio")]
fn ratio(done: u64, all: u64) -> f64 {
    (done as f64 / all.max(1) as f64).min(1.0)
}
