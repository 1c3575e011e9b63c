//! Channel IDs that the names in a tenant's `exclude_channels` have resolved to. The
//! names are stored as hashes only.

use hashbrown::HashMap;
use rusqlite::params;

use super::{ArchiveError, Reader, TenantRow, Tx};
use crate::anonymize::text_hash;
use crate::model::{ChannelId, Timestamp};

/// Records that a name resolved to a channel.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record(
    tx: &Tx<'_>,
    tenant: TenantRow,
    name: &str,
    channel: ChannelId,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO excluded_channels (tenant_id, entry_hash, platform_id, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute(params![tenant.0, text_hash(name), channel.as_i64(), now.as_millis()])?;
    Ok(())
}

impl Reader {
    /// The channels that each of these names has resolved to. Names that resolved to none
    /// are left out.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn exclusions(
        &self,
        tenant: TenantRow,
        names: &[String],
    ) -> Result<HashMap<String, Vec<ChannelId>>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT platform_id FROM excluded_channels WHERE tenant_id = ?1 AND entry_hash = ?2",
        )?;
        let mut resolved = HashMap::new();
        for name in names {
            let rows = select.query_map(params![tenant.0, text_hash(name)], |row| row.get::<_, i64>(0))?;
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            let ids: Vec<ChannelId> = rows.into_iter().filter_map(ChannelId::from_i64).collect();
            if !ids.is_empty() {
                resolved.insert(name.clone(), ids);
            }
        }
        Ok(resolved)
    }
}
