//! Values of the archive as a whole, by key (`archive_info`).

use rusqlite::{Connection, OptionalExtension as _, params};

use super::ArchiveError;

/// Sets a value. One that is set already costs no write.
pub(super) fn set(connection: &Connection, key: &str, value: &str) -> Result<(), ArchiveError> {
    connection
        .prepare_cached(
            "INSERT INTO archive_info (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        )?
        .execute(params![key, value])?;
    Ok(())
}

/// Whether a value is set.
pub(super) fn is_set(connection: &Connection, key: &str) -> Result<bool, ArchiveError> {
    let select = "SELECT EXISTS (SELECT 1 FROM archive_info WHERE key = ?1)";
    Ok(connection.query_row(select, params![key], |row| row.get(0))?)
}

/// A value that is a number; `None` if it isn't set.
pub(super) fn number(connection: &Connection, key: &str) -> Result<Option<i64>, ArchiveError> {
    let select = "SELECT CAST(value AS INTEGER) FROM archive_info WHERE key = ?1";
    Ok(connection.query_row(select, params![key], |row| row.get(0)).optional()?)
}
