//! Malformed messages (`broken_messages`): which ones, and the range to re-read for each.
//!
//! A row's key is the message ID. Malformed messages without an ID are keyed by the
//! negated ID of the last message of their range.

use rusqlite::{Row, params};

use super::deletions::IdRange;
use super::{ArchiveError, ChannelRow, Reader, Tx};
use crate::anonymize::Page;
use crate::model::{ChannelId, MalformedMessage, MalformedRange, MessageId, Timestamp};

/// Keys of a page's malformed messages: the message ID, or the negated ID of the page's
/// last message if it has none.
pub fn keys(malformed: &[MalformedMessage], last: i64) -> Vec<i64> {
    malformed.iter().map(|message| message.id.map_or(-last, MessageId::as_i64)).collect()
}

/// Records the malformed messages of a page, and deletes the records of its range that
/// no longer apply. Messages with only some malformed fields are recorded as well.
///
/// The range is the page's: `after` exclusive, `last` inclusive.
pub(super) fn store(
    tx: &Tx<'_>,
    channel: ChannelRow,
    (after, last): IdRange,
    page: &Page,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let malformed = &page.malformed;
    let keys = keys(malformed, last);
    let partly_malformed = || page.messages.iter().filter(|message| !message.malformed_fields.is_empty());
    let current: Vec<i64> =
        keys.iter().copied().chain(partly_malformed().map(|message| message.id.as_i64())).collect();
    tx.connection
        .prepare_cached(
            "DELETE FROM broken_messages
              WHERE channel_id = ?1
                AND ((platform_id > ?2 AND platform_id <= ?3) OR (platform_id >= -?3 AND platform_id < -?2))
                AND platform_id NOT IN (SELECT value FROM json_each(?4))",
        )?
        .execute(params![channel.0, after, last, serde_json::Value::from(current).to_string()])?;
    for (key, message) in keys.iter().zip(malformed) {
        // A malformed message still exists: it isn't deleted.
        tx.connection
            .prepare_cached(
                "UPDATE messages SET deleted_at = NULL, updated_at = ?3
                  WHERE channel_id = ?1 AND platform_id = ?2 AND deleted_at IS NOT NULL",
            )?
            .execute(params![channel.0, key, now.as_millis()])?;
        record(tx, channel, *key, &message.reason, after, false, now)?;
    }
    for message in partly_malformed() {
        let reason = format!("malformed fields: {}", message.malformed_fields.join(", "));
        record(tx, channel, message.id.as_i64(), &reason, after, true, now)?;
    }
    Ok(())
}

/// Records malformed messages without an ID that follow `after`, on a page that has no
/// readable message. `key` is their [`key_without_id`].
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_without_ids(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    key: i64,
    after: Option<MessageId>,
    malformed: &[MalformedMessage],
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let after = after.map_or(0, MessageId::as_i64);
    for message in malformed {
        record(tx, channel, key, &message.reason, after, false, now)?;
    }
    Ok(())
}

/// Key of malformed messages without an ID that follow `after`: negated, the ID that
/// their range ends with. At the end of the channel (`until` is `None`) that is the next
/// possible ID, so that the next page stored there replaces the record.
pub fn key_without_id(after: Option<MessageId>, until: Option<MessageId>) -> i64 {
    until.map_or_else(|| -(after.map_or(0, MessageId::as_i64) + 1), |until| -until.as_i64())
}

/// Upserts a record. Messages of one page that share a key count as one attempt:
/// `attempts` grows only if `now` differs.
fn record(
    tx: &Tx<'_>,
    channel: ChannelRow,
    key: i64,
    reason: &str,
    after: i64,
    is_archived: bool,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO broken_messages (channel_id, platform_id, reason, read_after, is_archived, attempts, created_at,
                                          updated_at)
             VALUES (?1, ?2, ?3, ?4, ?6, 1, ?5, ?5)
             ON CONFLICT (channel_id, platform_id) DO UPDATE
                SET reason = excluded.reason, read_after = excluded.read_after, is_archived = excluded.is_archived,
                    attempts = attempts + (updated_at <> excluded.updated_at), updated_at = excluded.updated_at",
        )?
        .execute(params![channel.0, key, reason, after, now.as_millis(), is_archived])?;
    Ok(())
}

/// Deletes the records of a range that was re-read, except the keys that are
/// `still_malformed`: the server no longer has the other messages.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn clear_resolved(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    after: Option<MessageId>,
    until: MessageId,
    still_malformed: &[i64],
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "DELETE FROM broken_messages
              WHERE channel_id = ?1 AND abs(platform_id) > ?2 AND abs(platform_id) <= ?3
                AND platform_id NOT IN (SELECT value FROM json_each(?4))",
        )?
        .execute(params![
            channel.0,
            after.map_or(0, MessageId::as_i64),
            until.as_i64(),
            serde_json::Value::from(still_malformed).to_string(),
        ])?;
    Ok(())
}

impl Reader {
    /// The malformed messages of all channels of a tenant, given its row ID.
    pub(super) fn malformed_ranges(
        &self,
        tenant: i64,
    ) -> Result<Vec<(ChannelId, MalformedRange)>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT c.platform_id, b.read_after, abs(b.platform_id), b.attempts, b.updated_at
               FROM broken_messages b JOIN channels c ON c.id = b.channel_id
              WHERE c.tenant_id = ?1 ORDER BY b.channel_id, abs(b.platform_id)",
        )?;
        let rows = select.query_map(params![tenant], read_row)?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<Option<(ChannelId, MalformedRange)>> {
    let ids = (ChannelId::from_i64(row.get(0)?), MessageId::from_i64(row.get(2)?));
    let (Some(channel), Some(until)) = ids else { return Ok(None) };
    let malformed = MalformedRange {
        after: MessageId::from_i64(row.get(1)?),
        until,
        attempts: row.get(3)?,
        tried_at: Timestamp::from_millis(row.get(4)?),
    };
    Ok(Some((channel, malformed)))
}
