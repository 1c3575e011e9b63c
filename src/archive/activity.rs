//! Who wrote when and where, message by message.

use hashbrown::HashMap;
use rusqlite::params;

use super::reader::{text, time};
use super::{ArchiveError, ChannelRow, Reader};
use crate::model::Timestamp;

/// A channel of a tenant whose messages are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityChannel {
    /// Its row.
    pub row: ChannelRow,
    /// The channel that it counts as: itself, or the channel of a thread.
    pub root: ChannelRow,
    /// The name of that channel.
    pub root_name: String,
    /// Its platform's number for it. A thread that was started from a message has the message's.
    pub platform_id: i64,
    /// What it is.
    pub kind: ActivityKind,
    /// Who opened it, if it is a thread and that is known.
    pub owner: Option<i64>,
    /// When it was made.
    pub opened_at: Timestamp,
    /// When its oldest message was sent, if it has any.
    pub first_sent: Option<Timestamp>,
    /// When its newest one was.
    pub last_sent: Option<Timestamp>,
}

/// What a channel is for figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityKind {
    /// No thread.
    Channel,
    /// A thread that is no post.
    Thread,
    /// A post in a forum.
    Post,
    /// A post in a forum for media.
    MediaPost,
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityRow<'r> {
    /// Its platform's number for it.
    pub message: i64,
    /// The author's row; `None` if the person was erased or isn't known.
    pub author: Option<i64>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Whether its author wrote it; else the platform announces something.
    pub is_written: bool,
    /// The message that it replies to.
    pub reply_to: Option<i64>,
    /// Who is replied to, if known.
    pub reply_to_author: Option<i64>,
    /// Whether it was edited.
    pub is_edited: bool,
    /// Whether it was found to be deleted.
    pub is_deleted: bool,
    /// Its text.
    pub content: &'r str,
}

impl Reader {
    /// The channels and threads of a tenant. Hidden and unreadable ones are left out unless
    /// `includes_closed`.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn activity_channels(
        &self,
        tenant: &str,
        includes_closed: bool,
    ) -> Result<Vec<ActivityChannel>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT c.id, r.id, r.name, c.platform_id, iif(r.id = c.id, '', r.kind), c.owner_id, c.opened_at, c.first_message_at, c.last_message_at
               FROM channels c
               JOIN tenants t ON t.id = c.tenant_id
               JOIN channels r ON r.id = iif(c.kind IN ('public_thread', 'announcement_thread'), c.parent_id, c.id)
              WHERE t.name = ?1 AND (?2 OR c.state NOT IN ('hidden', 'unreadable') AND r.state NOT IN ('hidden', 'unreadable'))
              ORDER BY c.id",
        )?;
        let rows = select.query_map(params![tenant, includes_closed], |row| {
            Ok(ActivityChannel {
                row: ChannelRow(row.get(0)?),
                root: ChannelRow(row.get(1)?),
                root_name: row.get(2)?,
                platform_id: row.get(3)?,
                kind: match text(row, 4)? {
                    "" => ActivityKind::Channel,
                    "forum" => ActivityKind::Post,
                    "media" => ActivityKind::MediaPost,
                    _ => ActivityKind::Thread,
                },
                owner: row.get(5)?,
                opened_at: Timestamp::from_millis(row.get(6)?),
                first_sent: time(row, 7)?,
                last_sent: time(row, 8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Which users are bots, by row. Who was only ever mentioned is none.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn bots_by_user(&self) -> Result<HashMap<i64, bool>, ArchiveError> {
        let mut select = self.connection.prepare("SELECT id, is_bot IS 1 FROM users")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Calls `on_text` with author, time and text of each message in a channel whose author is known, until it
    /// returns `false`.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn activity_texts(
        &self,
        channel: ChannelRow,
        includes_deleted: bool,
        mut on_text: impl FnMut(i64, Timestamp, &str) -> bool,
    ) -> Result<(), ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT m.author_id, m.created_at, m.content FROM messages m
              WHERE m.channel_id = ?1 AND m.author_id IS NOT NULL AND m.kind BETWEEN 0 AND 62
                AND ((SELECT t.written_types FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = ?1)
                     >> m.kind) & 1
                AND (?2 OR m.deleted_at IS NULL)
              ORDER BY m.platform_id",
        )?;
        let mut rows = select.query(params![channel.0, includes_deleted])?;
        while let Some(row) = rows.next()? {
            if !on_text(row.get(0)?, Timestamp::from_millis(row.get(1)?), text(row, 2)?) {
                break;
            }
        }
        Ok(())
    }

    /// Calls `on_message` with each message of a channel, until it returns `false`.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn activity(
        &self,
        channel: ChannelRow,
        mut on_message: impl FnMut(ActivityRow<'_>) -> bool,
    ) -> Result<(), ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT m.platform_id, m.author_id, m.created_at,
                    CASE WHEN m.kind BETWEEN 0 AND 62 THEN
                        ((SELECT t.written_types FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = ?1)
                         >> m.kind) & 1 ELSE 0 END,
                    m.reply_to_message_id, m.reply_to_author_id, m.edited_at IS NOT NULL,
                    m.deleted_at IS NOT NULL, m.content
               FROM messages m WHERE m.channel_id = ?1 ORDER BY m.platform_id",
        )?;
        let mut rows = select.query(params![channel.0])?;
        while let Some(row) = rows.next()? {
            let goes_on = on_message(ActivityRow {
                message: row.get(0)?,
                author: row.get(1)?,
                sent_at: Timestamp::from_millis(row.get(2)?),
                is_written: row.get(3)?,
                reply_to: row.get(4)?,
                reply_to_author: row.get(5)?,
                is_edited: row.get(6)?,
                is_deleted: row.get(7)?,
                content: text(row, 8)?,
            });
            if !goes_on {
                break;
            }
        }
        Ok(())
    }
}
