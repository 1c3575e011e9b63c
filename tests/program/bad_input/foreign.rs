//! Untrusted archives: added triggers, views and indexes must never run.

use std::time::{Duration, Instant};

use super::{TENANT, assert_refusal_output, sandbox};
use crate::util::Sandbox;

const ENDLESS_QUERY: &str =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

fn synced() -> Sandbox {
    let sandbox = sandbox();
    sandbox.run(&["start"]).expect_code(0);
    sandbox
}

fn execute(sandbox: &Sandbox, sql: &str) {
    sandbox.archive().execute_batch(sql).unwrap();
}

const COMMANDS: [&[&str]; 6] = [
    &["start"],
    &["status"],
    &["plan"],
    &["check", "--privacy"],
    &["reset", "--tenant", TENANT, "--yes"],
    &["forget", "--user", "80351110224678912", "--yes"],
];

#[test]
fn triggers_and_changed_definitions_are_refused_by_name() {
    let faults = [
        (
            "CREATE TRIGGER evil AFTER UPDATE ON tenants BEGIN DELETE FROM messages; END",
            "the trigger evil on tenants",
        ),
        (
            "CREATE TRIGGER evil BEFORE INSERT ON audit_log BEGIN SELECT 1; END",
            "the trigger evil on audit_log",
        ),
        (
            "CREATE TRIGGER evil AFTER INSERT ON refinery_schema_history BEGIN SELECT 1; END",
            "the trigger evil",
        ),
        ("DROP VIEW message_log; CREATE VIEW message_log AS SELECT 'nobody' AS author", "view message_log"),
        ("CREATE UNIQUE INDEX evil ON sync_jobs (kind, run_id)", "the index evil on sync_jobs"),
        (
            "ALTER TABLE tenants ADD COLUMN loud TEXT AS (hex(zeroblob(300000000)))",
            "a modified table tenants",
        ),
        (
            "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; ALTER TABLE tenants RENAME TO mine;
          CREATE VIEW tenants AS SELECT * FROM mine",
            "a view instead of the table tenants",
        ),
    ];
    for (sql, words) in faults {
        let sandbox = synced();
        execute(&sandbox, sql);
        let messages = sandbox.count("SELECT count(*) FROM messages");
        for command in COMMANDS {
            let ran = sandbox.run(command).expect_code(6);
            assert_refusal_output(&sandbox, &ran, &[words, "archive.db", "executes no foreign code"]);
        }
        let check = sandbox.run(&["check"]).expect_code(6);
        assert!(check.stdout.contains(words), "{}", check.stdout);
        assert_eq!(sandbox.count("SELECT count(*) FROM messages"), messages);
    }
}

#[test]
fn trigger_in_an_older_archive_is_refused_before_migration() {
    let sandbox = sandbox();
    let frozen = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/archive-v1.sqlite");
    std::fs::copy(frozen, sandbox.archive_path()).unwrap();
    execute(&sandbox, "CREATE TRIGGER evil AFTER UPDATE ON channels BEGIN DELETE FROM messages; END");
    let ran = sandbox.run(&["start"]).expect_code(6);
    assert_refusal_output(&sandbox, &ran, &["the trigger evil on channels"]);
    execute(&sandbox, "DROP TRIGGER evil");
    assert_eq!(sandbox.count("SELECT max(version) FROM refinery_schema_history"), 1);
}

#[test]
fn added_tables_triggers_and_views_stay_and_never_run() {
    let sandbox = synced();
    execute(
        &sandbox,
        &format!(
            "CREATE TABLE mine (x); INSERT INTO mine VALUES (1);
             CREATE TRIGGER own AFTER INSERT ON mine BEGIN DELETE FROM mine; END;
             CREATE VIEW endless AS {ENDLESS_QUERY};
             CREATE VIEW loud AS SELECT content FROM messages;
             DROP VIEW reply_log"
        ),
    );
    for command in COMMANDS {
        let started_at = Instant::now();
        sandbox.run(command).expect_code(0);
        assert!(started_at.elapsed() < Duration::from_secs(20), "{command:?}");
    }
    assert_eq!(sandbox.count("SELECT count(*) FROM mine"), 1);
    assert_eq!(sandbox.count("SELECT count(*) FROM reply_log WHERE 0"), 0, "the dropped view is recreated");
    assert_eq!(
        sandbox.count("SELECT count(*) FROM sqlite_schema WHERE name IN ('own', 'endless', 'loud')"),
        3
    );
}

#[test]
fn invalid_utf8_in_the_archive_stops_no_command() {
    let sandbox = synced();
    execute(
        &sandbox,
        "UPDATE messages SET content = CAST(x'61ff62' AS TEXT) WHERE platform_id = (SELECT min(platform_id) FROM messages);
         DELETE FROM archive_info WHERE key = 'scrub_rules'",
    );
    for command in COMMANDS {
        sandbox.run(command).expect_code(0);
    }
}
