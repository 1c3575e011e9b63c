//! Kills `reset`: it takes effect completely or not at all.

use tempfile::TempDir;

use super::harness::{Dice, completes_before_kill, measure_duration, requested_kills, series};
use super::snapshot::{Copy, assert_same, assert_sound, copy};
use super::world::{GUILD, confirm_empty_ends, sandbox};
use crate::util::Sandbox;
use crate::util::truth::assert_archived;

/// Kills per series. Each starts with the archive as the first read left it.
const MAX_KILLS_PER_SERIES: u32 = 50;

fn sandbox_after_first_read(seed: u64) -> Sandbox {
    let sandbox = sandbox(seed);
    sandbox.expect_complete(sandbox.run(&["start"]));
    sandbox
}

/// Asserts that the reset took effect completely or not at all; returns which.
fn check_reset_state(sandbox: &Sandbox, messages: i64, is_purge: bool, seed: u64) -> bool {
    let copy = Copy::of(sandbox).unwrap();
    assert_sound(&copy.archive, seed);
    let rows_in = |table: &str| copy.count(&format!("SELECT count(*) FROM {table}"));
    let is_reset = rows_in("sync_progress") == 0;
    for table in ["sync_jobs", "channel_sync_jobs"] {
        assert_eq!(rows_in(table) == 0, is_reset, "seed {seed}: {table} is out of step");
    }
    let audited = copy.count("SELECT count(*) FROM audit_log WHERE action IN ('reset', 'purge')") > 0;
    assert_eq!(audited, is_reset, "seed {seed}: the audit is out of step");
    let expected = if is_reset && is_purge { 0 } else { messages };
    assert_eq!(rows_in("messages"), expected, "seed {seed}");
    is_reset
}

fn kill_series(arguments: &[&str]) {
    let is_purge = arguments.contains(&"--purge");
    series(|seed| {
        let (disturbed, undisturbed) = (sandbox_after_first_read(seed), sandbox_after_first_read(seed));
        let before = TempDir::new().unwrap();
        copy(disturbed.dir.path(), before.path());
        let messages = disturbed.count("SELECT count(*) FROM messages");
        let max_delay = measure_duration(&undisturbed, arguments);
        let (mut dice, mut kills, mut completed) = (Dice::new(seed), 0, 0);
        while kills < requested_kills().min(MAX_KILLS_PER_SERIES) {
            kills += u32::from(!completes_before_kill(&disturbed, arguments, &mut dice, max_delay));
            if check_reset_state(&disturbed, messages, is_purge, seed) {
                completed += 1;
                copy(before.path(), disturbed.dir.path());
            }
        }
        eprintln!("{completed} of {kills} were through with it");
        disturbed.run(arguments).expect_code(0);
        assert!(check_reset_state(&disturbed, messages, is_purge, seed));
        for sandbox in [&disturbed, &undisturbed] {
            sandbox.expect_complete(sandbox.run(&["start"]));
            confirm_empty_ends(sandbox, &["start"]);
        }
        assert_archived(disturbed.sim.world(), &disturbed.archive(), GUILD);
        assert_same(&disturbed, &undisturbed, seed);
        kills
    });
}

#[test]
fn killed_reset_removes_all_progress_or_none() {
    kill_series(&["reset", "--tenant", "Simulated community", "--yes"]);
}

#[test]
fn killed_purge_removes_all_messages_or_none() {
    kill_series(&["reset", "--tenant", "Simulated community", "--purge", "--yes"]);
}
