//! Key-value store for facts about the archive as a whole (`archive_info`).

use rusqlite::{Connection, OptionalExtension as _, params};

use super::ArchiveError;

/// Sets a value. Nothing is written if the key already has it.
pub(super) fn set(connection: &Connection, key: &str, value: &str) -> Result<(), ArchiveError> {
    connection
        .prepare_cached(
            "INSERT INTO archive_info (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        )?
        .execute(params![key, value])?;
    Ok(())
}

/// Whether a key has a value.
pub(super) fn is_set(connection: &Connection, key: &str) -> Result<bool, ArchiveError> {
    let select = "SELECT EXISTS (SELECT 1 FROM archive_info WHERE key = ?1)";
    Ok(connection.query_row(select, params![key], |row| row.get(0))?)
}

/// Reads a value as an integer; `None` if it isn't set.
pub(super) fn number(connection: &Connection, key: &str) -> Result<Option<i64>, ArchiveError> {
    let select = "SELECT CAST(value AS INTEGER) FROM archive_info WHERE key = ?1";
    Ok(connection.query_row(select, params![key], |row| row.get(0)).optional()?)
}
