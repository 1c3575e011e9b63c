//! Characters that control a terminal, from servers and from files.

use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use discord_sim::{Description, Match, RouteKind, What, World};
use rustix::fs::FlockOperation;
use serde_json::{Value, json};

use super::{GUILD, TENANT};
use crate::util::{Ran, Sandbox};

const ODD: &str = "a\u{9b}31mb\u{202e}c\u{2066}d\u{85}e\u{7f}f\u{2028}g\u{1b}]0;h\u{7}";

fn is_odd(char: char) -> bool {
    let is_direction = matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_direction || char.is_control() && char != '\n'
}

#[track_caller]
fn assert_tame(ran: &Ran) {
    assert!(!ran.stdout.contains(is_odd), "{:?}", ran.stdout);
    assert!(!ran.stderr.contains(is_odd), "{:?}", ran.stderr);
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_config(
        World::new(&Description::community(GUILD, 3, 20)),
        "[sync]\nretry_base_delay = \"1ms\"",
    );
    let set = |name: &str| What::Set(name.to_owned(), json!(ODD));
    sandbox.sim.faults().when(Match::route(RouteKind::GuildChannels).always(), set("name"));
    sandbox.sim.faults().when(Match::route(RouteKind::Guild).always(), set("name"));
    let chat = sandbox.sim.world().channel_named(GUILD, "chat-0").unwrap();
    let refused = What::Body(json!({"message": ODD, "code": 50_001}));
    sandbox.sim.faults().when(Match::page_of(chat).always(), refused);
    sandbox
}

#[test]
fn nothing_of_a_server_controls_a_terminal() {
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
        assert_tame(&ran);
        let is_json = command.contains(&"json");
        for line in ran.stdout.lines().filter(|_| is_json) {
            serde_json::from_str::<Value>(line).unwrap();
        }
        for line in ran.stderr.lines().filter(|_| command.contains(&"--log-format")) {
            serde_json::from_str::<Value>(line).unwrap();
        }
        sandbox.sim.world().advance(Duration::from_hours(1));
    }
    // The value is the name all the same.
    let plan = sandbox.run(&["plan", "--format", "json"]);
    assert!(plan.stdout.contains("\\u009b31m"), "{}", plan.stdout);
    let names = sandbox.rows("SELECT DISTINCT name FROM channels");
    let stored: String =
        sandbox.archive().query_row("SELECT name FROM channels LIMIT 1", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, ODD, "{names:?}");
    sandbox.run(&["reset", "--tenant", TENANT, "--yes"]).expect_code(0);
}

#[test]
fn nothing_of_a_lock_file_or_an_archive_controls_a_terminal() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 3, 20)));
    sandbox.run(&["start"]).expect_code(0);
    let archive = sandbox.archive();
    for (table, column) in
        [("tenants", "name"), ("channels", "name"), ("sync_progress", "last_error"), ("sync_jobs", "run_id")]
    {
        archive.execute(&format!("UPDATE {table} SET {column} = ?1"), [ODD]).unwrap();
    }
    archive.execute("UPDATE sync_progress SET status = 'failed', failure_count = 9, failed_at = 1, first_failed_at = 1", []).unwrap();
    archive.execute("UPDATE sync_jobs SET status = 'running'", []).unwrap();
    drop(archive);
    let mut lock =
        File::options().write(true).truncate(true).open(sandbox.dir.path().join("archive.db.lock")).unwrap();
    rustix::fs::fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    write!(lock, "{}", json!({"command": ODD, "run_id": ODD, "process": 1, "since": 1})).unwrap();
    for command in [&["start"][..], &["status"], &["status", "--format", "json"], &["check"], &["plan"]] {
        assert_tame(&sandbox.run(command));
    }
    sandbox.run(&["start"]).expect_code(5);
}
