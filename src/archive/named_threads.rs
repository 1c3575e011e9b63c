//! Threads that a message, or their parent, names and that no listing did.

use rusqlite::{Connection, params};

use super::{ArchiveError, ChannelRow, Reader, TenantRow, Tx};
use crate::model::{CONFIRMATION_INTERVAL, ChannelId, Timestamp};

/// An answer that a named thread isn't there is asked for again, a day apart, until
/// it was asked for so often.
const MOST_ATTEMPTS: u32 = 3;

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

/// Takes note that threads were asked for: those for which an answer came, whatever
/// it said, and those that failed. Those that are archived from now on stay here:
/// no listing named them.
///
/// # Errors
/// When the archive can't be written.
pub fn settle(
    tx: &Tx<'_>,
    tenant: TenantRow,
    answered: &[ChannelId],
    failed: &[ChannelId],
    now: Timestamp,
) -> Result<(), ArchiveError> {
    for (threads, answered_at) in [(answered, Some(now.as_millis())), (failed, None)] {
        let ids: Vec<i64> = threads.iter().map(|id| id.as_i64()).collect();
        tx.connection
            .prepare_cached(
                "UPDATE named_threads
                    SET asked_at = coalesce(?3, asked_at), attempts = attempts + 1, updated_at = ?4
                  WHERE platform_id IN (SELECT value FROM json_each(?2))
                    AND channel_id IN (SELECT id FROM channels WHERE tenant_id = ?1)",
            )?
            .execute(params![
                tenant.0,
                serde_json::Value::from(ids).to_string(),
                answered_at,
                now.as_millis()
            ])?;
    }
    Ok(())
}

/// Whether threads are named that are not archived and are to be asked for now, or
/// `all`.
///
/// # Errors
/// When the archive can't be read.
pub fn exist(tx: &Tx<'_>, tenant: TenantRow, all: bool, now: Timestamp) -> Result<bool, ArchiveError> {
    Ok(!named(tx.connection, tenant, all, now)?.is_empty())
}

impl Reader {
    /// Threads that are named and not archived, each with the channel that they
    /// hang below: those that are to be asked for now, or `all`. Those that were
    /// asked for least often come first.
    ///
    /// # Errors
    /// When the archive can't be read.
    pub fn named_threads(
        &self,
        tenant: TenantRow,
        all: bool,
        now: Timestamp,
    ) -> Result<Vec<(ChannelId, ChannelId)>, ArchiveError> {
        named(&self.connection, tenant, all, now)
    }
}

fn named(
    connection: &Connection,
    tenant: TenantRow,
    all: bool,
    now: Timestamp,
) -> Result<Vec<(ChannelId, ChannelId)>, ArchiveError> {
    let mut select = connection.prepare_cached(
        "SELECT n.platform_id, p.platform_id
               FROM named_threads n JOIN channels p ON p.id = n.channel_id
              WHERE p.tenant_id = ?1 AND p.state = 'active'
                AND (?2 OR n.asked_at IS NULL OR (n.attempts < ?3 AND n.asked_at <= ?4))
                AND NOT EXISTS (SELECT 1 FROM channels c
                                 WHERE c.tenant_id = p.tenant_id AND c.platform_id = n.platform_id)
              ORDER BY n.attempts, n.updated_at, n.platform_id",
    )?;
    let long_ago = now.earlier(CONFIRMATION_INTERVAL).as_millis();
    let rows = select.query_map(params![tenant.0, all, MOST_ATTEMPTS, long_ago], |row| {
        Ok((ChannelId::from_i64(row.get(0)?), ChannelId::from_i64(row.get(1)?)))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().filter_map(|(thread, parent)| Some((thread?, parent?))).collect())
}
