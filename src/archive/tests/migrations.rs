//! Failed and killed migrations, on real files.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use refinery::Migration;
use rusqlite::Connection;
use tempfile::TempDir;

use super::super::migrations::{bundled, newest_version as newest};
use super::super::{ArchiveErrorKind, ArchiveFile, Reader};
use crate::anonymize::Rules;

/// Environment variable with the archive's folder; set for the process that is killed in
/// the middle of a migration.
const VICTIM_FOLDER: &str = "VERTA_SYNC_TEST_MIGRATES";
/// A migration that changes existing tables and adds one.
const CHANGE: &str = "ALTER TABLE users ADD COLUMN shoe_size INTEGER;
                      UPDATE users SET anonymized_id = upper(anonymized_id);
                      DELETE FROM emoji;
                      CREATE TABLE shoes (size INTEGER) STRICT;";
/// Inserts more than the page cache holds, so that pages reach the write-ahead log before
/// the transaction ends, and never ends by itself.
const ENDLESS: &str = "INSERT INTO shoes (size)
                         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;";

fn file(folder: &Path) -> ArchiveFile {
    ArchiveFile {
        path: folder.join("archive.db"),
        mode: 0o600,
        rules: Rules::plain(super::PLATFORMS),
        busy_timeout: crate::archive::BUSY_TIMEOUT,
    }
}

/// The migrations of this version, followed by a made-up one.
fn released_and(sql: &str) -> Vec<Migration> {
    let mut migrations = bundled();
    let version = migrations.len() + 1;
    migrations.push(Migration::unapplied(&format!("V{version}__made_up"), sql).unwrap());
    migrations
}

/// An archive of this version with some rows.
fn archive() -> TempDir {
    let dir = TempDir::new().unwrap();
    let connection = file(dir.path()).open().unwrap();
    let insert = "INSERT INTO users (anonymized_id, created_at, updated_at)
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
                  SELECT lower(hex(zeroblob(28))) || printf('%08x', i), i, i FROM n";
    connection.execute(insert, []).unwrap();
    connection.execute("INSERT INTO emoji (name, created_at, updated_at) VALUES ('🦀', 1, 1)", []).unwrap();
    dir
}

/// The schema and every row of every table, as text.
fn dump(folder: &Path) -> Vec<String> {
    let connection = Connection::open(file(folder).path).unwrap();
    let mut lines = rows(&connection, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name");
    let tables: Vec<String> = connection
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for table in tables {
        lines.extend(rows(&connection, &format!("SELECT * FROM {table} ORDER BY 1")));
    }
    lines
}

fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut select = connection.prepare(sql).unwrap();
    let columns = select.column_count();
    let text = |row: &rusqlite::Row<'_>| {
        let cells = (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap()));
        Ok(cells.collect::<Vec<_>>().join("|"))
    };
    select.query_map([], text).unwrap().map(Result::unwrap).collect()
}

fn number(folder: &Path, sql: &str) -> i64 {
    Connection::open(file(folder).path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Asserts that the archive is unchanged, that this version can use it, and that the next
/// attempt to migrate it succeeds.
fn assert_untouched(folder: &Path, before: &[String]) {
    assert_eq!(dump(folder), before);
    assert_eq!(rows(&Connection::open(file(folder).path).unwrap(), "PRAGMA integrity_check").len(), 1);
    file(folder).open().unwrap();
    assert_eq!(Reader::open(&file(folder).path).unwrap().schema_version().unwrap(), newest());
    assert_eq!(dump(folder), before, "opening it changes nothing either");
    file(folder).open_with(&released_and(CHANGE)).unwrap();
    assert_eq!(number(folder, "SELECT count(*) FROM shoes"), 0);
    assert_eq!(number(folder, "SELECT count(*) FROM users WHERE shoe_size IS NULL"), 2000);
    assert_eq!(number(folder, "SELECT max(version) FROM refinery_schema_history"), newest() + 1);
    let audited = "SELECT count(*) FROM audit_log WHERE action = 'migration'";
    assert_eq!(number(folder, audited), newest() + 1);
    let error = file(folder).open().unwrap_err();
    assert_eq!(error.kind, ArchiveErrorKind::NewerSchema, "the older version rejects it now");
}

#[test]
fn a_failed_migration_leaves_the_archive_unchanged() {
    let dir = archive();
    let before = dump(dir.path());
    for flaw in ["INSERT INTO nowhere VALUES (1);", "INSERT INTO users (id) VALUES (1);", "SELEKT"] {
        let error = file(dir.path()).open_with(&released_and(&format!("{CHANGE} {flaw}"))).unwrap_err();
        assert!(error.to_string().contains("cannot migrate the archive to this version"), "{error}");
        assert_eq!(dump(dir.path()), before, "{flaw}");
    }
    assert_untouched(dir.path(), &before);
}

#[test]
fn a_migration_without_disk_space_fails_with_disk_full() {
    let dir = archive();
    let grow = format!(
        "{CHANGE} PRAGMA max_page_count = 1;
         CREATE TABLE large (text TEXT) STRICT; INSERT INTO large SELECT hex(zeroblob(100000));"
    );
    let error = file(dir.path()).open_with(&released_and(&grow)).unwrap_err();
    assert_eq!(error.kind, ArchiveErrorKind::DiskFull, "{error}");
}

#[test]
fn several_migrations_are_applied_together_or_not_at_all() {
    let dir = archive();
    let before = dump(dir.path());
    let mut migrations = released_and(CHANGE);
    let name = format!("V{}__flawed", newest() + 2);
    migrations.push(Migration::unapplied(&name, "INSERT INTO nowhere VALUES (1);").unwrap());
    file(dir.path()).open_with(&migrations).unwrap_err();
    assert_untouched(dir.path(), &before);
}

#[test]
fn a_killed_migration_leaves_the_archive_unchanged() {
    if let Some(folder) = std::env::var_os(VICTIM_FOLDER) {
        // This is the child process that the test starts and kills.
        let ended = file(Path::new(&folder)).open_with(&released_and(&format!("{CHANGE} {ENDLESS}")));
        panic!("it ended by itself: {ended:?}");
    }
    let dir = archive();
    let before = dump(dir.path());
    let name = "archive::tests::migrations::a_killed_migration_leaves_the_archive_unchanged";
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact"])
        .env(VICTIM_FOLDER, dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let log = dir.path().join("archive.db-wal");
    let deadline = Instant::now() + Duration::from_mins(2);
    while std::fs::metadata(&log).map_or(0, |log| log.len()) < 10_000_000 {
        assert_eq!(victim.try_wait().unwrap(), None, "it ended by itself");
        assert!(Instant::now() < deadline, "the migration doesn't reach the file");
        sleep(Duration::from_millis(5));
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert_untouched(dir.path(), &before);
}

#[test]
fn an_unrecorded_migration_is_recorded_when_the_archive_is_opened() {
    let dir = archive();
    let before = dump(dir.path());
    let audited = "SELECT count(*) FROM audit_log WHERE action = 'migration'";
    Connection::open(file(dir.path()).path).unwrap().execute("DELETE FROM audit_log", []).unwrap();
    assert_eq!(number(dir.path(), audited), 0);
    for _ in 0..2 {
        file(dir.path()).open().unwrap();
        assert_eq!(number(dir.path(), audited), newest(), "each once");
    }
    let changed_lines =
        dump(dir.path()).into_iter().zip(&before).filter(|(line, before)| line != *before).count();
    assert!(i64::try_from(changed_lines).unwrap() <= newest(), "only their times differ");
}

/// Over a read-only connection SQLite 3.40 can't copy a table that has a generated column
/// and a CHECK constraint.
/// Schema 5 marked bots' answers to commands as sent by a webhook, and did not record when a
/// full re-read ended.
#[test]
fn schema_6_repairs_webhooks_and_dates_full_reads() {
    let dir = TempDir::new().unwrap();
    let older: Vec<Migration> = bundled().into_iter().filter(|migration| migration.version() <= 5).collect();
    let connection = file(dir.path()).open_with(&older).unwrap();
    connection
        .execute_batch(
            r#"INSERT INTO tenants (id, platform, platform_id, name, created_at, updated_at) VALUES (1, 'discord', 1, 't', 0, 0);
               INSERT INTO channels (id, tenant_id, platform_id, kind, name, opened_at, created_at, updated_at)
               VALUES (1, 1, 1, 'text', 'c', 0, 0, 0), (2, 1, 2, 'text', 'd', 0, 0, 0);
               INSERT INTO messages (channel_id, platform_id, kind, content, created_at, updated_at, metadata) VALUES
                 (1, 1, 20, '', 0, 7, '{"interaction":{"name":"é\u0001"},"webhook":true,"flags":64}'),
                 (1, 2, 0, '', 0, 7, '{"interaction_metadata":{"name":"x"},"webhook":true}'),
                 (1, 3, 0, '', 0, 7, '{"webhook":true}'),
                 (1, 4, 0, '', 0, 7, NULL);
               INSERT INTO sync_jobs (id, run_id, tenant_id, kind, status, completed_at, created_at, updated_at)
               VALUES ('full', 'r', 1, 'full', 'completed', 77, 0, 0);
               INSERT INTO sync_progress (channel_id, tenant_id, full_job_id, full_done, created_at, updated_at)
               VALUES (1, 1, 'full', 1, 0, 0), (2, 1, 'full', 0, 0, 0);"#,
        )
        .unwrap();
    drop(connection);
    let connection = file(dir.path()).open().unwrap();
    let metadata: Vec<Option<String>> = connection
        .prepare("SELECT metadata FROM messages ORDER BY platform_id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let expected = [
        Some(r#"{"interaction":{"name":"é\u0001"},"flags":64}"#),
        Some(r#"{"interaction_metadata":{"name":"x"}}"#),
        Some(r#"{"webhook":true}"#),
        None,
    ];
    assert_eq!(metadata, expected.map(|text| text.map(str::to_owned)));
    assert_eq!(
        rows(&connection, "SELECT full_read_at FROM sync_progress ORDER BY 1"),
        ["Null", "Integer(77)"]
    );
    assert_eq!(rows(&connection, "SELECT written_types FROM tenants"), ["Integer(9961473)"]);
    let mask = crate::platform::discord::SPEC.written_types_mask();
    assert_eq!(mask, 9_961_473);
}

#[test]
fn no_table_has_a_generated_column() {
    let dir = archive();
    let generated = "SELECT count(*) FROM sqlite_schema AS s JOIN pragma_table_xinfo(s.name) AS c
                      WHERE s.type = 'table' AND c.hidden > 1";
    assert_eq!(number(dir.path(), generated), 0);
}
