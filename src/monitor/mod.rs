//! What happened, as data. Whoever wants to show or keep it implements
//! [`Monitor`]; whoever makes it happen doesn't know who that is.

use std::sync::Arc;
use std::time::Duration;

pub use crate::model::Counter;
use crate::model::{JobStats, JobStatus, ProgressStatus, Timestamp};

/// What a channel's reading waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The platform said "too often".
    RateLimit,
    /// A request failed and will be sent again.
    Retry,
}

/// A channel that a job reads: its ID alone may be that of another platform's channel,
/// too.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunChannel {
    /// The job.
    pub job_id: Arc<str>,
    /// The channel's ID, as its platform writes it.
    pub id: Arc<str>,
}

/// Something that happened once.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A tenant's part of the run has its job.
    JobStarted {
        /// The job.
        job_id: String,
        /// The tenant's name.
        tenant: String,
    },
    /// The tenant's channels are known.
    Planned {
        /// The job.
        job_id: String,
        /// Channels to read.
        channels: usize,
        /// Channels in which nothing can have changed.
        skipped: usize,
        /// Channels the bot can't read.
        unreadable: usize,
    },
    /// A channel's reading began.
    ChannelStarted {
        /// The channel.
        channel: RunChannel,
        /// Its name, scrubbed.
        name: String,
        /// The slot that reads it.
        worker: usize,
    },
    /// A page of a channel was committed.
    ChannelAdvanced {
        /// The channel.
        channel: RunChannel,
        /// Messages of this page.
        messages: u64,
        /// How far it is, 0 to 1, by time.
        progress: f64,
        /// When the last message of the page was sent.
        reached: Option<Timestamp>,
    },
    /// A channel's reading has to wait.
    ChannelWaits {
        /// The channel.
        channel: RunChannel,
        /// For what.
        why: Wait,
        /// How long.
        wait: Duration,
    },
    /// Who reacted is to be read.
    ReactionsQueued {
        /// The job.
        job_id: String,
        /// Emoji on messages.
        reactions: u64,
    },
    /// A channel's reading ended.
    ChannelFinished {
        /// The channel.
        channel: RunChannel,
        /// How.
        status: ProgressStatus,
        /// Messages committed.
        messages: u64,
        /// The cause, if it failed.
        error: Option<String>,
    },
    /// How far a job is, about once a second.
    JobProgress {
        /// The job.
        job_id: String,
        /// What it did so far.
        stats: JobStats,
    },
    /// A tenant's part of the run ended.
    JobFinished {
        /// The job.
        job_id: String,
        /// How.
        status: JobStatus,
    },
    /// The platform said "too often".
    RateLimited {
        /// `user`, `shared`, `global` or `unknown`.
        scope: &'static str,
        /// How long it wants to be left alone.
        wait: Duration,
        /// The limit it names, requests per window.
        limit: Option<u16>,
        /// Method and path, without parameters.
        endpoint: String,
    },
    /// A request will be sent again.
    Retrying {
        /// Why.
        error: String,
        /// After how long.
        wait: Duration,
    },
    /// Something to tell the user that needn't worry them.
    Note(String),
    /// Something to tell the user that isn't a failure.
    Warning(String),
}

/// Told of everything that is counted or happens, from any thread. It returns
/// fast and never fails.
pub trait Monitor: Send + Sync {
    /// Adds to a counter.
    fn count(&self, counter: Counter, amount: u64);

    /// Takes note of an event.
    fn event(&self, event: Event);
}

/// Tells several others.
pub struct All(pub Vec<Arc<dyn Monitor>>);

impl Monitor for All {
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

/// Looks away.
#[derive(Debug, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn count(&self, _: Counter, _: u64) {}

    fn event(&self, _: Event) {}
}
