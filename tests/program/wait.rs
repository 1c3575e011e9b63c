//! Concurrent runs: the second one fails and names the first, or waits in the queue.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::util::truth::assert_archived;
use crate::util::{Sandbox, send, wait_for_exit, wait_until};
use discord_sim::{Description, World};
use rustix::process::Signal;
use serde_json::Value;

const GUILD: u64 = 77_000_000_000_000_001;

fn sandbox() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 3, 1500)))
}

/// The queued runs in the JSON of `status`.
fn queued_jobs(sandbox: &Sandbox) -> Vec<Value> {
    let text = sandbox.run(&["status", "--format", "json"]).expect_code(0).stdout;
    let status: Value = serde_json::from_str(&text).unwrap();
    status["queued"].as_array().unwrap().clone()
}

/// Starts a run that waits, and returns once the queue has `length` entries.
fn spawn_queued(sandbox: &Sandbox, arguments: &[&str], length: usize) -> Child {
    let child = sandbox.spawn(arguments);
    wait_until("the run is queued", || queued_jobs(sandbox).len() == length);
    child
}

fn remove_latency(sandbox: &Sandbox) {
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
}

#[test]
fn queued_runs_start_in_order_and_status_shows_their_positions() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start"]);
    let second = spawn_queued(&sandbox, &["start", "--wait"], 1);
    let third = spawn_queued(&sandbox, &["start", "--wait=10m", "--format", "json"], 2);
    let jobs = queued_jobs(&sandbox);
    assert_eq!([&jobs[0]["queue_position"], &jobs[1]["queue_position"]], [1, 2]);
    assert_eq!(jobs[0]["status"], "queued");
    let job_id = jobs[1]["job_id"].as_str().unwrap().to_owned();
    let text = sandbox.run(&["status"]).expect_code(0).stdout;
    assert!(text.contains(&format!("queued {job_id}")) && text.contains("position 2"), "{text}");
    sandbox.run(&["status", "--job-id", &job_id]).expect_code(0);
    remove_latency(&sandbox);
    wait_for_exit(first).expect_code(0);
    let second = wait_for_exit(second).expect_code(0);
    assert!(second.stderr.contains("waiting, position 1"), "{}", second.stderr);
    let summary = wait_for_exit(third).expect_code(0).last_json();
    assert_eq!(summary["jobs"][0]["job_id"], job_id, "the ID that the queue showed");
    assert!(!sandbox.listing().contains(&"archive.db.queue".to_owned()), "{:?}", sandbox.listing());
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn killed_queued_run_leaves_the_queue() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start"]);
    let killed = spawn_queued(&sandbox, &["start", "--wait"], 1);
    let surviving = spawn_queued(&sandbox, &["start", "--wait"], 2);
    send(&killed, Signal::KILL);
    wait_for_exit(killed);
    wait_until("the killed run has left the queue", || queued_jobs(&sandbox).len() == 1);
    assert_eq!(queued_jobs(&sandbox)[0]["queue_position"], 1);
    remove_latency(&sandbox);
    wait_for_exit(first).expect_code(0);
    wait_for_exit(surviving).expect_code(0);
    assert!(!sandbox.listing().contains(&"archive.db.queue".to_owned()), "{:?}", sandbox.listing());
}

#[test]
fn waiting_ends_at_its_timeout_or_on_a_signal() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start"]);
    let started_at = Instant::now();
    let timed_out = sandbox.run(&["start", "--wait=1s"]).expect_code(5);
    assert!(started_at.elapsed() >= Duration::from_secs(1));
    assert!(
        timed_out.stderr.contains("process") && timed_out.stderr.contains("since"),
        "{}",
        timed_out.stderr
    );
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let waiting = spawn_queued(&sandbox, &["start", "--wait"], 1);
        send(&waiting, signal);
        wait_for_exit(waiting).expect_code(code);
        assert_eq!(queued_jobs(&sandbox).len(), 0);
    }
    remove_latency(&sandbox);
    wait_for_exit(first).expect_code(0);
}

#[test]
fn free_archive_is_used_without_waiting() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 1, 10)));
    let ran = sandbox.run(&["start", "--wait"]).expect_code(0);
    assert!(!ran.stderr.contains("waiting"), "{}", ran.stderr);
    sandbox.run(&["start", "--wait=soon"]).expect_code(2);
}

#[test]
fn queued_run_takes_over_from_a_killed_run() {
    let sandbox = sandbox();
    let first = sandbox.spawn_slow(&["start"]);
    let second = spawn_queued(&sandbox, &["start", "--wait"], 1);
    remove_latency(&sandbox);
    send(&first, Signal::KILL);
    wait_for_exit(first);
    wait_for_exit(second).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'interrupted'"), 1);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}
