//! Emoji (`emoji`): each is stored once, and messages refer to its row.

use rusqlite::{OptionalExtension as _, params};

use super::{ArchiveError, Tx, residual};
use crate::anonymize::UserHash;
use crate::model::Timestamp;
use crate::model::markup::FORGOTTEN;

/// Returns an emoji's row ID, inserting it if it is new. A custom emoji is identified by
/// its platform ID, and its name is updated; an empty name never replaces another.
pub(super) fn intern(
    tx: &mut Tx<'_>,
    custom_id: Option<i64>,
    name: &str,
    now: Timestamp,
) -> Result<i64, ArchiveError> {
    let key = (custom_id, name.to_owned());
    if let Some(row) = tx.cache.emoji.get(&key) {
        return Ok(*row);
    }
    let row = match custom_id {
        Some(id) => intern_custom(tx, id, name, now)?,
        None => intern_unicode(tx, name, now)?,
    };
    tx.cache.emoji.insert(key, row);
    Ok(row)
}

fn intern_custom(tx: &Tx<'_>, id: i64, name: &str, now: Timestamp) -> Result<i64, ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO emoji (platform_id, name, created_at, updated_at) VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT (platform_id) WHERE platform_id IS NOT NULL
             DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at
             WHERE excluded.name <> '' AND excluded.name <> name",
        )?
        .execute(params![id, name, now.as_millis()])?;
    let mut select = tx.connection.prepare_cached("SELECT id FROM emoji WHERE platform_id = ?1")?;
    Ok(select.query_row(params![id], |row| row.get(0))?)
}

fn intern_unicode(tx: &Tx<'_>, name: &str, now: Timestamp) -> Result<i64, ArchiveError> {
    let mut select =
        tx.connection.prepare_cached("SELECT id FROM emoji WHERE name = ?1 AND platform_id IS NULL")?;
    if let Some(row) = select.query_row(params![name], |row| row.get(0)).optional()? {
        return Ok(row);
    }
    tx.connection
        .prepare_cached(
            "INSERT INTO emoji (platform_id, name, created_at, updated_at) VALUES (NULL, ?1, ?2, ?2)",
        )?
        .execute(params![name, now.as_millis()])?;
    Ok(tx.connection.last_insert_rowid())
}

/// Scrubs a newly known user from the names of all emoji. Their names have no records of
/// ID candidates: emoji are few, so all of them are scanned.
pub(super) fn rescrub(tx: &mut Tx<'_>, user: &UserHash, now: Timestamp) -> Result<(), ArchiveError> {
    rewrite_names(tx, |tx, name| tx.rescrub(name, None, user), now)
}

/// Replaces an erased user's hash in the names of all emoji.
pub(super) fn erase(tx: &mut Tx<'_>, user: &UserHash, now: Timestamp) -> Result<(), ArchiveError> {
    rewrite_names(tx, |_, name| Ok(name.replace(&user.to_string(), FORGOTTEN)), now)
}

/// Rewrites the names of all emoji; names too short to hold an ID are skipped.
fn rewrite_names(
    tx: &mut Tx<'_>,
    change: impl Fn(&mut Tx<'_>, &str) -> Result<String, ArchiveError>,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let scrubbers = tx.cache.scrubbers.all(tx.connection)?;
    let min_chars = scrubbers.iter().map(|scrubber| scrubber.min_id_chars()).min().unwrap_or(0);
    let mut select = tx.connection.prepare_cached("SELECT id, name FROM emoji WHERE length(name) >= ?1")?;
    let names: Vec<(i64, String)> = select
        .query_map(params![min_chars], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (row, name) in names {
        let changed = change(tx, &name)?;
        if changed != name {
            residual::request_residual_search(tx.connection)?;
            rename(tx, row, &changed, now)?;
        }
    }
    Ok(())
}

/// Renames an emoji. The names of Unicode emoji are unique: if another row has the name,
/// the row ID is appended.
pub(super) fn rename(tx: &mut Tx<'_>, row: i64, name: &str, now: Timestamp) -> Result<(), ArchiveError> {
    tx.cache.emoji.clear();
    tx.connection
        .prepare_cached(
            "UPDATE emoji SET updated_at = ?3,
                    name = iif(platform_id IS NULL
                               AND EXISTS (SELECT 1 FROM emoji WHERE platform_id IS NULL AND name = ?2 AND id <> ?1),
                               ?2 || ' (' || ?1 || ')', ?2)
              WHERE id = ?1",
        )?
        .execute(params![row, name, now.as_millis()])?;
    Ok(())
}
