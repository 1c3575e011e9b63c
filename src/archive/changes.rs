//! The change log: what changed in the archive, for subscribers that keep something
//! made from it, such as a search index or an export.
//!
//! Temporary triggers of the writing connection note every changed row, whatever
//! statement changes it, so that none can be forgotten (`recorder.rs`). Before the
//! transaction commits, what was noted is written as ranges of messages. A migration
//! has every subscriber begin anew. Nothing is noted while
//! nobody subscribes. A subscriber takes in the changes behind its position and then
//! moves it; what all have taken in is trimmed.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{ArchiveError, ChannelRow, Reader, Tx, info};
use crate::model::Timestamp;

/// Changes that are kept at most: a subscriber that is further behind begins anew.
const MOST_CHANGES: i64 = 1_000_000;
/// The greatest change that was dropped although a subscriber had not taken it in.
const LOST: &str = "changes_lost";

/// What is changed of a range of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeChange {
    /// Nothing of the range was archived before. A subscriber that has read whole
    /// channels since may know its messages already.
    Added,
    /// Messages of the range were added, changed or removed.
    Changed,
    /// Messages of the range were removed, and none is left.
    Removed,
}

/// Messages of a channel, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRange {
    /// The channel.
    pub channel: ChannelRow,
    /// The first message.
    pub first: i64,
    /// The last message.
    pub last: i64,
    /// When these two were sent, if that is known.
    pub sent: Option<(Timestamp, Timestamp)>,
}

/// A change of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Of messages, with their attachments and reactions.
    Messages(RangeChange, MessageRange),
    /// Of a channel's own facts; the row.
    Channel(ChannelRow),
    /// Of what is known of an author or reactor; the row.
    Author(i64),
    /// Of an emoji's name; the row.
    Emoji(i64),
    /// Of a tenant's name; the row.
    Tenant(i64),
}

/// How far a subscriber has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The last change that it has taken in.
    pub position: i64,
    /// What it was given at its last step. Another one means that the archive, or
    /// what the subscriber keeps, was replaced: it begins anew.
    pub token: String,
    /// Whether changes behind its position were dropped: it begins anew.
    pub is_lost: bool,
}

/// Lets a subscriber follow the log from now on. Returns its position.
///
/// # Errors
/// When the archive can't be written.
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

/// A subscriber has taken in the changes up to `position`.
///
/// # Errors
/// When the archive can't be written.
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

/// A subscriber follows the log no longer.
///
/// # Errors
/// When the archive can't be written.
pub fn unsubscribe(tx: &mut Tx<'_>, name: &str) -> Result<(), ArchiveError> {
    tx.connection.execute("DELETE FROM change_subscribers WHERE name = ?1", params![name])?;
    Ok(())
}

/// Drops the changes that every subscriber has taken in, and those beyond
/// [`MOST_CHANGES`].
///
/// # Errors
/// When the archive can't be written.
pub fn trim(tx: &mut Tx<'_>) -> Result<(), ArchiveError> {
    trim_to(tx, MOST_CHANGES)
}

pub(super) fn trim_to(tx: &mut Tx<'_>, most: i64) -> Result<(), ArchiveError> {
    let last = last_change(tx.connection)?;
    let taken_in = "SELECT coalesce(min(position), ?1) FROM change_subscribers";
    let taken_in: i64 = tx.connection.query_row(taken_in, params![last], |row| row.get(0))?;
    let bound = last - most;
    if bound > taken_in {
        info::set(tx.connection, LOST, &bound.to_string())?;
    }
    tx.connection.execute("DELETE FROM changes WHERE id <= ?1", params![taken_in.max(bound)])?;
    Ok(())
}

/// The last change that was ever logged; 0 if there was none.
fn last_change(connection: &rusqlite::Connection) -> Result<i64, ArchiveError> {
    let select = "SELECT seq FROM sqlite_sequence WHERE name = 'changes'";
    Ok(connection.query_row(select, [], |row| row.get(0)).optional()?.unwrap_or(0))
}

impl Reader {
    /// How far a subscriber has come; `None` for one that the archive doesn't know.
    ///
    /// # Errors
    /// When the archive can't be read.
    pub fn subscription(&self, name: &str) -> Result<Option<Subscription>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT position, token,
                    position < coalesce((SELECT CAST(value AS INTEGER) FROM archive_info WHERE key = ?2), 0)
               FROM change_subscribers WHERE name = ?1",
        )?;
        let read = |row: &Row<'_>| {
            Ok(Subscription { position: row.get(0)?, token: row.get(1)?, is_lost: row.get(2)? })
        };
        Ok(select.query_row(params![name, LOST], read).optional()?)
    }

    /// The changes behind a position, each with its own, in their order; `None` if the
    /// next ones were dropped meanwhile: a subscriber begins anew then.
    ///
    /// # Errors
    /// When the archive can't be read.
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
        // Numbers have no gaps: an undone transaction gives its own back.
        let is_next = changes.first().is_none_or(|(next, _)| *next == position + 1);
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
