//! Messages that couldn't be read, and where to look for them again.

use rusqlite::{Row, params};

use super::missing::Range;
use super::{ArchiveError, ChannelRow, Reader, Tx};
use crate::anonymize::Page;
use crate::model::{BrokenMessage, BrokenPlace, ChannelId, MessageId, Timestamp};

/// What stands for broken messages of a page whose last message is `last`:
/// their IDs, and for those without the page.
pub fn keys(broken: &[BrokenMessage], last: i64) -> Vec<i64> {
    broken.iter().map(|message| message.id.map_or(-last, MessageId::as_i64)).collect()
}

/// Records what couldn't be read of a page, and forgets what now could. One
/// without an ID stands for its page, by the page's last message. Messages of
/// which only some fields are malformed are recorded as well.
pub(super) fn store(
    tx: &Tx<'_>,
    channel: ChannelRow,
    (after, last): Range,
    page: &Page,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let broken = &page.broken;
    let keys = keys(broken, last);
    let partly = || page.messages.iter().filter(|message| !message.malformed_fields.is_empty());
    let kept: Vec<i64> = keys.iter().copied().chain(partly().map(|message| message.id.as_i64())).collect();
    tx.connection
        .prepare_cached(
            "DELETE FROM broken_messages
              WHERE channel_id = ?1
                AND ((platform_id > ?2 AND platform_id <= ?3) OR (platform_id >= -?3 AND platform_id < -?2))
                AND platform_id NOT IN (SELECT value FROM json_each(?4))",
        )?
        .execute(params![channel.0, after, last, serde_json::Value::from(kept).to_string()])?;
    for (key, message) in keys.iter().zip(broken) {
        // What can't be read is there.
        tx.connection
            .prepare_cached(
                "UPDATE messages SET deleted_at = NULL, updated_at = ?3
                  WHERE channel_id = ?1 AND platform_id = ?2 AND deleted_at IS NOT NULL",
            )?
            .execute(params![channel.0, key, now.as_millis()])?;
        record(tx, channel, *key, &message.reason, after, false, now)?;
    }
    for message in partly() {
        let reason = format!("malformed fields: {}", message.malformed_fields.join(", "));
        record(tx, channel, message.id.as_i64(), &reason, after, true, now)?;
    }
    Ok(())
}

/// Takes note of another attempt on the malformed messages of a range that could
/// not be had at all.
///
/// # Errors
/// When the archive can't be written.
pub fn tried(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    after: Option<MessageId>,
    until: MessageId,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE broken_messages SET attempts = attempts + 1, updated_at = ?4
              WHERE channel_id = ?1 AND abs(platform_id) > ?2 AND abs(platform_id) <= ?3",
        )?
        .execute(params![channel.0, after.map_or(0, MessageId::as_i64), until.as_i64(), now.as_millis()])?;
    Ok(())
}

/// Records messages behind `after` of which not even the ID could be read, where
/// nothing readable is. `key` stands for them.
///
/// # Errors
/// When the archive can't be written.
pub fn note_nameless(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    key: i64,
    after: Option<MessageId>,
    broken: &[BrokenMessage],
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let after = after.map_or(0, MessageId::as_i64);
    for message in broken {
        record(tx, channel, key, &message.reason, after, false, now)?;
    }
    Ok(())
}

/// What stands for messages behind `after` that have no readable IDs, up to
/// `until`: at the end of a channel, the next ID there can be, so that whatever
/// is read there later takes their place.
pub fn nameless_key(after: Option<MessageId>, until: Option<MessageId>) -> i64 {
    until.map_or_else(|| -(after.map_or(0, MessageId::as_i64) + 1), |until| -until.as_i64())
}

/// Another attempt on the same message counts; another message of the same
/// page without an ID doesn't.
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

/// Forgets what was broken in a range that has been read again, but for what
/// was found `still_broken`: the rest was deleted.
///
/// # Errors
/// When the archive can't be written.
pub fn settle(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    after: Option<MessageId>,
    until: MessageId,
    still_broken: &[i64],
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
            serde_json::Value::from(still_broken).to_string(),
        ])?;
    Ok(())
}

impl Reader {
    /// The broken messages of every channel, by the row of its tenant.
    pub(super) fn broken_places(&self, tenant: i64) -> Result<Vec<(ChannelId, BrokenPlace)>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT c.platform_id, b.read_after, abs(b.platform_id), b.attempts, b.updated_at
               FROM broken_messages b JOIN channels c ON c.id = b.channel_id
              WHERE c.tenant_id = ?1 ORDER BY b.channel_id, abs(b.platform_id)",
        )?;
        let rows = select.query_map(params![tenant], place)?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

fn place(row: &Row<'_>) -> rusqlite::Result<Option<(ChannelId, BrokenPlace)>> {
    let ids = (ChannelId::from_i64(row.get(0)?), MessageId::from_i64(row.get(2)?));
    let (Some(channel), Some(until)) = ids else { return Ok(None) };
    let place = BrokenPlace {
        after: MessageId::from_i64(row.get(1)?),
        until,
        attempts: row.get(3)?,
        tried_at: Timestamp::from_millis(row.get(4)?),
    };
    Ok(Some((channel, place)))
}
