//! The users whom texts mention.

use rusqlite::{Connection, params};

use super::ArchiveError;
use super::schema::TEXT_TABLES;
use crate::anonymize;

/// SQL that creates the temporary table `mentioned`.
pub(super) const TABLE: &str =
    "CREATE TEMP TABLE IF NOT EXISTS mentioned (anonymized_id TEXT PRIMARY KEY) WITHOUT ROWID";

/// Fills the temporary table `mentioned` with the hashes in all texts.
pub(super) fn find(connection: &Connection) -> Result<(), ArchiveError> {
    connection.execute_batch(TABLE)?;
    let mut insert =
        connection.prepare("INSERT OR IGNORE INTO temp.mentioned (anonymized_id) VALUES (?1)")?;
    for table in &TEXT_TABLES {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let sql = format!("SELECT {} FROM main.{}", columns.join(", "), table.name);
        let mut select = connection.prepare(&sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            for index in 0..columns.len() {
                for hash in anonymize::hashes_in(row.get_ref(index)?.as_str().unwrap_or_default()) {
                    insert.execute(params![hash.to_string()])?;
                }
            }
        }
    }
    Ok(())
}
