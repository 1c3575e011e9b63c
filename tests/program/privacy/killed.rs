//! What a process that is killed leaves is taken away by the next command that
//! takes the lock, whether or not it has anything else to do.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use discord_sim::{Description, World};
use rustix::process::Signal;

use super::traces::{Traces, written};
use super::{HOUR, run_loudly, sandbox};
use crate::util::truth::hash;
use crate::util::{Sandbox, ended, send, wait_until};

const GUILD: u64 = 77_000_000_000_000_001;

/// A server in whose archive the digits of somebody stand whom nobody has met.
struct Scene {
    sandbox: Sandbox,
    chat: u64,
    other: u64,
    id: u64,
}

fn scene() -> Scene {
    let world = World::new(&Description::community(GUILD, 2, 40));
    let chats: Vec<u64> = world.truth(GUILD).iter().map(|channel| channel.id).collect();
    let id = 999_888_777_666_555_444;
    for padding in 0..30 {
        world.append_text(chats[0], 1, &format!("{}{id} {}", "x".repeat(padding), "y".repeat(7 * padding)));
    }
    let sandbox = Sandbox::new(world);
    sandbox.run(&["start"]).expect_code(0);
    Scene { sandbox, chat: chats[0], other: chats[1], id }
}

fn holds(sandbox: &Sandbox, text: &str) -> bool {
    written(sandbox).iter().any(|(_, bytes)| memchr::memmem::find(bytes, text.as_bytes()).is_some())
}

impl Scene {
    fn shows_them(&self) -> bool {
        holds(&self.sandbox, &self.id.to_string())
    }

    fn is_known(&self) -> bool {
        let known = format!("SELECT count(*) FROM users WHERE anonymized_id = '{}'", hash(self.id));
        self.sandbox.count(&known) > 0
    }

    /// A sync in which somebody turns up is killed before its end.
    fn meet_them_and_die(&self) {
        let world = self.sandbox.sim.world();
        world.append_text(self.chat, 1, &format!("welcome <@{}>", self.id));
        world.append(self.other, 3000);
        self.sandbox.sim.set_latency(Duration::from_millis(100), Duration::ZERO);
        let run = self.sandbox.spawn(&["start"]);
        wait_until("they are known", || self.is_known());
        send(&run, Signal::KILL);
        ended(run);
        self.sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    }
}

#[test]
fn a_killed_run_is_cleaned_up_after_by_the_next_one() {
    let sandbox = sandbox();
    let run = sandbox.spawn_slow(&["start"]);
    send(&run, Signal::KILL);
    ended(run);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    run_loudly(&sandbox, &["start"]);
    Traces::of(&sandbox).assert_none_written(&sandbox);
}

#[test]
fn digits_of_somebody_who_turned_up_in_a_killed_run_are_gone_after_any_command_with_the_lock() {
    let tenant = "Simulated community";
    let stranger = "123456789012345678";
    for command in [
        vec!["start"],
        vec!["reset", "--tenant", tenant, "--yes"],
        vec!["reset", "--tenant", tenant, "--purge", "--yes"],
        vec!["forget", "--user", stranger, "--yes"],
    ] {
        let scene = scene();
        assert!(scene.shows_them(), "nobody has met them yet, so their digits are any digits");
        scene.meet_them_and_die();
        assert!(scene.shows_them(), "a killed run leaves them in the write-ahead log");
        scene.sandbox.run(&command).expect_code(0);
        assert!(!scene.shows_them(), "{command:?} left their digits");
    }
}

#[test]
fn a_run_with_nothing_new_cleans_up_as_well() {
    let scene = scene();
    scene.meet_them_and_die();
    // All that the killed run was about is gone: there is nothing to read.
    let world = scene.sandbox.sim.world();
    world.delete_channel(scene.other);
    scene.sandbox.sim.journal().clear();
    scene.sandbox.run(&["start"]).expect_code(0);
    world.advance(HOUR);
    scene.sandbox.run(&["start"]).expect_code(0);
    assert!(!scene.shows_them());
}

/// SQLite can leave a copy of a row in the unused middle of a page; where, only
/// chance decides. So one is put there.
#[test]
fn a_copy_left_in_the_gap_of_a_page_is_found_and_taken_away() {
    let scene = scene();
    let archive = scene.sandbox.archive_path();
    let world = scene.sandbox.sim.world();
    world.append_text(scene.chat, 1, &format!("welcome <@{}>", scene.id));
    // A search is due only when something was scrubbed, which this does.
    scene.sandbox.run(&["start"]).expect_code(0);
    assert!(!scene.shows_them());
    assert_eq!(scene.sandbox.count("SELECT count(*) FROM archive_info WHERE key = 'search_due'"), 0);
    let due = "INSERT INTO archive_info (key, value) VALUES ('search_due', '1')";
    scene.sandbox.archive().execute(due, []).unwrap();
    scene.sandbox.archive().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let bytes = fs::read(&archive).unwrap();
    let gap = memchr::memmem::find(&bytes[4096..], &[0; 200]).unwrap() + 4096 + 100;
    let file = OpenOptions::new().write(true).open(&archive).unwrap();
    file.write_all_at(scene.id.to_string().as_bytes(), gap as u64).unwrap();
    drop(file);
    assert!(scene.shows_them());
    assert_eq!(scene.sandbox.rows("PRAGMA integrity_check").len(), 1);
    scene.sandbox.run(&["start"]).expect_code(0);
    assert!(!scene.shows_them());
    assert_eq!(fs::metadata(archive.with_extension("db-wal")).unwrap().len(), 0);
    assert_eq!(scene.sandbox.count("SELECT count(*) FROM archive_info WHERE key = 'search_due'"), 0);
}

#[test]
fn a_purge_that_is_killed_is_finished_by_the_next_command_with_the_lock() {
    const SECRET: &str = "words that were taken back";
    let scene = scene();
    let world = scene.sandbox.sim.world();
    let message = world.append_text(scene.chat, 1, SECRET).unwrap();
    scene.sandbox.run(&["start"]).expect_code(0);
    world.delete(scene.chat, message);
    let purge = ["reset", "--tenant", "Simulated community", "--purge", "--yes"];
    for microseconds in [2_000, 5_000, 9_000, 14_000, 20_000, 27_000, 35_000, 45_000] {
        let child = scene.sandbox.spawn(&purge);
        std::thread::sleep(Duration::from_micros(microseconds));
        send(&child, Signal::KILL);
        ended(child);
    }
    let is_purged = scene.sandbox.count("SELECT count(*) FROM audit_log WHERE action = 'purge'") > 0;
    if !is_purged {
        scene.sandbox.run(&purge).expect_code(0);
    }
    scene.sandbox.run(&["start"]).expect_code(0);
    assert!(!holds(&scene.sandbox, SECRET));
    assert_eq!(scene.sandbox.count("PRAGMA freelist_count"), 0, "the space is given back");
}
