//! What of a file's schema is this program's.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::super::open::{newest, released};
use super::super::schema::{
    Definitions, NEWEST, NEWEST_VERSION, Object, check, distrust, objects, restore_views,
};
use super::super::{ArchiveError, ArchiveErrorKind, Reader};

fn migrated() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    refinery::Runner::new(&released()).run(&mut connection).unwrap();
    connection
}

#[test]
fn the_definitions_are_those_of_a_new_archive() {
    let by_name = |mut objects: Vec<Object>| {
        objects.sort_by(|one, next| one.name.cmp(&next.name));
        objects
    };
    let ours = Definitions::up_to(i64::MAX, &released()).unwrap().0.into_values().collect();
    let new = by_name(objects(&migrated()).unwrap());
    assert_eq!(by_name(ours), new);
    assert!(new.iter().all(|object| object.kind != "trigger"));
    assert_eq!(newest(&released()), NEWEST_VERSION);
    let written = serde_json::to_string_pretty(&new).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/archive/schema.json");
        std::fs::write(path, &written).unwrap();
    } else {
        assert!(NEWEST == written, "UPDATE_SCHEMA=1 writes src/archive/schema.json anew");
    }
}

#[test]
fn what_people_add_is_left_alone_and_what_they_change_is_named() {
    for (sql, fault) in [
        ("CREATE TABLE mine (x); CREATE VIEW my_log AS SELECT * FROM messages", None),
        ("CREATE TABLE mine (x); CREATE TRIGGER t AFTER INSERT ON mine BEGIN SELECT 1; END", None),
        ("CREATE INDEX mine ON messages (created_at, \"type\" DESC)", None),
        ("DROP INDEX messages_by_author", None),
        (
            "CREATE UNIQUE INDEX mine ON users (is_bot)",
            Some("the index mine on users, which is not one of columns alone"),
        ),
        (
            "CREATE INDEX mine ON users (hex(zeroblob(3)))",
            Some("the index mine on users, which is not one of columns alone"),
        ),
        (
            "CREATE INDEX mine ON users (is_bot) WHERE is_bot > 7",
            Some("the index mine on users, which is not one of columns alone"),
        ),
        (
            "ALTER TABLE tenants ADD COLUMN x TEXT AS (hex(zeroblob(300000000)))",
            Some("another definition of the table tenants"),
        ),
        (
            "DROP INDEX messages_by_author; CREATE INDEX messages_by_author ON messages (content)",
            Some("another definition of the index messages_by_author"),
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
        (
            "DROP VIEW reply_log; CREATE VIEW Reply_Log AS SELECT 1",
            Some("another definition of the view Reply_Log"),
        ),
        (
            "DROP VIEW reply_log; CREATE TABLE reply_log (x)",
            Some("a table in the place of the view reply_log"),
        ),
        (
            "PRAGMA foreign_keys = OFF; DROP TABLE unknown_fields; CREATE VIEW unknown_fields AS SELECT 1",
            Some("a view in the place of the table unknown_fields"),
        ),
    ] {
        let connection = migrated();
        connection.execute_batch(sql).unwrap();
        let checked = check(&connection, Path::new("a.db"), i64::MAX, &released());
        let said = checked.err().map(|error| error.to_string());
        assert_eq!(said, fault.map(|fault| format!("a.db has {fault}")), "{sql}");
    }
}

#[test]
fn missing_views_are_made_anew() {
    let connection = migrated();
    let views =
        "SELECT group_concat(sql) FROM (SELECT sql FROM sqlite_schema WHERE type = 'view' ORDER BY name)";
    let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let before = text(views);
    connection.execute_batch("DROP VIEW thread_log; DROP VIEW message_log").unwrap();
    restore_views(&connection, &released()).unwrap();
    assert_eq!(text(views), before);
}

#[test]
fn a_connection_runs_nothing_of_the_file() {
    let connection = migrated();
    connection
        .execute_batch(
            "CREATE TABLE mine (x); CREATE TRIGGER t AFTER INSERT ON mine BEGIN DELETE FROM mine; END",
        )
        .unwrap();
    distrust(&connection).unwrap();
    connection.execute_batch("INSERT INTO mine VALUES (1)").unwrap();
    let rows: i64 = connection.query_row("SELECT count(*) FROM mine", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
    assert!(connection.prepare("SELECT * FROM message_log").is_err());
    assert!(connection.execute_batch("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema").is_err());
}

#[test]
fn queries_that_take_too_long_are_given_up() {
    let dir = tempfile::TempDir::new().unwrap();
    drop(super::file(&dir).open().unwrap());
    let reader = Reader::open_for(&super::file(&dir).path, Duration::from_millis(20)).unwrap();
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
    let given_up = reader.connection.query_row(endless, [], |row| row.get::<_, i64>(0));
    assert_eq!(ArchiveError::from(given_up.unwrap_err()).kind, ArchiveErrorKind::Interrupted);
}
