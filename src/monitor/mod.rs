//! Progress reporting: counters and events that syncing emits through a [`Monitor`].
//! Displays, logs and meters implement it; the emitting code doesn't know them.

use std::sync::Arc;
use std::time::Duration;

pub use crate::model::Counter;
use crate::model::{JobStats, JobStatus, ProgressStatus, Timestamp};

/// Why reading a channel is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseReason {
    /// A rate limit.
    RateLimit,
    /// The back-off after a failed request.
    Retry,
}

/// A channel in a job. The channel's ID alone is ambiguous: channels of two platforms may
/// have the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobChannel {
    /// The job's ID.
    pub job_id: Arc<str>,
    /// The channel's ID in the platform's format.
    pub id: Arc<str>,
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The job of a tenant started.
    JobStarted {
        /// The job's ID.
        job_id: String,
        /// The tenant's name.
        tenant: String,
    },
    /// Channels of the tenant were planned. A job may emit several, for different
    /// channels.
    Planned {
        /// The job's ID.
        job_id: String,
        /// The number of channels to read.
        channels: usize,
        /// The number of channels skipped because nothing can have changed.
        skipped: usize,
        /// The number of public channels that the bot can't read.
        unreadable: usize,
    },
    /// Reading a channel began.
    ChannelStarted {
        /// The channel.
        channel: JobChannel,
        /// Its name, scrubbed.
        name: String,
        /// The channel slot that it occupies.
        worker: usize,
    },
    /// A page of a channel was committed.
    ChannelAdvanced {
        /// The channel.
        channel: JobChannel,
        /// The number of messages on this page.
        messages: u64,
        /// The channel's progress from 0 to 1, measured in message time.
        progress: f64,
        /// When the last message of the page was sent.
        reached: Option<Timestamp>,
    },
    /// Reading a channel is paused.
    ChannelPaused {
        /// The channel.
        channel: JobChannel,
        /// The reason.
        reason: PauseReason,
        /// The duration of the pause.
        wait: Duration,
    },
    /// The job is about to read pending reactor lists.
    ReactorListsQueued {
        /// The job's ID.
        job_id: String,
        /// The number of pending reactor lists (one per message and emoji).
        reactions: u64,
    },
    /// Reading a channel ended.
    ChannelFinished {
        /// The channel.
        channel: JobChannel,
        /// The final status.
        status: ProgressStatus,
        /// The number of messages committed.
        messages: u64,
        /// The error text, if it failed.
        error: Option<String>,
    },
    /// The statistics of a job; emitted about once a second.
    JobProgress {
        /// The job's ID.
        job_id: String,
        /// The statistics so far.
        stats: Box<JobStats>,
    },
    /// A job ended.
    JobFinished {
        /// The job's ID.
        job_id: String,
        /// The final status.
        status: JobStatus,
    },
    /// The platform answered with a rate-limit error.
    RateLimited {
        /// `user`, `shared`, `global` or `unknown`.
        scope: &'static str,
        /// The pause that the response demands.
        wait: Duration,
        /// The limit that the response names, in requests per window.
        limit: Option<u16>,
        /// Method and path of the request, without parameters.
        endpoint: String,
    },
    /// A failed request will be retried.
    Retrying {
        /// The error text.
        error: String,
        /// The back-off.
        wait: Duration,
    },
    /// Information for the user that needs no attention.
    Note(String),
    /// Information for the user that needs attention but isn't a failure.
    Warning(String),
}

/// Receives counters and events, from any thread. Implementations must return quickly and
/// can't fail.
pub trait Monitor: Send + Sync {
    /// Adds to a counter.
    fn count(&self, counter: Counter, amount: u64);

    /// Receives an event.
    fn event(&self, event: Event);
}

/// Forwards to several monitors.
pub struct MonitorList(pub Vec<Arc<dyn Monitor>>);

impl Monitor for MonitorList {
    fn count(&self, counter: Counter, amount: u64) {
        for monitor in &self.0 {
            monitor.count(counter, amount);
        }
    }

    fn event(&self, event: Event) {
        for monitor in &self.0 {
            monitor.event(event.clone());
        }
    }
}

/// Ignores everything.
#[derive(Debug, Default)]
pub struct NoMonitor;

impl Monitor for NoMonitor {
    fn count(&self, _: Counter, _: u64) {}

    fn event(&self, _: Event) {}
}
