//! Threads that a message, or their parent, names and that no listing did.

use rusqlite::{Connection, params};

use super::{ArchiveError, ChannelRow, Reader, TenantRow, Tx};
use crate::model::{ChannelId, Timestamp};

/// Notes a thread that something in a channel names, unless it is archived.
///
/// # Errors
/// When the archive can't be written.
pub fn note(tx: &Tx<'_>, parent: ChannelRow, thread: ChannelId, now: Timestamp) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO named_threads (channel_id, platform_id, created_at, updated_at)
             SELECT ?1, ?2, ?3, ?3 FROM channels p
              WHERE p.id = ?1 AND NOT EXISTS (SELECT 1 FROM channels c
                                               WHERE c.tenant_id = p.tenant_id AND c.platform_id = ?2)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![parent.0, thread.as_i64(), now.as_millis()])?;
    Ok(())
}

/// Takes note that threads were asked for: those that are archived from now on,
/// and those that are not to be. The former stay here: no listing named them.
///
/// # Errors
/// When the archive can't be written.
pub fn settle(
    tx: &Tx<'_>,
    tenant: TenantRow,
    asked: &[ChannelId],
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let ids: Vec<i64> = asked.iter().map(|id| id.as_i64()).collect();
    tx.connection
        .prepare_cached(
            "UPDATE named_threads SET asked_at = ?3, updated_at = ?3
              WHERE platform_id IN (SELECT value FROM json_each(?2))
                AND channel_id IN (SELECT id FROM channels WHERE tenant_id = ?1)",
        )?
        .execute(params![tenant.0, serde_json::Value::from(ids).to_string(), now.as_millis()])?;
    Ok(())
}

/// Whether threads are named that are not archived: not asked for yet, or `all`.
///
/// # Errors
/// When the archive can't be read.
pub fn exist(tx: &Tx<'_>, tenant: TenantRow, all: bool) -> Result<bool, ArchiveError> {
    Ok(!named(tx.connection, tenant, all)?.is_empty())
}

impl Reader {
    /// Threads that are named and not archived, each with the channel that they
    /// hang below: those that were not asked for yet, or `all`.
    ///
    /// # Errors
    /// When the archive can't be read.
    pub fn named_threads(
        &self,
        tenant: TenantRow,
        all: bool,
    ) -> Result<Vec<(ChannelId, ChannelId)>, ArchiveError> {
        named(&self.connection, tenant, all)
    }
}

fn named(
    connection: &Connection,
    tenant: TenantRow,
    all: bool,
) -> Result<Vec<(ChannelId, ChannelId)>, ArchiveError> {
    let mut select = connection.prepare_cached(
        "SELECT n.platform_id, p.platform_id
               FROM named_threads n JOIN channels p ON p.id = n.channel_id
              WHERE p.tenant_id = ?1 AND p.state = 'active' AND (?2 OR n.asked_at IS NULL)
                AND NOT EXISTS (SELECT 1 FROM channels c
                                 WHERE c.tenant_id = p.tenant_id AND c.platform_id = n.platform_id)
              ORDER BY n.platform_id",
    )?;
    let rows = select.query_map(params![tenant.0, all], |row| {
        Ok((ChannelId::from_i64(row.get(0)?), ChannelId::from_i64(row.get(1)?)))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().filter_map(|(thread, parent)| Some((thread?, parent?))).collect())
}
