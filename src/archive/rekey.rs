//! Turns an archive of plain hashes into a keyed one (`rekey`).

use hashbrown::{HashMap, HashSet};
use rusqlite::params;

use super::forget::{forget, record_marker};
use super::open::record_key;
use super::schema::TEXT_TABLES;
use super::{ArchiveError, Reader, Tx, audit, residual, sweep, users};
use crate::anonymize::{HashKey, HashScheme, UserHash, replace_hashes};
use crate::model::Timestamp;

impl Reader {
    /// The number of people in the archive.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn people(&self) -> Result<u64, ArchiveError> {
        Ok(self.connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?)
    }
}

/// Replaces every plain hash by the hash with `key`: of people, in texts, and in the list of
/// erased people. People in `forgotten`, markers of that key, are erased first.
///
/// The archive must be opened with the key afterwards: that scrubs all texts, which records
/// their ID candidates by the new hashes, and removes the old hashes from free pages.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn rekey(
    tx: &mut Tx<'_>,
    key: HashKey,
    forgotten: &HashSet<String>,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let scheme = HashScheme::Keyed(key);
    for (_, user) in users::all(tx.connection)? {
        if scheme.forget_markers(&key.hash(&user)).any(|marker| forgotten.contains(&marker)) {
            forget(tx, &user, now)?;
        }
    }
    let mut keyed = HashMap::new();
    for (row, user) in users::all(tx.connection)? {
        keyed.insert(user, key.hash(&user));
        tx.connection
            .prepare_cached("UPDATE users SET anonymized_id = ?2, updated_at = ?3 WHERE id = ?1")?
            .execute(params![row, key.hash(&user).to_string(), now.as_millis()])?;
    }
    rekey_texts(tx, |user| keyed.get(user).copied(), key, now)?;
    rekey_markers(tx, key)?;
    for marker in forgotten {
        record_marker(tx.connection, marker, now)?;
    }
    // Sweeping records them again.
    tx.connection.execute("DELETE FROM suspect_digits", [])?;
    sweep::request(tx.connection)?;
    residual::request_vacuum(tx.connection)?;
    // Whatever was made from the archive holds old hashes.
    tx.connection.execute("UPDATE change_subscribers SET token = ''", [])?;
    record_key(tx.connection, key)?;
    tx.cache.clear();
    audit::record(tx, "rekey", None, None, None, now)
}

/// Replaces the hashes in all texts: those of people, and whatever a mention holds.
fn rekey_texts(
    tx: &mut Tx<'_>,
    keyed: impl Fn(&UserHash) -> Option<UserHash>,
    key: HashKey,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    for table in &TEXT_TABLES {
        let mut after = Vec::new();
        loop {
            let rows = table.batch(tx.connection, &after)?;
            let Some((last, _)) = rows.last() else { break };
            after.clone_from(last);
            for (row, texts) in &rows {
                for (column, text) in table.columns.iter().zip(texts) {
                    let replaced = text.as_ref().and_then(|text| {
                        replace_hashes(text, |hash, is_mention| {
                            let hash = keyed(hash).or_else(|| is_mention.then(|| key.hash(hash)));
                            hash.map(|hash| hash.to_string())
                        })
                    });
                    if let Some(replaced) = replaced {
                        table.store(tx, column.name, row, &replaced, now)?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn rekey_markers(tx: &Tx<'_>, key: HashKey) -> Result<(), ArchiveError> {
    let mut select = tx.connection.prepare("SELECT marker FROM forgotten")?;
    let markers: Vec<String> = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for marker in markers {
        let update = "UPDATE forgotten SET marker = ?2 WHERE marker = ?1";
        tx.connection.prepare_cached(update)?.execute([&marker, &key.marker(&marker)])?;
    }
    Ok(())
}
