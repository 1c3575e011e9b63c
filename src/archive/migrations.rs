//! The migrations: which there are, which a file has, and how they are applied.

use refinery::{Migration, Runner};
use rusqlite::Connection;

use super::ArchiveError;

#[allow(missing_docs, clippy::pedantic, reason = "made by refinery")]
mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The version of the schema that a file has; 0 if it has none.
pub(super) fn schema_version(connection: &Connection) -> Result<i64, ArchiveError> {
    let known: i64 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'",
        [],
        |row| row.get(0),
    )?;
    if known == 0 {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    Ok(connection.query_row(newest, [], |row| row.get(0))?)
}

/// The version of the newest schema.
pub(super) fn newest_version() -> i64 {
    newest(&released())
}

/// The migrations of this version.
pub(super) fn released() -> Vec<Migration> {
    embedded::migrations::runner().get_migrations().clone()
}

/// The version that migrations lead to.
pub(super) fn newest(migrations: &[Migration]) -> i64 {
    migrations.iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// Applies what is missing, in one transaction: whatever fails or ends the process
/// on the way, the file keeps its old schema.
pub(super) fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<(), ArchiveError> {
    Runner::new(migrations).set_grouped(true).run(connection).map_err(|error| {
        ArchiveError::of(&error, format!("the archive can't be brought to this version: {error}"))
    })?;
    record_migrations(connection)
}

/// Records migrations in the audit log, also those that a process applied which ended
/// before it recorded them. The change log doesn't see what they changed: every
/// subscriber begins anew.
fn record_migrations(connection: &Connection) -> Result<(), ArchiveError> {
    const UNRECORDED: &str = "
        FROM refinery_schema_history h
       WHERE NOT EXISTS (SELECT 1 FROM audit_log
                          WHERE action = 'migration' AND json_extract(details, '$.version') = h.version)";
    let is_any = format!("SELECT EXISTS (SELECT 1 {UNRECORDED})");
    if !connection.query_row(&is_any, [], |row| row.get::<_, bool>(0))? {
        return Ok(());
    }
    // Before the record: a process that ends in between does it again.
    connection.execute("UPDATE change_subscribers SET token = ''", [])?;
    let record = format!(
        "INSERT INTO audit_log (action, details, created_at, updated_at)
         SELECT 'migration', json_object('version', h.version, 'name', h.name),
                unixepoch('subsec') * 1000, unixepoch('subsec') * 1000 {UNRECORDED}
          ORDER BY h.version"
    );
    connection.execute(&record, [])?;
    Ok(())
}
