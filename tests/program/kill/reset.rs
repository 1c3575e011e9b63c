//! `reset`, killed: all of it is done, or none.

use tempfile::TempDir;

use super::harness::{Dice, killed_within, series, time_of, wanted};
use super::snapshot::{Copy, assert_same, assert_sound, copy};
use super::world::{GUILD, sandbox, settle};
use crate::util::Sandbox;
use crate::util::truth::assert_archived;

/// Kills of one series: each begins with the archive as it was read first.
const SERIES: u32 = 50;

fn read(seed: u64) -> Sandbox {
    let sandbox = sandbox(seed);
    sandbox.expect_through(sandbox.run(&["start"]));
    sandbox
}

/// Asserts that the reset was made, or not, and nothing between; says which.
fn is_done(sandbox: &Sandbox, messages: i64, purges: bool, seed: u64) -> bool {
    let copy = Copy::of(sandbox).unwrap();
    assert_sound(&copy.archive, seed);
    let left = |table: &str| copy.count(&format!("SELECT count(*) FROM {table}"));
    let is_done = left("sync_progress") == 0;
    for table in ["sync_jobs", "channel_sync_jobs"] {
        assert_eq!(left(table) == 0, is_done, "seed {seed}: {table} is out of step");
    }
    let audited = copy.count("SELECT count(*) FROM audit_log WHERE action IN ('reset', 'purge')") > 0;
    assert_eq!(audited, is_done, "seed {seed}: the audit is out of step");
    let expected = if is_done && purges { 0 } else { messages };
    assert_eq!(left("messages"), expected, "seed {seed}");
    is_done
}

fn killed(arguments: &[&str]) {
    let purges = arguments.contains(&"--purge");
    series(|seed| {
        let (disturbed, undisturbed) = (read(seed), read(seed));
        let before = TempDir::new().unwrap();
        copy(disturbed.dir.path(), before.path());
        let messages = disturbed.count("SELECT count(*) FROM messages");
        let time = time_of(&undisturbed, arguments);
        let (mut dice, mut kills, mut done) = (Dice::new(seed), 0, 0);
        while kills < wanted().min(SERIES) {
            kills += u32::from(!killed_within(&disturbed, arguments, &mut dice, time));
            if is_done(&disturbed, messages, purges, seed) {
                done += 1;
                copy(before.path(), disturbed.dir.path());
            }
        }
        eprintln!("{done} of {kills} were through with it");
        disturbed.run(arguments).expect_code(0);
        assert!(is_done(&disturbed, messages, purges, seed));
        for sandbox in [&disturbed, &undisturbed] {
            sandbox.expect_through(sandbox.run(&["start"]));
            settle(sandbox, &["start"]);
        }
        assert_archived(disturbed.sim.world(), &disturbed.archive(), GUILD);
        assert_same(&disturbed, &undisturbed, seed);
        kills
    });
}

#[test]
fn a_reset_that_is_killed_has_forgotten_all_progress_or_none() {
    killed(&["reset", "--tenant", "Simulated community", "--yes"]);
}

#[test]
fn a_purge_that_is_killed_has_removed_all_messages_or_none() {
    killed(&["reset", "--tenant", "Simulated community", "--purge", "--yes"]);
}
