//! Jobs: one tenant in one run (`sync_jobs`), and its channels (`channel_sync_jobs`).
//! Their columns for counters are those that [`Counter::ALL`] declares.

use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

use super::{ArchiveError, ChannelRow, TenantRow, Tx};
use crate::model::{
    Counter, CounterGroup, CounterSpec, CounterUnit, Counts, JobError, JobKind, JobStats, JobStatus,
    LastError, MessageId, ProgressStatus, Timestamp,
};

/// A job to be queued.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its ID.
    pub job_id: String,
    /// The run it is part of.
    pub run_id: String,
    /// The tenant.
    pub tenant: TenantRow,
    /// What kind of job it is.
    pub kind: JobKind,
}

/// Records a queued job.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn create(tx: &mut Tx<'_>, job: &NewJob, now: Timestamp) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO sync_jobs (id, run_id, tenant_id, kind, status, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?5)",
        )?
        .execute(params![job.job_id, job.run_id, job.tenant.0, job.kind.name(), now.as_millis()])?;
    Ok(())
}

/// Marks a job as running.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn start(tx: &mut Tx<'_>, job_id: &str, now: Timestamp) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE sync_jobs SET status = 'running', started_at = ?2, updated_at = ?2 WHERE id = ?1",
        )?
        .execute(params![job_id, now.as_millis()])?;
    Ok(())
}

/// Stores the statistics of a running job.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn update(tx: &mut Tx<'_>, job_id: &str, stats: &JobStats, now: Timestamp) -> Result<(), ArchiveError> {
    static UPDATE: LazyLock<String> = LazyLock::new(|| {
        let counter_columns = for_each_column(job_columns(), |column| format!(", {column} = ?"));
        format!(
            "UPDATE sync_jobs
                SET channels_total = ?, channels_processed = ?, channels_skipped = ?, channels_unreadable = ?,
                    reactions_pending = ?, max_concurrent_channels = ?, average_channel_seconds = ?, progress = ?,
                    eta_seconds = ?, updated_at = ?, counts = ?{counter_columns}
              WHERE id = ?"
        )
    });
    let mut values: Vec<Value> = vec![
        to_integer(stats.channels_total).into(),
        to_integer(stats.channels_processed).into(),
        to_integer(stats.channels_skipped).into(),
        to_integer(stats.channels_unreadable).into(),
        to_integer(stats.pending_reactor_lists).into(),
        to_integer(stats.max_concurrent_channels).into(),
        stats.average_channel_seconds.into(),
        stats.progress.into(),
        stats.eta_seconds.into(),
        now.as_millis().into(),
        other_counts(&stats.counts).into(),
    ];
    values.extend(job_columns().map(|(spec, _)| counter_value(spec, &stats.counts)));
    values.push(job_id.to_owned().into());
    tx.connection.prepare_cached(&UPDATE)?.execute(params_from_iter(values))?;
    Ok(())
}

/// The counters with a column of their own in `sync_jobs`, and that column.
pub(super) fn job_columns() -> impl Iterator<Item = (&'static CounterSpec, &'static str)> {
    Counter::ALL.iter().filter_map(|spec| Some((spec, spec.job_column?)))
}

/// JSON for the column `counts`: the counters of a job without a column of their own.
fn other_counts(counts: &Counts) -> Option<String> {
    let counts: serde_json::Map<String, serde_json::Value> = counters_without_column(Counter::ALL)
        .map(|spec| (spec.key.to_owned(), counts.get(spec.counter).into()))
        .collect();
    (!counts.is_empty()).then(|| serde_json::Value::Object(counts).to_string())
}

/// The reverse of [`other_counts`]. Counters that this version doesn't know are ignored.
fn read_other_counts(text: &str, counts: &mut Counts) {
    let stored: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    for spec in counters_without_column(Counter::ALL) {
        counts.set(spec.counter, stored[spec.key].as_u64().unwrap_or_default());
    }
}

fn counters_without_column(specs: &[CounterSpec]) -> impl Iterator<Item = &CounterSpec> {
    specs.iter().filter(|spec| spec.job_column.is_none() && spec.group != CounterGroup::Estimate)
}

/// Reads a job's counters from the last columns of [`super::status::select_jobs`], which
/// begin with `counts` at index `first`.
pub(super) fn read_job_counts(row: &Row<'_>, first: usize) -> rusqlite::Result<Counts> {
    let mut counts = read_counts(row, first + 1, job_columns())?;
    if let Some(text) = row.get_ref(first)?.as_str_or_null()? {
        read_other_counts(text, &mut counts);
    }
    Ok(counts)
}

/// The counters with a column in `channel_sync_jobs`, and that column.
pub(super) fn channel_columns() -> impl Iterator<Item = (&'static CounterSpec, &'static str)> {
    Counter::ALL.iter().filter_map(|spec| Some((spec, spec.channel_column?)))
}

/// Concatenates the SQL that `sql` gives for each column.
pub(super) fn for_each_column(
    columns: impl Iterator<Item = (&'static CounterSpec, &'static str)>,
    sql: impl Fn(&str) -> String,
) -> String {
    columns.map(|(_, column)| sql(column)).collect::<Vec<String>>().concat()
}

/// A counter as its column stores it: an integer count, or seconds.
fn counter_value(spec: &CounterSpec, counts: &Counts) -> Value {
    match spec.unit {
        CounterUnit::Count => to_integer(counts.get(spec.counter)).into(),
        CounterUnit::Seconds => counts.seconds(spec.counter).into(),
    }
}

/// Reads one counter per column, beginning with column index `first`.
pub(super) fn read_counts(
    row: &Row<'_>,
    first: usize,
    columns: impl Iterator<Item = (&'static CounterSpec, &'static str)>,
) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    for (index, (spec, _)) in columns.enumerate() {
        match spec.unit {
            CounterUnit::Count => counts.set(spec.counter, row.get(first + index)?),
            CounterUnit::Seconds => counts.set_seconds(spec.counter, row.get(first + index)?),
        }
    }
    Ok(counts)
}

fn to_integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Stores how a job ended, with its errors.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
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
        "channel_id": error.channel_id,
        "cause": error.cause.name(),
        "error": error.error,
        "timestamp": error.at.as_millis(),
    })
}

/// Reads the errors that [`finish`] stores; malformed ones are left out.
pub(super) fn errors_from_json(details: &str) -> Vec<JobError> {
    let items: Vec<serde_json::Value> = serde_json::from_str(details).unwrap_or_default();
    let error = |item: &serde_json::Value| {
        Some(JobError {
            channel_id: item["channel_id"].as_str().map(ToOwned::to_owned),
            cause: item["cause"].as_str()?.parse().ok()?,
            error: item["error"].as_str()?.to_owned(),
            at: Timestamp::from_millis(item["timestamp"].as_i64()?),
        })
    };
    items.iter().filter_map(error).collect()
}

/// Records that a job has started to read a channel.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
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

/// How a job's read of a channel ended.
#[derive(Debug, Clone)]
pub struct ChannelJobOutcome {
    /// The status it ended with.
    pub status: ProgressStatus,
    /// The last message read.
    pub last_message_id: Option<MessageId>,
    /// Throughput, in messages per second.
    pub messages_per_second: f64,
    /// The job's counters for this channel.
    pub counts: Counts,
    /// The error, if it failed.
    pub error: Option<String>,
}

/// Stores how a job's read of a channel ended.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn finish_channel(
    tx: &mut Tx<'_>,
    job_id: &str,
    channel: ChannelRow,
    outcome: &ChannelJobOutcome,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    static UPDATE: LazyLock<String> = LazyLock::new(|| {
        let counter_columns = for_each_column(channel_columns(), |column| format!(", {column} = ?"));
        format!(
            "UPDATE channel_sync_jobs
                SET status = ?, completed_at = ?, last_message_id = ?, messages_per_second = ?, error_details = ?,
                    updated_at = ?{counter_columns}
              WHERE job_id = ? AND channel_id = ?"
        )
    });
    let mut values: Vec<Value> = vec![
        outcome.status.name().to_owned().into(),
        now.as_millis().into(),
        outcome.last_message_id.map(MessageId::as_i64).into(),
        outcome.messages_per_second.into(),
        outcome.error.clone().into(),
        now.as_millis().into(),
    ];
    values.extend(channel_columns().map(|(spec, _)| counter_value(spec, &outcome.counts)));
    values.extend([job_id.to_owned().into(), channel.0.into()]);
    tx.connection.prepare_cached(&UPDATE)?.execute(params_from_iter(values))?;
    Ok(())
}

/// Records the failure of a channel whose task ended without recording it, such as by a
/// panic.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_channel_failure(
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

/// Marks jobs and channels that a dead process left unfinished as interrupted. The caller
/// holds the lock and has no job of its own yet, so no unfinished job belongs to a live
/// process. Returns the number of jobs.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
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

/// Deletes channel jobs that completed before a time. Returns how many there were.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn prune(tx: &mut Tx<'_>, completed_before: Timestamp) -> Result<usize, ArchiveError> {
    let delete = "DELETE FROM channel_sync_jobs WHERE completed_at < ?1";
    Ok(tx.connection.execute(delete, params![completed_before.as_millis()])?)
}
