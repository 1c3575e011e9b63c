//! Whether the schema of a file is the one that this program made.
//!
//! An archive may come from someone else. It is data: nothing that it defines
//! is run ([`super::connection::distrust`]), and a file is refused whose tables carry triggers or
//! whose views say something else than they promise to the people who read them.
//! Tables and views that people added are left alone.

use std::collections::BTreeMap;
use std::path::Path;

use refinery::Migration;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::migrations::newest;
use super::{ArchiveError, ArchiveErrorKind};

/// Refinery's own table, and how it is made.
const HISTORY: (&str, &str) = (
    "refinery_schema_history",
    "CREATE TABLE refinery_schema_history(\n             version int4 PRIMARY KEY,\n             name VARCHAR(255),\n             applied_on VARCHAR(255),\n             checksum VARCHAR(255))",
);
/// The objects of the newest schema. Making them from the migrations takes 15 ms,
/// twice as long as all else that `status` does; a test holds them together.
pub(super) const NEWEST: &str = include_str!("schema.json");
/// The version of that schema, which is the newest migration's.
pub(super) const NEWEST_VERSION: i64 = 5;
/// An object of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) kind: String,
    pub(super) name: String,
    table: String,
    /// Empty for an index that a constraint makes.
    pub(super) sql: String,
}

impl Object {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
    }
}

/// Every object of a schema.
pub(super) fn objects(connection: &Connection) -> Result<Vec<Object>, ArchiveError> {
    let mut select =
        connection.prepare("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema")?;
    Ok(select.query_map([], Object::read)?.collect::<Result<_, _>>()?)
}

/// What migrations define, by name in lower case.
pub(super) struct Definitions(pub(super) BTreeMap<String, Object>);

impl Definitions {
    /// After the migrations up to a version.
    fn of(version: i64, migrations: &[Migration]) -> Result<Self, ArchiveError> {
        if version == NEWEST_VERSION
            && newest(migrations) == NEWEST_VERSION
            && let Ok(objects) = serde_json::from_str::<Vec<Object>>(NEWEST)
        {
            return Ok(Self::named(objects));
        }
        Self::up_to(version, migrations)
    }

    fn named(objects: Vec<Object>) -> Self {
        let by_name = |object: Object| (object.name.to_ascii_lowercase(), object);
        Self(objects.into_iter().map(by_name).collect())
    }

    /// After the migrations up to a version, which are made in memory.
    pub(super) fn up_to(version: i64, migrations: &[Migration]) -> Result<Self, ArchiveError> {
        let connection = Connection::open_in_memory()?;
        let mut applied: Vec<&Migration> =
            migrations.iter().filter(|migration| i64::from(migration.version()) <= version).collect();
        applied.sort_by_key(|migration| migration.version());
        if !applied.is_empty() {
            connection.execute_batch(HISTORY.1)?;
        }
        for sql in applied.iter().filter_map(|migration| migration.sql()) {
            connection.execute_batch(sql)?;
        }
        Ok(Self::named(objects(&connection)?))
    }

    fn get(&self, name: &str) -> Option<&Object> {
        self.0.get(&name.to_ascii_lowercase())
    }

    /// What of a file's object is not as it should be.
    fn fault(&self, object: &Object) -> Option<String> {
        let Object { kind, name, table, sql } = object;
        if let Some(ours) = self.get(name) {
            return if ours.kind != *kind {
                Some(format!("a {kind} in the place of the {} {name}", ours.kind))
            } else if ours.sql != *sql {
                Some(format!("another definition of the {kind} {name}"))
            } else {
                None
            };
        }
        let is_of_ours = self.get(table).is_some();
        match kind.as_str() {
            "trigger" if is_of_ours => Some(format!("the trigger {name} on {table}")),
            "index" if is_of_ours && !is_plain_index(sql) => {
                Some(format!("the index {name} on {table}, which is not one of columns alone"))
            }
            _ => None,
        }
    }
}

/// Whether an index only lists columns: one that is unique refuses rows, and an
/// expression is run for each of them.
fn is_plain_index(sql: &str) -> bool {
    let Some((begin, rest)) = sql.split_once('(') else { return false };
    let Some(columns) = rest.trim_end().strip_suffix(')') else { return false };
    let is_word = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '"' | ',' | ' ' | '\n');
    !begin.to_ascii_lowercase().contains("unique") && columns.chars().all(is_word)
}

/// Fails if a file of this schema version has a trigger on a table or view of
/// the archive, or if one of its objects has another definition. Views and
/// indexes may be missing, and tables, views and plain indexes of people are
/// left alone.
pub(super) fn check(
    connection: &Connection,
    path: &Path,
    version: i64,
    migrations: &[Migration],
) -> Result<(), ArchiveError> {
    let ours = Definitions::of(version, migrations)?;
    match objects(connection)?.iter().find_map(|object| ours.fault(object)) {
        Some(fault) => {
            let message = format!("{} has {fault}", path.display());
            Err(ArchiveError::new(ArchiveErrorKind::ForeignSchema, message))
        }
        None => Ok(()),
    }
}

/// Makes the views that are missing.
pub(super) fn restore_views(connection: &Connection, migrations: &[Migration]) -> Result<(), ArchiveError> {
    let there = objects(connection)?;
    let is_missing = |view: &Object| !there.iter().any(|object| object.name.eq_ignore_ascii_case(&view.name));
    let ours = Definitions::of(newest(migrations), migrations)?.0.into_values();
    for view in ours.filter(|object| object.kind == "view").filter(is_missing) {
        connection.execute_batch(&view.sql)?;
    }
    Ok(())
}
