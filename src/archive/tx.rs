//! An open write transaction, and its cache of rows.

use hashbrown::{HashMap, HashSet};
use rusqlite::{Connection, TransactionBehavior, params};

use super::ArchiveError;
use super::recorder::Recorder;
use super::scrubbers::ScrubberByChannel;
use crate::anonymize::{HashScheme, Rules, UserHash};
use crate::model::{MessageId, Timestamp};

/// Maximum number of users, and of emoji, in the cache. If it is exceeded, the cache is
/// emptied, which costs one query per row that is needed again.
const MAX_CACHED_ROWS: usize = 20_000;

/// Row ID of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantRow(pub(super) i64);

/// Row ID of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelRow(pub(super) i64);

/// Cache of rows that most changes need. It lives longer than one transaction.
#[derive(Debug)]
pub(super) struct RowCache {
    pub(super) scrubbers: ScrubberByChannel,
    pub(super) users: HashMap<UserHash, (i64, Option<bool>)>,
    pub(super) emoji: HashMap<(Option<i64>, String), i64>,
    /// The markers of erased users, once loaded.
    forgotten: Option<HashSet<String>>,
    /// Whether a user's marker is among them.
    is_forgotten: HashMap<UserHash, bool>,
}

impl RowCache {
    /// An empty cache.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            scrubbers: ScrubberByChannel::new(rules),
            users: HashMap::new(),
            emoji: HashMap::new(),
            forgotten: None,
            is_forgotten: HashMap::new(),
        }
    }

    /// Empties the cache: after a rollback, cached rows may not exist.
    pub(super) fn clear(&mut self) {
        self.scrubbers.clear();
        self.users.clear();
        self.emoji.clear();
        self.is_forgotten.clear();
        self.forgotten = None;
    }

    /// Empties the cache if it is too large.
    fn trim(&mut self) {
        if self.users.len().max(self.emoji.len()).max(self.is_forgotten.len()) > MAX_CACHED_ROWS {
            self.clear();
        }
    }
}

/// Runs a change in a transaction of its own, outside of the writer thread, and records what
/// it changes. The change gets the time from SQLite.
pub(super) fn in_transaction<T>(
    connection: &mut Connection,
    rules: Rules,
    change: impl FnOnce(&mut Tx<'_>, Timestamp) -> Result<T, ArchiveError>,
) -> Result<T, ArchiveError> {
    let mut recorder = Recorder::new(connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    recorder.begin(&transaction)?;
    let now = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    let now = Timestamp::from_millis(transaction.query_row(now, [], |row| row.get(0))?);
    let result = change(&mut Tx::new(&transaction, &mut RowCache::new(rules)), now)?;
    recorder.finish(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

/// An open write transaction.
#[derive(Debug)]
pub struct Tx<'a> {
    pub(super) connection: &'a Connection,
    pub(super) cache: &'a mut RowCache,
}

impl<'a> Tx<'a> {
    pub(super) fn new(connection: &'a Connection, cache: &'a mut RowCache) -> Self {
        cache.trim();
        Self { connection, cache }
    }

    /// Whether any user was erased.
    pub(super) fn has_forgotten(&mut self) -> Result<bool, ArchiveError> {
        if self.cache.forgotten.is_none() {
            let mut select = self.connection.prepare_cached("SELECT marker FROM forgotten")?;
            let markers = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            self.cache.forgotten = Some(markers);
        }
        Ok(self.cache.forgotten.as_ref().is_some_and(|forgotten| !forgotten.is_empty()))
    }

    /// Whether the user was erased and must not be stored again.
    pub(super) fn is_forgotten(&mut self, user: &UserHash) -> Result<bool, ArchiveError> {
        if !self.has_forgotten()? {
            return Ok(false);
        }
        if let Some(known) = self.cache.is_forgotten.get(user) {
            return Ok(*known);
        }
        let list = self.cache.forgotten.get_or_insert_default();
        let scheme = self.cache.scrubbers.scheme();
        let marker = user.forget_marker();
        let older = scheme.older_marker(user);
        let is_conclusive = older.is_some() || scheme == HashScheme::Plain;
        if let Some(older) = older.filter(|older| !list.contains(&marker) && list.contains(older)) {
            // Texts hold only the hash, from which no older marker can be computed.
            let insert = "INSERT INTO forgotten (marker, created_at, updated_at)
                          SELECT ?1, created_at, updated_at FROM forgotten WHERE marker = ?2";
            self.connection.prepare_cached(insert)?.execute(params![marker, older])?;
            list.insert(marker.clone());
        }
        let is_forgotten = list.contains(&marker);
        if is_conclusive || is_forgotten {
            self.cache.is_forgotten.insert(*user, is_forgotten);
        }
        Ok(is_forgotten)
    }

    /// Deletes a message's rows in `table` whose `key` (an SQL expression) isn't in
    /// `current`.
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
