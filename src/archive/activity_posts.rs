//! Posts in forums, their answers and tags.

use hashbrown::{HashMap, HashSet};
use rusqlite::params;

use super::activity::ActivityChannel;
use super::reader::time;
use super::{ArchiveError, ChannelRow, Reader};
use crate::model::Timestamp;

/// A person's post in a forum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForumPost {
    /// The row of who opened it.
    pub owner: i64,
    /// When that was.
    pub opened_at: Timestamp,
    /// When another person first wrote in it.
    pub answered_at: Option<Timestamp>,
    /// The names of its tags, as they are now. A tag whose name isn't known is left out.
    pub tags: Vec<String>,
}

impl Reader {
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
        let mut tags = self.post_tags(tenant)?;
        let mut posts = Vec::new();
        while let Some(row) = rows.next()? {
            let post = ChannelRow(row.get(0)?);
            if counted.contains(&post) {
                posts.push(ForumPost {
                    owner: row.get(1)?,
                    opened_at: Timestamp::from_millis(row.get(2)?),
                    answered_at: time(row, 3)?,
                    tags: tags.remove(&post).unwrap_or_default(),
                });
            }
        }
        Ok(posts)
    }

    /// Whether a person other than the one who asked wrote in a thread before a time.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn is_answered(
        &self,
        thread: ChannelRow,
        asked_by: i64,
        before: Timestamp,
        includes_deleted: bool,
    ) -> Result<bool, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT EXISTS (
               SELECT 1 FROM messages m JOIN users u ON u.id = m.author_id
                WHERE m.channel_id = ?1 AND m.author_id <> ?2 AND u.is_bot IS NOT 1
                  AND m.created_at < ?3 AND (?4 OR m.deleted_at IS NULL)
                  AND m.kind BETWEEN 0 AND 62
                  AND ((SELECT t.written_types FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = ?1) >> m.kind) & 1)",
        )?;
        let parameters = params![thread.0, asked_by, before.as_millis(), includes_deleted];
        Ok(select.query_row(parameters, |row| row.get(0))?)
    }

    /// The names of the tags of a tenant's posts.
    fn post_tags(&self, tenant: &str) -> Result<HashMap<ChannelRow, Vec<String>>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT c.id, json_extract(v.value, '$.name') FROM channels c
               JOIN tenants t ON t.id = c.tenant_id
               JOIN channels p ON p.id = c.parent_id
               JOIN json_each(c.metadata, '$.applied_tags') a
               JOIN json_each(p.metadata, '$.available_tags') v ON json_extract(v.value, '$.id') = a.value
              WHERE t.name = ?1 AND json_type(v.value, '$.name') = 'text' ORDER BY c.id, a.key",
        )?;
        let mut rows = select.query([tenant])?;
        let mut tags: HashMap<ChannelRow, Vec<String>> = HashMap::new();
        while let Some(row) = rows.next()? {
            tags.entry(ChannelRow(row.get(0)?)).or_default().push(row.get(1)?);
        }
        Ok(tags)
    }
}
