//! `forget`, killed: whoever takes the lock next finishes it.

use std::fs;

use tempfile::TempDir;

use super::harness::{Dice, killed_within, series, time_of, wanted};
use super::snapshot::{Copy, assert_same, assert_sound, copy};
use super::world::{GUILD, HOUR, sandbox, settle};
use crate::util::Sandbox;
use crate::util::truth::hash;

/// Kills of one series: each begins with the archive as it was read first.
const SERIES: u32 = 50;
const PERSON: u32 = 3;
const SECRET: &str = "the words that nobody is to read again";

struct Scene {
    sandbox: Sandbox,
    id: u64,
    /// Messages the person wrote.
    written: i64,
}

/// A server in which one person wrote, reacted, was answered and mentioned.
fn scene(seed: u64) -> Scene {
    let sandbox = sandbox(seed);
    let world = sandbox.sim.world();
    let id = world.user_id(GUILD, PERSON).unwrap();
    for name in ["general", "chat", "support"] {
        let channel = world.channel_named(GUILD, name).unwrap();
        for _ in 0..40 {
            let message = world.append_text(channel, PERSON, SECRET).unwrap();
            world.react(channel, message, PERSON, "🦀", false);
            world.append_text(channel, 5, &format!("thanks <@{id}>, or just {id}"));
        }
    }
    world.advance(HOUR);
    sandbox.expect_through(sandbox.run(&["start"]));
    let written = format!("SELECT count(*) FROM message_log WHERE author = '{}'", hash(id));
    let written = sandbox.count(&written);
    Scene { sandbox, id, written }
}

impl Scene {
    fn forget(&self) -> [String; 4] {
        ["forget", "--user", &self.id.to_string(), "--yes"].map(str::to_owned)
    }

    /// Asserts that the person is erased wholly, or not at all; says which.
    fn is_done(&self, seed: u64) -> bool {
        let copy = Copy::of(&self.sandbox).unwrap();
        assert_sound(&copy.archive, seed);
        let is_done = copy.count("SELECT count(*) FROM forgotten") > 0;
        let known = format!("SELECT count(*) FROM users WHERE anonymized_id = '{}'", hash(self.id));
        assert_eq!(copy.count(&known), i64::from(!is_done), "seed {seed}");
        let blank = "SELECT count(*) FROM messages WHERE author_id IS NULL AND content = ''";
        assert_eq!(copy.count(blank), if is_done { self.written } else { 0 }, "seed {seed}");
        is_done
    }

    fn assert_erased(&self, seed: u64, by: &str) {
        for name in ["archive.db", "archive.db-wal", "archive.db-shm", "archive.db.lock"] {
            let bytes = fs::read(self.sandbox.dir.path().join(name)).unwrap_or_default();
            for trace in [SECRET, &self.id.to_string(), &hash(self.id), &hash(self.id)[..40]] {
                let place = memchr::memmem::find(&bytes, trace.as_bytes());
                assert_eq!(place, None, "seed {seed}: {trace} is in {name} after {by}");
            }
        }
    }
}

/// Commands that take the lock, one after the other.
const NEXT: [&[&str]; 3] = [
    &["reset", "--tenant", "Simulated community", "--yes"],
    &["forget", "--user", "123456789012345678", "--yes"],
    &["start"],
];

#[test]
fn an_erasure_that_is_killed_is_finished_by_whatever_takes_the_lock_next() {
    series(|seed| {
        let (disturbed, undisturbed) = (scene(seed), scene(seed));
        assert!(disturbed.written >= 120);
        let before = TempDir::new().unwrap();
        copy(disturbed.sandbox.dir.path(), before.path());
        let forget = disturbed.forget();
        let forget: Vec<&str> = forget.iter().map(String::as_str).collect();
        let time = time_of(&undisturbed.sandbox, &forget);
        let (mut dice, mut kills, mut done) = (Dice::new(seed), 0, 0);
        while kills < wanted().min(SERIES) {
            kills += u32::from(!killed_within(&disturbed.sandbox, &forget, &mut dice, time));
            if disturbed.is_done(seed) {
                let next = NEXT[done % NEXT.len()];
                disturbed.sandbox.expect_through(disturbed.sandbox.run(next));
                disturbed.assert_erased(seed, next[0]);
                assert!(disturbed.is_done(seed));
                copy(before.path(), disturbed.sandbox.dir.path());
                done += 1;
            }
        }
        eprintln!("{done} of {kills} were through with it");
        disturbed.sandbox.run(&forget).expect_code(0);
        disturbed.assert_erased(seed, "forget");
        for sandbox in [&disturbed.sandbox, &undisturbed.sandbox] {
            settle(sandbox, &["start"]);
        }
        disturbed.assert_erased(seed, "start");
        assert_same(&disturbed.sandbox, &undisturbed.sandbox, seed);
        kills
    });
}
