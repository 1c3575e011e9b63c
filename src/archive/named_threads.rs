//! Named threads: threads that a message or their parent refers to, but no listing
//! returned. This module tracks which of them are still to be fetched by ID.

use rusqlite::{Connection, params};

use super::{ArchiveError, ChannelRow, Reader, TenantRow, Tx};
use crate::model::{CONFIRMATION_INTERVAL, ChannelId, NamedThread, Timestamp};

/// A named thread that was answered but isn't archived is fetched again, a
/// [`CONFIRMATION_INTERVAL`] apart, until this many attempts were made.
const MAX_ATTEMPTS: u32 = 3;

/// Records a thread that something in the channel `parent` names, unless it is archived.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record(
    tx: &Tx<'_>,
    parent: ChannelRow,
    thread: ChannelId,
    now: Timestamp,
) -> Result<(), ArchiveError> {
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

/// Records one fetch attempt for each thread: `answered` got any answer, `failed` got
/// none. Threads that are archived afterwards keep their rows, which record that no
/// listing returned them.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_attempts(
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

/// Whether [`Reader::named_threads`] would return any thread.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn any_pending(tx: &Tx<'_>, tenant: TenantRow, all: bool, now: Timestamp) -> Result<bool, ArchiveError> {
    Ok(!select_pending(tx.connection, tenant, all, now)?.is_empty())
}

impl Reader {
    /// Named threads that aren't archived, fewest attempts first. Unless `all` is set,
    /// only those due by `now`: never answered, or answered a [`CONFIRMATION_INTERVAL`]
    /// ago with attempts left.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn named_threads(
        &self,
        tenant: TenantRow,
        all: bool,
        now: Timestamp,
    ) -> Result<Vec<NamedThread>, ArchiveError> {
        select_pending(&self.connection, tenant, all, now)
    }
}

fn select_pending(
    connection: &Connection,
    tenant: TenantRow,
    all: bool,
    now: Timestamp,
) -> Result<Vec<NamedThread>, ArchiveError> {
    let mut select = connection.prepare_cached(
        "SELECT n.platform_id, p.platform_id, n.asked_at IS NOT NULL
               FROM named_threads n JOIN channels p ON p.id = n.channel_id
              WHERE p.tenant_id = ?1 AND p.state = 'active'
                AND (?2 OR n.asked_at IS NULL OR (n.attempts < ?3 AND n.asked_at <= ?4))
                AND NOT EXISTS (SELECT 1 FROM channels c
                                 WHERE c.tenant_id = p.tenant_id AND c.platform_id = n.platform_id)
              ORDER BY n.attempts, n.updated_at, n.platform_id",
    )?;
    let retry_before = now.earlier(CONFIRMATION_INTERVAL).as_millis();
    let rows = select.query_map(params![tenant.0, all, MAX_ATTEMPTS, retry_before], |row| {
        let (id, parent) = (ChannelId::from_i64(row.get(0)?), ChannelId::from_i64(row.get(1)?));
        let was_answered = row.get(2)?;
        Ok(id.zip(parent).map(|(id, parent)| NamedThread { id, parent, was_answered }))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().flatten().collect())
}
