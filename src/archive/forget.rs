//! Erasing one person.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::schema::TEXT_TABLES;
use super::{ArchiveError, Reader, Tx, audit, candidates, emoji, residual};
use crate::anonymize::UserHash;
use crate::model::Timestamp;
use crate::model::markup::FORGOTTEN;

/// What there is of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ForgetScope {
    /// Messages they wrote.
    pub messages: u64,
    /// Files on those.
    pub attachments: u64,
    /// Their reactions.
    pub reactions: u64,
    /// Replies to them.
    pub replies: u64,
    /// Texts that mention them.
    pub mentions: u64,
    /// Whether they are on the list of those who stay erased.
    pub is_forgotten: bool,
}

impl ForgetScope {
    /// Whether the archive holds nothing of them.
    pub fn is_empty(self) -> bool {
        let counts = [self.messages, self.attachments, self.reactions, self.replies, self.mentions];
        counts.into_iter().all(|count| count == 0)
    }
}

impl Reader {
    /// What there is of a person.
    ///
    /// # Errors
    /// When the archive can't be read.
    pub fn forget_scope(&self, user: &UserHash) -> Result<ForgetScope, ArchiveError> {
        scope(&self.connection, user)
    }
}

fn row_of(connection: &Connection, user: &UserHash) -> Result<Option<i64>, ArchiveError> {
    let mut select = connection.prepare_cached("SELECT id FROM users WHERE anonymized_id = ?1")?;
    Ok(select.query_row(params![user.to_string()], |row| row.get(0)).optional()?)
}

pub(super) fn scope(connection: &Connection, user: &UserHash) -> Result<ForgetScope, ArchiveError> {
    let row = row_of(connection, user)?;
    let count =
        |sql: &str| connection.query_row(sql, params![row], |row| row.get(0)).map_err(ArchiveError::from);
    let hash = user.to_string();
    // Digits that are nobody's ID yet may be theirs.
    let digits = "SELECT count(*) FROM suspect_digits WHERE hash_prefix = ?1";
    let mut mentions = connection.query_row(digits, params![user.prefix()], |row| row.get::<_, u64>(0))?;
    for table in &TEXT_TABLES {
        let holds: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("instr(coalesce({}, ''), ?1) > 0", column.name))
            .collect();
        let sql = format!("SELECT count(*) FROM {} WHERE {}", table.name, holds.join(" OR "));
        mentions += connection.query_row(&sql, params![hash], |row| row.get::<_, u64>(0))?;
    }
    let listed = "SELECT EXISTS (SELECT 1 FROM forgotten WHERE marker = ?1)";
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
        is_forgotten: connection.query_row(listed, params![user.forget_marker()], |row| row.get(0))?,
    })
}

/// Erases a person and puts them on the list that later syncs obey. What
/// remains of their messages are blank rows without author. Free space and the
/// write-ahead log still hold it all until [`residual::vacuum_if_due`].
///
/// # Errors
/// When the archive can't be written.
pub fn forget(tx: &mut Tx<'_>, user: &UserHash, now: Timestamp) -> Result<(), ArchiveError> {
    if let Some(row) = row_of(tx.connection, user)? {
        erase_messages(tx.connection, row, now)?;
        erase_person(tx.connection, row, now)?;
    }
    // Of somebody nobody has met, the bare ID may stand in texts.
    candidates::scrub(tx, user, now)?;
    erase_mentions(tx.connection, user, now)?;
    emoji::erase(tx, user, now)?;
    tx.connection.execute("DELETE FROM users WHERE anonymized_id = ?1", params![user.to_string()])?;
    tx.connection.execute(
        "INSERT INTO forgotten (marker, created_at, updated_at) VALUES (?1, ?2, ?2) ON CONFLICT DO NOTHING",
        params![user.forget_marker(), now.as_millis()],
    )?;
    residual::demand_vacuum(tx.connection)?;
    tx.interned.clear();
    audit::record(tx, "forget", None, None, None, now)
}

fn erase_messages(connection: &Connection, row: i64, now: Timestamp) -> Result<(), ArchiveError> {
    connection.execute(
        "DELETE FROM message_attachments
          WHERE (channel_id, message_id) IN (SELECT channel_id, platform_id FROM messages WHERE author_id = ?1)",
        params![row],
    )?;
    // What numbers their texts held is theirs as well.
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

fn erase_person(connection: &Connection, row: i64, now: Timestamp) -> Result<(), ArchiveError> {
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
    // Emoji may come to have one name.
    for table in TEXT_TABLES.iter().filter(|table| table.name != "emoji") {
        for column in table.columns {
            let (table, column) = (table.name, column.name);
            let sql = format!(
                "UPDATE {table} SET {column} = replace({column}, ?1, ?2), updated_at = ?3
                  WHERE instr({column}, ?1) > 0"
            );
            connection.execute(&sql, params![user.to_string(), FORGOTTEN, now.as_millis()])?;
        }
    }
    Ok(())
}
