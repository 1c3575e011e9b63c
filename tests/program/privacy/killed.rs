//! The next command that takes the lock removes the residual data of a killed process,
//! whether or not it has anything else to do.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use discord_sim::{Description, World};
use rustix::process::Signal;

use super::traces::{Traces, written_files};
use super::{HOUR, run_verbosely, sandbox};
use crate::util::truth::hash;
use crate::util::{Sandbox, send, wait_for_exit, wait_until};

const GUILD: u64 = 77_000_000_000_000_001;

/// A server whose archive contains the digits of an ID, but doesn't know its user yet.
struct Fixture {
    sandbox: Sandbox,
    chat: u64,
    other_channel: u64,
    id: u64,
}

fn fixture() -> Fixture {
    let world = World::new(&Description::community(GUILD, 2, 40));
    let channels: Vec<u64> = world.truth(GUILD).iter().map(|channel| channel.id).collect();
    let id = 999_888_777_666_555_444;
    for padding in 0..30 {
        world.append_text(
            channels[0],
            1,
            &format!("{}{id} {}", "x".repeat(padding), "y".repeat(7 * padding)),
        );
    }
    let sandbox = Sandbox::new(world);
    sandbox.run(&["start"]).expect_code(0);
    Fixture { sandbox, chat: channels[0], other_channel: channels[1], id }
}

fn is_written(sandbox: &Sandbox, text: &str) -> bool {
    written_files(sandbox).iter().any(|(_, bytes)| memchr::memmem::find(bytes, text.as_bytes()).is_some())
}

impl Fixture {
    fn shows_user_id(&self) -> bool {
        is_written(&self.sandbox, &self.id.to_string())
    }

    fn user_is_known(&self) -> bool {
        let query = format!("SELECT count(*) FROM users WHERE anonymized_id = '{}'", hash(self.id));
        self.sandbox.count(&query) > 0
    }

    /// Kills a sync after it has met the user in a mention.
    fn run_killed_after_meeting_user(&self) {
        let world = self.sandbox.sim.world();
        world.append_text(self.chat, 1, &format!("welcome <@{}>", self.id));
        world.append(self.other_channel, 3000);
        self.sandbox.sim.set_latency(Duration::from_millis(100), Duration::ZERO);
        let run = self.sandbox.spawn(&["start"]);
        wait_until("the user is known", || self.user_is_known());
        send(&run, Signal::KILL);
        wait_for_exit(run);
        self.sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    }
}

#[test]
fn next_run_removes_residual_data_of_a_killed_run() {
    let sandbox = sandbox(super::FEW_USERS);
    let run = sandbox.spawn_slow(&["start"]);
    send(&run, Signal::KILL);
    wait_for_exit(run);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    run_verbosely(&sandbox, &["start"]);
    Traces::of(&sandbox).assert_none_written(&sandbox);
}

#[test]
fn every_locking_command_removes_an_id_left_by_a_killed_run() {
    let tenant = "Simulated community";
    let stranger = "123456789012345678";
    for command in [
        vec!["start"],
        vec!["reset", "--tenant", tenant, "--yes"],
        vec!["reset", "--tenant", tenant, "--purge", "--yes"],
        vec!["forget", "--user", stranger, "--yes"],
    ] {
        let fixture = fixture();
        assert!(fixture.shows_user_id(), "an unknown ID can't be told from other digits");
        fixture.run_killed_after_meeting_user();
        assert!(fixture.shows_user_id(), "a killed run leaves the ID in the write-ahead log");
        fixture.sandbox.run(&command).expect_code(0);
        assert!(!fixture.shows_user_id(), "{command:?} left the ID");
    }
}

#[test]
fn run_without_new_messages_removes_residual_data() {
    let fixture = fixture();
    fixture.run_killed_after_meeting_user();
    // The channel that the killed run was reading is deleted: there is nothing to read.
    let world = fixture.sandbox.sim.world();
    world.delete_channel(fixture.other_channel);
    fixture.sandbox.sim.journal().clear();
    fixture.sandbox.run(&["start"]).expect_code(0);
    world.advance(HOUR);
    fixture.sandbox.run(&["start"]).expect_code(0);
    assert!(!fixture.shows_user_id());
}

/// SQLite can leave a copy of a row in the unused middle of a page, at an unpredictable
/// offset. The test plants one.
#[test]
fn copy_in_the_unused_part_of_a_page_is_found_and_removed() {
    let fixture = fixture();
    let archive = fixture.sandbox.archive_path();
    let world = fixture.sandbox.sim.world();
    world.append_text(fixture.chat, 1, &format!("welcome <@{}>", fixture.id));
    // The residual search is due only after a scrub, which this run performs.
    fixture.sandbox.run(&["start"]).expect_code(0);
    assert!(!fixture.shows_user_id());
    assert_eq!(fixture.sandbox.count("SELECT count(*) FROM archive_info WHERE key = 'search_due'"), 0);
    let mark_due = "INSERT INTO archive_info (key, value) VALUES ('search_due', '1')";
    fixture.sandbox.archive().execute(mark_due, []).unwrap();
    fixture.sandbox.archive().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let bytes = fs::read(&archive).unwrap();
    let gap = memchr::memmem::find(&bytes[4096..], &[0; 200]).unwrap() + 4096 + 100;
    let file = OpenOptions::new().write(true).open(&archive).unwrap();
    file.write_all_at(fixture.id.to_string().as_bytes(), gap as u64).unwrap();
    drop(file);
    assert!(fixture.shows_user_id());
    assert_eq!(fixture.sandbox.rows("PRAGMA integrity_check").len(), 1);
    fixture.sandbox.run(&["start"]).expect_code(0);
    assert!(!fixture.shows_user_id());
    assert_eq!(fs::metadata(archive.with_extension("db-wal")).unwrap().len(), 0);
    assert_eq!(fixture.sandbox.count("SELECT count(*) FROM archive_info WHERE key = 'search_due'"), 0);
}

#[test]
fn killed_purge_is_finished_by_the_next_locking_command() {
    const SECRET: &str = "words that were taken back";
    let fixture = fixture();
    let world = fixture.sandbox.sim.world();
    let message = world.append_text(fixture.chat, 1, SECRET).unwrap();
    fixture.sandbox.run(&["start"]).expect_code(0);
    world.delete(fixture.chat, message);
    let purge = ["reset", "--tenant", "Simulated community", "--purge", "--yes"];
    for microseconds in [2_000, 5_000, 9_000, 14_000, 20_000, 27_000, 35_000, 45_000] {
        let child = fixture.sandbox.spawn(&purge);
        std::thread::sleep(Duration::from_micros(microseconds));
        send(&child, Signal::KILL);
        wait_for_exit(child);
    }
    let is_purged = fixture.sandbox.count("SELECT count(*) FROM audit_log WHERE action = 'purge'") > 0;
    if !is_purged {
        fixture.sandbox.run(&purge).expect_code(0);
    }
    fixture.sandbox.run(&["start"]).expect_code(0);
    assert!(!is_written(&fixture.sandbox, SECRET));
    assert_eq!(fixture.sandbox.count("PRAGMA freelist_count"), 0, "free pages are released");
}
