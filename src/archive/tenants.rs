//! Tenants, identified by platform and workspace, and how their last runs ended.

use rusqlite::params;

use super::{ArchiveError, TenantRow, Tx};
use crate::anonymize::text_hash;
use crate::model::{LastError, PlatformSpec, TenantStatus, Timestamp, WorkspaceId};

/// The row of a tenant. Inserts it if it is new; updates it if its name or its platform's
/// formats and message types changed.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn intern(
    tx: &mut Tx<'_>,
    platform: &PlatformSpec,
    workspace: WorkspaceId,
    name: &str,
    now: Timestamp,
) -> Result<TenantRow, ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO tenants (platform, platform_id, name, id_text, message_id_divisor, message_id_format,
                                  message_url_format, written_types, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?5, ?6, ?7, ?8, ?9, ?4, ?4)
             ON CONFLICT (platform, platform_id) DO UPDATE
                SET name = excluded.name, id_text = excluded.id_text,
                    message_id_divisor = excluded.message_id_divisor,
                    message_id_format = excluded.message_id_format,
                    message_url_format = excluded.message_url_format,
                    written_types = excluded.written_types, updated_at = excluded.updated_at
              WHERE (name, id_text, message_id_divisor, message_id_format, message_url_format, written_types)
                    IS NOT (excluded.name, excluded.id_text, excluded.message_id_divisor, excluded.message_id_format,
                            excluded.message_url_format, excluded.written_types)",
        )?
        .execute(params![
            platform.name,
            workspace.as_i64(),
            name,
            now.as_millis(),
            &*platform.ids.workspace_text(workspace),
            platform.message_ids.divisor(),
            platform.message_ids.printf_format(),
            platform.message_url_format(workspace),
            platform.written_types_mask(),
        ])?;
    let mut select =
        tx.connection.prepare_cached("SELECT id FROM tenants WHERE platform = ?1 AND platform_id = ?2")?;
    Ok(TenantRow(select.query_row(params![platform.name, workspace.as_i64()], |row| row.get(0))?))
}

/// Sets a tenant's status.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn set_status(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    status: TenantStatus,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached("UPDATE tenants SET status = ?2, updated_at = ?3 WHERE id = ?1 AND status <> ?2")?
        .execute(params![tenant.0, status.name(), now.as_millis()])?;
    Ok(())
}

/// Begins a full re-read of all channels, or continues an unfinished one. Returns the ID
/// of the job that began it.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn begin_full(tx: &mut Tx<'_>, tenant: TenantRow, job_id: &str) -> Result<String, ArchiveError> {
    tx.connection
        .prepare_cached("UPDATE tenants SET full_job_id = coalesce(full_job_id, ?2) WHERE id = ?1")?
        .execute(params![tenant.0, job_id])?;
    let mut select = tx.connection.prepare_cached("SELECT full_job_id FROM tenants WHERE id = ?1")?;
    Ok(select.query_row(params![tenant.0], |row| row.get(0))?)
}

/// How the run of a tenant ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRunOutcome {
    /// The tenant's new status.
    pub status: TenantStatus,
    /// Whether the run counts as the last success: it covered all channels, none failed.
    pub is_success: bool,
    /// Whether it completed a full re-read: every channel was read to its end or failed.
    pub completes_full: bool,
    /// The first error, if any.
    pub error: Option<LastError>,
    /// Number of channels that were read, or skipped because nothing can have changed.
    pub channels: u64,
    /// Text of the run's selection; its hash is stored, so that only runs with the same
    /// selection are compared.
    pub selection: String,
    /// Whether the run covered everything that the configuration selects.
    pub covers_configuration: bool,
    /// The time before which every message in a thread is known, if the run found that out.
    pub threads_known_until: Option<Timestamp>,
}

/// Forgets the time before which every message in a thread is known, until [`finish`] records
/// a new one: a run that ends before it has read what it found leaves every listing necessary.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn forget_threads_known_until(tx: &mut Tx<'_>, tenant: TenantRow) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE tenants SET threads_known_until = NULL WHERE id = ?1 AND threads_known_until IS NOT NULL",
        )?
        .execute(params![tenant.0])?;
    Ok(())
}

/// Records how the run of a tenant ended.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn finish(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    outcome: &TenantRunOutcome,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE tenants SET status = ?2, last_sync_at = ?3, last_error = ?4, last_cause = ?7, updated_at = ?3,
                    last_success_at = CASE WHEN ?5 THEN ?3 ELSE last_success_at END,
                    last_channels = CASE WHEN ?10 THEN ?8 ELSE last_channels END,
                    last_selection = CASE WHEN ?10 THEN ?9 ELSE last_selection END,
                    success_channels = CASE WHEN ?5 THEN ?8 ELSE success_channels END,
                    success_selection = CASE WHEN ?5 THEN ?9 ELSE success_selection END,
                    full_job_id = CASE WHEN ?6 THEN NULL ELSE full_job_id END,
                    threads_known_until = ?11
             WHERE id = ?1",
        )?
        .execute(params![
            tenant.0,
            outcome.status.name(),
            now.as_millis(),
            outcome.error.as_ref().map(|last| &last.error),
            outcome.is_success,
            outcome.completes_full,
            outcome.error.as_ref().and_then(LastError::cause_name),
            i64::try_from(outcome.channels).unwrap_or(i64::MAX),
            text_hash(&outcome.selection),
            outcome.covers_configuration,
            outcome.threads_known_until.map(Timestamp::as_millis),
        ])?;
    Ok(())
}
