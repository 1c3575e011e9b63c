//! Stores pages in a scratch database, as a sync would store them, to see what they would
//! change in the archive.
//!
//! The archive itself is only read. The scratch database is a temporary file of SQLite's, which
//! is gone when the process ends; nothing is ever committed to it but copies of the archive's
//! users, emoji and channels.

use std::path::Path;

use rusqlite::{Connection, Row, params};

use super::connection::{BUSY_TIMEOUT, harden};
use super::copy::{create, insert, read_only_uri};
use super::messages::{PageBatch, PageOutcome, store_page};
use super::tx::{RowCache, Tx};
use super::{ArchiveError, ChannelRow, TenantRow};
use crate::anonymize::Rules;
use crate::model::{ChannelId, DifferenceKind, DifferingField, MessageId, Timestamp};

/// Page cache, in KiB.
const CACHE_KIB: i64 = 8_000;

/// Tables that are copied once, whole.
const COPIED_TABLES: [&str; 6] = ["archive_info", "tenants", "channels", "users", "emoji", "forgotten"];
/// Tables that grow while a sync runs, with their ascending keys.
const GROWING_TABLES: [(&str, &str); 2] = [("users", "id"), ("emoji", "id")];
/// Tables of which the rows of a page's range are copied, with the column of the message's ID.
const PAGE_TABLES: [(&str, &str); 3] = [
    ("messages", "platform_id"),
    ("message_attachments", "message_id"),
    ("message_reaction_counts", "message_id"),
];

/// What the archive holds of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchivedCounts {
    /// Messages, deleted ones included.
    pub all: u64,
    /// Messages that aren't deleted.
    pub live: u64,
}

/// What a page would change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageComparison {
    /// The messages that differ, ascending, each once.
    pub differences: Vec<(MessageId, DifferenceKind)>,
    /// Whether nothing was compared, because the platform withholds content that the archive
    /// has.
    pub is_withheld: bool,
}

/// A scratch database beside an archive.
#[derive(Debug)]
pub struct ScratchArchive {
    connection: Connection,
    cache: RowCache,
}

impl ScratchArchive {
    /// Opens an archive of this version's schema. No other connection of this process may be
    /// closed or opened for writing while it is open.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if the archive can't be read, or if there is no space for the
    /// scratch database.
    pub fn open(archive: &Path, rules: Rules) -> Result<Self, ArchiveError> {
        let connection = Connection::open("")?;
        harden(&connection)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        for (pragma, value) in [("journal_mode", "MEMORY"), ("synchronous", "OFF"), ("foreign_keys", "OFF")] {
            connection.pragma_update(None, pragma, value)?;
        }
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.execute("ATTACH ?1 AS source", [read_only_uri(archive)])?;
        connection.execute_batch("BEGIN")?;
        create(&connection, "table")?;
        for table in COPIED_TABLES {
            connection.execute(&insert(&connection, table, "1")?, [])?;
        }
        create(&connection, "index")?;
        connection.execute_batch("COMMIT")?;
        Ok(Self { connection, cache: RowCache::new(rules) })
    }

    /// The row of a channel or thread; `None` if it isn't archived.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn channel(&self, tenant: TenantRow, channel: ChannelId) -> Result<Option<ChannelRow>, ArchiveError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT id FROM source.channels WHERE tenant_id = ?1 AND platform_id = ?2")?;
        let mut rows = select.query_map(params![tenant.0, channel.as_i64()], |row| row.get(0))?;
        Ok(rows.next().transpose()?.map(ChannelRow))
    }

    /// The number of archived messages after `after` and up to `until`.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn counts(
        &self,
        channel: ChannelRow,
        after: Option<MessageId>,
        until: MessageId,
    ) -> Result<ArchivedCounts, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT count(*), count(*) - count(deleted_at) FROM source.messages
              WHERE channel_id = ?1 AND platform_id > ?2 AND platform_id <= ?3",
        )?;
        let after = after.map_or(0, MessageId::as_i64);
        Ok(select.query_row(params![channel.0, after, until.as_i64()], |row| {
            Ok(ArchivedCounts { all: row.get(0)?, live: row.get(1)? })
        })?)
    }

    /// Whether the archive has messages after `after` and up to `until` that aren't deleted.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn has_live(
        &self,
        channel: ChannelRow,
        after: Option<MessageId>,
        until: MessageId,
    ) -> Result<bool, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM source.messages
              WHERE channel_id = ?1 AND platform_id > ?2 AND platform_id <= ?3 AND deleted_at IS NULL)",
        )?;
        let after = after.map_or(0, MessageId::as_i64);
        Ok(select.query_row(params![channel.0, after, until.as_i64()], |row| row.get(0))?)
    }

    /// The archived messages at these positions, ascending, among those after `after` and up to
    /// `until`.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn messages_at(
        &self,
        channel: ChannelRow,
        (after, until): (Option<MessageId>, MessageId),
        positions: &[u64],
    ) -> Result<Vec<MessageId>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT platform_id FROM source.messages
              WHERE channel_id = ?1 AND platform_id > ?2 AND platform_id <= ?3 ORDER BY platform_id",
        )?;
        let after = after.map_or(0, MessageId::as_i64);
        let mut rows = select.query(params![channel.0, after, until.as_i64()])?;
        let (mut found, mut wanted, mut position) = (Vec::new(), positions.iter().peekable(), 0);
        while let (Some(next), Some(row)) = (wanted.peek(), rows.next()?) {
            if position == **next {
                wanted.next();
                found.extend(MessageId::from_i64(row.get(0)?));
            }
            position += 1;
        }
        Ok(found)
    }

    /// What storing a page would change in the archive.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn compare(&mut self, batch: &PageBatch, now: Timestamp) -> Result<PageComparison, ArchiveError> {
        self.connection.execute_batch("BEGIN")?;
        let compared = self.store_and_compare(batch, now);
        // What was stored is known now, and cached rows of it don't exist any more.
        self.cache.clear();
        // After some errors, SQLite has rolled back by itself.
        let rolled_back =
            if self.connection.is_autocommit() { Ok(()) } else { self.connection.execute_batch("ROLLBACK") };
        let compared = compared?;
        rolled_back?;
        Ok(compared)
    }

    fn store_and_compare(
        &mut self,
        batch: &PageBatch,
        now: Timestamp,
    ) -> Result<PageComparison, ArchiveError> {
        let (after, last) = batch.range();
        // A sync may have added some meanwhile; row IDs must be the archive's.
        for (table, key) in GROWING_TABLES {
            let condition = format!("{key} > (SELECT coalesce(max({key}), 0) FROM main.{table})");
            let copy = insert(&self.connection, table, &condition)?;
            self.connection.prepare_cached(&copy)?.execute([])?;
        }
        for (table, key) in PAGE_TABLES {
            let condition = format!("channel_id = ?1 AND {key} > ?2 AND {key} <= ?3");
            let copy = insert(&self.connection, table, &condition)?;
            self.connection.prepare_cached(&copy)?.execute(params![batch.channel.0, after, last])?;
        }
        let mut tx = Tx::new(&self.connection, &mut self.cache);
        let PageOutcome { is_withheld, .. } = store_page(&mut tx, batch, now)?;
        if is_withheld {
            return Ok(PageComparison { differences: Vec::new(), is_withheld });
        }
        let mut differences = self.message_differences(batch.channel)?;
        let range = (after, last);
        for (field, sql) in SET_DIFFERENCES {
            for message in self.differing_sets(sql, batch.channel, range)? {
                add_field(&mut differences, message, field);
            }
        }
        differences.sort_by_key(|(message, _)| *message);
        Ok(PageComparison { differences, is_withheld })
    }

    /// The differences of the rows of messages.
    fn message_differences(
        &self,
        channel: ChannelRow,
    ) -> Result<Vec<(MessageId, DifferenceKind)>, ArchiveError> {
        let mut select = self.connection.prepare_cached(MESSAGE_DIFFERENCES)?;
        let mut rows = select.query(params![channel.0])?;
        let mut differences = Vec::new();
        while let Some(row) = rows.next()? {
            differences.extend(message_difference(row)?);
        }
        Ok(differences)
    }

    /// The messages whose rows in another table differ.
    fn differing_sets(
        &self,
        sql: &str,
        channel: ChannelRow,
        (after, last): (i64, i64),
    ) -> Result<Vec<MessageId>, ArchiveError> {
        let mut select = self.connection.prepare_cached(sql)?;
        let rows = select.query_map(params![channel.0, after, last], |row| row.get::<_, i64>(0))?;
        let ids: Vec<i64> = rows.collect::<Result<_, _>>()?;
        Ok(ids.into_iter().filter_map(MessageId::from_i64).collect())
    }
}

/// Per message: its ID; whether the archive lacks it, shows it as deleted, and shows it as
/// existing although the page lacks it; and which columns differ, in the order of [`COLUMNS`].
const MESSAGE_DIFFERENCES: &str = "
    SELECT m.platform_id, s.platform_id IS NULL, s.deleted_at IS NOT NULL AND m.deleted_at IS NULL,
           EXISTS (SELECT 1 FROM main.missing_messages a
                    WHERE a.channel_id = m.channel_id AND a.platform_id = m.platform_id),
           m.author_id IS NOT s.author_id, m.kind IS NOT s.kind, m.content IS NOT s.content,
           m.created_at IS NOT s.created_at, m.edited_at IS NOT s.edited_at,
           (m.reply_to_message_id, m.reply_to_channel_id, m.reply_to_author_id)
               IS NOT (s.reply_to_message_id, s.reply_to_channel_id, s.reply_to_author_id),
           m.pinned IS NOT s.pinned, m.metadata IS NOT s.metadata
      FROM main.messages m
      LEFT JOIN source.messages s ON s.channel_id = m.channel_id AND s.platform_id = m.platform_id
     WHERE m.channel_id = ?1";

const COLUMNS: [DifferingField; 8] = [
    DifferingField::Author,
    DifferingField::Type,
    DifferingField::Content,
    DifferingField::CreatedAt,
    DifferingField::EditedAt,
    DifferingField::Reply,
    DifferingField::Pinned,
    DifferingField::Metadata,
];

/// Per field, SQL for the messages whose rows in another table differ.
const SET_DIFFERENCES: [(DifferingField, &str); 3] = [
    (
        DifferingField::Attachments,
        "WITH stored AS (SELECT message_id, platform_id, filename, file_size FROM main.message_attachments
                          WHERE channel_id = ?1 AND message_id > ?2 AND message_id <= ?3),
              archived AS (SELECT message_id, platform_id, filename, file_size FROM source.message_attachments
                            WHERE channel_id = ?1 AND message_id > ?2 AND message_id <= ?3)
         SELECT message_id FROM (SELECT * FROM stored EXCEPT SELECT * FROM archived)
          UNION SELECT message_id FROM (SELECT * FROM archived EXCEPT SELECT * FROM stored)",
    ),
    (
        DifferingField::AttachmentDetails,
        "SELECT DISTINCT m.message_id
           FROM main.message_attachments m
           JOIN source.message_attachments s USING (channel_id, message_id, platform_id)
          WHERE m.channel_id = ?1 AND m.message_id > ?2 AND m.message_id <= ?3
            AND (m.content_type, m.url, m.metadata) IS NOT (s.content_type, s.url, s.metadata)",
    ),
    (
        DifferingField::Reactions,
        "WITH stored AS (SELECT message_id, emoji_id, burst, count FROM main.message_reaction_counts
                          WHERE channel_id = ?1 AND message_id > ?2 AND message_id <= ?3),
              archived AS (SELECT message_id, emoji_id, burst, count FROM source.message_reaction_counts
                            WHERE channel_id = ?1 AND message_id > ?2 AND message_id <= ?3)
         SELECT message_id FROM (SELECT * FROM stored EXCEPT SELECT * FROM archived)
          UNION SELECT message_id FROM (SELECT * FROM archived EXCEPT SELECT * FROM stored)",
    ),
];

/// The difference of a row of [`MESSAGE_DIFFERENCES`]; `None` if there is none.
fn message_difference(row: &Row<'_>) -> rusqlite::Result<Option<(MessageId, DifferenceKind)>> {
    let Some(message) = MessageId::from_i64(row.get(0)?) else { return Ok(None) };
    let kind = if row.get(1)? {
        DifferenceKind::Missing
    } else if row.get(2)? {
        DifferenceKind::NotRestored
    } else if row.get(3)? {
        DifferenceKind::NotDeleted
    } else {
        let mut fields = Vec::new();
        for (column, field) in (4..).zip(COLUMNS) {
            if row.get(column)? {
                fields.push(field);
            }
        }
        if fields.is_empty() {
            return Ok(None);
        }
        DifferenceKind::Differs { was_edited: fields.contains(&DifferingField::EditedAt), fields }
    };
    Ok(Some((message, kind)))
}

/// Adds a field to a message's difference. A message that only one of the two has differs in
/// nothing else.
fn add_field(differences: &mut Vec<(MessageId, DifferenceKind)>, message: MessageId, field: DifferingField) {
    match differences.iter_mut().find(|(known, _)| *known == message) {
        Some((_, DifferenceKind::Differs { fields, .. })) => fields.push(field),
        Some(_) => {}
        None => {
            let kind = DifferenceKind::Differs { fields: vec![field], was_edited: false };
            differences.push((message, kind));
        }
    }
}
