//! Answers that would exhaust the memory.

use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use discord_sim::{FaultKind, Match};

use super::{GUILD, assert_completes, channel_errors, chat, community, json, wait_or_kill};
use crate::util::truth::assert_archived;
use crate::util::{CommandOutput, Sandbox};

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// Memory limit: more than a run needs that reads long answers one after another, less
/// than one that reads ten at once.
const MAX_PEAK_BYTES: u64 = 100 * MIB;
/// Maximum number of concurrent requests, by default.
const CONCURRENT_REQUESTS: usize = 10;

/// Waits until a process ends. Returns its output and its peak memory, in bytes.
fn wait_and_measure(mut child: Child) -> (CommandOutput, u64) {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) * 1024);
        sleep(Duration::from_millis(2));
    }
    assert!(peak > MIB, "the memory was measured");
    (wait_or_kill(child), peak)
}

/// Answers that are huge, or become huge when decompressed or parsed, and a part of the
/// error the program reports.
fn huge_answers() -> [(FaultKind, &'static str); 5] {
    [
        (FaultKind::HugeBody(8 * GIB), "larger than 8 MiB"),
        (FaultKind::HugeChunkedBody(8 * GIB), "larger than 8 MiB"),
        (FaultKind::GzipBomb(400 * MIB), "larger than 8 MiB"),
        (FaultKind::Nulls(1_500_000), "not the documented JSON"),
        (FaultKind::Nulls(20_000_000), "larger than 8 MiB"),
    ]
}

/// A channel with a huge page for each concurrent request, and two normal channels.
fn sandbox() -> Sandbox {
    let sandbox = community(12, 150, "[sync]\nmax_retries = 0\nrequest_timeout = \"5m\"");
    for number in 0..CONCURRENT_REQUESTS {
        let (what, _) = huge_answers()[number % huge_answers().len()].clone();
        sandbox.sim.faults().when(Match::page_of(chat(&sandbox, number)).always(), what);
    }
    sandbox
}

#[test]
fn huge_answers_fail_their_channels_and_are_never_held_in_memory_together() {
    let sandbox = sandbox();
    let (ran, peak) = wait_and_measure(sandbox.spawn(&["start"]));
    ran.expect_code(3);
    assert!(peak < MAX_PEAK_BYTES, "{} MiB", peak / MIB);
    let failing = channel_errors(&sandbox);
    assert_eq!(failing.len(), CONCURRENT_REQUESTS, "{failing:?}");
    for number in 0..CONCURRENT_REQUESTS {
        let (what, message) = &huge_answers()[number % huge_answers().len()];
        let (_, error) = failing.iter().find(|(id, _)| *id == chat(&sandbox, number)).unwrap();
        assert!(error.contains(message), "{what:?}: {error}");
    }
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 300);
    assert_completes(&sandbox);
}

#[test]
fn pages_of_long_messages_are_read() {
    let sandbox = community(4, 0, "");
    let text = "é🦀\"\\ 123 ".repeat(4000);
    for number in 0..4 {
        for _ in 0..60 {
            sandbox.sim.world().append_text(chat(&sandbox, number), 0, &text).unwrap();
        }
    }
    let (ran, peak) = wait_and_measure(sandbox.spawn(&["start"]));
    ran.expect_code(0);
    assert!(peak < 2 * MAX_PEAK_BYTES, "{} MiB", peak / MIB);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(json(&sandbox, "status")["tenants"][0]["broken_messages"], 0);
}
