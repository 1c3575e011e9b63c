//! A transaction under way, and what it knows by heart.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};
use rusqlite::Connection;

use super::{ArchiveError, suspects, users};
use crate::anonymize::{ScrubbedText, UserHash, forget_in};

/// Users and emoji kept in memory at most: beyond, all are forgotten and asked
/// again, which costs a look-up each.
const REMEMBERED: usize = 20_000;

/// A tenant's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantRow(pub(super) i64);

/// A channel's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelRow(pub(super) i64);

/// Rows that are asked for again and again.
#[derive(Debug, Default)]
pub(super) struct Interned {
    pub(super) users: HashMap<UserHash, (i64, Option<bool>)>,
    pub(super) emoji: HashMap<(Option<i64>, String), i64>,
    /// The list of those who were erased, once it was asked for.
    forgotten: Option<HashSet<String>>,
    /// Whether somebody is on it.
    judged: HashMap<UserHash, bool>,
}

impl Interned {
    /// Forgets everything: after an undone change, rows may be gone.
    pub(super) fn clear(&mut self) {
        self.users.clear();
        self.emoji.clear();
        self.judged.clear();
        self.forgotten = None;
    }

    fn trim(&mut self) {
        if self.users.len().max(self.emoji.len()).max(self.judged.len()) > REMEMBERED {
            self.clear();
        }
    }
}

/// A transaction under way.
#[derive(Debug)]
pub struct Tx<'a> {
    pub(super) connection: &'a Connection,
    pub(super) interned: &'a mut Interned,
}

impl<'a> Tx<'a> {
    pub(super) fn new(connection: &'a Connection, interned: &'a mut Interned) -> Self {
        interned.trim();
        Self { connection, interned }
    }

    /// The text as it may be stored at a place: digits of known users become
    /// hashes, digits of unknown ones are remembered. `message_id` is 0 for
    /// the channel's own facts.
    pub(super) fn settle<'t>(
        &mut self,
        text: &'t ScrubbedText,
        channel: ChannelRow,
        message_id: i64,
    ) -> Result<Cow<'t, str>, ArchiveError> {
        self.settle_at(text, Some((channel, message_id)))
    }

    /// Like [`Self::settle`]; without a place nothing is remembered.
    pub(super) fn settle_at<'t>(
        &mut self,
        text: &'t ScrubbedText,
        place: Option<(ChannelRow, i64)>,
    ) -> Result<Cow<'t, str>, ArchiveError> {
        let mut known = HashSet::new();
        for suspect in text.suspects() {
            if users::find(self, &suspect.hash)?.is_some() || self.is_forgotten(&suspect.hash)? {
                known.insert(suspect.hash);
            } else if let Some((channel, message_id)) = place.filter(|_| suspect.lasting) {
                suspects::remember(self, &suspect.hash, channel, message_id)?;
            }
        }
        let resolved = text.resolve(|hash| known.contains(hash));
        if !self.has_forgotten()? {
            return Ok(resolved);
        }
        let mut failed = None;
        let text = forget_in(resolved, |hash| {
            self.is_forgotten(hash).unwrap_or_else(|error| {
                failed = Some(error);
                true
            })
        });
        failed.map_or(Ok(text), Err)
    }

    /// Whether anybody was erased.
    fn has_forgotten(&mut self) -> Result<bool, ArchiveError> {
        if self.interned.forgotten.is_none() {
            let mut select = self.connection.prepare_cached("SELECT marker FROM forgotten")?;
            let markers = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            self.interned.forgotten = Some(markers);
        }
        Ok(self.interned.forgotten.as_ref().is_some_and(|forgotten| !forgotten.is_empty()))
    }

    /// Whether somebody was erased, and is to stay so.
    pub(super) fn is_forgotten(&mut self, user: &UserHash) -> Result<bool, ArchiveError> {
        if !self.has_forgotten()? {
            return Ok(false);
        }
        let Interned { forgotten, judged, .. } = &mut *self.interned;
        let judge = || forgotten.as_ref().is_some_and(|list| list.contains(&user.forget_marker()));
        Ok(*judged.entry(*user).or_insert_with(judge))
    }

    /// Like [`Self::settle`], for text that may be absent.
    pub(super) fn settle_optional<'t>(
        &mut self,
        text: Option<&'t ScrubbedText>,
        channel: ChannelRow,
        message_id: i64,
    ) -> Result<Option<Cow<'t, str>>, ArchiveError> {
        text.map(|text| self.settle(text, channel, message_id)).transpose()
    }
}
