//! Control characters from the server, the archive or files never reach the terminal.

use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use discord_sim::{Description, FaultKind, Match, RouteKind, World};
use rustix::fs::FlockOperation;
use serde_json::{Value, json};

use super::{GUILD, TENANT};
use crate::util::{CommandOutput, Sandbox};

const HOSTILE_TEXT: &str = "a\u{9b}31mb\u{202e}c\u{2066}d\u{85}e\u{7f}f\u{2028}g\u{1b}]0;h\u{7}";

fn is_control_character(char: char) -> bool {
    let is_bidi_or_separator = matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_bidi_or_separator || char.is_control() && char != '\n'
}

#[track_caller]
fn assert_no_control_characters(ran: &CommandOutput) {
    assert!(!ran.stdout.contains(is_control_character), "{:?}", ran.stdout);
    assert!(!ran.stderr.contains(is_control_character), "{:?}", ran.stderr);
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_config(
        World::new(&Description::community(GUILD, 3, 20)),
        "[sync]\nretry_base_delay = \"1ms\"",
    );
    let set = |name: &str| FaultKind::Set(name.to_owned(), json!(HOSTILE_TEXT));
    sandbox.sim.faults().when(Match::route(RouteKind::GuildChannels).always(), set("name"));
    sandbox.sim.faults().when(Match::route(RouteKind::Guild).always(), set("name"));
    let chat = sandbox.sim.world().channel_named(GUILD, "chat-0").unwrap();
    let forbidden = FaultKind::Body(json!({"message": HOSTILE_TEXT, "code": 50_001}));
    sandbox.sim.faults().when(Match::page_of(chat).always(), forbidden);
    sandbox
}

#[test]
fn server_text_prints_no_control_characters() {
    let sandbox = sandbox();
    let commands: [&[&str]; 7] = [
        &["start", "-vv", "--color", "never"],
        &["start", "-vv", "--log-format", "json", "--format", "json"],
        &["status", "-vv"],
        &["status", "--format", "json"],
        &["plan"],
        &["plan", "--format", "json"],
        &["check"],
    ];
    for command in commands {
        let ran = sandbox.run(command);
        assert_no_control_characters(&ran);
        let is_json = command.contains(&"json");
        for line in ran.stdout.lines().filter(|_| is_json) {
            serde_json::from_str::<Value>(line).unwrap();
        }
        for line in ran.stderr.lines().filter(|_| command.contains(&"--log-format")) {
            serde_json::from_str::<Value>(line).unwrap();
        }
        sandbox.sim.world().advance(Duration::from_hours(1));
    }
    // JSON output escapes the name without changing its value.
    let plan = sandbox.run(&["plan", "--format", "json"]);
    assert!(plan.stdout.contains("\\u009b31m"), "{}", plan.stdout);
    let names = sandbox.rows("SELECT DISTINCT name FROM channels");
    let stored: String =
        sandbox.archive().query_row("SELECT name FROM channels LIMIT 1", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, HOSTILE_TEXT, "{names:?}");
    sandbox.run(&["reset", "--tenant", TENANT, "--yes"]).expect_code(0);
}

#[test]
fn lock_file_and_archive_text_print_no_control_characters() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 3, 20)));
    sandbox.run(&["start"]).expect_code(0);
    let archive = sandbox.archive();
    for (table, column) in
        [("tenants", "name"), ("channels", "name"), ("sync_progress", "last_error"), ("sync_jobs", "run_id")]
    {
        archive.execute(&format!("UPDATE {table} SET {column} = ?1"), [HOSTILE_TEXT]).unwrap();
    }
    archive.execute("UPDATE sync_progress SET status = 'failed', failure_count = 9, failed_at = 1, first_failed_at = 1", []).unwrap();
    archive.execute("UPDATE sync_jobs SET status = 'running'", []).unwrap();
    drop(archive);
    let mut lock =
        File::options().write(true).truncate(true).open(sandbox.dir.path().join("archive.db.lock")).unwrap();
    rustix::fs::fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    write!(lock, "{}", json!({"command": HOSTILE_TEXT, "run_id": HOSTILE_TEXT, "process": 1, "since": 1}))
        .unwrap();
    for command in [&["start"][..], &["status"], &["status", "--format", "json"], &["check"], &["plan"]] {
        assert_no_control_characters(&sandbox.run(command));
    }
    sandbox.run(&["start"]).expect_code(5);
}
