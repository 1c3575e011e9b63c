//! Users, identified by their hash and stored once each.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{ArchiveError, Tx, candidates};
use crate::anonymize::{Person, UserHash};
use crate::model::Timestamp;

/// Rows and hashes of all users.
pub(super) fn all(connection: &Connection) -> Result<Vec<(i64, UserHash)>, ArchiveError> {
    let mut select = connection.prepare("SELECT id, anonymized_id FROM users")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
    Ok(rows.into_iter().filter_map(|(row, hex)| Some((row, UserHash::from_hex(&hex)?))).collect())
}

/// The row of a user; `None` if it isn't in the archive.
pub(super) fn find(tx: &mut Tx<'_>, hash: &UserHash) -> Result<Option<i64>, ArchiveError> {
    Ok(load(tx, hash)?.map(|(row, _)| row))
}

/// The row of a user and whether it is a bot, if known. Cached.
fn load(tx: &mut Tx<'_>, hash: &UserHash) -> Result<Option<(i64, Option<bool>)>, ArchiveError> {
    if let Some(known) = tx.cache.users.get(hash) {
        return Ok(Some(*known));
    }
    let row = tx
        .connection
        .prepare_cached("SELECT id, is_bot FROM users WHERE anonymized_id = ?1")?
        .query_row(params![hash.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some(row) = row {
        tx.cache.users.insert(*hash, row);
    }
    Ok(row)
}

/// The row of a user. Inserts it if it is new; `None` if the user was erased. Texts
/// stored before may contain a new user's ID as bare digits: they are scrubbed at once.
pub(super) fn intern(tx: &mut Tx<'_>, person: &Person, now: Timestamp) -> Result<Option<i64>, ArchiveError> {
    match load(tx, &person.hash)? {
        None if tx.is_forgotten(&person.hash)? => Ok(None),
        Some((row, is_bot)) => {
            if let Some(reported) = person.is_bot
                && is_bot != Some(reported)
            {
                tx.connection
                    .prepare_cached("UPDATE users SET is_bot = ?2, updated_at = ?3 WHERE id = ?1")?
                    .execute(params![row, reported, now.as_millis()])?;
                tx.cache.users.insert(person.hash, (row, Some(reported)));
            }
            Ok(Some(row))
        }
        None => insert(tx, person, now).map(Some),
    }
}

fn insert(tx: &mut Tx<'_>, person: &Person, now: Timestamp) -> Result<i64, ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO users (anonymized_id, is_bot, created_at, updated_at) VALUES (?1, ?2, ?3, ?3)",
        )?
        .execute(params![person.hash.to_string(), person.is_bot, now.as_millis()])?;
    let row = tx.connection.last_insert_rowid();
    tx.cache.users.insert(person.hash, (row, person.is_bot));
    candidates::scrub(tx, &person.hash, now)?;
    Ok(row)
}
