//! Who wrote when and where, without texts.

use hashbrown::{HashMap, HashSet};
use rusqlite::params;

use super::reader::time;
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
    /// When its oldest message was sent, if it has any.
    pub first_sent: Option<Timestamp>,
}

/// A message, without its text.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityRow {
    /// The author's row; `None` if the person was erased or isn't known.
    pub author: Option<i64>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Whether its author wrote it; else the platform announces something.
    pub is_written: bool,
    /// Whether it is a reply.
    pub is_reply: bool,
    /// Who is replied to, if known.
    pub reply_to_author: Option<i64>,
    /// Whether it was edited.
    pub is_edited: bool,
    /// Whether it was found to be deleted.
    pub is_deleted: bool,
}

/// A person's post in a forum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForumPost {
    /// The row of who opened it.
    pub owner: i64,
    /// When that was.
    pub opened_at: Timestamp,
    /// When another person first wrote in it.
    pub answered_at: Option<Timestamp>,
}

/// How many channels of a tenant are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelStates {
    /// Read by the last runs.
    pub active: u64,
    /// Closed to everyone.
    pub hidden: u64,
    /// The bot may not read them.
    pub unreadable: u64,
    /// Deleted on the platform.
    pub deleted: u64,
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
            "SELECT c.id, r.id, r.name, c.first_message_at FROM channels c
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
                first_sent: time(row, 3)?,
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

    /// Calls `on_message` with each message of a channel, until it returns `false`.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn activity(
        &self,
        channel: ChannelRow,
        mut on_message: impl FnMut(ActivityRow) -> bool,
    ) -> Result<(), ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT m.author_id, m.created_at,
                    CASE WHEN m.kind BETWEEN 0 AND 62 THEN
                        ((SELECT t.written_types FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = ?1)
                         >> m.kind) & 1 ELSE 0 END,
                    m.reply_to_message_id IS NOT NULL, m.reply_to_author_id, m.edited_at IS NOT NULL,
                    m.deleted_at IS NOT NULL
               FROM messages m WHERE m.channel_id = ?1 ORDER BY m.platform_id",
        )?;
        let mut rows = select.query(params![channel.0])?;
        while let Some(row) = rows.next()? {
            let goes_on = on_message(ActivityRow {
                author: row.get(0)?,
                sent_at: Timestamp::from_millis(row.get(1)?),
                is_written: row.get(2)?,
                is_reply: row.get(3)?,
                reply_to_author: row.get(4)?,
                is_edited: row.get(5)?,
                is_deleted: row.get(6)?,
            });
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// The posts of people in the forums of a tenant, with the first answer before a time. Closed
    /// channels as in [`Reader::activity_channels`].
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn forum_posts(
        &self,
        tenant: &str,
        before: Timestamp,
        includes_deleted: bool,
        channels: &[ActivityChannel],
    ) -> Result<Vec<ForumPost>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT c.id, c.owner_id, c.opened_at,
                    (SELECT min(m.created_at) FROM messages m JOIN users u ON u.id = m.author_id
                      WHERE m.channel_id = c.id AND m.author_id <> c.owner_id AND u.is_bot IS NOT 1
                        AND m.created_at < ?2 AND (?3 OR m.deleted_at IS NULL)
                        AND m.kind BETWEEN 0 AND 62 AND (t.written_types >> m.kind) & 1)
               FROM channels c
               JOIN tenants t ON t.id = c.tenant_id
               JOIN channels p ON p.id = c.parent_id AND p.kind = 'forum'
               JOIN users o ON o.id = c.owner_id AND o.is_bot IS NOT 1
              WHERE t.name = ?1 ORDER BY c.id",
        )?;
        let counted: HashSet<ChannelRow> = channels.iter().map(|channel| channel.row).collect();
        let mut rows = select.query(params![tenant, before.as_millis(), includes_deleted])?;
        let mut posts = Vec::new();
        while let Some(row) = rows.next()? {
            if counted.contains(&ChannelRow(row.get(0)?)) {
                posts.push(ForumPost {
                    owner: row.get(1)?,
                    opened_at: Timestamp::from_millis(row.get(2)?),
                    answered_at: time(row, 3)?,
                });
            }
        }
        Ok(posts)
    }

    /// How many channels of a tenant, threads not counted, are in which state.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn channel_states(&self, tenant: &str) -> Result<ChannelStates, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT count(*) FILTER (WHERE c.state = 'active'), count(*) FILTER (WHERE c.state = 'hidden'),
                    count(*) FILTER (WHERE c.state = 'unreadable'), count(*) FILTER (WHERE c.state = 'deleted')
               FROM channels c JOIN tenants t ON t.id = c.tenant_id
              WHERE t.name = ?1 AND c.kind NOT IN ('category', 'public_thread', 'announcement_thread')",
        )?;
        Ok(select.query_row([tenant], |row| {
            Ok(ChannelStates {
                active: row.get(0)?,
                hidden: row.get(1)?,
                unreadable: row.get(2)?,
                deleted: row.get(3)?,
            })
        })?)
    }
}
