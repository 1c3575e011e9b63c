//! The change log: what changed in the archive, for subscribers that maintain data
//! derived from it, such as a search index or an export.
//!
//! Temporary triggers on the writer's connection record every changed row, whatever
//! statement changes it, so that no statement can omit it (`recorder.rs`). Before the
//! transaction commits, the recorded rows are written to the log as ranges of messages.
//! Without subscribers nothing is recorded. A subscriber processes the changes after its
//! position and then advances it; changes that every subscriber has processed are
//! trimmed. After a migration every subscriber has to start over.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Row, params};

use super::{ArchiveError, ChannelRow, Reader, Tx, info};
use crate::model::Timestamp;

/// Maximum length of the log; a subscriber that lags further behind has to start over.
const MAX_CHANGES: i64 = 1_000_000;
/// Key in `archive_info`: the last change dropped before every subscriber processed it.
const LOST_KEY: &str = "changes_lost";

/// How a range of messages changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeChange {
    /// No message of the range was archived before. A subscriber that has read whole
    /// channels since may have its messages already.
    Added,
    /// Messages of the range were added, changed or removed.
    Changed,
    /// All messages of the range were removed.
    Removed,
}

/// A range of messages of a channel, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRange {
    /// The channel.
    pub channel: ChannelRow,
    /// ID of the first message.
    pub first: i64,
    /// ID of the last message.
    pub last: i64,
    /// When the first and the last message were sent, if known.
    pub sent: Option<(Timestamp, Timestamp)>,
}

/// A change of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Messages, including their attachments and reactions.
    Messages(RangeChange, MessageRange),
    /// A channel's own properties, such as its name or topic.
    Channel(ChannelRow),
    /// What is known of an author or reactor; the row ID of the user.
    Author(i64),
    /// An emoji's name; its row ID.
    Emoji(i64),
    /// A tenant's name; its row ID.
    Tenant(i64),
}

/// A subscriber's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The last change that it has processed.
    pub position: i64,
    /// The token stored by its last [`advance`]. If it differs from the subscriber's own,
    /// the archive or the subscriber's data was replaced: it has to start over.
    pub token: String,
    /// Whether changes after its position were dropped: it has to start over.
    pub is_lost: bool,
}

/// Subscribes to the log from now on, or again. Returns the position.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn subscribe(tx: &mut Tx<'_>, name: &str, token: &str, now: Timestamp) -> Result<i64, ArchiveError> {
    let position = last_change(tx.connection)?;
    tx.connection
        .prepare_cached(
            "INSERT INTO change_subscribers (name, position, token, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?4)
             ON CONFLICT (name) DO UPDATE
                SET position = excluded.position, token = excluded.token, updated_at = excluded.updated_at",
        )?
        .execute(params![name, position, token, now.as_millis()])?;
    Ok(position)
}

/// Records that a subscriber has processed the changes up to `position`.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn advance(
    tx: &mut Tx<'_>,
    name: &str,
    position: i64,
    token: &str,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE change_subscribers SET position = ?2, token = ?3, updated_at = ?4 WHERE name = ?1",
        )?
        .execute(params![name, position, token, now.as_millis()])?;
    Ok(())
}

/// Stores a subscriber's token.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn set_token(tx: &mut Tx<'_>, name: &str, token: &str, now: Timestamp) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached("UPDATE change_subscribers SET token = ?2, updated_at = ?3 WHERE name = ?1")?
        .execute(params![name, token, now.as_millis()])?;
    Ok(())
}

/// Prefix of the names of subscribers that may be abandoned without notice, such as exports to a
/// folder that is deleted some day.
pub const EXPORT_PREFIX: &str = "export:";
/// How long such a subscriber is kept after it was last up to date.
const MAX_IDLE_DAYS: u32 = 60;

/// Subscribes, unless it is a subscriber already. A new one has no token.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn ensure_subscribed(tx: &mut Tx<'_>, name: &str, now: Timestamp) -> Result<(), ArchiveError> {
    let mut select = tx.connection.prepare_cached("SELECT 1 FROM change_subscribers WHERE name = ?1")?;
    if !select.exists(params![name])? {
        subscribe(tx, name, "", now)?;
    }
    Ok(())
}

/// Removes the exports' subscriptions that nobody has used for [`MAX_IDLE_DAYS`].
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn remove_abandoned(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), ArchiveError> {
    let before = now.earlier(Duration::from_hours(24 * u64::from(MAX_IDLE_DAYS)));
    tx.connection.execute(
        "DELETE FROM change_subscribers WHERE substr(name, 1, length(?1)) = ?1 AND updated_at < ?2",
        params![EXPORT_PREFIX, before.as_millis()],
    )?;
    Ok(())
}

/// Removes a subscriber.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn unsubscribe(tx: &mut Tx<'_>, name: &str) -> Result<(), ArchiveError> {
    tx.connection.execute("DELETE FROM change_subscribers WHERE name = ?1", params![name])?;
    Ok(())
}

/// Deletes the changes that every subscriber has processed, and the oldest beyond
/// [`MAX_CHANGES`].
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn trim(tx: &mut Tx<'_>) -> Result<(), ArchiveError> {
    trim_to(tx, MAX_CHANGES)
}

pub(super) fn trim_to(tx: &mut Tx<'_>, max_changes: i64) -> Result<(), ArchiveError> {
    let last = last_change(tx.connection)?;
    let processed = "SELECT coalesce(min(position), ?1) FROM change_subscribers";
    let processed: i64 = tx.connection.query_row(processed, params![last], |row| row.get(0))?;
    let bound = last - max_changes;
    if bound > processed {
        info::set(tx.connection, LOST_KEY, &bound.to_string())?;
    }
    tx.connection.execute("DELETE FROM changes WHERE id <= ?1", params![processed.max(bound)])?;
    Ok(())
}

/// ID of the last change ever logged, 0 if there was none.
fn last_change(connection: &rusqlite::Connection) -> Result<i64, ArchiveError> {
    let select = "SELECT seq FROM sqlite_sequence WHERE name = 'changes'";
    Ok(connection.query_row(select, [], |row| row.get(0)).optional()?.unwrap_or(0))
}

impl Reader {
    /// ID of the last change ever logged, 0 if there was none.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn last_change(&self) -> Result<i64, ArchiveError> {
        last_change(&self.connection)
    }

    /// A subscriber's state; `None` if the archive doesn't know it.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn subscription(&self, name: &str) -> Result<Option<Subscription>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT position, token,
                    position < coalesce((SELECT CAST(value AS INTEGER) FROM archive_info WHERE key = ?2), 0)
               FROM change_subscribers WHERE name = ?1",
        )?;
        let read = |row: &Row<'_>| {
            Ok(Subscription { position: row.get(0)?, token: row.get(1)?, is_lost: row.get(2)? })
        };
        Ok(select.query_row(params![name, LOST_KEY], read).optional()?)
    }

    /// At most `limit` changes after a position, in order, each with its own position;
    /// `None` if the next ones were dropped or the position is not of this archive, so that the
    /// subscriber has to start over.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn changes_after(
        &self,
        position: i64,
        limit: u32,
    ) -> Result<Option<Vec<(i64, Change)>>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT id, kind, channel_id, first_message_id, last_message_id, first_at, last_at, row_id
               FROM changes WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let rows = select.query_map(params![position, limit], |row| Ok((row.get(0)?, change(row)?)))?;
        let changes: Vec<(i64, Change)> = rows.collect::<Result<_, _>>()?;
        // IDs have no gaps: a transaction that is rolled back releases its own.
        let is_next = match changes.first() {
            Some((next, _)) => *next == position + 1,
            None => self.last_change()? == position,
        };
        Ok(is_next.then_some(changes))
    }
}

fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    let messages = |change| {
        let sent = row.get::<_, Option<i64>>(5)?.zip(row.get::<_, Option<i64>>(6)?);
        let range = MessageRange {
            channel: ChannelRow(row.get(2)?),
            first: row.get(3)?,
            last: row.get(4)?,
            sent: sent.map(|(first, last)| (Timestamp::from_millis(first), Timestamp::from_millis(last))),
        };
        Ok(Change::Messages(change, range))
    };
    match row.get_ref(1)?.as_str()? {
        "added" => messages(RangeChange::Added),
        "removed" => messages(RangeChange::Removed),
        "channel" => Ok(Change::Channel(ChannelRow(row.get(7)?))),
        "author" => Ok(Change::Author(row.get(7)?)),
        "emoji" => Ok(Change::Emoji(row.get(7)?)),
        "tenant" => Ok(Change::Tenant(row.get(7)?)),
        _ => messages(RangeChange::Changed),
    }
}
