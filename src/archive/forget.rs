//! Erasure of one person (`forget`): what the archive holds of them, and its removal.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::schema::TEXT_TABLES;
use super::{ArchiveError, Reader, Tx, audit, candidates, emoji, residual, word_index};
use crate::anonymize::{HashScheme, UserHash, replace_hashes};
use crate::model::Timestamp;
use crate::model::markup::FORGOTTEN;

/// How much the archive holds of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ForgetScope {
    /// Messages they wrote.
    pub messages: u64,
    /// Attachments of those messages.
    pub attachments: u64,
    /// Their reactions.
    pub reactions: u64,
    /// Replies to them.
    pub replies: u64,
    /// Stored texts that contain their hash, and texts with ID candidates that may be
    /// theirs.
    pub mentions: u64,
    /// Whether they are on the list of erased users (`forgotten`).
    pub is_forgotten: bool,
}

impl ForgetScope {
    /// Whether the archive holds nothing of them, apart from their entry on the list.
    pub fn is_empty(self) -> bool {
        let counts = [self.messages, self.attachments, self.reactions, self.replies, self.mentions];
        counts.into_iter().all(|count| count == 0)
    }
}

impl Reader {
    /// How much the archive holds of a person.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn forget_scope(&self, user: &UserHash, scheme: HashScheme) -> Result<ForgetScope, ArchiveError> {
        scope(&self.connection, user, scheme)
    }
}

fn user_row(connection: &Connection, user: &UserHash) -> Result<Option<i64>, ArchiveError> {
    let mut select = connection.prepare_cached("SELECT id FROM users WHERE anonymized_id = ?1")?;
    Ok(select.query_row(params![user.to_string()], |row| row.get(0)).optional()?)
}

pub(super) fn scope(
    connection: &Connection,
    user: &UserHash,
    scheme: HashScheme,
) -> Result<ForgetScope, ArchiveError> {
    let row = user_row(connection, user)?;
    let count =
        |sql: &str| connection.query_row(sql, params![row], |row| row.get(0)).map_err(ArchiveError::from);
    let hash = user.to_string();
    // Unresolved ID candidates may be theirs: only a prefix of the hash is stored.
    let digits = "SELECT count(*) FROM suspect_digits WHERE hash_prefix = ?1";
    let mut mentions = connection.query_row(digits, params![user.prefix()], |row| row.get::<_, u64>(0))?;
    for table in &TEXT_TABLES {
        let conditions: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("instr(lower(coalesce({}, '')), ?1) > 0", column.name))
            .collect();
        let sql = format!("SELECT count(*) FROM {} WHERE {}", table.name, conditions.join(" OR "));
        mentions += connection.query_row(&sql, params![hash], |row| row.get::<_, u64>(0))?;
    }
    let mut listed = connection.prepare("SELECT 1 FROM forgotten WHERE marker = ?1")?;
    let mut is_forgotten = false;
    for marker in scheme.forget_markers(user) {
        is_forgotten |= listed.exists([marker])?;
    }
    Ok(ForgetScope {
        messages: count("SELECT count(*) FROM messages WHERE author_id = ?1")?,
        attachments: count(
            "SELECT count(*) FROM messages m
               JOIN message_attachments a ON a.channel_id = m.channel_id AND a.message_id = m.platform_id
              WHERE m.author_id = ?1",
        )?,
        reactions: count("SELECT count(*) FROM message_emoji_reactions WHERE user_id = ?1")?,
        replies: count("SELECT count(*) FROM messages WHERE reply_to_author_id = ?1")?,
        mentions,
        is_forgotten,
    })
}

/// Erases a person and adds them to the list that later syncs obey. Their messages remain
/// as blank rows without an author. Free pages and the write-ahead log contain residual
/// data until [`residual::vacuum_if_due`].
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn forget(tx: &mut Tx<'_>, user: &UserHash, now: Timestamp) -> Result<(), ArchiveError> {
    if let Some(row) = user_row(tx.connection, user)? {
        erase_messages(tx.connection, row, now)?;
        erase_references(tx.connection, row, now)?;
    }
    // Texts may still contain the bare ID of a user that the archive didn't know.
    candidates::scrub(tx, user, now)?;
    erase_mentions(tx.connection, user, now)?;
    emoji::erase(tx, user, now)?;
    tx.connection.execute("DELETE FROM users WHERE anonymized_id = ?1", params![user.to_string()])?;
    record_marker(tx.connection, &user.forget_marker(), now)?;
    residual::request_vacuum(tx.connection)?;
    word_index::request_erasure(tx.connection)?;
    tx.cache.clear();
    audit::record(tx, "forget", None, None, None, now)
}

/// Adds a marker to the list of erased people.
pub(super) fn record_marker(
    connection: &Connection,
    marker: &str,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let insert =
        "INSERT INTO forgotten (marker, created_at, updated_at) VALUES (?1, ?2, ?2) ON CONFLICT DO NOTHING";
    connection.prepare_cached(insert)?.execute(params![marker, now.as_millis()])?;
    Ok(())
}

fn erase_messages(connection: &Connection, row: i64, now: Timestamp) -> Result<(), ArchiveError> {
    connection.execute(
        "DELETE FROM message_attachments
          WHERE (channel_id, message_id) IN (SELECT channel_id, platform_id FROM messages WHERE author_id = ?1)",
        params![row],
    )?;
    // The ID candidates of their texts belong to them as well.
    connection.execute(
        "DELETE FROM suspect_digits
          WHERE (channel_id, message_id) IN (SELECT channel_id, platform_id FROM messages WHERE author_id = ?1)",
        params![row],
    )?;
    connection.execute(
        "UPDATE messages
            SET author_id = NULL, content = '', edited_at = NULL, reply_to_message_id = NULL,
                reply_to_channel_id = NULL, reply_to_author_id = NULL, metadata = NULL, updated_at = ?2
          WHERE author_id = ?1",
        params![row, now.as_millis()],
    )?;
    Ok(())
}

fn erase_references(connection: &Connection, row: i64, now: Timestamp) -> Result<(), ArchiveError> {
    connection.execute("DELETE FROM message_emoji_reactions WHERE user_id = ?1", params![row])?;
    connection.execute(
        "UPDATE messages SET reply_to_author_id = NULL, updated_at = ?2 WHERE reply_to_author_id = ?1",
        params![row, now.as_millis()],
    )?;
    connection.execute(
        "UPDATE channels SET owner_id = NULL, updated_at = ?2 WHERE owner_id = ?1",
        params![row, now.as_millis()],
    )?;
    Ok(())
}

fn erase_mentions(connection: &Connection, user: &UserHash, now: Timestamp) -> Result<(), ArchiveError> {
    // Not emoji: two of them could get the same name; `emoji::erase` avoids that.
    // SQL's `replace` would leave hashes in capitals.
    let erased = *user;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("without_user", 1, flags, move |context| {
        let text: String = context.get(0)?;
        let replaced = replace_hashes(&text, |hash, _| (*hash == erased).then(|| FORGOTTEN.to_owned()));
        Ok(replaced.unwrap_or(text))
    })?;
    for table in TEXT_TABLES.iter().filter(|table| table.name != "emoji") {
        for column in table.columns {
            let (table, column) = (table.name, column.name);
            let replace = format!(
                "UPDATE {table} SET {column} = without_user({column}), updated_at = ?2
                  WHERE instr(lower({column}), ?1) > 0"
            );
            connection.execute(&replace, params![user.to_string(), now.as_millis()])?;
        }
    }
    Ok(())
}
