//! What an index is made from: the messages of the archive, channel by channel.

use rusqlite::{OptionalExtension as _, params};

use crate::archive::message_scan::{SCANNED, ScannedMessage, scanned};
use crate::archive::{ArchiveError, ChannelRow, Reader};
use crate::model::Timestamp;

/// A channel that messages may be read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedChannel {
    /// Its row.
    pub row: ChannelRow,
    /// Its platform.
    pub platform: String,
}

impl Reader {
    /// All channels.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn indexed_channels(&self) -> Result<Vec<IndexedChannel>, ArchiveError> {
        let mut select = self.connection.prepare(
            "SELECT c.id, t.platform FROM channels c JOIN tenants t ON t.id = c.tenant_id ORDER BY c.id",
        )?;
        let rows = select.query_map([], |row| {
            Ok(IndexedChannel { row: ChannelRow(row.get(0)?), platform: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The ID and time of the first message of a range.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn first_message(
        &self,
        channel: ChannelRow,
        range: (i64, i64),
    ) -> Result<Option<(i64, Timestamp)>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT platform_id, created_at FROM messages
              WHERE channel_id = ?1 AND platform_id BETWEEN ?2 AND ?3 ORDER BY platform_id LIMIT 1",
        )?;
        let mut rows = select.query(params![channel.0, range.0, range.1])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some((row.get(0)?, Timestamp::from_millis(row.get(1)?))))
    }

    /// The ID and time of a channel's first message that was sent then or later.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn first_message_since(
        &self,
        channel: ChannelRow,
        time: Timestamp,
    ) -> Result<Option<(i64, Timestamp)>, ArchiveError> {
        // Messages ascend with time, and no index has their times.
        let bounds = "SELECT first_message_id, last_message_id FROM channels WHERE id = ?1";
        let bounds = self.connection.prepare_cached(bounds)?.query_row(params![channel.0], |row| {
            Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?))
        });
        let Some((mut low, mut high)) = bounds.optional()?.flatten() else { return Ok(None) };
        let mut found = None;
        while low <= high {
            let middle = low + (high - low) / 2;
            match self.first_message(channel, (middle, high))? {
                Some((message, sent_at)) if sent_at < time => low = message.saturating_add(1),
                Some(later) => {
                    found = Some(later);
                    high = middle.saturating_sub(1);
                }
                None => high = middle.saturating_sub(1),
            }
        }
        Ok(found)
    }

    /// Reads at most `limit` messages of a range by their IDs, up to the first that was sent
    /// at `end` or later. Returns the ID and time of the first that was not read.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn messages_before(
        &self,
        channel: ChannelRow,
        range: (i64, i64),
        end: Timestamp,
        limit: usize,
        mut on_message: impl FnMut(ScannedMessage<'_>),
    ) -> Result<Option<(i64, Timestamp)>, ArchiveError> {
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT {SCANNED} FROM messages m
              WHERE m.channel_id = ?1 AND m.platform_id BETWEEN ?2 AND ?3 ORDER BY m.platform_id"
        ))?;
        let mut rows = select.query(params![channel.0, range.0, range.1])?;
        let mut read = 0;
        while let Some(row) = rows.next()? {
            let message = scanned(row)?;
            if message.key.sent_at >= end || read == limit {
                return Ok(Some((message.key.message, message.key.sent_at)));
            }
            read += 1;
            on_message(message);
        }
        Ok(None)
    }
}
