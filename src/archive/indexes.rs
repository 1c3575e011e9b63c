//! Indexes by user and by emoji, which a new archive gets once it is filled.
//!
//! Tables grow where the channels being read stand, at a few places. These
//! indexes change all over: with every page of messages most of their own pages
//! are written again, which costs as much as the rest of the page's change.
//! Made from a filled table they take a third of that.

use rusqlite::params;

use super::{ArchiveError, Tx};

/// Names, and as the migrations make them.
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

/// Memory for sorting, in KiB. The run's own is not given back by then, and no
/// larger one is faster.
const SORTING: i64 = 2_000;

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

/// The messages of an archive that is without one of the indexes.
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

/// Makes the indexes that are missing: about 2 s for a million messages.
///
/// # Errors
/// When the archive can't be written, or rows can't be sorted: that takes
/// temporary files, about 20 bytes for a message.
pub fn complete(tx: &Tx<'_>) -> Result<(), ArchiveError> {
    let missing = missing(tx)?;
    if missing.is_empty() {
        return Ok(());
    }
    let usual: i64 = tx.connection.query_row("PRAGMA cache_size", [], |row| row.get(0))?;
    tx.connection.pragma_update(None, "cache_size", -SORTING)?;
    let made = missing.iter().try_for_each(|sql| tx.connection.execute(sql, []).map(drop));
    tx.connection.pragma_update(None, "cache_size", usual)?;
    Ok(made?)
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
