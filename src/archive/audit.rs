//! The audit log (`audit_log`): actions that change the archive for good, such as an
//! erasure or a migration. This module only appends to it.

use rusqlite::params;

use super::{ArchiveError, TenantRow, Tx};
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
