//! Jobs: what each run did for each tenant and channel.

use rusqlite::params;

use super::{ArchiveError, ChannelRow, TenantRow, Tx};
use crate::model::{
    JobError, JobKind, JobStats, JobStatus, LastError, MessageId, ProgressStatus, RequestStats, Timestamp,
};

/// A job that waits for its turn.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its own ID.
    pub job_id: String,
    /// The run it is part of.
    pub run_id: String,
    /// Whose.
    pub tenant: TenantRow,
    /// What was asked for.
    pub kind: JobKind,
}

/// Records a job that waits.
///
/// # Errors
/// When the archive can't be written.
pub fn create(tx: &mut Tx<'_>, job: &NewJob, now: Timestamp) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO sync_jobs (id, run_id, tenant_id, kind, status, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?5)",
        )?
        .execute(params![job.job_id, job.run_id, job.tenant.0, job.kind.name(), now.as_millis()])?;
    Ok(())
}

/// A job's turn has come.
///
/// # Errors
/// When the archive can't be written.
pub fn start(tx: &mut Tx<'_>, job_id: &str, now: Timestamp) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE sync_jobs SET status = 'running', started_at = ?2, updated_at = ?2 WHERE id = ?1",
        )?
        .execute(params![job_id, now.as_millis()])?;
    Ok(())
}

/// What a job did so far.
///
/// # Errors
/// When the archive can't be written.
pub fn update(tx: &mut Tx<'_>, job_id: &str, stats: &JobStats, now: Timestamp) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE sync_jobs
                SET channels_total = ?2, channels_processed = ?3, channels_skipped = ?4, messages_processed = ?5,
                    reactions_processed = ?6, attachments_processed = ?7, max_concurrent_channels = ?8,
                    average_channel_seconds = ?9, progress = ?10, eta_seconds = ?11, updated_at = ?12,
                    channels_unreadable = ?13, total_api_calls = ?14, rate_limit_encounters = ?15, retries = ?16,
                    bucket_wait_seconds = ?17, global_wait_seconds = ?18, guard_wait_seconds = ?19,
                    pace_wait_seconds = ?20, retry_wait_seconds = ?21, reactions_pending = ?22, broken_messages = ?23,
                    messages_new = ?24, messages_changed = ?25
              WHERE id = ?1",
        )?
        .execute(params![
            job_id,
            count(stats.channels_total),
            count(stats.channels_processed),
            count(stats.channels_skipped),
            count(stats.messages_processed),
            count(stats.reactions_processed),
            count(stats.attachments_processed),
            count(stats.max_concurrent_channels),
            stats.average_channel_seconds,
            stats.progress,
            stats.eta_seconds,
            now.as_millis(),
            count(stats.channels_unreadable),
            count(stats.requests.sent),
            count(stats.requests.rate_limit_encounters),
            count(stats.requests.retries),
            stats.requests.waits.bucket_seconds,
            stats.requests.waits.global_seconds,
            stats.requests.waits.guard_seconds,
            stats.requests.waits.pace_seconds,
            stats.requests.waits.retry_seconds,
            count(stats.reactions_pending),
            count(stats.broken_messages),
            count(stats.messages_new),
            count(stats.messages_changed),
        ])?;
    Ok(())
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A job has ended.
///
/// # Errors
/// When the archive can't be written.
pub fn finish(
    tx: &mut Tx<'_>,
    job_id: &str,
    status: JobStatus,
    errors: &[JobError],
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let details = (!errors.is_empty())
        .then(|| errors.iter().map(error_json).collect::<serde_json::Value>().to_string());
    tx.connection
        .prepare_cached(
            "UPDATE sync_jobs SET status = ?2, completed_at = ?3, error_details = ?4, eta_seconds = NULL,
                    updated_at = ?3
              WHERE id = ?1",
        )?
        .execute(params![job_id, status.name(), now.as_millis(), details])?;
    Ok(())
}

fn error_json(error: &JobError) -> serde_json::Value {
    serde_json::json!({
        "channel_id": error.channel_id.map(|id| id.to_string()),
        "cause": error.cause.name(),
        "error": error.error,
        "timestamp": error.at.as_millis(),
    })
}

/// The reverse of what [`finish`] stores; what can't be read is left out.
pub(super) fn errors_from_json(details: &str) -> Vec<JobError> {
    let items: Vec<serde_json::Value> = serde_json::from_str(details).unwrap_or_default();
    let error = |item: &serde_json::Value| {
        Some(JobError {
            channel_id: item["channel_id"].as_str().and_then(|id| id.parse().ok()),
            cause: item["cause"].as_str()?.parse().ok()?,
            error: item["error"].as_str()?.to_owned(),
            at: Timestamp::from_millis(item["timestamp"].as_i64()?),
        })
    };
    items.iter().filter_map(error).collect()
}

/// A channel's part of a job begins.
///
/// # Errors
/// When the archive can't be written.
pub fn start_channel(
    tx: &mut Tx<'_>,
    job_id: &str,
    channel: ChannelRow,
    worker: usize,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO channel_sync_jobs (job_id, channel_id, status, worker_id, started_at, created_at, updated_at)
             VALUES (?1, ?2, 'in_progress', ?3, ?4, ?4, ?4)
             ON CONFLICT (job_id, channel_id) DO NOTHING",
        )?
        .execute(params![job_id, channel.0, i64::try_from(worker).unwrap_or(0), now.as_millis()])?;
    Ok(())
}

/// How a channel's part of a job ended.
#[derive(Debug, Clone)]
pub struct ChannelEnd {
    /// How.
    pub status: ProgressStatus,
    /// Messages committed.
    pub messages_processed: u64,
    /// The last message read.
    pub last_message_id: Option<MessageId>,
    /// Messages a second.
    pub messages_per_second: f64,
    /// What its requests came to.
    pub requests: RequestStats,
    /// The cause, if it failed.
    pub error: Option<String>,
}

/// A channel's part of a job has ended.
///
/// # Errors
/// When the archive can't be written.
pub fn finish_channel(
    tx: &mut Tx<'_>,
    job_id: &str,
    channel: ChannelRow,
    end: &ChannelEnd,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE channel_sync_jobs
                SET status = ?3, completed_at = ?4, messages_processed = ?5, last_message_id = ?6,
                    messages_per_second = ?7, retry_count = ?8, error_details = ?9, updated_at = ?4,
                    total_api_calls = ?10, rate_limit_encounters = ?11, bucket_wait_seconds = ?12,
                    global_wait_seconds = ?13, guard_wait_seconds = ?14, pace_wait_seconds = ?15,
                    retry_wait_seconds = ?16
              WHERE job_id = ?1 AND channel_id = ?2",
        )?
        .execute(params![
            job_id,
            channel.0,
            end.status.name(),
            now.as_millis(),
            count(end.messages_processed),
            end.last_message_id.map(MessageId::as_i64),
            end.messages_per_second,
            count(end.requests.retries),
            end.error,
            count(end.requests.sent),
            count(end.requests.rate_limit_encounters),
            end.requests.waits.bucket_seconds,
            end.requests.waits.global_seconds,
            end.requests.waits.guard_seconds,
            end.requests.waits.pace_seconds,
            end.requests.waits.retry_seconds,
        ])?;
    Ok(())
}

/// A channel's reading ended in a way that left it no time to say so.
///
/// # Errors
/// When the archive can't be written.
pub fn fail_channel(
    tx: &mut Tx<'_>,
    job_id: &str,
    channel: ChannelRow,
    failed: &LastError,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection.execute(
        "UPDATE channel_sync_jobs SET status = 'failed', completed_at = ?3, error_details = ?4, updated_at = ?3
          WHERE job_id = ?1 AND channel_id = ?2",
        params![job_id, channel.0, now.as_millis(), failed.error],
    )?;
    tx.connection.execute(
        "UPDATE sync_progress
            SET status = 'failed', last_error = ?3, last_cause = ?4, worker_id = NULL, failure_count = failure_count + 1,
                first_failed_at = coalesce(first_failed_at, ?2), failed_at = ?2, updated_at = ?2
          WHERE channel_id = ?1",
        params![channel.0, now.as_millis(), failed.error, failed.cause_name()],
    )?;
    Ok(())
}

/// Marks what a dead process left unfinished. The caller holds the lock and
/// has no job of its own yet, so nobody alive has one.
///
/// # Errors
/// When the archive can't be written.
pub fn interrupt_abandoned(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, ArchiveError> {
    let now = now.as_millis();
    let connection = tx.connection;
    connection.execute(
        "UPDATE channel_sync_jobs SET status = 'interrupted', completed_at = ?1, updated_at = ?1
          WHERE status IN ('pending', 'in_progress') AND job_id IN
                (SELECT id FROM sync_jobs WHERE status IN ('queued', 'running'))",
        params![now],
    )?;
    let jobs = connection.execute(
        "UPDATE sync_jobs SET status = 'interrupted', completed_at = updated_at, eta_seconds = NULL, updated_at = ?1
          WHERE status IN ('queued', 'running')",
        params![now],
    )?;
    connection.execute(
        "UPDATE sync_progress SET status = 'interrupted', worker_id = NULL, updated_at = ?1
          WHERE status = 'in_progress'",
        params![now],
    )?;
    connection.execute(
        "UPDATE tenants SET status = 'partial', updated_at = ?1 WHERE status IN ('queued', 'syncing')",
        params![now],
    )?;
    Ok(jobs)
}

/// Removes what finished channel jobs left, up to a time.
///
/// # Errors
/// When the archive can't be written.
pub fn prune(tx: &mut Tx<'_>, completed_before: Timestamp) -> Result<usize, ArchiveError> {
    let delete = "DELETE FROM channel_sync_jobs WHERE completed_at < ?1";
    Ok(tx.connection.execute(delete, params![completed_before.as_millis()])?)
}
