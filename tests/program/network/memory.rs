//! Answers that would fill the memory.

use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use discord_sim::{Match, What};

use super::{GUILD, assert_completes, chat, community, ended_in_time, failing, json};
use crate::util::truth::assert_archived;
use crate::util::{Ran, Sandbox};

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// More than a run needs that reads one long answer after the other, and less
/// than one that reads ten at once.
const ENOUGH: u64 = 100 * MIB;
/// As many as are in flight at once.
const WORKERS: usize = 10;

/// How a process ended, and the most memory it had, in bytes.
fn ended_with_peak(mut child: Child) -> (Ran, u64) {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) * 1024);
        sleep(Duration::from_millis(2));
    }
    assert!(peak > MIB, "it was measured");
    (ended_in_time(child), peak)
}

/// What has no end, or becomes far larger when it is read.
fn endless() -> [(What, &'static str); 5] {
    [
        (What::HugeBody(8 * GIB), "larger than 8 MiB"),
        (What::HugeChunkedBody(8 * GIB), "larger than 8 MiB"),
        (What::GzipBomb(400 * MIB), "larger than 8 MiB"),
        (What::Nulls(1_500_000), "not the documented JSON"),
        (What::Nulls(20_000_000), "larger than 8 MiB"),
    ]
}

/// A channel for each worker whose pages never end, and two besides.
fn struck() -> Sandbox {
    let sandbox = community(12, 150, "[sync]\nmax_retries = 0\nrequest_timeout = \"5m\"");
    for number in 0..WORKERS {
        let (what, _) = endless()[number % endless().len()].clone();
        sandbox.sim.faults().when(Match::page_of(chat(&sandbox, number)).always(), what);
    }
    sandbox
}

#[test]
fn endless_answers_fail_their_channels_and_are_never_held_in_memory_together() {
    let sandbox = struck();
    let (ran, peak) = ended_with_peak(sandbox.spawn(&["start"]));
    ran.expect_code(3);
    assert!(peak < ENOUGH, "{} MiB", peak / MIB);
    let failing = failing(&sandbox);
    assert_eq!(failing.len(), WORKERS, "{failing:?}");
    for number in 0..WORKERS {
        let (what, words) = &endless()[number % endless().len()];
        let (_, error) = failing.iter().find(|(id, _)| *id == chat(&sandbox, number)).unwrap();
        assert!(error.contains(words), "{what:?}: {error}");
    }
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 300);
    assert_completes(&sandbox);
}

#[test]
fn pages_of_the_longest_messages_are_read() {
    let sandbox = community(4, 0, "");
    let text = "é🦀\"\\ 123 ".repeat(4000);
    for number in 0..4 {
        for _ in 0..60 {
            sandbox.sim.world().append_text(chat(&sandbox, number), 0, &text).unwrap();
        }
    }
    let (ran, peak) = ended_with_peak(sandbox.spawn(&["start"]));
    ran.expect_code(0);
    assert!(peak < 2 * ENOUGH, "{} MiB", peak / MIB);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(json(&sandbox, "status")["tenants"][0]["broken_messages"], 0);
}
