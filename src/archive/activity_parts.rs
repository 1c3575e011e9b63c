//! What belongs to the messages of a time: reactions and files.

use hashbrown::HashMap;
use rusqlite::{OptionalExtension as _, params};

use super::reader::{optional_text, text};
use super::{ArchiveError, ChannelRow, Reader};

/// An emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmojiName {
    /// The ID of a custom emoji.
    pub custom: Option<i64>,
    /// The character, or the name of a custom emoji.
    pub name: String,
}

/// How often an emoji was given to a message, normal or burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReactionCount {
    /// The message.
    pub message: i64,
    /// The emoji's row.
    pub emoji: i64,
    /// How often.
    pub count: u64,
}

/// A user's reaction to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reactor {
    /// The message.
    pub message: i64,
    /// The emoji's row.
    pub emoji: i64,
    /// The user's row.
    pub user: i64,
}

/// A file of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityFile<'r> {
    /// The message.
    pub message: i64,
    /// The row of who attached it.
    pub author: i64,
    /// Its media type, if known.
    pub content_type: Option<&'r str>,
    /// Its name.
    pub name: &'r str,
}

impl Reader {
    /// All emoji of reactions by row.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn emoji_names(&self) -> Result<HashMap<i64, EmojiName>, ArchiveError> {
        let mut select = self.connection.prepare("SELECT id, platform_id, name FROM emoji")?;
        let rows = select
            .query_map([], |row| Ok((row.get(0)?, EmojiName { custom: row.get(1)?, name: row.get(2)? })))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Calls `on_count` with the reactions to messages of a range.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn reaction_counts(
        &self,
        channel: ChannelRow,
        range: (i64, i64),
        mut on_count: impl FnMut(ReactionCount),
    ) -> Result<(), ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT message_id, emoji_id, count FROM message_reaction_counts
              WHERE channel_id = ?1 AND message_id BETWEEN ?2 AND ?3",
        )?;
        let mut rows = select.query(params![channel.0, range.0, range.1])?;
        while let Some(row) = rows.next()? {
            on_count(ReactionCount { message: row.get(0)?, emoji: row.get(1)?, count: row.get(2)? });
        }
        Ok(())
    }

    /// Calls `on_reactor` with each known reactor of the messages of a range.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn reactors(
        &self,
        channel: ChannelRow,
        range: (i64, i64),
        mut on_reactor: impl FnMut(Reactor),
    ) -> Result<(), ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT message_id, emoji_id, user_id FROM message_emoji_reactions
              WHERE channel_id = ?1 AND message_id BETWEEN ?2 AND ?3",
        )?;
        let mut rows = select.query(params![channel.0, range.0, range.1])?;
        while let Some(row) = rows.next()? {
            on_reactor(Reactor { message: row.get(0)?, emoji: row.get(1)?, user: row.get(2)? });
        }
        Ok(())
    }

    /// Calls `on_file` with the files of messages of a range whose authors are known.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn activity_files(
        &self,
        channel: ChannelRow,
        range: (i64, i64),
        mut on_file: impl FnMut(ActivityFile<'_>),
    ) -> Result<(), ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT a.message_id, m.author_id, a.content_type, a.filename FROM message_attachments a
               JOIN messages m ON m.channel_id = a.channel_id AND m.platform_id = a.message_id
              WHERE a.channel_id = ?1 AND a.message_id BETWEEN ?2 AND ?3 AND m.author_id IS NOT NULL",
        )?;
        let mut rows = select.query(params![channel.0, range.0, range.1])?;
        while let Some(row) = rows.next()? {
            on_file(ActivityFile {
                message: row.get(0)?,
                author: row.get(1)?,
                content_type: optional_text(row, 2)?,
                name: text(row, 3)?,
            });
        }
        Ok(())
    }

    /// The row of the user with a hash.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn user_of_hash(&self, hash: &str) -> Result<Option<i64>, ArchiveError> {
        let mut select = self.connection.prepare_cached("SELECT id FROM users WHERE anonymized_id = ?1")?;
        Ok(select.query_row([hash], |row| row.get(0)).optional()?)
    }
}
