//! Reads messages one by one, with what a search needs of them.

use hashbrown::HashSet;
use rusqlite::types::Value;
use rusqlite::{Row, Statement, params, params_from_iter};

use super::message_filter::{HAS_PREFIX, conditions};
pub use super::message_filter::{MessageFilter, MessagePart};
use super::schema::message_id_sql;
use super::{ArchiveError, ChannelRow, MessageRanges, Reader};
use crate::model::Timestamp;

/// The key of a message. Keys sort by time, then as messages do in the search index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey {
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Its ID.
    pub message: i64,
    /// Its channel.
    pub channel: ChannelRow,
}

/// The texts of a message, borrowed from the row.
#[derive(Debug)]
pub struct ScannedMessage<'r> {
    /// Its key.
    pub key: MessageKey,
    /// Its text.
    pub content: &'r str,
    /// Its further fields, as JSON.
    pub metadata: Option<&'r str>,
    /// The names of its files, each in a line.
    pub file_names: Option<&'r str>,
}

/// A message as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownMessage {
    /// Its key.
    pub key: MessageKey,
    /// Its tenant's name.
    pub tenant: String,
    /// The tenant's ID.
    pub guild_id: String,
    /// Its channel's ID.
    pub channel_id: String,
    /// Its channel's name.
    pub channel: String,
    /// The state of its channel, such as `hidden`.
    pub channel_state: String,
    /// Its ID.
    pub message_id: String,
    /// The hash of its author, if known.
    pub author: Option<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it was found to be deleted.
    pub deleted_at: Option<Timestamp>,
    /// Its text.
    pub content: String,
    /// The address that opens it.
    pub url: String,
}

/// What is read of a message that is searched.
pub(super) const SCANNED: &str = "m.created_at, m.channel_id, m.platform_id, m.content, m.metadata,
    (SELECT group_concat(a.filename, char(10)) FROM message_attachments a
      WHERE a.channel_id = m.channel_id AND a.message_id = m.platform_id)";

const SHOWN: &str = concat!(
    "SELECT t.name, t.id_text, c.id_text, c.name, c.state, ",
    message_id_sql!("m.platform_id"),
    ", (SELECT anonymized_id FROM users WHERE id = m.author_id), m.created_at, m.deleted_at, m.content,
       printf(t.message_url_format, c.id_text, ",
    message_id_sql!("m.platform_id"),
    ", m.platform_id), m.channel_id, m.platform_id
       FROM messages m JOIN channels c ON c.id = m.channel_id JOIN tenants t ON t.id = c.tenant_id"
);

impl Reader {
    /// Calls `on_message` with each message that the filter selects, channel by channel.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn scan_messages(
        &self,
        filter: &MessageFilter,
        mut on_message: impl FnMut(ScannedMessage<'_>),
    ) -> Result<(), ArchiveError> {
        let (conditions, parameters) = conditions(filter);
        let sql = format!(
            "SELECT {SCANNED} FROM channels c JOIN tenants t ON t.id = c.tenant_id
              CROSS JOIN messages m ON m.channel_id = c.id WHERE {conditions}"
        );
        let mut select = self.connection.prepare(&sql)?;
        let mut rows = select.query(params_from_iter(parameters))?;
        while let Some(row) = rows.next()? {
            on_message(scanned(row)?);
        }
        Ok(())
    }

    /// Like [`Self::scan_messages`], of the given messages only.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn scan_ranges(
        &self,
        filter: &MessageFilter,
        ranges: &MessageRanges,
        mut on_message: impl FnMut(ScannedMessage<'_>),
    ) -> Result<(), ArchiveError> {
        let (conditions, parameters) = conditions(filter);
        let sql = format!(
            "SELECT {SCANNED} FROM messages m JOIN channels c ON c.id = m.channel_id
               JOIN tenants t ON t.id = c.tenant_id
              WHERE {conditions} AND m.channel_id = ? AND m.platform_id BETWEEN ? AND ?"
        );
        let mut select = self.connection.prepare(&sql)?;
        for (channel, (first, last)) in
            ranges.channels().flat_map(|(channel, ranges)| ranges.iter().map(move |range| (channel, *range)))
        {
            let range = [channel.0, first, last].map(Value::Integer);
            let mut rows = select.query(params_from_iter(parameters.iter().chain(&range)))?;
            while let Some(row) = rows.next()? {
                on_message(scanned(row)?);
            }
        }
        Ok(())
    }

    /// Prepares to read single messages.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn message_lookup(&self, filter: &MessageFilter) -> Result<MessageLookup<'_>, ArchiveError> {
        let (conditions, parameters) = conditions(filter);
        let sql = format!(
            "SELECT {SCANNED}, coalesce({conditions}, 0) FROM messages m JOIN channels c ON c.id = m.channel_id
               JOIN tenants t ON t.id = c.tenant_id
              WHERE m.channel_id = ? AND m.platform_id = ?"
        );
        Ok(MessageLookup { select: self.connection.prepare(&sql)?, parameters })
    }

    /// When a message was sent; `None` if it isn't archived.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn sent_at(&self, channel: ChannelRow, message: i64) -> Result<Option<Timestamp>, ArchiveError> {
        Ok(self.first_message(channel, (message, message))?.map(|(_, sent_at)| sent_at))
    }

    /// Whether the filter selects any message.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn has_message(&self, filter: &MessageFilter) -> Result<bool, ArchiveError> {
        let (conditions, parameters) = conditions(filter);
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM channels c JOIN tenants t ON t.id = c.tenant_id
              CROSS JOIN messages m ON m.channel_id = c.id WHERE {conditions})"
        );
        Ok(self.connection.query_row(&sql, params_from_iter(parameters), |row| row.get(0))?)
    }

    /// The channels that a filter names, with their threads; `None` if it names neither channels nor
    /// tenants.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn filter_channels(
        &self,
        filter: &MessageFilter,
    ) -> Result<Option<HashSet<ChannelRow>>, ArchiveError> {
        if filter.tenants.is_empty() && filter.channels.is_empty() {
            return Ok(None);
        }
        let (conditions, parameters) = conditions(&MessageFilter {
            tenants: filter.tenants.clone(),
            channels: filter.channels.clone(),
            ..MessageFilter::all()
        });
        let sql =
            format!("SELECT c.id FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE {conditions}");
        let mut select = self.connection.prepare(&sql)?;
        let rows = select.query_map(params_from_iter(parameters), |row| Ok(ChannelRow(row.get(0)?)))?;
        Ok(Some(rows.collect::<Result<_, _>>()?))
    }

    /// The number of messages of the authors that a filter names, counted up to a limit; `None`
    /// if it names none.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn messages_of_author(
        &self,
        filter: &MessageFilter,
        limit: u64,
    ) -> Result<Option<u64>, ArchiveError> {
        let Some(prefix) = &filter.author else { return Ok(None) };
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM messages
                                    WHERE author_id IN (SELECT id FROM users WHERE {HAS_PREFIX}) LIMIT ?)"
        );
        let count = self.connection.query_row(&sql, params![prefix, prefix, limit], |row| row.get(0))?;
        Ok(Some(count))
    }

    /// A message as it is shown; `None` if it was removed meanwhile.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn shown_message(&self, key: MessageKey) -> Result<Option<ShownMessage>, ArchiveError> {
        let sql = format!("{SHOWN} WHERE m.channel_id = ?1 AND m.platform_id = ?2");
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut rows = select.query_map([key.channel.0, key.message], shown)?;
        Ok(rows.next().transpose()?)
    }

    /// At most `count` messages before a message of the same channel, and as many after it, in
    /// the order of their IDs.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn messages_around(
        &self,
        key: MessageKey,
        count: u32,
    ) -> Result<(Vec<ShownMessage>, Vec<ShownMessage>), ArchiveError> {
        let read = |condition: &str| {
            let sql = format!(
                "{SHOWN} WHERE m.channel_id = ?1 AND m.deleted_at IS NULL AND m.platform_id {condition} LIMIT ?3"
            );
            let mut select = self.connection.prepare_cached(&sql)?;
            let rows = select.query_map((key.channel.0, key.message, count), shown)?;
            Ok::<_, ArchiveError>(rows.collect::<Result<Vec<_>, _>>()?)
        };
        let mut before = read("< ?2 ORDER BY m.platform_id DESC")?;
        before.reverse();
        Ok((before, read("> ?2 ORDER BY m.platform_id")?))
    }

    /// How many tenants, channels and people the filter names, and how many messages are in
    /// those channels: to say why nothing was found.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn filter_scope(&self, filter: &MessageFilter) -> Result<FilterScope, ArchiveError> {
        let only = |tenants: &[String], channels: &[String]| MessageFilter {
            tenants: tenants.to_vec(),
            channels: channels.to_vec(),
            ..MessageFilter::all()
        };
        let counts = |filter: &MessageFilter| {
            let (conditions, parameters) = conditions(filter);
            let sql = format!(
                "SELECT count(*), coalesce(sum(c.message_count), 0)
                   FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE {conditions}"
            );
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            self.connection.query_row(&sql, params_from_iter(parameters), read).map_err(ArchiveError::from)
        };
        let (channels, messages) = counts(&only(&filter.tenants, &filter.channels))?;
        let (_, tenant_messages) = counts(&only(&filter.tenants, &[]))?;
        let people = match &filter.author {
            Some(prefix) => {
                let people = format!("SELECT count(*) FROM users WHERE {HAS_PREFIX}");
                Some(self.connection.query_row(&people, [prefix, prefix], |row| row.get(0))?)
            }
            None => None,
        };
        Ok(FilterScope { channels, messages, tenant_messages, people })
    }
}

/// Reads single messages by their keys.
#[derive(Debug)]
pub struct MessageLookup<'r> {
    select: Statement<'r>,
    parameters: Vec<Value>,
}

impl MessageLookup<'_> {
    /// Calls `on_message` with a message and whether the filter selects it; returns `None`
    /// if it isn't archived.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn read<T>(
        &mut self,
        channel: ChannelRow,
        message: i64,
        on_message: impl FnOnce(ScannedMessage<'_>, bool) -> T,
    ) -> Result<Option<T>, ArchiveError> {
        let key = [channel.0, message].map(Value::Integer);
        let mut rows = self.select.query(params_from_iter(self.parameters.iter().chain(&key)))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(on_message(scanned(row)?, row.get(6)?)))
    }
}

/// What a filter's names stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterScope {
    /// The channels that it names.
    pub channels: u64,
    /// The archived messages in them.
    pub messages: u64,
    /// The archived messages of the tenants that it names.
    pub tenant_messages: u64,
    /// The people whom its author stands for, if it has one.
    pub people: Option<u64>,
}

/// The message in a row that begins with the columns of [`SCANNED`].
pub(super) fn scanned<'r>(row: &'r Row<'_>) -> rusqlite::Result<ScannedMessage<'r>> {
    Ok(ScannedMessage {
        key: MessageKey {
            sent_at: Timestamp::from_millis(row.get(0)?),
            message: row.get(2)?,
            channel: ChannelRow(row.get(1)?),
        },
        content: row.get_ref(3)?.as_str().unwrap_or_default(),
        metadata: row.get_ref(4)?.as_str_or_null().unwrap_or_default(),
        file_names: row.get_ref(5)?.as_str_or_null().unwrap_or_default(),
    })
}

fn shown(row: &Row<'_>) -> rusqlite::Result<ShownMessage> {
    let sent_at = Timestamp::from_millis(row.get(7)?);
    Ok(ShownMessage {
        tenant: row.get(0)?,
        guild_id: row.get(1)?,
        channel_id: row.get(2)?,
        channel: row.get(3)?,
        channel_state: row.get(4)?,
        message_id: row.get(5)?,
        author: row.get(6)?,
        sent_at,
        deleted_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_millis),
        content: row.get(9)?,
        url: row.get(10)?,
        key: MessageKey { sent_at, message: row.get(12)?, channel: ChannelRow(row.get(11)?) },
    })
}
