//! Two at once: the second one is told who is there, or waits in a queue.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::util::truth::assert_archived;
use crate::util::{Sandbox, ended, send, wait_until};
use discord_sim::{Description, World};
use rustix::process::Signal;
use serde_json::Value;

const GUILD: u64 = 77_000_000_000_000_001;

fn sandbox() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 3, 1500)))
}

fn queued(sandbox: &Sandbox) -> Vec<Value> {
    let text = sandbox.run(&["status", "--format", "json"]).expect_code(0).stdout;
    let status: Value = serde_json::from_str(&text).unwrap();
    status["queued"].as_array().unwrap().clone()
}

/// Starts a waiter, and returns once the queue is as long as it should be.
fn waiter(sandbox: &Sandbox, arguments: &[&str], length: usize) -> Child {
    let child = sandbox.spawn(arguments);
    wait_until("it waits", || queued(sandbox).len() == length);
    child
}

fn full_speed(sandbox: &Sandbox) {
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
}

#[test]
fn waiters_take_their_turns_and_status_shows_their_places() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start"]);
    let second = waiter(&sandbox, &["start", "--wait"], 1);
    let third = waiter(&sandbox, &["start", "--wait=10m", "--format", "json"], 2);
    let jobs = queued(&sandbox);
    assert_eq!([&jobs[0]["queue_position"], &jobs[1]["queue_position"]], [1, 2]);
    assert_eq!(jobs[0]["status"], "queued");
    let job_id = jobs[1]["job_id"].as_str().unwrap().to_owned();
    let told = sandbox.run(&["status"]).expect_code(0).stdout;
    assert!(told.contains(&format!("queued {job_id}")) && told.contains("position 2"), "{told}");
    sandbox.run(&["status", "--job-id", &job_id]).expect_code(0);
    full_speed(&sandbox);
    ended(first).expect_code(0);
    let second = ended(second).expect_code(0);
    assert!(second.stderr.contains("waiting, position 1"), "{}", second.stderr);
    let summary = ended(third).expect_code(0).last_json();
    assert_eq!(summary["jobs"][0]["job_id"], job_id, "the ID that the queue showed");
    assert!(!sandbox.listing().contains(&"archive.db.queue".to_owned()), "{:?}", sandbox.listing());
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn a_waiter_that_is_killed_leaves_no_ghost() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start"]);
    let ghost = waiter(&sandbox, &["start", "--wait"], 1);
    let patient = waiter(&sandbox, &["start", "--wait"], 2);
    send(&ghost, Signal::KILL);
    ended(ghost);
    wait_until("the ghost is gone", || queued(&sandbox).len() == 1);
    assert_eq!(queued(&sandbox)[0]["queue_position"], 1);
    full_speed(&sandbox);
    ended(first).expect_code(0);
    ended(patient).expect_code(0);
    assert!(!sandbox.listing().contains(&"archive.db.queue".to_owned()), "{:?}", sandbox.listing());
}

#[test]
fn patience_has_an_end_and_a_signal_ends_it_too() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start"]);
    let began = Instant::now();
    let tired = sandbox.run(&["start", "--wait=1s"]).expect_code(5);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(tired.stderr.contains("process") && tired.stderr.contains("since"), "{}", tired.stderr);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let waiting = waiter(&sandbox, &["start", "--wait"], 1);
        send(&waiting, signal);
        ended(waiting).expect_code(code);
        assert_eq!(queued(&sandbox).len(), 0);
    }
    full_speed(&sandbox);
    ended(first).expect_code(0);
}

#[test]
fn a_free_archive_is_not_waited_for() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 1, 10)));
    let ran = sandbox.run(&["start", "--wait"]).expect_code(0);
    assert!(!ran.stderr.contains("waiting"), "{}", ran.stderr);
    sandbox.run(&["start", "--wait=soon"]).expect_code(2);
}

#[test]
fn a_waiter_takes_over_when_the_holder_is_killed_and_says_so() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start"]);
    let second = waiter(&sandbox, &["start", "--wait"], 1);
    full_speed(&sandbox);
    send(&first, Signal::KILL);
    ended(first);
    ended(second).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'interrupted'"), 1);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}
