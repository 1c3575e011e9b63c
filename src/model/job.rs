//! Jobs, channels and tenants as `status` and the reports display them.

use super::{
    Cause, Counts, Finding, JobKind, JobStatus, ProgressStatus, TenantStatus, Timestamp, WorkspaceId,
};

/// The work on one tenant in one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The job's ID.
    pub job_id: String,
    /// The ID of its run.
    pub run_id: String,
    /// The tenant's name.
    pub tenant: String,
    /// The name of the tenant's platform; empty if unknown, as for a queued job.
    pub platform: String,
    /// Incremental or full.
    pub kind: JobKind,
    /// Its current or final status.
    pub status: JobStatus,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Its statistics so far.
    pub stats: JobStats,
    /// Its errors.
    pub errors: Vec<JobError>,
    /// The channels it reads or has read.
    pub channels: Vec<ChannelResult>,
    /// Its position in the queue, from 1; only for queued jobs.
    pub queue_position: Option<u32>,
}

impl Job {
    /// The ID of a run's job for the tenant at `index` (from 0).
    pub fn id_of(run_id: &str, index: usize) -> String {
        format!("{run_id}-{}", index + 1)
    }

    /// A queued job.
    pub fn queued(run_id: &str, index: usize, tenant: &str, queue_position: Option<u32>) -> Self {
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

/// The statistics of a job. They cover this job alone, not earlier runs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JobStats {
    /// Channels planned to be read.
    pub channels_total: u64,
    /// Channels of these that were read to their end or failed.
    pub channels_processed: u64,
    /// Channels not read because nothing can have changed.
    pub channels_skipped: u64,
    /// Public channels that the bot lacks permission to read.
    pub channels_unreadable: u64,
    /// Pending reactor lists (one per message and emoji).
    pub pending_reactor_lists: u64,
    /// The greatest number of channels that were open at once.
    pub max_concurrent_channels: u64,
    /// Average time per processed channel, in seconds.
    pub average_channel_seconds: f64,
    /// The counters.
    pub counts: Counts,
    /// Progress from 0 to 1.
    pub progress: f64,
    /// Estimated seconds to the end; `None` until they can be estimated.
    pub eta_seconds: Option<f64>,
}

/// An error that occurred in a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    /// The ID of the channel in the platform's format; `None` if the error concerns the
    /// whole job.
    pub channel_id: Option<String>,
    /// Its classification.
    pub cause: Cause,
    /// The error text.
    pub error: String,
    /// When it occurred.
    pub at: Timestamp,
}

impl JobError {
    /// The part that is stored as the last error of a channel or tenant.
    pub fn as_last_error(&self) -> LastError {
        LastError { cause: Some(self.cause), error: self.error.clone() }
    }
}

/// The last error of a channel or tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// Its classification; `None` if the archive holds none, or one that this version
    /// doesn't know.
    pub cause: Option<Cause>,
    /// The error text.
    pub error: String,
}

impl LastError {
    /// The name of its cause, if known.
    pub fn cause_name(&self) -> Option<&'static str> {
        self.cause.map(Cause::name)
    }
}

/// The reading of one channel in a job.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelResult {
    /// The channel's ID in the platform's format.
    pub channel_id: String,
    /// The channel's name, scrubbed.
    pub name: String,
    /// Current or final status.
    pub status: ProgressStatus,
    /// The channel slot that it occupies.
    pub worker_id: Option<u64>,
    /// When reading began.
    pub started_at: Option<Timestamp>,
    /// When reading ended.
    pub completed_at: Option<Timestamp>,
    /// The ID of the last message read, in the platform's format.
    pub last_message_id: Option<String>,
    /// Messages read per second.
    pub messages_per_second: f64,
    /// The counters that are kept per channel; the others are 0.
    pub counts: Counts,
    /// The error text, if it failed.
    pub error: Option<String>,
}

/// Identifies a tenant: no two tenants have the same platform and workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantKey {
    /// The platform's name.
    pub platform: String,
    /// The ID of the workspace.
    pub id: WorkspaceId,
}

/// Summary of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantOverview {
    /// The tenant's name.
    pub name: String,
    /// Its platform and workspace.
    pub workspace: TenantKey,
    /// The workspace's ID in the platform's format.
    pub workspace_id: String,
    /// Status of its last job.
    pub status: TenantStatus,
    /// When its last job ended.
    pub last_sync_at: Option<Timestamp>,
    /// When a job that covered all its channels last ended as completed.
    pub last_success_at: Option<Timestamp>,
    /// Its last error.
    pub last_error: Option<LastError>,
    /// Channels and threads by state, categories excluded.
    pub channels: ChannelCounts,
    /// Number of archived messages.
    pub messages: u64,
    /// Malformed messages of active channels of which nothing is archived.
    pub malformed_messages: u64,
    /// Pending reactor lists (one per message and emoji).
    pub pending_reactor_lists: u64,
    /// Whether the last job covered fewer than half as many channels as the last
    /// successful one with the same selection.
    pub lost_channels: bool,
    /// Known incompleteness.
    pub findings: Vec<Finding>,
    /// Configured channel-list entries that match no archived channel, as text.
    pub unmatched: Vec<String>,
}

/// Channels and threads by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelCounts {
    /// All channels ever listed.
    pub total: u64,
    /// Active, and last read to their end.
    pub done: u64,
    /// Active, and the last read failed.
    pub failing: u64,
    /// Not visible to @everyone.
    pub hidden: u64,
    /// Public, but the bot lacks a permission.
    pub unreadable: u64,
    /// Deleted on the platform.
    pub deleted: u64,
}

/// A channel whose last read failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingChannel {
    /// The tenant's name.
    pub tenant: String,
    /// The name of the tenant's platform.
    pub platform: String,
    /// The channel's ID in the platform's format.
    pub channel_id: String,
    /// The channel's name, scrubbed.
    pub name: String,
    /// The last error.
    pub last_error: LastError,
    /// Consecutive runs that failed for a cause in the channel itself.
    pub failure_count: u32,
    /// When the first of these failed.
    pub since: Option<Timestamp>,
    /// When the last of these failed.
    pub failed_at: Option<Timestamp>,
}

/// Everything that `status` displays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StatusOverview {
    /// The selected tenants.
    pub tenants: Vec<TenantOverview>,
    /// Running jobs.
    pub running: Vec<Job>,
    /// Queued jobs.
    pub queued: Vec<Job>,
    /// Unfinished jobs whose process no longer exists.
    pub interrupted: Vec<Job>,
    /// Channels whose last read failed.
    pub failing_channels: Vec<FailingChannel>,
    /// Fields of the platform's objects that this version doesn't know: path, and number
    /// of objects that have it.
    pub unknown_fields: Vec<(String, u64)>,
}
