//! What a transaction has touched, and how that is logged.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::archive::ArchiveError;

/// Messages that are noted one by one, in all channels; beyond, each channel's range.
const MOST_NOTED: usize = 20_000;
/// Changed messages of a channel that are logged one by one; beyond, their range.
const MOST_LOGGED: usize = 16;

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    /// What this and then another one come to.
    const fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Insert, Self::Update) => Self::Insert,
            (Self::Delete, Self::Insert) => Self::Update,
            (_, next) => next,
        }
    }
}

/// What a transaction has touched.
#[derive(Debug, Default)]
pub(super) struct Touched {
    channels: HashMap<i64, TouchedMessages>,
    /// Messages that are noted one by one.
    noted: usize,
    rows: BTreeSet<(&'static str, i64)>,
}

/// Touched messages of a channel.
#[derive(Debug)]
enum TouchedMessages {
    /// What was done to each, and when it was sent, if noted.
    Each(BTreeMap<i64, (Operation, Option<i64>)>),
    /// More than can be noted: from the first to the last.
    Range(i64, i64),
}

/// An entry of the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Logged {
    pub kind: &'static str,
    pub channel: Option<i64>,
    pub range: Option<(i64, i64)>,
    pub sent: Option<(i64, i64)>,
    pub row: Option<i64>,
}

impl Touched {
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.rows.is_empty()
    }

    pub fn message(&mut self, channel: i64, message: i64, operation: Operation, sent_at: Option<i64>) {
        let is_full = self.noted >= MOST_NOTED;
        let empty = || {
            if is_full {
                TouchedMessages::Range(message, message)
            } else {
                TouchedMessages::Each(BTreeMap::new())
            }
        };
        match self.channels.entry(channel).or_insert_with(empty) {
            TouchedMessages::Range(first, last) => {
                (*first, *last) = ((*first).min(message), (*last).max(message));
            }
            TouchedMessages::Each(messages) => {
                let before = messages.get(&message).copied();
                let (earlier, known) = before.unwrap_or((operation, sent_at));
                messages.insert(message, (earlier.then(operation), sent_at.or(known)));
                self.noted += usize::from(before.is_none());
            }
        }
        if !is_full && self.noted >= MOST_NOTED {
            self.channels.values_mut().for_each(TouchedMessages::become_range);
        }
    }

    pub fn row(&mut self, kind: &'static str, row: i64) {
        self.rows.insert((kind, row));
    }

    /// The entries, those of messages first.
    pub fn into_log(self, connection: &Connection) -> Result<Vec<Logged>, ArchiveError> {
        let mut log = Vec::new();
        let mut channels: Vec<(i64, TouchedMessages)> = self.channels.into_iter().collect();
        channels.sort_unstable_by_key(|(channel, _)| *channel);
        for (channel, messages) in channels {
            messages.log(&Channel { connection, row: channel }, &mut log)?;
        }
        let of_row = |(kind, row)| Logged { kind, channel: None, range: None, sent: None, row: Some(row) };
        log.extend(self.rows.into_iter().map(of_row));
        Ok(log)
    }
}

impl TouchedMessages {
    fn become_range(&mut self) {
        if let Self::Each(messages) = self
            && let (Some((first, _)), Some((last, _))) =
                (messages.first_key_value(), messages.last_key_value())
        {
            *self = Self::Range(*first, *last);
        }
    }

    fn log(self, channel: &Channel<'_>, log: &mut Vec<Logged>) -> Result<(), ArchiveError> {
        let messages = match self {
            Self::Each(messages) => messages,
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
                [first, .., last] if others.len() > MOST_LOGGED => {
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
struct Channel<'c> {
    connection: &'c Connection,
    row: i64,
}

impl Channel<'_> {
    /// Messages that are new, `count` of them in the range.
    fn added(
        &self,
        range: (i64, i64),
        count: usize,
        noted: &BTreeMap<i64, (Operation, Option<i64>)>,
    ) -> Result<Logged, ArchiveError> {
        // One more than are new tells that others stand between them.
        let there: usize = self
            .connection
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM messages WHERE channel_id = ?1 AND platform_id BETWEEN ?2 AND ?3
                                        LIMIT ?4)",
            )?
            .query_row(params![self.row, range.0, range.1, count + 1], |row| row.get(0))?;
        self.entry(if there == count { "added" } else { "changed" }, range, noted)
    }

    /// Messages that changed, or of which none is left.
    fn changed(
        &self,
        range: (i64, i64),
        noted: &BTreeMap<i64, (Operation, Option<i64>)>,
    ) -> Result<Logged, ArchiveError> {
        let is_any_there: bool = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM messages WHERE channel_id = ?1 AND platform_id BETWEEN ?2 AND ?3)",
            )?
            .query_row(params![self.row, range.0, range.1], |row| row.get(0))?;
        self.entry(if is_any_there { "changed" } else { "removed" }, range, noted)
    }

    fn entry(
        &self,
        kind: &'static str,
        range: (i64, i64),
        noted: &BTreeMap<i64, (Operation, Option<i64>)>,
    ) -> Result<Logged, ArchiveError> {
        let sent_at = |id: i64| -> Result<Option<i64>, ArchiveError> {
            let stored = self
                .connection
                .prepare_cached("SELECT created_at FROM messages WHERE channel_id = ?1 AND platform_id = ?2")?
                .query_row(params![self.row, id], |row| row.get(0))
                .optional()?;
            Ok(stored.or_else(|| noted.get(&id)?.1))
        };
        let sent = sent_at(range.0)?.zip(sent_at(range.1)?);
        Ok(Logged { kind, channel: Some(self.row), range: Some(range), sent, row: None })
    }
}
