//! Indexes by user and by emoji, which a new archive gets once it is filled.
//!
//! Tables grow where the channels being read stand, at a few places. These
//! indexes change all over: with every page of messages most of their own pages
//! are written again, which costs as much as the rest of the page's change.
//! Made from a filled table they take a third of that.

use std::path::Path;

use rusqlite::params;

use super::{ArchiveError, Tx, health, open};

/// Names, and as the migrations make them. A later migration may meet an archive
/// without them: it has to say `IF EXISTS`, `IF NOT EXISTS`.
const PUT_OFF: [(&str, &str); 5] = [
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

/// Memory for sorting. More is no faster, and would come on top of what the run
/// has taken.
const SORTING_KIB: i64 = 2_000;

/// Room on the disk for each message: what is sorted, the write-ahead log, the
/// indexes themselves, with as much again for reactions.
const ROOM_BYTES: u64 = 100;

/// Takes the indexes from an archive without messages. Nothing of a sync needs
/// them; what deletes users does.
///
/// # Errors
/// When the archive can't be written.
pub fn put_off(tx: &Tx<'_>) -> Result<(), ArchiveError> {
    let is_empty = "SELECT NOT EXISTS (SELECT 1 FROM channels WHERE message_count > 0)";
    if tx.connection.query_row(is_empty, [], |row| row.get(0))? {
        for (name, _) in PUT_OFF {
            tx.connection.execute(&format!("DROP INDEX IF EXISTS {name}"), [])?;
        }
    }
    Ok(())
}

/// How many messages there are, if one of the indexes is missing.
///
/// # Errors
/// When the archive can't be read.
pub fn due(tx: &Tx<'_>) -> Result<Option<u64>, ArchiveError> {
    if missing(tx)?.is_empty() {
        return Ok(None);
    }
    let messages = "SELECT coalesce(sum(message_count), 0) FROM channels";
    Ok(Some(tx.connection.query_row(messages, [], |row| row.get(0))?))
}

/// Whether the disk has room for the indexes of so many messages, as far as that
/// can be told.
pub fn have_room(archive: &Path, messages: u64) -> bool {
    let disk = health::disk(open::folder_of(archive));
    disk.is_none_or(|disk| disk.free_bytes >= messages.saturating_mul(ROOM_BYTES))
}

/// Makes all indexes that are missing: about 2 s for a million messages.
///
/// # Errors
/// Those of [`complete_one`].
pub fn complete(tx: &Tx<'_>) -> Result<(), ArchiveError> {
    while complete_one(tx)? {}
    Ok(())
}

/// Makes an index that is missing. Returns whether there was one.
///
/// # Errors
/// When the archive can't be written, or rows can't be sorted: that takes a
/// temporary file, about 20 bytes for a message.
pub fn complete_one(tx: &Tx<'_>) -> Result<bool, ArchiveError> {
    let Some(sql) = missing(tx)?.first().copied() else {
        return Ok(false);
    };
    let usual: i64 = tx.connection.query_row("PRAGMA cache_size", [], |row| row.get(0))?;
    tx.connection.pragma_update(None, "cache_size", -SORTING_KIB)?;
    let made = tx.connection.execute(sql, []);
    let restored = tx.connection.pragma_update(None, "cache_size", usual);
    made?;
    restored?;
    Ok(true)
}

fn missing(tx: &Tx<'_>) -> Result<Vec<&'static str>, ArchiveError> {
    let mut select =
        tx.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")?;
    let mut missing = Vec::new();
    for (name, sql) in PUT_OFF {
        let is_there: bool = select.query_row(params![name], |row| row.get(0))?;
        if !is_there {
            missing.push(sql);
        }
    }
    Ok(missing)
}
