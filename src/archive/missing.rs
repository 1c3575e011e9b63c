//! Messages that a page didn't hold where they stand, and when that counts as
//! their deletion.
//!
//! A page proves something only for its own range, and only if the bot still
//! had the right to read after it: without that right the pages come
//! empty. So what is missing is noted with the page and settled after the next
//! listing of rights. The note survives the process.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, params};

use super::{ArchiveError, ChannelRow, Reader, TenantRow, Tx};
use crate::model::{ChannelId, ConfirmedRights, MessageId, Timestamp};

/// Reads are eventually consistent: a message younger than this may just not
/// be there yet.
const SETTLING_TIME: Duration = Duration::from_mins(1);

/// A range of messages: behind the first, up to the last.
pub(super) type Range = (i64, i64);

/// Notes what a page that was read at `read_at` didn't hold in its range.
pub(super) fn note(
    tx: &Tx<'_>,
    channel: ChannelRow,
    (after, last): Range,
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
                read_at.earlier(SETTLING_TIME).as_millis()
            ])?;
    }
    Ok(())
}

/// Whether messages behind `after` are archived and live, those apart that are so
/// young that they may not be there yet.
///
/// # Errors
/// When the archive can't be read.
pub fn has_live_rows(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    after: Option<MessageId>,
    read_at: Timestamp,
) -> Result<bool, ArchiveError> {
    let after = after.map_or(0, MessageId::as_i64);
    let settled = read_at.earlier(SETTLING_TIME).as_millis();
    Ok(tx
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM messages WHERE channel_id = ?1 AND platform_id > ?2
                               AND deleted_at IS NULL AND created_at <= ?3)",
        )?
        .query_row(params![channel.0, after, settled], |row| row.get(0))?)
}

/// Takes note of an empty page behind `after` that nothing confirms, over live
/// rows: the next run looks there again.
///
/// # Errors
/// When the archive can't be written.
pub fn note_doubt(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    after: Option<MessageId>,
    read_at: Timestamp,
) -> Result<(), ArchiveError> {
    if has_live_rows(tx, channel, after, read_at)? {
        tx.connection
            .prepare_cached(
                "UPDATE sync_progress SET empty_after = min(coalesce(empty_after, ?2), ?2) WHERE channel_id = ?1",
            )?
            .execute(params![channel.0, after.map_or(0, MessageId::as_i64)])?;
    }
    Ok(())
}

/// Takes note of an empty page behind `after`, where the channel ends. Over live
/// rows it proves nothing the first time; the second time, or where the end was
/// confirmed `over_a_day`, they are missing.
///
/// # Errors
/// When the archive can't be written.
pub fn note_empty(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    after: Option<MessageId>,
    read_at: Timestamp,
    over_a_day: bool,
) -> Result<(), ArchiveError> {
    let has_live_rows = has_live_rows(tx, channel, after, read_at)?;
    let after = after.map_or(0, MessageId::as_i64);
    let settled = read_at.earlier(SETTLING_TIME).as_millis();
    let before: Option<i64> = tx
        .connection
        .prepare_cached("SELECT empty_after FROM sync_progress WHERE channel_id = ?1")?
        .query_row(params![channel.0], |row| row.get(0))
        .optional()?
        .flatten();
    let before = if over_a_day { Some(before.unwrap_or(after)) } else { before };
    if let Some(before) = before.filter(|_| has_live_rows) {
        tx.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO missing_messages (channel_id, platform_id, found_at)
                 SELECT channel_id, platform_id, ?3 FROM messages
                  WHERE channel_id = ?1 AND platform_id > ?2 AND deleted_at IS NULL AND created_at <= ?4",
            )?
            .execute(params![channel.0, after.max(before), read_at.as_millis(), settled])?;
    }
    // What the first look proved nothing of is looked at once more; what both
    // looked at is settled.
    let once = has_live_rows && before.is_none_or(|before| after < before);
    tx.connection
        .prepare_cached(
            "UPDATE sync_progress SET empty_after = ?2 WHERE channel_id = ?1 AND empty_after IS NOT ?2",
        )?
        .execute(params![channel.0, once.then_some(after)])?;
    Ok(())
}

/// Settles what is missing in the channels that `rights` cover, or whose parent
/// they cover: the right to read them was confirmed then, and what was found
/// missing before that is deleted. Returns how many messages were.
///
/// # Errors
/// When the archive can't be written.
pub fn settle(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    rights: &ConfirmedRights,
    now: Timestamp,
) -> Result<usize, ArchiveError> {
    let mut deleted = 0;
    let confirmed_at = rights.asked_at();
    for (channel, root) in channels_with_missing(tx.connection, tenant)? {
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
        // Nobody can be asked any more who reacted to them.
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

/// Each channel's row, and the channel that its rights come from.
fn channels_with_missing(
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
    /// Whether anything of a tenant is missing and not settled.
    ///
    /// # Errors
    /// When the archive can't be read.
    pub fn has_missing(&self, tenant: TenantRow) -> Result<bool, ArchiveError> {
        Ok(!channels_with_missing(&self.connection, tenant)?.is_empty())
    }
}
