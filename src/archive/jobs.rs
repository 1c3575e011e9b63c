//! Jobs: what each run did for each tenant and channel.

use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

use super::{ArchiveError, ChannelRow, TenantRow, Tx};
use crate::model::{
    Counter, CounterGroup, CounterSpec, CounterUnit, Counts, JobError, JobKind, JobStats, JobStatus,
    LastError, MessageId, ProgressStatus, Timestamp,
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
    static UPDATE: LazyLock<String> = LazyLock::new(|| {
        let counters = each(job_columns(), |column| format!(", {column} = ?"));
        format!(
            "UPDATE sync_jobs
                SET channels_total = ?, channels_processed = ?, channels_skipped = ?, channels_unreadable = ?,
                    reactions_pending = ?, max_concurrent_channels = ?, average_channel_seconds = ?, progress = ?,
                    eta_seconds = ?, updated_at = ?, counts = ?{counters}
              WHERE id = ?"
        )
    });
    let mut values: Vec<Value> = vec![
        count(stats.channels_total).into(),
        count(stats.channels_processed).into(),
        count(stats.channels_skipped).into(),
        count(stats.channels_unreadable).into(),
        count(stats.reactions_pending).into(),
        count(stats.max_concurrent_channels).into(),
        stats.average_channel_seconds.into(),
        stats.progress.into(),
        stats.eta_seconds.into(),
        now.as_millis().into(),
        other_counts(&stats.counts).into(),
    ];
    values.extend(job_columns().map(|(spec, _)| counted(spec, &stats.counts)));
    values.push(job_id.to_owned().into());
    tx.connection.prepare_cached(&UPDATE)?.execute(params_from_iter(values))?;
    Ok(())
}

/// The counters that jobs have columns for.
pub(super) fn job_columns() -> impl Iterator<Item = (&'static CounterSpec, &'static str)> {
    Counter::ALL.iter().filter_map(|spec| Some((spec, spec.job_column?)))
}

/// The counters of a job that have no column, as the column `counts` holds them.
fn other_counts(counts: &Counts) -> Option<String> {
    let counts: serde_json::Map<String, serde_json::Value> = counters_without_column(Counter::ALL)
        .map(|spec| (spec.key.to_owned(), counts.get(spec.counter).into()))
        .collect();
    (!counts.is_empty()).then(|| serde_json::Value::Object(counts).to_string())
}

/// The reverse of [`other_counts`]. A counter that this version doesn't know is left
/// out.
fn read_other_counts(text: &str, counts: &mut Counts) {
    let stored: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    for spec in counters_without_column(Counter::ALL) {
        counts.set(spec.counter, stored[spec.key].as_u64().unwrap_or_default());
    }
}

fn counters_without_column(specs: &[CounterSpec]) -> impl Iterator<Item = &CounterSpec> {
    specs.iter().filter(|spec| spec.job_column.is_none() && spec.group != CounterGroup::Estimate)
}

/// What a job counted, from the columns that [`super::status::select_jobs`] has last.
pub(super) fn read_job_counts(row: &Row<'_>, first: usize) -> rusqlite::Result<Counts> {
    let mut counts = read_counts(row, first + 1, job_columns())?;
    if let Some(text) = row.get_ref(first)?.as_str_or_null()? {
        read_other_counts(text, &mut counts);
    }
    Ok(counts)
}

/// The counters that channels have columns for.
pub(super) fn channel_columns() -> impl Iterator<Item = (&'static CounterSpec, &'static str)> {
    Counter::ALL.iter().filter_map(|spec| Some((spec, spec.channel_column?)))
}

/// SQL that stands once for each column.
pub(super) fn each(
    columns: impl Iterator<Item = (&'static CounterSpec, &'static str)>,
    sql: impl Fn(&str) -> String,
) -> String {
    columns.map(|(_, column)| sql(column)).collect::<Vec<String>>().concat()
}

/// A counter as it is stored.
fn counted(spec: &CounterSpec, counts: &Counts) -> Value {
    match spec.unit {
        CounterUnit::Count => count(counts.get(spec.counter)).into(),
        CounterUnit::Seconds => counts.seconds(spec.counter).into(),
    }
}

/// Counters as they are stored, from the column `first` on.
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
        "channel_id": error.channel_id,
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
            channel_id: item["channel_id"].as_str().map(ToOwned::to_owned),
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
    /// The last message read.
    pub last_message_id: Option<MessageId>,
    /// Messages a second.
    pub messages_per_second: f64,
    /// What was counted.
    pub counts: Counts,
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
    static UPDATE: LazyLock<String> = LazyLock::new(|| {
        let counters = each(channel_columns(), |column| format!(", {column} = ?"));
        format!(
            "UPDATE channel_sync_jobs
                SET status = ?, completed_at = ?, last_message_id = ?, messages_per_second = ?, error_details = ?,
                    updated_at = ?{counters}
              WHERE job_id = ? AND channel_id = ?"
        )
    });
    let mut values: Vec<Value> = vec![
        end.status.name().to_owned().into(),
        now.as_millis().into(),
        end.last_message_id.map(MessageId::as_i64).into(),
        end.messages_per_second.into(),
        end.error.clone().into(),
        now.as_millis().into(),
    ];
    values.extend(channel_columns().map(|(spec, _)| counted(spec, &end.counts)));
    values.extend([job_id.to_owned().into(), channel.0.into()]);
    tx.connection.prepare_cached(&UPDATE)?.execute(params_from_iter(values))?;
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
