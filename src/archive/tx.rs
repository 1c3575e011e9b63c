//! A transaction under way, and what it knows by heart.

use std::borrow::Cow;

use hashbrown::HashMap;
use rusqlite::Connection;

use super::{ArchiveError, suspects, users};
use crate::anonymize::{ScrubbedText, UserHash};

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
}

impl Interned {
    /// Forgets everything: after an undone change, rows may be gone.
    pub(super) fn clear(&mut self) {
        self.users.clear();
        self.emoji.clear();
    }

    fn trim(&mut self) {
        if self.users.len() > REMEMBERED || self.emoji.len() > REMEMBERED {
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
        if text.suspects().is_empty() {
            return Ok(text.resolve(|_| false));
        }
        let mut known = Vec::new();
        for suspect in text.suspects() {
            if users::find(self, &suspect.hash)?.is_some() {
                known.push(suspect.hash);
            } else if suspect.lasting {
                suspects::remember(self, &suspect.hash, channel, message_id)?;
            }
        }
        Ok(text.resolve(|hash| known.contains(hash)))
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
