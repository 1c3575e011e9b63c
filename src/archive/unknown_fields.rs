//! Unknown fields: fields of the platform's objects that this version doesn't know. Only
//! their paths and counts are stored, never their values.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{ArchiveError, Reader, Tx};
use crate::model::Timestamp;

/// Maximum number of paths stored; further ones are ignored.
const MAX_PATHS: u32 = 500;

/// Adds the number of objects that had each field, by path.
pub(super) fn count(tx: &Tx<'_>, fields: &BTreeMap<String, u64>, now: Timestamp) -> Result<(), ArchiveError> {
    for (path, objects) in fields {
        tx.connection
            .prepare_cached(
                "INSERT INTO unknown_fields (path, objects, created_at, updated_at)
                 SELECT ?1, ?2, ?3, ?3
                  WHERE (SELECT count(*) FROM unknown_fields) < ?4
                     OR EXISTS (SELECT 1 FROM unknown_fields WHERE path = ?1)
                 ON CONFLICT (path) DO UPDATE
                    SET objects = objects + excluded.objects, updated_at = excluded.updated_at",
            )?
            .execute(params![
                path,
                i64::try_from(*objects).unwrap_or(i64::MAX),
                now.as_millis(),
                MAX_PATHS
            ])?;
    }
    Ok(())
}

impl Reader {
    /// The paths of unknown fields, each with the number of objects that had it.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn unknown_fields(&self) -> Result<Vec<(String, u64)>, ArchiveError> {
        let mut select =
            self.connection.prepare_cached("SELECT path, objects FROM unknown_fields ORDER BY path")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
