//! Whether the schema of a file is the one that this program made.
//!
//! An archive may come from somebody else. It is data: nothing that it defines
//! is run. Connections run no triggers and read no views, functions in its
//! schema count as unsafe, and a file is refused whose tables carry triggers or
//! whose views say something else than they promise to the people who read them.
//! Tables and views that people added are left alone.

use std::collections::BTreeMap;
use std::path::Path;

use refinery::Migration;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Row};

use super::{ArchiveError, ArchiveErrorKind};

/// Refinery's own table.
const HISTORY: &str = "refinery_schema_history";

/// Keeps a connection from running anything that the file defines.
pub(super) fn distrust(connection: &Connection) -> Result<(), ArchiveError> {
    for (setting, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(setting, is_on)?;
    }
    Ok(())
}

/// What migrations define.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Definitions {
    pub(super) tables: Vec<String>,
    /// The text of each view by its name.
    pub(super) views: BTreeMap<String, String>,
}

impl Definitions {
    /// After the migrations up to a version. None has more than one statement
    /// on a line, or a semicolon at the end of a line within one.
    pub(super) fn up_to(version: i64, migrations: &[Migration]) -> Self {
        let mut definitions = Self { tables: vec![HISTORY.to_owned()], ..Self::default() };
        let mut applied: Vec<&Migration> =
            migrations.iter().filter(|migration| i64::from(migration.version()) <= version).collect();
        applied.sort_by_key(|migration| migration.version());
        for sql in applied.iter().filter_map(|migration| migration.sql()) {
            for (at, _) in sql.match_indices('\n').map(|(at, line)| (at + line.len(), line)).chain([(0, "")])
            {
                definitions.take(&sql[at..]);
            }
        }
        definitions
    }

    /// Takes in the statement at the beginning of `sql`, if one begins there.
    fn take(&mut self, sql: &str) {
        let statement =
            sql.split_once(";\n").map_or(sql.trim_end().trim_end_matches(';'), |(statement, _)| statement);
        let name = |rest: &str| rest.split([' ', '(', ';', '\n']).next().unwrap_or_default().to_owned();
        if let Some(rest) = statement.strip_prefix("CREATE TABLE ") {
            self.tables.push(name(rest));
        } else if let Some(rest) = statement.strip_prefix("CREATE VIEW ") {
            self.views.insert(name(rest), statement.to_owned());
        } else if let Some(rest) = statement.strip_prefix("DROP VIEW ") {
            self.views.remove(&name(rest));
        } else if let Some(rest) = statement.strip_prefix("DROP TABLE ") {
            let dropped = name(rest);
            self.tables.retain(|table| *table != dropped);
        }
    }
}

/// An object of a schema.
pub(super) struct Object {
    pub(super) kind: String,
    pub(super) name: String,
    table: String,
    pub(super) sql: String,
}

impl Object {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
    }
}

pub(super) fn objects(connection: &Connection) -> Result<Vec<Object>, ArchiveError> {
    let mut select =
        connection.prepare("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema")?;
    Ok(select.query_map([], Object::read)?.collect::<Result<_, _>>()?)
}

/// Fails if a file of this schema version has a trigger on a table or view of
/// the archive, or a table or view that is not what its name promises. Views
/// may be missing.
pub(super) fn check(
    connection: &Connection,
    path: &Path,
    version: i64,
    migrations: &[Migration],
) -> Result<(), ArchiveError> {
    let ours = Definitions::up_to(version, migrations);
    let is_table = |name: &str| ours.tables.iter().any(|table| table.eq_ignore_ascii_case(name));
    let view = |name: &str| ours.views.iter().find(|(view, _)| view.eq_ignore_ascii_case(name));
    for Object { kind, name, table, sql } in objects(connection)? {
        let fault = match kind.as_str() {
            "trigger" if is_table(&table) || view(&table).is_some() => {
                format!("the trigger {name} on {table}")
            }
            "view" if is_table(&name) => format!("a view in the place of the table {name}"),
            "table" if is_table(&name) && is_virtual(&sql) => {
                format!("a virtual table in the place of the table {name}")
            }
            "table" if view(&name).is_some() => format!("a table in the place of the view {name}"),
            "view" if view(&name).is_some_and(|(_, definition)| *definition != sql) => {
                format!("another definition of the view {name}")
            }
            _ => continue,
        };
        let message = format!("{} has {fault}", path.display());
        return Err(ArchiveError::new(ArchiveErrorKind::ForeignSchema, message));
    }
    Ok(())
}

fn is_virtual(sql: &str) -> bool {
    sql.get(.."CREATE VIRTUAL".len()).is_some_and(|begin| begin.eq_ignore_ascii_case("CREATE VIRTUAL"))
}

/// Makes the views that are missing.
pub(super) fn restore_views(connection: &Connection, migrations: &[Migration]) -> Result<(), ArchiveError> {
    let there = objects(connection)?;
    let is_missing = |view: &str| !there.iter().any(|object| object.name.eq_ignore_ascii_case(view));
    for (view, definition) in Definitions::up_to(i64::MAX, migrations).views {
        if is_missing(&view) {
            connection.execute_batch(&definition)?;
        }
    }
    Ok(())
}
