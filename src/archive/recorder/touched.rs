//! What a transaction has touched, and how that is logged.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use rusqlite::{Connection, params};

use crate::archive::ArchiveError;

/// Messages of a channel that are noted one by one; beyond, the range of all.
const MOST_NOTED: usize = 10_000;
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
    rows: BTreeSet<(&'static str, i64)>,
}

/// Messages of a channel: what was done to each, and when it was sent, if noted.
#[derive(Debug, Default)]
struct TouchedMessages {
    noted: BTreeMap<i64, (Operation, Option<i64>)>,
    /// More than can be noted, from the first to the last.
    range: Option<(i64, i64)>,
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
        let messages = self.channels.entry(channel).or_default();
        if let Some((first, last)) = &mut messages.range {
            (*first, *last) = ((*first).min(message), (*last).max(message));
            return;
        }
        let noted = messages.noted.entry(message).or_insert((operation, sent_at));
        *noted = (noted.0.then(operation), sent_at.or(noted.1));
        if messages.noted.len() > MOST_NOTED {
            let ids = std::mem::take(&mut messages.noted);
            messages.range =
                ids.first_key_value().zip(ids.last_key_value()).map(|(first, last)| (*first.0, *last.0));
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
            messages.log(connection, channel, &mut log)?;
        }
        let of_row = |(kind, row)| Logged { kind, channel: None, range: None, sent: None, row: Some(row) };
        log.extend(self.rows.into_iter().map(of_row));
        Ok(log)
    }
}

impl TouchedMessages {
    fn log(self, connection: &Connection, channel: i64, log: &mut Vec<Logged>) -> Result<(), ArchiveError> {
        let mut add = |range: (i64, i64), is_removed: bool, added: Option<usize>| {
            let there = rows_in(connection, channel, range)?;
            let kind = match (is_removed, added) {
                _ if added == Some(there.count) => "added",
                (true, _) if there.count == 0 => "removed",
                _ => "changed",
            };
            let sent_at = |id: i64, stored: Option<i64>| stored.or_else(|| self.noted.get(&id)?.1);
            let sent = sent_at(range.0, there.first_at).zip(sent_at(range.1, there.last_at));
            log.push(Logged { kind, channel: Some(channel), range: Some(range), sent, row: None });
            Ok::<_, ArchiveError>(())
        };
        if let Some(range) = self.range {
            return add(range, true, None);
        }
        let of = |wanted: Operation| {
            let ids = self.noted.iter().filter(move |(_, (operation, _))| *operation == wanted);
            ids.map(|(id, _)| *id).collect::<Vec<i64>>()
        };
        let added = of(Operation::Insert);
        if let (Some(first), Some(last)) = (added.first(), added.last()) {
            add((*first, *last), false, Some(added.len()))?;
        }
        for (operation, is_removed) in [(Operation::Update, false), (Operation::Delete, true)] {
            match of(operation)[..] {
                [first, .., last] if of(operation).len() > MOST_LOGGED => {
                    add((first, last), is_removed, None)?;
                }
                ref ids => ids.iter().try_for_each(|id| add((*id, *id), is_removed, None))?,
            }
        }
        Ok(())
    }
}

/// The messages of a range that are archived.
struct RowsThere {
    count: usize,
    first_at: Option<i64>,
    last_at: Option<i64>,
}

fn rows_in(
    connection: &Connection,
    channel: i64,
    (first, last): (i64, i64),
) -> Result<RowsThere, ArchiveError> {
    let mut select = connection.prepare_cached(
        "SELECT count(*),
                (SELECT created_at FROM messages WHERE channel_id = ?1 AND platform_id = ?2),
                (SELECT created_at FROM messages WHERE channel_id = ?1 AND platform_id = ?3)
           FROM messages WHERE channel_id = ?1 AND platform_id BETWEEN ?2 AND ?3",
    )?;
    Ok(select.query_row(params![channel, first, last], |row| {
        Ok(RowsThere { count: row.get(0)?, first_at: row.get(1)?, last_at: row.get(2)? })
    })?)
}
