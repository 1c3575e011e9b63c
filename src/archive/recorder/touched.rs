//! The rows that a transaction has touched, and their entries in the change log.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::archive::ArchiveError;

/// Maximum number of messages, over all channels, tracked individually; beyond it, only
/// the range of each channel is tracked.
const MAX_TRACKED_MESSAGES: usize = 100_000;
/// Changed (or removed) messages of a channel are logged as one range if there are more than
/// this, and the range holds few others.
const MAX_INDIVIDUAL_ENTRIES: usize = 16;
/// Messages that a range may hold for each changed one. A person's messages lie far apart: a
/// range of them would be most of the channel.
const MAX_MESSAGES_PER_CHANGE: usize = 4;

/// The kind of change to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    /// The combined effect of this operation and a later one.
    const fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Insert, Self::Update) => Self::Insert,
            (Self::Delete, Self::Insert) => Self::Update,
            (_, next) => next,
        }
    }
}

/// The rows that a transaction has touched.
#[derive(Debug, Default)]
pub(super) struct TouchedRows {
    channels: HashMap<i64, TouchedMessages>,
    /// Number of messages tracked individually.
    tracked_messages: usize,
    /// Kind and row ID of other rows.
    rows: BTreeSet<(&'static str, i64)>,
}

/// The touched messages of a channel.
#[derive(Debug)]
enum TouchedMessages {
    /// By message ID: the operation, and when the message was sent, if recorded.
    Individual(BTreeMap<i64, (Operation, Option<i64>)>),
    /// The first and last ID, if too many messages were touched to track each.
    Range(i64, i64),
}

/// An entry of the change log: a range of messages in a channel, or another row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChangeEntry {
    pub kind: &'static str,
    /// The channel's row ID.
    pub channel: Option<i64>,
    /// First and last message ID.
    pub range: Option<(i64, i64)>,
    /// When these two messages were sent, in milliseconds since 1970 UTC.
    pub sent: Option<(i64, i64)>,
    /// The ID of a row that is no message.
    pub row: Option<i64>,
}

impl TouchedRows {
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.rows.is_empty()
    }

    pub fn add_message(&mut self, channel: i64, message: i64, operation: Operation, sent_at: Option<i64>) {
        let is_full = self.tracked_messages >= MAX_TRACKED_MESSAGES;
        let new_channel = || {
            if is_full {
                TouchedMessages::Range(message, message)
            } else {
                TouchedMessages::Individual(BTreeMap::new())
            }
        };
        match self.channels.entry(channel).or_insert_with(new_channel) {
            TouchedMessages::Range(first, last) => {
                (*first, *last) = ((*first).min(message), (*last).max(message));
            }
            TouchedMessages::Individual(messages) => {
                let previous = messages.get(&message).copied();
                let (earlier, known) = previous.unwrap_or((operation, sent_at));
                messages.insert(message, (earlier.then(operation), sent_at.or(known)));
                self.tracked_messages += usize::from(previous.is_none());
            }
        }
        if !is_full && self.tracked_messages >= MAX_TRACKED_MESSAGES {
            self.channels.values_mut().for_each(TouchedMessages::collapse);
        }
    }

    pub fn add_row(&mut self, kind: &'static str, row: i64) {
        self.rows.insert((kind, row));
    }

    /// The change log entries, those of messages first.
    pub fn into_log(self, connection: &Connection) -> Result<Vec<ChangeEntry>, ArchiveError> {
        let mut log = Vec::new();
        let mut channels: Vec<(i64, TouchedMessages)> = self.channels.into_iter().collect();
        channels.sort_unstable_by_key(|(channel, _)| *channel);
        for (channel, messages) in channels {
            messages.log(&LoggedChannel { connection, row: channel }, &mut log)?;
        }
        let of_row =
            |(kind, row)| ChangeEntry { kind, channel: None, range: None, sent: None, row: Some(row) };
        log.extend(self.rows.into_iter().map(of_row));
        Ok(log)
    }
}

impl TouchedMessages {
    /// Replaces individual messages by their range.
    fn collapse(&mut self) {
        if let Self::Individual(messages) = self
            && let (Some((first, _)), Some((last, _))) =
                (messages.first_key_value(), messages.last_key_value())
        {
            *self = Self::Range(*first, *last);
        }
    }

    fn log(self, channel: &LoggedChannel<'_>, log: &mut Vec<ChangeEntry>) -> Result<(), ArchiveError> {
        let messages = match self {
            Self::Individual(messages) => messages,
            Self::Range(first, last) => {
                log.push(channel.changed((first, last), &BTreeMap::new())?);
                return Ok(());
            }
        };
        let of = |wanted: &[Operation]| {
            let ids = messages.iter().filter(|(_, (operation, _))| wanted.contains(operation));
            ids.map(|(id, _)| *id).collect::<Vec<i64>>()
        };
        let added = of(&[Operation::Insert]);
        if let (Some(first), Some(last)) = (added.first(), added.last()) {
            log.push(channel.added((*first, *last), added.len(), &messages)?);
        }
        for others in [of(&[Operation::Update]), of(&[Operation::Delete])] {
            match others[..] {
                [first, .., last]
                    if others.len() > MAX_INDIVIDUAL_ENTRIES
                        && channel
                            .holds_at_most(others.len() * MAX_MESSAGES_PER_CHANGE, (first, last))? =>
                {
                    log.push(channel.changed((first, last), &messages)?);
                }
                _ => {
                    for id in others {
                        log.push(channel.changed((id, id), &messages)?);
                    }
                }
            }
        }
        Ok(())
    }
}

/// A channel whose changes are logged.
struct LoggedChannel<'c> {
    connection: &'c Connection,
    row: i64,
}

impl LoggedChannel<'_> {
    /// The entry for `count` new messages in a range: `added` if the range holds no other
    /// messages, else `changed`.
    fn added(
        &self,
        range: (i64, i64),
        count: usize,
        messages: &BTreeMap<i64, (Operation, Option<i64>)>,
    ) -> Result<ChangeEntry, ArchiveError> {
        let has_no_others = self.holds_at_most(count, range)?;
        self.entry(if has_no_others { "added" } else { "changed" }, range, messages)
    }

    /// Whether a range holds at most `count` messages.
    fn holds_at_most(&self, count: usize, range: (i64, i64)) -> Result<bool, ArchiveError> {
        let stored_messages: usize = self
            .connection
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM messages WHERE channel_id = ?1 AND platform_id BETWEEN ?2 AND ?3
                                        LIMIT ?4)",
            )?
            .query_row(params![self.row, range.0, range.1, count + 1], |row| row.get(0))?;
        Ok(stored_messages <= count)
    }

    /// The entry for changed messages; `removed` if the range holds no message any more.
    fn changed(
        &self,
        range: (i64, i64),
        messages: &BTreeMap<i64, (Operation, Option<i64>)>,
    ) -> Result<ChangeEntry, ArchiveError> {
        let is_any_stored: bool = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM messages WHERE channel_id = ?1 AND platform_id BETWEEN ?2 AND ?3)",
            )?
            .query_row(params![self.row, range.0, range.1], |row| row.get(0))?;
        self.entry(if is_any_stored { "changed" } else { "removed" }, range, messages)
    }

    fn entry(
        &self,
        kind: &'static str,
        range: (i64, i64),
        messages: &BTreeMap<i64, (Operation, Option<i64>)>,
    ) -> Result<ChangeEntry, ArchiveError> {
        let sent_at = |id: i64| -> Result<Option<i64>, ArchiveError> {
            let stored = self
                .connection
                .prepare_cached("SELECT created_at FROM messages WHERE channel_id = ?1 AND platform_id = ?2")?
                .query_row(params![self.row, id], |row| row.get(0))
                .optional()?;
            Ok(stored.or_else(|| messages.get(&id)?.1))
        };
        let sent = sent_at(range.0)?.zip(sent_at(range.1)?);
        Ok(ChangeEntry { kind, channel: Some(self.row), range: Some(range), sent, row: None })
    }
}
