//! Deletion candidates (`missing_messages`): archived messages that a page covering their
//! range didn't contain, and their confirmation as deletions.
//!
//! A page proves something for its own range only, and only if the bot still had the
//! right to read after it: without that right the server returns empty pages. So
//! candidates are recorded with the page, and confirmed only after the next successful
//! listing of rights. They are kept in the archive until then, so they survive the
//! process.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, params};

use super::{ArchiveError, ChannelRow, Reader, TenantRow, Tx};
use crate::model::{ChannelId, ConfirmedRights, MessageId, Timestamp};

/// The server's reads are eventually consistent: a message younger than this may be
/// absent from a page although it exists.
const CONSISTENCY_DELAY: Duration = Duration::from_mins(1);

/// A range of message IDs: `(after, last)`, the first exclusive and the last inclusive.
pub(super) type IdRange = (i64, i64);

/// Replaces the deletion candidates of a page's range by `absent`: the archived messages
/// that the page, read at `read_at`, didn't contain.
pub(super) fn record_absent(
    tx: &Tx<'_>,
    channel: ChannelRow,
    (after, last): IdRange,
    absent: &[i64],
    read_at: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "DELETE FROM missing_messages WHERE channel_id = ?1 AND platform_id > ?2 AND platform_id <= ?3",
        )?
        .execute(params![channel.0, after, last])?;
    tx.connection
        .prepare_cached(
            "UPDATE sync_progress SET empty_after = NULL WHERE channel_id = ?1 AND empty_after < ?2",
        )?
        .execute(params![channel.0, last])?;
    for message in absent {
        tx.connection
            .prepare_cached(
                "INSERT INTO missing_messages (channel_id, platform_id, found_at)
                 SELECT channel_id, platform_id, ?3 FROM messages
                  WHERE channel_id = ?1 AND platform_id = ?2 AND created_at <= ?4",
            )?
            .execute(params![
                channel.0,
                message,
                read_at.as_millis(),
                read_at.earlier(CONSISTENCY_DELAY).as_millis()
            ])?;
    }
    Ok(())
}

/// Whether the archive has messages newer than `after` that aren't deleted, not counting
/// those younger than `CONSISTENCY_DELAY`.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn has_live_messages(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    after: Option<MessageId>,
    read_at: Timestamp,
) -> Result<bool, ArchiveError> {
    let after = after.map_or(0, MessageId::as_i64);
    let created_before = read_at.earlier(CONSISTENCY_DELAY).as_millis();
    Ok(tx
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM messages WHERE channel_id = ?1 AND platform_id > ?2
                               AND deleted_at IS NULL AND created_at <= ?3)",
        )?
        .query_row(params![channel.0, after, created_before], |row| row.get(0))?)
}

/// Records an empty page after message `after` that no other evidence confirms, if the
/// archive has live messages there: the next run re-reads that position.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_unconfirmed_empty_page(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    after: Option<MessageId>,
    read_at: Timestamp,
) -> Result<(), ArchiveError> {
    if has_live_messages(tx, channel, after, read_at)? {
        tx.connection
            .prepare_cached(
                "UPDATE sync_progress SET empty_after = min(coalesce(empty_after, ?2), ?2) WHERE channel_id = ?1",
            )?
            .execute(params![channel.0, after.map_or(0, MessageId::as_i64)])?;
    }
    Ok(())
}

/// Records an empty page after message `after` at the confirmed end of the channel. If
/// the archive has live messages there, the first empty page proves nothing: they become
/// deletion candidates after the second one, or if the end was `confirmed_over_a_day`.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_empty_page(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    after: Option<MessageId>,
    read_at: Timestamp,
    confirmed_over_a_day: bool,
) -> Result<(), ArchiveError> {
    let has_live_messages = has_live_messages(tx, channel, after, read_at)?;
    let after = after.map_or(0, MessageId::as_i64);
    let created_before = read_at.earlier(CONSISTENCY_DELAY).as_millis();
    let previous_after: Option<i64> = tx
        .connection
        .prepare_cached("SELECT empty_after FROM sync_progress WHERE channel_id = ?1")?
        .query_row(params![channel.0], |row| row.get(0))
        .optional()?
        .flatten();
    let previous_after =
        if confirmed_over_a_day { Some(previous_after.unwrap_or(after)) } else { previous_after };
    if let Some(previous_after) = previous_after.filter(|_| has_live_messages) {
        tx.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO missing_messages (channel_id, platform_id, found_at)
                 SELECT channel_id, platform_id, ?3 FROM messages
                  WHERE channel_id = ?1 AND platform_id > ?2 AND deleted_at IS NULL AND created_at <= ?4",
            )?
            .execute(params![channel.0, after.max(previous_after), read_at.as_millis(), created_before])?;
    }
    // Only the range that both empty pages cover yields candidates. If this page begins
    // earlier than the previous one, the part before it needs another empty page.
    let needs_second_page =
        has_live_messages && previous_after.is_none_or(|previous_after| after < previous_after);
    tx.connection
        .prepare_cached(
            "UPDATE sync_progress SET empty_after = ?2 WHERE channel_id = ?1 AND empty_after IS NOT ?2",
        )?
        .execute(params![channel.0, needs_second_page.then_some(after)])?;
    Ok(())
}

/// Confirms the deletion candidates of the channels that `rights` cover, or whose parent
/// they cover: those found before the rights were requested are marked as deleted.
/// Returns the number of messages newly marked.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn confirm(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    rights: &ConfirmedRights,
    now: Timestamp,
) -> Result<usize, ArchiveError> {
    let mut deleted = 0;
    let confirmed_at = rights.requested_at();
    for (channel, root) in channels_with_candidates(tx.connection, tenant)? {
        if !root.is_some_and(|root| rights.covers(root)) {
            continue;
        }
        deleted += tx
            .connection
            .prepare_cached(
                "UPDATE messages SET deleted_at = missing.found_at, updated_at = ?3
                   FROM (SELECT platform_id, found_at FROM missing_messages
                          WHERE channel_id = ?1 AND found_at <= ?2) AS missing
                  WHERE messages.channel_id = ?1 AND messages.platform_id = missing.platform_id
                    AND deleted_at IS NULL",
            )?
            .execute(params![channel, confirmed_at.as_millis(), now.as_millis()])?;
        // The server no longer lists the reactors of a deleted message.
        tx.connection
            .prepare_cached(
                "UPDATE message_reaction_counts SET users_due = 0
                  WHERE channel_id = ?1 AND users_due = 1 AND message_id IN
                        (SELECT platform_id FROM missing_messages WHERE channel_id = ?1 AND found_at <= ?2)",
            )?
            .execute(params![channel, confirmed_at.as_millis()])?;
        tx.connection
            .prepare_cached("DELETE FROM missing_messages WHERE channel_id = ?1 AND found_at <= ?2")?
            .execute(params![channel, confirmed_at.as_millis()])?;
    }
    Ok(deleted)
}

/// The channels with deletion candidates: the row ID, and the channel that decides the
/// right to read it (the parent of a thread).
fn channels_with_candidates(
    connection: &rusqlite::Connection,
    tenant: TenantRow,
) -> Result<Vec<(i64, Option<ChannelId>)>, ArchiveError> {
    let mut select = connection.prepare_cached(
        "SELECT c.id, CASE WHEN c.kind LIKE '%thread' THEN p.platform_id ELSE c.platform_id END
           FROM channels c LEFT JOIN channels p ON p.id = c.parent_id
          WHERE c.tenant_id = ?1
            AND EXISTS (SELECT 1 FROM missing_messages m WHERE m.channel_id = c.id)",
    )?;
    let rows = select.query_map(params![tenant.0], |row| {
        Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.and_then(ChannelId::from_i64)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Reader {
    /// The channels of a tenant that have unconfirmed deletion candidates, each as the
    /// channel that decides the right to read it.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn roots_with_deletion_candidates(&self, tenant: TenantRow) -> Result<Vec<ChannelId>, ArchiveError> {
        let channels = channels_with_candidates(&self.connection, tenant)?;
        Ok(channels.into_iter().filter_map(|(_, root)| root).collect())
    }
}
