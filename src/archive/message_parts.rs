//! What belongs to one message.

use rusqlite::{OptionalExtension as _, params};

use super::{ArchiveError, ChannelRow, Reader};

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageFile {
    /// Its ID as its platform writes it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: i64,
    /// Its address, without signature.
    pub url: String,
}

/// An emoji on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageEmoji {
    /// The ID of a custom emoji.
    pub id: Option<i64>,
    /// The character, or the name of a custom emoji.
    pub name: String,
    /// How many reacted, normal and burst reactions together.
    pub count: i64,
    /// Those of them who are known.
    pub users: Vec<KnownUser>,
}

/// A user by hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownUser {
    /// The hash, 64 hex digits.
    pub hash: String,
    /// Whether it is a bot, if known.
    pub is_bot: Option<bool>,
}

/// What a channel is called, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelHeading {
    /// ID of the server.
    pub guild_id: String,
    /// ID of the channel.
    pub id: String,
    /// Its kind, such as `text`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: Option<String>,
    /// ID and name of a channel's category, or a thread's channel.
    pub parent: Option<(String, String)>,
}

impl Reader {
    /// The files of a message.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn files_of(&self, channel: ChannelRow, message: i64) -> Result<Vec<MessageFile>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT CAST(coalesce(id_text, platform_id) AS TEXT), filename, file_size, url FROM message_attachments
              WHERE channel_id = ?1 AND message_id = ?2 ORDER BY platform_id",
        )?;
        let rows = select.query_map(params![channel.0, message], |row| {
            Ok(MessageFile { id: row.get(0)?, name: row.get(1)?, size: row.get(2)?, url: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The emoji on a message.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn emoji_of(&self, channel: ChannelRow, message: i64) -> Result<Vec<MessageEmoji>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT k.emoji_id, e.platform_id, e.name, sum(k.count)
               FROM message_reaction_counts k JOIN emoji e ON e.id = k.emoji_id
              WHERE k.channel_id = ?1 AND k.message_id = ?2 GROUP BY k.emoji_id ORDER BY k.emoji_id",
        )?;
        let mut select_users = self.connection.prepare_cached(
            "SELECT DISTINCT u.anonymized_id, u.is_bot FROM message_emoji_reactions r JOIN users u ON u.id = r.user_id
              WHERE r.channel_id = ?1 AND r.message_id = ?2 AND r.emoji_id = ?3 ORDER BY u.id",
        )?;
        let mut rows = select.query(params![channel.0, message])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let users = select_users
                .query_map(params![channel.0, message, row.get::<_, i64>(0)?], |row| {
                    Ok(KnownUser { hash: row.get(0)?, is_bot: row.get(1)? })
                })?;
            let users = users.collect::<Result<_, _>>()?;
            found.push(MessageEmoji { id: row.get(1)?, name: row.get(2)?, count: row.get(3)?, users });
        }
        Ok(found)
    }

    /// A channel's heading; `None` if there is no such channel.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn channel_heading(&self, channel: ChannelRow) -> Result<Option<ChannelHeading>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT t.id_text, c.id_text, c.kind, c.name, c.topic, p.id_text, p.name
               FROM channels c JOIN tenants t ON t.id = c.tenant_id LEFT JOIN channels p ON p.id = c.parent_id
              WHERE c.id = ?1",
        )?;
        let heading = select.query_row([channel.0], |row| {
            Ok(ChannelHeading {
                guild_id: row.get(0)?,
                id: row.get(1)?,
                kind: row.get(2)?,
                name: row.get(3)?,
                topic: row.get(4)?,
                parent: row.get::<_, Option<String>>(5)?.zip(row.get(6)?),
            })
        });
        Ok(heading.optional()?)
    }
}
