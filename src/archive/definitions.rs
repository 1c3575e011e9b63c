//! Checks that a file's schema is the one that the migrations define.
//!
//! An archive may come from someone else, so it is treated as data: nothing that its
//! schema defines is run ([`super::connection::harden`]). A file is rejected if an
//! archive table has a trigger, or if an archive table, view or index has another
//! definition than ours. Tables and views that the operator added are left alone.

use std::collections::BTreeMap;
use std::path::Path;

use refinery::Migration;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::migrations::{bundled, target_version};
use super::{ArchiveError, ArchiveErrorKind};

/// Refinery's own table: name and definition.
pub(super) const HISTORY_TABLE: (&str, &str) = (
    "refinery_schema_history",
    "CREATE TABLE refinery_schema_history(\n             version int4 PRIMARY KEY,\n             name VARCHAR(255),\n             applied_on VARCHAR(255),\n             checksum VARCHAR(255))",
);
/// The objects of the newest schema, as JSON. Deriving them from the migrations takes
/// 15 ms, twice as long as the rest of `status`; a test compares the two.
pub(super) const NEWEST_SCHEMA: &str = include_str!("schema.json");
/// Version of [`NEWEST_SCHEMA`], which is that of the newest migration.
pub(super) const NEWEST_VERSION: i64 = 7;

/// A row of `sqlite_schema`: a table, index, view or trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SchemaObject {
    pub(super) kind: String,
    pub(super) name: String,
    table: String,
    /// Empty for an index that SQLite creates for a constraint.
    pub(super) sql: String,
}

impl SchemaObject {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
    }
}

/// Reads all objects of a schema.
pub(super) fn objects(connection: &Connection) -> Result<Vec<SchemaObject>, ArchiveError> {
    let mut select =
        connection.prepare("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema")?;
    Ok(select.query_map([], SchemaObject::read)?.collect::<Result<_, _>>()?)
}

/// The objects that migrations define, by lowercase name.
pub(super) struct Definitions(pub(super) BTreeMap<String, SchemaObject>);

impl Definitions {
    /// The definitions of a schema version: those of [`NEWEST_SCHEMA`] if it is that one.
    pub(super) fn at_version(version: i64, migrations: &[Migration]) -> Result<Self, ArchiveError> {
        if version == NEWEST_VERSION
            && target_version(migrations) == NEWEST_VERSION
            && let Ok(objects) = serde_json::from_str::<Vec<SchemaObject>>(NEWEST_SCHEMA)
        {
            return Ok(Self::from_objects(objects));
        }
        Self::up_to(version, migrations)
    }

    fn from_objects(objects: Vec<SchemaObject>) -> Self {
        let by_name = |object: SchemaObject| (object.name.to_ascii_lowercase(), object);
        Self(objects.into_iter().map(by_name).collect())
    }

    /// The definitions of a schema version, from running the migrations in memory.
    pub(super) fn up_to(version: i64, migrations: &[Migration]) -> Result<Self, ArchiveError> {
        let connection = Connection::open_in_memory()?;
        let mut applied: Vec<&Migration> =
            migrations.iter().filter(|migration| i64::from(migration.version()) <= version).collect();
        applied.sort_by_key(|migration| migration.version());
        if !applied.is_empty() {
            connection.execute_batch(HISTORY_TABLE.1)?;
        }
        for sql in applied.iter().filter_map(|migration| migration.sql()) {
            connection.execute_batch(sql)?;
        }
        Ok(Self::from_objects(objects(&connection)?))
    }

    fn get(&self, name: &str) -> Option<&SchemaObject> {
        self.0.get(&name.to_ascii_lowercase())
    }

    /// Why an object of a file is rejected, for the error message; `None` if it isn't.
    fn fault(&self, object: &SchemaObject) -> Option<String> {
        let SchemaObject { kind, name, table, sql } = object;
        if let Some(ours) = self.get(name) {
            return if ours.kind != *kind {
                Some(format!("a {kind} instead of the {} {name}", ours.kind))
            } else if ours.sql != *sql {
                Some(format!("a modified {kind} {name}"))
            } else {
                None
            };
        }
        let is_on_our_table = self.get(table).is_some();
        match kind.as_str() {
            "trigger" if is_on_our_table => Some(format!("the trigger {name} on {table}")),
            "index" if is_on_our_table && !is_plain_index(sql) => {
                Some(format!("the index {name} on {table}, which is unique or has expressions or conditions"))
            }
            _ => None,
        }
    }
}

/// Whether an index is on columns alone: a unique one could reject our rows, and an
/// expression would be run for each of them.
fn is_plain_index(sql: &str) -> bool {
    let Some((begin, rest)) = sql.split_once('(') else { return false };
    let Some(columns) = rest.trim_end().strip_suffix(')') else { return false };
    let is_word = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '"' | ',' | ' ' | '\n');
    !begin.to_ascii_lowercase().contains("unique") && columns.chars().all(is_word)
}

/// Fails if a file of schema `version` has a trigger on an archive table or view, or if
/// one of the archive's objects has another definition. Views and indexes may be missing,
/// and tables, views and plain indexes that the operator added are accepted.
pub(super) fn check(
    connection: &Connection,
    path: &Path,
    version: i64,
    migrations: &[Migration],
) -> Result<(), ArchiveError> {
    let ours = Definitions::at_version(version, migrations)?;
    match objects(connection)?.iter().find_map(|object| ours.fault(object)) {
        Some(fault) => {
            let message = format!("{} has {fault}", path.display());
            Err(ArchiveError::new(ArchiveErrorKind::ModifiedSchema, message))
        }
        None => Ok(()),
    }
}

/// The tables, sorted by name, that no migration defines: those that the operator or another
/// program added. They may hold copies of texts.
pub(super) fn foreign_tables(
    connection: &Connection,
    version: i64,
    migrations: &[Migration],
) -> Result<Vec<String>, ArchiveError> {
    let ours = Definitions::at_version(version, migrations)?;
    let is_foreign = |object: &SchemaObject| {
        object.kind == "table" && !object.name.starts_with("sqlite_") && ours.get(&object.name).is_none()
    };
    let mut names: Vec<String> =
        objects(connection)?.into_iter().filter(is_foreign).map(|table| table.name).collect();
    names.sort();
    Ok(names)
}

/// Creates this version's views as temporary ones, which a connection may use whatever the
/// file's own are.
pub(super) fn create_temporary_views(connection: &Connection) -> Result<(), ArchiveError> {
    let ours = Definitions::at_version(NEWEST_VERSION, &bundled())?.0.into_values();
    for view in ours.filter(|object| object.kind == "view") {
        let sql = view.sql.replacen("CREATE VIEW", "CREATE TEMP VIEW IF NOT EXISTS", 1);
        connection.execute_batch(&sql)?;
    }
    Ok(())
}

/// Creates missing views.
pub(super) fn restore_views(connection: &Connection, migrations: &[Migration]) -> Result<(), ArchiveError> {
    let existing = objects(connection)?;
    let is_missing =
        |view: &SchemaObject| !existing.iter().any(|object| object.name.eq_ignore_ascii_case(&view.name));
    let ours = Definitions::at_version(target_version(migrations), migrations)?.0.into_values();
    for view in ours.filter(|object| object.kind == "view").filter(is_missing) {
        connection.execute_batch(&view.sql)?;
    }
    Ok(())
}
