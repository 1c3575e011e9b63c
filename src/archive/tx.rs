//! A transaction under way, and what it knows by heart.

use hashbrown::{HashMap, HashSet};
use rusqlite::{Connection, params};

use super::ArchiveError;
use super::platforms::ScrubberByChannel;
use crate::anonymize::UserHash;
use crate::model::{MessageId, Platforms};

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
#[derive(Debug)]
pub(super) struct Interned {
    pub(super) scrubbers: ScrubberByChannel,
    pub(super) users: HashMap<UserHash, (i64, Option<bool>)>,
    pub(super) emoji: HashMap<(Option<i64>, String), i64>,
    /// The list of those who were erased, once it was asked for.
    forgotten: Option<HashSet<String>>,
    /// Whether somebody is on it.
    judged: HashMap<UserHash, bool>,
}

impl Interned {
    /// Nothing is known yet but the platforms that there may be.
    pub(super) fn new(platforms: Platforms) -> Self {
        Self {
            scrubbers: ScrubberByChannel::new(platforms),
            users: HashMap::new(),
            emoji: HashMap::new(),
            forgotten: None,
            judged: HashMap::new(),
        }
    }

    /// Forgets everything: after an undone change, rows may be gone.
    pub(super) fn clear(&mut self) {
        self.scrubbers.clear();
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

    /// Whether anybody was erased.
    pub(super) fn has_forgotten(&mut self) -> Result<bool, ArchiveError> {
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

    /// Removes a message's children whose key is not among the current ones.
    pub(super) fn delete_others(
        &self,
        table: &str,
        key: &str,
        channel: ChannelRow,
        message: MessageId,
        current: &[i64],
    ) -> Result<(), ArchiveError> {
        let sql = format!(
            "DELETE FROM {table} WHERE channel_id = ?1 AND message_id = ?2
                AND {key} NOT IN (SELECT value FROM json_each(?3))"
        );
        let current = serde_json::Value::from(current).to_string();
        self.connection.prepare_cached(&sql)?.execute(params![channel.0, message.as_i64(), current])?;
        Ok(())
    }
}
