//! Deferred indexes: those by user and by emoji, which a new archive gets after its first
//! run.
//!
//! The tables grow at a few places only, one per channel that is being read. Insertions
//! into these indexes are scattered: each page of messages rewrites most of their
//! database pages, which costs as much as storing the page itself. Building them from
//! filled tables takes a third of that.

use std::path::Path;

use rusqlite::params;

use super::{ArchiveError, Reader, Tx, health};

/// The deferred indexes: name and definition, as in the migrations. An archive may lack
/// them when a later migration runs, which has to use `IF EXISTS` and `IF NOT EXISTS`.
const DEFERRED: [(&str, &str); 5] = [
    (
        "messages_by_author",
        "CREATE INDEX messages_by_author ON messages (author_id) WHERE author_id IS NOT NULL",
    ),
    (
        "messages_by_reply_author",
        "CREATE INDEX messages_by_reply_author ON messages (reply_to_author_id) WHERE reply_to_author_id IS NOT NULL",
    ),
    (
        "message_reaction_counts_by_emoji",
        "CREATE INDEX message_reaction_counts_by_emoji ON message_reaction_counts (emoji_id)",
    ),
    (
        "message_emoji_reactions_by_emoji",
        "CREATE INDEX message_emoji_reactions_by_emoji ON message_emoji_reactions (emoji_id)",
    ),
    (
        "message_emoji_reactions_by_user",
        "CREATE INDEX message_emoji_reactions_by_user ON message_emoji_reactions (user_id)",
    ),
];

/// Page cache for sorting, in KiB. A larger one is no faster, and it adds to the memory
/// that the run already uses.
const SORT_CACHE_KIB: i64 = 2_000;

/// Disk space per message, in bytes: the sorter's temporary files, the write-ahead log
/// and the indexes themselves, and as much again for reactions.
const BYTES_PER_MESSAGE: u64 = 100;

/// Drops the deferred indexes if the archive has no messages. No query of a sync needs
/// them; deleting users does.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn defer(tx: &Tx<'_>) -> Result<(), ArchiveError> {
    let is_empty = "SELECT NOT EXISTS (SELECT 1 FROM channels WHERE message_count > 0)";
    if tx.connection.query_row(is_empty, [], |row| row.get(0))? {
        for (name, _) in DEFERRED {
            tx.connection.execute(&format!("DROP INDEX IF EXISTS {name}"), [])?;
        }
    }
    Ok(())
}

/// The number of messages to index if a deferred index is missing; `None` if none is.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn messages_to_index(tx: &Tx<'_>) -> Result<Option<u64>, ArchiveError> {
    if missing_definitions(tx)?.is_empty() {
        return Ok(None);
    }
    let messages = "SELECT coalesce(sum(message_count), 0) FROM channels";
    Ok(Some(tx.connection.query_row(messages, [], |row| row.get(0))?))
}

impl Reader {
    /// Whether all deferred indexes are there.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn has_deferred_indexes(&self) -> Result<bool, ArchiveError> {
        let mut select = self.connection.prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = ?1")?;
        for (name, _) in DEFERRED {
            if !select.exists([name])? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether the archive's disk has enough free space to index this many messages. `true`
/// if the free space is unknown.
pub fn has_space_for(archive: &Path, messages: u64) -> bool {
    health::has_free_space(archive, messages.saturating_mul(BYTES_PER_MESSAGE))
}

/// Builds all missing indexes: about 2 s per million messages.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn build_all(tx: &Tx<'_>) -> Result<(), ArchiveError> {
    while build_next(tx)? {}
    Ok(())
}

/// Builds one missing index. Returns `false` if none is missing.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails, also for lack of space for its temporary
/// file, which takes about 20 bytes per message.
pub fn build_next(tx: &Tx<'_>) -> Result<bool, ArchiveError> {
    let Some(sql) = missing_definitions(tx)?.first().copied() else {
        return Ok(false);
    };
    let previous_cache_size: i64 = tx.connection.query_row("PRAGMA cache_size", [], |row| row.get(0))?;
    tx.connection.pragma_update(None, "cache_size", -SORT_CACHE_KIB)?;
    let built = tx.connection.execute(sql, []);
    let restored = tx.connection.pragma_update(None, "cache_size", previous_cache_size);
    built?;
    restored?;
    Ok(true)
}

fn missing_definitions(tx: &Tx<'_>) -> Result<Vec<&'static str>, ArchiveError> {
    let mut select =
        tx.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")?;
    let mut missing = Vec::new();
    for (name, sql) in DEFERRED {
        let exists: bool = select.query_row(params![name], |row| row.get(0))?;
        if !exists {
            missing.push(sql);
        }
    }
    Ok(missing)
}
