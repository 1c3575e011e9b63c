//! The audit log (`audit_log`): actions that change the archive for good, such as an
//! erasure or a migration. This module only appends to it.

use rusqlite::params;

use super::{ArchiveError, Reader, TenantRow, Tx};
use crate::model::Timestamp;

/// Appends an entry. `details` is a JSON value that must not identify a person.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record(
    tx: &mut Tx<'_>,
    action: &str,
    tenant: Option<TenantRow>,
    job_id: Option<&str>,
    details: Option<&serde_json::Value>,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO audit_log (action, tenant_id, job_id, details, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
        )?
        .execute(params![
            action,
            tenant.map(|tenant| tenant.0),
            job_id,
            details.map(ToString::to_string),
            now.as_millis(),
        ])?;
    Ok(())
}

/// Action of an export; its details have the path.
const EXPORT: &str = "export";

/// An export that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedExport {
    /// Where to.
    pub path: String,
    /// When the last one was made there.
    pub made_at: Timestamp,
}

/// Records an export.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_export(tx: &mut Tx<'_>, path: &str, format: &str, now: Timestamp) -> Result<(), ArchiveError> {
    let details = serde_json::json!({ "path": path, "format": format });
    record(tx, EXPORT, None, None, Some(&details), now)
}

impl Reader {
    /// The exports that were made, the newest first.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn recorded_exports(&self) -> Result<Vec<RecordedExport>, ArchiveError> {
        let mut select = self.connection.prepare(
            "SELECT details ->> '$.path', max(created_at) FROM audit_log
              WHERE action = ?1 AND details ->> '$.path' IS NOT NULL GROUP BY 1 ORDER BY 2 DESC",
        )?;
        let rows = select.query_map([EXPORT], |row| {
            Ok(RecordedExport { path: row.get(0)?, made_at: Timestamp::from_millis(row.get(1)?) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
