//! Tests of the schema: its definitions, foreign objects, and the declared text columns.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::super::connection::harden;
use super::super::definitions::{
    Definitions, NEWEST_SCHEMA, NEWEST_VERSION, SchemaObject, check, objects, restore_views,
};
use super::super::forget::{forget, scope};
use super::super::migrations::{bundled, target_version};
use super::super::reset::delete_unreferenced_users;
use super::super::schema::{PROGRAM_TEXTS, TEXT_TABLES, TextColumn, TextTable};
use super::super::tx::RowCache;
use super::super::{ArchiveError, ArchiveErrorKind, Reader, Tx};
use crate::anonymize::{HashScheme, Rules, UserHash};
use crate::model::Timestamp;
use crate::platform::registry::PLATFORMS;

fn migrated() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    refinery::Runner::new(&bundled()).run(&mut connection).unwrap();
    connection
}

#[test]
fn the_definitions_match_the_migrations() {
    let by_name = |mut objects: Vec<SchemaObject>| {
        objects.sort_by(|one, next| one.name.cmp(&next.name));
        objects
    };
    let ours = Definitions::up_to(i64::MAX, &bundled()).unwrap().0.into_values().collect();
    let new = by_name(objects(&migrated()).unwrap());
    assert_eq!(by_name(ours), new);
    assert!(new.iter().all(|object| object.kind != "trigger"));
    assert_eq!(target_version(&bundled()), NEWEST_VERSION);
    let written = serde_json::to_string_pretty(&new).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/archive/schema.json");
        std::fs::write(path, &written).unwrap();
    } else {
        assert!(NEWEST_SCHEMA == written, "UPDATE_SCHEMA=1 rewrites src/archive/schema.json");
    }
}

#[test]
fn accepts_added_objects_and_names_changed_ones() {
    for (sql, fault) in [
        ("CREATE TABLE mine (x); CREATE VIEW my_log AS SELECT * FROM messages", None),
        ("CREATE TABLE mine (x); CREATE TRIGGER t AFTER INSERT ON mine BEGIN SELECT 1; END", None),
        ("CREATE INDEX mine ON messages (created_at, \"type\" DESC)", None),
        ("DROP INDEX messages_by_author", None),
        (
            "CREATE UNIQUE INDEX mine ON users (is_bot)",
            Some("the index mine on users, which is unique or has expressions or conditions"),
        ),
        (
            "CREATE INDEX mine ON users (hex(zeroblob(3)))",
            Some("the index mine on users, which is unique or has expressions or conditions"),
        ),
        (
            "CREATE INDEX mine ON users (is_bot) WHERE is_bot > 7",
            Some("the index mine on users, which is unique or has expressions or conditions"),
        ),
        (
            "ALTER TABLE tenants ADD COLUMN x TEXT AS (hex(zeroblob(300000000)))",
            Some("a modified table tenants"),
        ),
        (
            "DROP INDEX messages_by_author; CREATE INDEX messages_by_author ON messages (content)",
            Some("a modified index messages_by_author"),
        ),
        ("DROP VIEW message_log", None),
        (
            "CREATE TRIGGER evil AFTER INSERT ON Messages BEGIN DELETE FROM messages; END",
            Some("the trigger evil on Messages"),
        ),
        (
            "CREATE TRIGGER evil INSTEAD OF INSERT ON message_log BEGIN SELECT 1; END",
            Some("the trigger evil on message_log"),
        ),
        ("DROP VIEW reply_log; CREATE VIEW Reply_Log AS SELECT 1", Some("a modified view Reply_Log")),
        ("DROP VIEW reply_log; CREATE TABLE reply_log (x)", Some("a table instead of the view reply_log")),
        (
            "PRAGMA foreign_keys = OFF; DROP TABLE unknown_fields; CREATE VIEW unknown_fields AS SELECT 1",
            Some("a view instead of the table unknown_fields"),
        ),
    ] {
        let connection = migrated();
        connection.execute_batch(sql).unwrap();
        let checked = check(&connection, Path::new("a.db"), i64::MAX, &bundled());
        let message = checked.err().map(|error| error.to_string());
        assert_eq!(message, fault.map(|fault| format!("a.db has {fault}")), "{sql}");
    }
}

#[test]
fn missing_views_are_recreated() {
    let connection = migrated();
    let views =
        "SELECT group_concat(sql) FROM (SELECT sql FROM sqlite_schema WHERE type = 'view' ORDER BY name)";
    let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let before = text(views);
    connection.execute_batch("DROP VIEW thread_log; DROP VIEW message_log").unwrap();
    restore_views(&connection, &bundled()).unwrap();
    assert_eq!(text(views), before);
}

#[test]
fn a_connection_runs_no_code_of_the_file() {
    let connection = migrated();
    connection
        .execute_batch(
            "CREATE TABLE mine (x); CREATE TRIGGER t AFTER INSERT ON mine BEGIN DELETE FROM mine; END",
        )
        .unwrap();
    harden(&connection).unwrap();
    connection.execute_batch("INSERT INTO mine VALUES (1)").unwrap();
    let rows: i64 = connection.query_row("SELECT count(*) FROM mine", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
    assert!(connection.prepare("SELECT * FROM message_log").is_err());
    assert!(connection.execute_batch("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema").is_err());
}

#[test]
fn queries_that_exceed_the_time_limit_are_interrupted() {
    let dir = tempfile::TempDir::new().unwrap();
    drop(super::file(&dir).open().unwrap());
    let reader = Reader::open_with_budget(&super::file(&dir).path, Duration::from_millis(20)).unwrap();
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
    let interrupted = reader.connection.query_row(endless, [], |row| row.get::<_, i64>(0));
    assert_eq!(ArchiveError::from(interrupted.unwrap_err()).kind, ArchiveErrorKind::Interrupted);
}

/// Text columns of the schema that aren't declared, and declared ones that it doesn't
/// have.
fn undeclared(connection: &Connection) -> Vec<String> {
    let mut select = connection
        .prepare(
            "SELECT t.name, c.name FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c
              WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
                AND t.name <> 'refinery_schema_history' AND upper(c.type) IN ('TEXT', 'BLOB', 'ANY')",
        )
        .unwrap();
    let rows =
        select.query_map([], |row| Ok(format!("{}.{}", row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    let existing: std::collections::BTreeSet<String> = rows.unwrap().map(Result::unwrap).collect();
    let texts = TEXT_TABLES
        .iter()
        .flat_map(|table| table.columns.iter().map(|column| format!("{}.{}", table.name, column.name)));
    let own = PROGRAM_TEXTS
        .iter()
        .flat_map(|(table, columns)| columns.iter().map(move |column| format!("{table}.{column}")));
    let declared: std::collections::BTreeSet<String> = texts.chain(own).collect();
    existing.symmetric_difference(&declared).cloned().collect()
}

#[test]
fn every_text_column_is_declared() {
    let connection = migrated();
    assert_eq!(undeclared(&connection), [""; 0]);
    connection
        .execute_batch(
            "ALTER TABLE messages ADD COLUMN title TEXT; ALTER TABLE emoji RENAME COLUMN name TO word;
             CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT",
        )
        .unwrap();
    assert_eq!(undeclared(&connection), ["emoji.name", "emoji.word", "messages.title", "notes.note"]);
}

#[test]
fn declared_keys_are_the_primary_keys() {
    let connection = migrated();
    for table in &TEXT_TABLES {
        let mut select =
            connection.prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk").unwrap();
        let key: Vec<String> =
            select.query_map([table.name], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(key, table.key, "{}", table.name);
        connection.prepare(&format!("SELECT {} FROM {}", table.row_label_sql, table.name)).unwrap();
    }
}

/// An archive with one row in `table`, whose only mention of the user is in `column`.
fn archive_mentioning(user: &UserHash, table: &TextTable, column: &TextColumn) -> Connection {
    let connection = migrated();
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
    let mut select = connection.prepare("SELECT name, type FROM pragma_table_info(?1)").unwrap();
    let columns: Vec<(String, String)> = select
        .query_map([table.name], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let value = |(name, kind): &(String, String)| match kind.as_str() {
        _ if name == column.name => format!("'say \"{user}\"'"),
        "TEXT" => "'x'".to_owned(),
        _ => "1".to_owned(),
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let insert = format!("INSERT INTO {} ({}) VALUES ({})", table.name, names.join(", "), values.join(", "));
    connection.execute(&insert, []).unwrap();
    let known = "INSERT INTO users (anonymized_id, created_at, updated_at) VALUES (?1, 1, 1)";
    connection.execute(known, [user.to_string()]).unwrap();
    drop(select);
    connection
}

#[test]
fn purge_keeps_mentioned_users_and_forget_scrubs_every_text() {
    let user = super::SCRUBBER.parse_user("123456789012345678").unwrap();
    for table in &TEXT_TABLES {
        for column in table.columns {
            let place = format!("{}.{}", table.name, column.name);
            let connection = archive_mentioning(&user, table, column);
            let mut row_cache = RowCache::new(Rules::plain(PLATFORMS));
            let mut tx = Tx::new(&connection, &mut row_cache);
            delete_unreferenced_users(&tx).unwrap();
            let known = || {
                connection.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, u64>(0)).unwrap()
            };
            assert_eq!(known(), 1, "{place}");
            assert_eq!(scope(&connection, &user, HashScheme::Plain).unwrap().mentions, 1, "{place}");
            forget(&mut tx, &user, Timestamp::from_millis(2)).unwrap();
            assert_eq!(known(), 0, "{place}");
            let left = format!("SELECT count(*) FROM {} WHERE instr({}, ?1)", table.name, column.name);
            let left: u64 = connection.query_row(&left, [user.to_string()], |row| row.get(0)).unwrap();
            assert_eq!(left, 0, "{place}");
        }
    }
}
