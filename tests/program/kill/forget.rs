//! Kills `forget`: the next command that takes the lock finishes the erasure.

use std::fs;

use tempfile::TempDir;

use super::harness::{Dice, completes_before_kill, measure_duration, requested_kills, series};
use super::snapshot::{Copy, assert_same, assert_sound, copy};
use super::world::{GUILD, HOUR, confirm_empty_ends, sandbox};
use crate::util::Sandbox;
use crate::util::truth::hash;

/// Kills per series. Each starts with the archive as the first read left it.
const MAX_KILLS_PER_SERIES: u32 = 50;
/// Index of the user to forget.
const USER: u32 = 3;
const SECRET: &str = "the words that nobody is to read again";

struct Fixture {
    sandbox: Sandbox,
    id: u64,
    /// Number of messages by the user.
    written_messages: i64,
}

/// A server in which the user wrote, reacted and was mentioned.
fn fixture(seed: u64) -> Fixture {
    let sandbox = sandbox(seed);
    let world = sandbox.sim.world();
    let id = world.user_id(GUILD, USER).unwrap();
    for name in ["general", "chat", "support"] {
        let channel = world.channel_named(GUILD, name).unwrap();
        for _ in 0..40 {
            let message = world.append_text(channel, USER, SECRET).unwrap();
            world.react(channel, message, USER, "🦀", false);
            world.append_text(channel, 5, &format!("thanks <@{id}>, or just {id}"));
        }
    }
    world.advance(HOUR);
    sandbox.expect_complete(sandbox.run(&["start"]));
    let query = format!("SELECT count(*) FROM message_log WHERE author = '{}'", hash(id));
    let written_messages = sandbox.count(&query);
    Fixture { sandbox, id, written_messages }
}

impl Fixture {
    fn forget_arguments(&self) -> [String; 4] {
        ["forget", "--user", &self.id.to_string(), "--yes"].map(str::to_owned)
    }

    /// Asserts that the user is erased completely or not at all; returns which.
    fn check_erasure_state(&self, seed: u64) -> bool {
        let copy = Copy::of(&self.sandbox).unwrap();
        assert_sound(&copy.archive, seed);
        let is_erased = copy.count("SELECT count(*) FROM forgotten") > 0;
        let known = format!("SELECT count(*) FROM users WHERE anonymized_id = '{}'", hash(self.id));
        assert_eq!(copy.count(&known), i64::from(!is_erased), "seed {seed}");
        let blank = "SELECT count(*) FROM messages WHERE author_id IS NULL AND content = ''";
        assert_eq!(copy.count(blank), if is_erased { self.written_messages } else { 0 }, "seed {seed}");
        is_erased
    }

    fn assert_erased(&self, seed: u64, by: &str) {
        for name in ["archive.db", "archive.db-wal", "archive.db-shm", "archive.db.lock"] {
            let bytes = fs::read(self.sandbox.dir.path().join(name)).unwrap_or_default();
            for trace in [SECRET, &self.id.to_string(), &hash(self.id), &hash(self.id)[..40]] {
                let position = memchr::memmem::find(&bytes, trace.as_bytes());
                assert_eq!(position, None, "seed {seed}: {trace} is in {name} after {by}");
            }
        }
    }
}

/// Commands that take the lock, used in turn.
const LOCKING_COMMANDS: [&[&str]; 3] = [
    &["reset", "--tenant", "Simulated community", "--yes"],
    &["forget", "--user", "123456789012345678", "--yes"],
    &["start"],
];

#[test]
fn killed_erasure_is_finished_by_the_next_command_that_takes_the_lock() {
    series(|seed| {
        let (disturbed, undisturbed) = (fixture(seed), fixture(seed));
        assert!(disturbed.written_messages >= 120);
        let before = TempDir::new().unwrap();
        copy(disturbed.sandbox.dir.path(), before.path());
        let forget = disturbed.forget_arguments();
        let forget: Vec<&str> = forget.iter().map(String::as_str).collect();
        let max_delay = measure_duration(&undisturbed.sandbox, &forget);
        let (mut dice, mut kills, mut completed) = (Dice::new(seed), 0, 0);
        while kills < requested_kills().min(MAX_KILLS_PER_SERIES) {
            kills += u32::from(!completes_before_kill(&disturbed.sandbox, &forget, &mut dice, max_delay));
            if disturbed.check_erasure_state(seed) {
                let next = LOCKING_COMMANDS[completed % LOCKING_COMMANDS.len()];
                disturbed.sandbox.expect_complete(disturbed.sandbox.run(next));
                disturbed.assert_erased(seed, next[0]);
                assert!(disturbed.check_erasure_state(seed));
                copy(before.path(), disturbed.sandbox.dir.path());
                completed += 1;
            }
        }
        eprintln!("{completed} of {kills} were through with it");
        disturbed.sandbox.run(&forget).expect_code(0);
        disturbed.assert_erased(seed, "forget");
        for sandbox in [&disturbed.sandbox, &undisturbed.sandbox] {
            confirm_empty_ends(sandbox, &["start"]);
        }
        disturbed.assert_erased(seed, "start");
        assert_same(&disturbed.sandbox, &undisturbed.sandbox, seed);
        kills
    });
}
