//! Jobs and tenants as people look at them.

use super::{
    Cause, Counts, Finding, JobKind, JobStatus, ProgressStatus, TenantStatus, Timestamp, WorkspaceId,
};

/// One tenant's part of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its own ID.
    pub job_id: String,
    /// The run it is part of.
    pub run_id: String,
    /// The tenant's name.
    pub tenant: String,
    /// The name of its platform; empty while it isn't known.
    pub platform: String,
    /// What was asked for.
    pub kind: JobKind,
    /// How it goes, or went.
    pub status: JobStatus,
    /// When its turn came.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// What it did so far.
    pub stats: JobStats,
    /// What failed.
    pub errors: Vec<JobError>,
    /// Every channel that was read.
    pub channels: Vec<ChannelResult>,
    /// Its place among those that wait, from 1.
    pub queue_position: Option<u32>,
}

impl Job {
    /// The ID of a run's job for its `index`th tenant, from 0.
    pub fn id_of(run_id: &str, index: usize) -> String {
        format!("{run_id}-{}", index + 1)
    }

    /// A job of a run that has not begun.
    pub fn waiting(run_id: &str, index: usize, tenant: &str, queue_position: Option<u32>) -> Self {
        Self {
            job_id: Self::id_of(run_id, index),
            run_id: run_id.to_owned(),
            tenant: tenant.to_owned(),
            platform: String::new(),
            kind: JobKind::Incremental,
            status: JobStatus::Queued,
            started_at: None,
            completed_at: None,
            stats: JobStats::default(),
            errors: Vec::new(),
            channels: Vec::new(),
            queue_position,
        }
    }
}

/// What a job did. Counts are of this job alone.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JobStats {
    /// Channels that have something to read.
    pub channels_total: u64,
    /// Channels whose reading ended, well or not.
    pub channels_processed: u64,
    /// Channels in which nothing can have changed.
    pub channels_skipped: u64,
    /// Public channels that the bot lacks the rights for.
    pub channels_unreadable: u64,
    /// Reactions (emoji of a message) whose users are still to be read.
    pub reactions_pending: u64,
    /// Most channels open at once.
    pub max_concurrent_channels: u64,
    /// Seconds a channel took on average.
    pub average_channel_seconds: f64,
    /// What was counted.
    pub counts: Counts,
    /// 0 to 1.
    pub progress: f64,
    /// Seconds to go, once that can be told.
    pub eta_seconds: Option<f64>,
}

/// Something that failed in a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    /// The channel, if it was one, as its platform writes it.
    pub channel_id: Option<String>,
    /// What follows from it.
    pub cause: Cause,
    /// What happened.
    pub error: String,
    /// When.
    pub at: Timestamp,
}

impl JobError {
    /// What is remembered of it.
    pub fn as_last_error(&self) -> LastError {
        LastError { cause: Some(self.cause), error: self.error.clone() }
    }
}

/// What failed last in a channel or for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// What follows from it; `None` if the archive doesn't know.
    pub cause: Option<Cause>,
    /// What happened.
    pub error: String,
}

impl LastError {
    /// The word for its cause, if that is known.
    pub fn cause_name(&self) -> Option<&'static str> {
        self.cause.map(Cause::name)
    }
}

/// A channel's part of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelResult {
    /// The channel, as its platform writes it.
    pub channel_id: String,
    /// Its name, scrubbed.
    pub name: String,
    /// How its reading goes, or ended.
    pub status: ProgressStatus,
    /// The slot that reads it.
    pub worker_id: Option<u64>,
    /// When its reading began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// The last message read, as its platform writes it.
    pub last_message_id: Option<String>,
    /// Messages a second.
    pub messages_per_second: f64,
    /// What was counted, of the counters that channels have.
    pub counts: Counts,
    /// The cause, if it failed.
    pub error: Option<String>,
}

/// A workspace of a platform: no other tenant has the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantKey {
    /// The platform's name.
    pub platform: String,
    /// The workspace.
    pub id: WorkspaceId,
}

/// A tenant at a glance.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantOverview {
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub workspace: TenantKey,
    /// The workspace's ID, as its platform writes it.
    pub workspace_id: String,
    /// What became of its last run.
    pub status: TenantStatus,
    /// When its last run ended.
    pub last_sync_at: Option<Timestamp>,
    /// When a run of all its channels last ended completed.
    pub last_success_at: Option<Timestamp>,
    /// What failed last.
    pub last_error: Option<LastError>,
    /// Channels and threads that hold messages, by what is known of them.
    pub channels: ChannelCounts,
    /// Messages in the archive.
    pub messages: u64,
    /// Messages that couldn't be read.
    pub broken_messages: u64,
    /// Reactions (emoji of a message) whose users are still to be read.
    pub reactions_pending: u64,
    /// Whether the last run read fewer than half of the channels of the last
    /// success under the same selection.
    pub lost_channels: bool,
    /// What is incomplete.
    pub findings: Vec<Finding>,
    /// Entries of the tenant's lists that match no archived channel, in words.
    pub unmatched: Vec<String>,
}

/// Channels and threads by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelCounts {
    /// All that were ever seen.
    pub total: u64,
    /// Read to the end.
    pub done: u64,
    /// Failed in the last run.
    pub failing: u64,
    /// Closed to @everyone.
    pub hidden: u64,
    /// Public, but the bot lacks a right.
    pub unreadable: u64,
    /// Deleted on the platform.
    pub deleted: u64,
}

/// A channel whose last reading failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingChannel {
    /// The tenant's name.
    pub tenant: String,
    /// The name of its platform.
    pub platform: String,
    /// The channel, as its platform writes it.
    pub channel_id: String,
    /// Its name, scrubbed.
    pub name: String,
    /// Why it failed.
    pub last_error: LastError,
    /// Runs in a row that failed for causes of its own.
    pub failure_count: u32,
    /// Since when it fails.
    pub since: Option<Timestamp>,
    /// When it last failed for a cause of its own.
    pub failed_at: Option<Timestamp>,
}

/// What `status` shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overview {
    /// Every tenant asked for.
    pub tenants: Vec<TenantOverview>,
    /// Jobs being worked on.
    pub running: Vec<Job>,
    /// Jobs whose turn has not come.
    pub queued: Vec<Job>,
    /// Jobs that are not finished, and whose process is gone.
    pub interrupted: Vec<Job>,
    /// Channels whose last reading failed.
    pub failing_channels: Vec<FailingChannel>,
    /// Fields of the platform's objects that this version doesn't know, by path,
    /// and how many objects had each.
    pub unknown_fields: Vec<(String, u64)>,
}
