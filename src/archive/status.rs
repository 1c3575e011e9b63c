//! Queries for `status` and a run's summary, answered from counters and jobs without
//! scanning messages.

use rusqlite::{OptionalExtension as _, Row, params};

use super::reader::time;
use super::schema::message_id_sql;
use super::{ArchiveError, Reader, TenantRow, jobs};
use crate::model::{
    ChannelCounts, ChannelId, ChannelResult, FailingChannel, Job, JobKind, JobStats, JobStatus, LastError,
    ProgressStatus, TenantKey, TenantOverview, TenantStatus, WorkspaceId,
};

/// The SELECT of jobs with their counters, without a WHERE clause.
pub(super) fn select_jobs() -> String {
    let counters = jobs::for_each_column(jobs::job_columns(), |column| format!(", j.{column}"));
    format!(
        "SELECT j.id, j.run_id, t.name, j.kind, j.status, j.started_at, j.completed_at, j.channels_total,
                j.channels_processed, j.channels_skipped, j.channels_unreadable, j.reactions_pending,
                j.max_concurrent_channels, j.average_channel_seconds, j.progress, j.eta_seconds,
                j.error_details, t.platform, j.counts{counters}
           FROM sync_jobs j JOIN tenants t ON t.id = j.tenant_id"
    )
}

/// WHERE and ORDER BY clauses for a run's jobs, in the order of its tenants. A job's ID
/// is the run's ID, a hyphen and a number.
pub(super) const OF_RUN: &str = "WHERE j.id > ?1 || '-' AND j.id < ?1 || '.' ORDER BY length(j.id), j.id";

/// Condition for all channels of a job.
const ALL_CHANNELS: &str = "TRUE";
/// Condition for the channels that a summary lists: not completed, with an error, and the
/// last one to finish.
const SUMMARIZED_CHANNELS: &str = "r.status <> 'completed' OR r.error_details IS NOT NULL
    OR c.id_text IN (SELECT e.value ->> 'channel_id'
                           FROM sync_jobs j, json_each(j.error_details) e WHERE j.id = ?1)
    OR r.id = (SELECT l.id FROM channel_sync_jobs l WHERE l.job_id = ?1
                ORDER BY l.completed_at DESC, l.id DESC LIMIT 1)";

/// WHERE and ORDER BY clauses for queued and running jobs, oldest first.
pub(super) const UNFINISHED: &str =
    "WHERE j.status IN ('queued', 'running') ORDER BY j.created_at, length(j.id), j.id";

impl Reader {
    /// All tenants in the archive, ordered by name.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn tenants(&self) -> Result<Vec<TenantOverview>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT t.name, t.platform_id, t.status, t.last_sync_at, t.last_success_at, t.last_error,
                    count(c.id), coalesce(sum(c.state = 'active' AND s.status = 'completed'), 0),
                    coalesce(sum(c.state = 'active' AND s.status = 'failed'), 0), coalesce(sum(c.state = 'hidden'), 0),
                    coalesce(sum(c.state = 'unreadable'), 0), coalesce(sum(c.state = 'deleted'), 0),
                    coalesce(sum(c.message_count), 0),
                    (SELECT count(*) FROM broken_messages b JOIN channels bc ON bc.id = b.channel_id
                      WHERE bc.tenant_id = t.id AND bc.state = 'active' AND b.is_archived = 0),
                    (SELECT count(*) FROM message_reaction_counts k JOIN channels kc ON kc.id = k.channel_id
                      WHERE k.users_due = 1 AND kc.tenant_id = t.id),
                    t.last_cause, t.id,
                    t.last_selection IS t.success_selection AND 2 * t.last_channels < t.success_channels,
                    t.platform, t.id_text
               FROM tenants t
               LEFT JOIN channels c ON c.tenant_id = t.id AND c.kind <> 'category'
               LEFT JOIN sync_progress s ON s.channel_id = c.id
              GROUP BY t.id ORDER BY t.name",
        )?;
        let rows = select.query_map([], |row| Ok((TenantRow(row.get(16)?), tenant(row)?)))?;
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let mut tenants = Vec::new();
        for (row, tenant) in rows {
            let Some(tenant) = tenant else { continue };
            tenants.push(TenantOverview { findings: self.findings(row)?, ..tenant });
        }
        Ok(tenants)
    }

    /// Queued and running jobs, oldest first.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn unfinished_jobs(&self) -> Result<Vec<Job>, ArchiveError> {
        self.jobs(UNFINISHED, "", ALL_CHANNELS)
    }

    /// The jobs of a run, in the order of its tenants.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn jobs_of_run(&self, run_id: &str) -> Result<Vec<Job>, ArchiveError> {
        self.jobs(OF_RUN, run_id, ALL_CHANNELS)
    }

    /// Like [`Reader::jobs_of_run`], with only the channels that a summary lists: a run
    /// may have read very many channels.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn summaries_of_run(&self, run_id: &str) -> Result<Vec<Job>, ArchiveError> {
        self.jobs(OF_RUN, run_id, SUMMARIZED_CHANNELS)
    }

    /// The last runs with jobs that are `wanted`, the newest first, without the channels of their jobs.
    /// `wanted` may rename a job's tenant.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn last_runs(
        &self,
        count: usize,
        mut wanted: impl FnMut(&mut Job) -> bool,
    ) -> Result<Vec<Vec<Job>>, ArchiveError> {
        // The IDs of runs begin with their times, to the second.
        let mut select = self.connection.prepare(&format!("{} ORDER BY j.id DESC", select_jobs()))?;
        let mut rows = select.query([])?;
        let mut runs: Vec<Vec<Job>> = Vec::new();
        while let Some(row) = rows.next()? {
            let mut job = job(row)?;
            if !wanted(&mut job) {
                continue;
            }
            let is_full = runs.len() == count;
            match runs.last_mut() {
                Some(run) if run[0].run_id == job.run_id => run.push(job),
                _ if is_full => break,
                _ => runs.push(vec![job]),
            }
        }
        for run in &mut runs {
            run.sort_by(|one, other| {
                (one.job_id.len(), &one.job_id).cmp(&(other.job_id.len(), &other.job_id))
            });
        }
        Ok(runs)
    }

    /// A job with all its channels; `None` if there is no such job.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn job(&self, job_id: &str) -> Result<Option<Job>, ArchiveError> {
        Ok(self.jobs("WHERE j.id = ?1", job_id, ALL_CHANNELS)?.pop())
    }

    fn jobs(&self, condition: &str, key: &str, channels: &str) -> Result<Vec<Job>, ArchiveError> {
        let mut select = self.connection.prepare_cached(&format!("{} {condition}", select_jobs()))?;
        let keys: &[&dyn rusqlite::ToSql] = if condition.contains("?1") { &[&key] } else { &[] };
        let mut jobs: Vec<Job> = select.query_map(keys, job)?.collect::<Result<_, _>>()?;
        for job in &mut jobs {
            job.channels = self.channel_results(&job.job_id, channels)?;
        }
        Ok(jobs)
    }

    fn channel_results(&self, job_id: &str, channels: &str) -> Result<Vec<ChannelResult>, ArchiveError> {
        let counters = jobs::for_each_column(jobs::channel_columns(), |column| format!(", r.{column}"));
        let last_message = message_id_sql!("r.last_message_id");
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT c.id_text, c.name, r.status, r.worker_id, r.started_at, r.completed_at,
                    {last_message},
                    r.messages_per_second, r.error_details{counters}
               FROM channel_sync_jobs r JOIN channels c ON c.id = r.channel_id JOIN tenants t ON t.id = c.tenant_id
              WHERE r.job_id = ?1 AND ({channels}) ORDER BY r.id",
        ))?;
        let rows = select.query_map(params![job_id], channel_result)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Active channels whose last read failed.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn failing_channels(&self) -> Result<Vec<FailingChannel>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT t.name, c.id_text, c.name, s.last_error, s.failure_count, s.first_failed_at, s.failed_at,
                    s.last_cause, t.platform
               FROM sync_progress s
               JOIN channels c ON c.id = s.channel_id
               JOIN tenants t ON t.id = s.tenant_id
              WHERE s.status = 'failed' AND c.state = 'active'
              ORDER BY t.name, c.platform_id",
        )?;
        let rows = select.query_map([], |row| {
            Ok(FailingChannel {
                tenant: row.get(0)?,
                platform: row.get(8)?,
                channel_id: row.get(1)?,
                name: row.get(2)?,
                last_error: last_error(row, 3, 7)?
                    .unwrap_or_else(|| LastError { cause: None, error: String::new() }),
                failure_count: row.get(4)?,
                since: time(row, 5)?,
                failed_at: time(row, 6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The name of a tenant's channel; `None` if it isn't archived.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn channel_name(
        &self,
        tenant: TenantRow,
        channel: ChannelId,
    ) -> Result<Option<String>, ArchiveError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT name FROM channels WHERE tenant_id = ?1 AND platform_id = ?2")?;
        Ok(select.query_row(params![tenant.0, channel.as_i64()], |row| row.get(0)).optional()?)
    }
}

fn last_error(row: &Row<'_>, error: usize, cause: usize) -> rusqlite::Result<Option<LastError>> {
    let cause = row.get_ref(cause)?.as_str_or_null()?.and_then(|word| word.parse().ok());
    Ok(row.get::<_, Option<String>>(error)?.map(|error| LastError { cause, error }))
}

fn tenant(row: &Row<'_>) -> rusqlite::Result<Option<TenantOverview>> {
    let time = |column| time(row, column);
    let Some(id) = WorkspaceId::from_i64(row.get(1)?) else {
        return Ok(None);
    };
    Ok(Some(TenantOverview {
        name: row.get(0)?,
        workspace: TenantKey { platform: row.get(18)?, id },
        workspace_id: row.get(19)?,
        status: row.get_ref(2)?.as_str()?.parse().unwrap_or(TenantStatus::Pending),
        last_sync_at: time(3)?,
        last_success_at: time(4)?,
        last_error: last_error(row, 5, 15)?,
        channels: ChannelCounts {
            total: row.get(6)?,
            done: row.get(7)?,
            failing: row.get(8)?,
            hidden: row.get(9)?,
            unreadable: row.get(10)?,
            deleted: row.get(11)?,
        },
        messages: row.get(12)?,
        malformed_messages: row.get(13)?,
        pending_reactor_lists: row.get(14)?,
        lost_channels: row.get::<_, Option<bool>>(17)?.unwrap_or(false),
        findings: Vec::new(),
        unmatched: Vec::new(),
    }))
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let time = |column| time(row, column);
    Ok(Job {
        job_id: row.get(0)?,
        run_id: row.get(1)?,
        tenant: row.get(2)?,
        platform: row.get(17)?,
        kind: row.get_ref(3)?.as_str()?.parse().unwrap_or(JobKind::Incremental),
        status: row.get_ref(4)?.as_str()?.parse().unwrap_or(JobStatus::Interrupted),
        started_at: time(5)?,
        completed_at: time(6)?,
        stats: JobStats {
            channels_total: row.get(7)?,
            channels_processed: row.get(8)?,
            channels_skipped: row.get(9)?,
            channels_unreadable: row.get(10)?,
            pending_reactor_lists: row.get(11)?,
            max_concurrent_channels: row.get(12)?,
            average_channel_seconds: row.get(13)?,
            progress: row.get(14)?,
            eta_seconds: row.get(15)?,
            counts: jobs::read_job_counts(row, 18)?,
        },
        errors: row
            .get::<_, Option<String>>(16)?
            .map(|details| jobs::errors_from_json(&details))
            .unwrap_or_default(),
        channels: Vec::new(),
        queue_position: None,
    })
}

fn channel_result(row: &Row<'_>) -> rusqlite::Result<ChannelResult> {
    let time = |column| time(row, column);
    Ok(ChannelResult {
        channel_id: row.get(0)?,
        name: row.get(1)?,
        status: row.get_ref(2)?.as_str()?.parse().unwrap_or(ProgressStatus::Interrupted),
        worker_id: row.get(3)?,
        started_at: time(4)?,
        completed_at: time(5)?,
        last_message_id: row.get(6)?,
        messages_per_second: row.get(7)?,
        error: row.get(8)?,
        counts: jobs::read_counts(row, 9, jobs::channel_columns())?,
    })
}
