//! Which messages show something that has changed.

use rusqlite::{OptionalExtension as _, params};

use super::reader::time;
use super::{ArchiveError, ChannelRow, Reader};
use crate::model::Timestamp;

/// The messages of a channel, in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSpan {
    /// Name of its tenant.
    pub tenant: String,
    /// When its oldest and newest archived messages were sent, if it has any.
    pub sent: Option<(Timestamp, Timestamp)>,
}

impl Reader {
    /// A channel's span; `None` if there is no such channel.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn channel_span(&self, channel: ChannelRow) -> Result<Option<ChannelSpan>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT t.name, c.first_message_at, c.last_message_at
               FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = ?1",
        )?;
        let span = select.query_row(params![channel.0], |row| {
            Ok(ChannelSpan { tenant: row.get(0)?, sent: time(row, 1)?.zip(time(row, 2)?) })
        });
        Ok(span.optional()?)
    }

    /// A channel with all that is below it: the channels of a category, the threads of a channel.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn with_channels_below(&self, channel: ChannelRow) -> Result<Vec<ChannelRow>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "WITH RECURSIVE below (id) AS (SELECT ?1 UNION SELECT c.id FROM channels c JOIN below b ON c.parent_id = b.id)
             SELECT id FROM below",
        )?;
        let rows = select.query_map(params![channel.0], |row| Ok(ChannelRow(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Calls `on_message` with the channel and time of messages that a user wrote, is replied to or
    /// has reacted to. A message may be passed several times.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn messages_with_user(
        &self,
        user: i64,
        on_message: impl FnMut(ChannelRow, Timestamp),
    ) -> Result<(), ArchiveError> {
        self.scope(
            "SELECT channel_id, created_at FROM messages WHERE author_id = ?1
              UNION ALL SELECT channel_id, created_at FROM messages WHERE reply_to_author_id = ?1
              UNION ALL SELECT m.channel_id, m.created_at FROM message_emoji_reactions r
                JOIN messages m ON m.channel_id = r.channel_id AND m.platform_id = r.message_id
               WHERE r.user_id = ?1",
            user,
            on_message,
        )
    }

    /// Calls `on_message` with the channel and time of the messages that an emoji is on.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn messages_with_emoji(
        &self,
        emoji: i64,
        on_message: impl FnMut(ChannelRow, Timestamp),
    ) -> Result<(), ArchiveError> {
        self.scope(
            "SELECT m.channel_id, m.created_at FROM message_reaction_counts k
               JOIN messages m ON m.channel_id = k.channel_id AND m.platform_id = k.message_id
              WHERE k.emoji_id = ?1
              UNION ALL SELECT m.channel_id, m.created_at FROM message_emoji_reactions r
                JOIN messages m ON m.channel_id = r.channel_id AND m.platform_id = r.message_id
               WHERE r.emoji_id = ?1",
            emoji,
            on_message,
        )
    }

    fn scope(
        &self,
        sql: &str,
        row: i64,
        mut on_message: impl FnMut(ChannelRow, Timestamp),
    ) -> Result<(), ArchiveError> {
        let mut select = self.connection.prepare_cached(sql)?;
        let mut rows = select.query(params![row])?;
        while let Some(row) = rows.next()? {
            on_message(ChannelRow(row.get(0)?), Timestamp::from_millis(row.get(1)?));
        }
        Ok(())
    }
}
