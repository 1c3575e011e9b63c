//! Runs that end early: by a signal, `--max-runtime`, a rate limit or a revoked token.

use std::io::{Write as _, pipe};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::util::truth::assert_archived;
use crate::util::{CommandOutput, Sandbox, send, wait_for_exit, wait_until};
use discord_sim::{Description, FaultKind, Match, RouteKind, Scope, World};
use rustix::process::Signal;

const GUILD: u64 = 77_000_000_000_000_001;
/// Far more than a graceful shutdown takes, far less than the sync would.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// Capacity of a pipe on Linux.
const PIPE_BYTES: usize = 1 << 16;

/// Large enough for a slow sync to take seconds.
fn large() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 3, 3000)))
}

fn channels(sandbox: &Sandbox) -> Vec<u64> {
    sandbox.sim.world().truth(GUILD).iter().map(|channel| channel.id).collect()
}

/// A slow sync that gets a signal while it reads pages.
fn interrupted(sandbox: &Sandbox, signal: Signal) -> CommandOutput {
    let sync = sandbox.spawn_slow(&["start"]);
    let begin = Instant::now();
    send(&sync, signal);
    let ran = wait_for_exit(sync);
    assert!(begin.elapsed() < SHUTDOWN_TIMEOUT, "shutdown took {:?}", begin.elapsed());
    ran
}

/// The next run resumes every channel at its checkpoint and archives everything.
#[track_caller]
fn assert_resumes(sandbox: &Sandbox) {
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    let checkpoints = "SELECT count(*) FROM sync_progress WHERE last_message_id > 0";
    let started_channels = sandbox.count(checkpoints);
    assert!(started_channels > 0, "nothing was committed");
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    let first_cursor = |channel: u64| sandbox.sim.journal().cursors(channel)[0].after;
    let resumed = channels(sandbox).into_iter().filter(|channel| first_cursor(*channel) > Some(0)).count();
    assert_eq!(i64::try_from(resumed).unwrap(), started_channels, "each channel resumes at its checkpoint");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(sandbox.rows("SELECT status FROM sync_jobs WHERE status = 'running'").len(), 0);
}

#[track_caller]
fn assert_marked_interrupted(sandbox: &Sandbox) {
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status <> 'interrupted'"), 0);
    assert_eq!(sandbox.count("SELECT count(*) FROM channel_sync_jobs WHERE status = 'in_progress'"), 0);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_progress WHERE status = 'in_progress'"), 0);
    assert_eq!(sandbox.count("SELECT count(*) FROM tenants WHERE status = 'partial'"), 1);
}

#[test]
fn ctrl_c_stops_a_run_gracefully_and_the_next_one_resumes() {
    let sandbox = large();
    let ran = interrupted(&sandbox, Signal::INT).expect_code(130);
    assert!(
        ran.stdout.contains("interrupted") && ran.stdout.contains("the next run resumes"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("stopping: storing the data received so far"), "{}", ran.stderr);
    let wal = std::fs::metadata(sandbox.dir.path().join("archive.db-wal"));
    assert!(wal.is_ok_and(|wal| wal.len() == 0), "the database file is incomplete without its WAL");
    assert_marked_interrupted(&sandbox);
    assert_resumes(&sandbox);
}

#[test]
fn run_stopped_while_reading_reactors_is_interrupted_everywhere() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 3, 300)));
    sandbox.sim.set_latency(Duration::from_millis(150), Duration::ZERO);
    let sync = sandbox.spawn(&["start", "-v"]);
    wait_until("reactors are requested", || sandbox.sim.journal().count(RouteKind::Reactions) > 3);
    send(&sync, Signal::INT);
    let ran = wait_for_exit(sync).expect_code(130);
    let last = ran.stdout.lines().last().unwrap();
    assert!(ran.stdout.contains(": interrupted after "), "{}", ran.stdout);
    assert_eq!(last, "interrupted; the next run resumes where this one stopped");
    assert!(ran.stderr.contains("job interrupted"), "{}", ran.stderr);
    let runs = sandbox.run(&["status", "--runs"]).stdout;
    assert!(runs.contains("  interrupted  ") && !runs.contains("completed"), "{runs}");
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status <> 'interrupted'"), 0);
    // Every message is archived, so it is a success nevertheless.
    assert_eq!(sandbox.count("SELECT count(*) FROM tenants WHERE last_success_at IS NULL"), 0);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    let ran = sandbox.run(&["start"]).expect_code(0);
    assert!(ran.stdout.contains(": nothing new in 3 channels"), "{}", ran.stdout);
}

#[test]
fn blocked_stderr_does_not_delay_the_shutdown() {
    let sandbox = large();
    sandbox.sim.set_latency(Duration::from_millis(150), Duration::ZERO);
    let (_unread, mut full) = pipe().unwrap();
    full.write_all(&b" ".repeat(PIPE_BYTES)).unwrap();
    let sync = sandbox.command(&["start"]).stdout(Stdio::piped()).stderr(full).spawn().unwrap();
    wait_until("pages are requested", || sandbox.sim.journal().count(RouteKind::Messages) > 3);
    let begin = Instant::now();
    send(&sync, Signal::INT);
    wait_for_exit(sync).expect_code(130);
    assert!(begin.elapsed() < SHUTDOWN_TIMEOUT, "shutdown took {:?}", begin.elapsed());
    assert_resumes(&sandbox);
}

#[test]
fn sigterm_stops_a_run_gracefully_and_the_next_one_resumes() {
    let sandbox = large();
    interrupted(&sandbox, Signal::TERM).expect_code(143);
    assert_marked_interrupted(&sandbox);
    assert_resumes(&sandbox);
}

#[test]
fn signal_stops_a_run_that_waits_to_re_check_visibility() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 250)));
    let emptied = channels(&sandbox)[0];
    for message in sandbox.sim.world().truth_channel(emptied).unwrap().messages() {
        assert!(sandbox.sim.world().delete(emptied, message.id));
    }
    // The server is requested for the plan, and again to re-check visibility because not
    // even the newest page holds a message.
    let limit = FaultKind::RateLimited { retry_after: 600.0, scope: Scope::User };
    let limited = sandbox.sim.faults().when(Match::route(RouteKind::Guild).after(1), limit);
    let sync = sandbox.spawn(&["start"]);
    wait_until("the server is requested again", || sandbox.sim.faults().fired(limited) > 0);
    let begin = Instant::now();
    send(&sync, Signal::INT);
    wait_for_exit(sync).expect_code(130);
    assert!(begin.elapsed() < SHUTDOWN_TIMEOUT, "shutdown took {:?}", begin.elapsed());
    sandbox.sim.faults().clear();
    let ran = sandbox.run(&["start"]);
    sandbox.expect_complete(ran);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn second_signal_stops_a_run_at_once() {
    let sandbox = large();
    let mut sync = sandbox.spawn_slow(&["start"]);
    // An open write transaction delays a graceful shutdown by up to 30 s, the busy
    // timeout.
    let archive = sandbox.archive();
    archive.busy_timeout(SHUTDOWN_TIMEOUT).unwrap();
    archive.execute_batch("BEGIN IMMEDIATE").unwrap();
    send(&sync, Signal::INT);
    sleep(Duration::from_millis(300));
    assert_eq!(sync.try_wait().unwrap(), None, "the first signal waits for the archive");
    let begin = Instant::now();
    send(&sync, Signal::TERM);
    let ran = wait_for_exit(sync);
    assert!(begin.elapsed() < SHUTDOWN_TIMEOUT, "shutdown took {:?}", begin.elapsed());
    assert!([130, 143].contains(&ran.code), "{ran:?}");
    drop(archive);
    assert_resumes(&sandbox);
}

#[test]
fn run_stopped_before_the_first_answer_leaves_no_files() {
    let sandbox = large();
    sandbox.sim.set_latency(SHUTDOWN_TIMEOUT, Duration::ZERO);
    for (format, expected) in [("human", "the next run resumes"), ("json", r#""exit_code":130"#)] {
        sandbox.sim.journal().clear();
        let sync = sandbox.spawn(&["start", "--format", format]);
        wait_until("the first request arrives", || !sandbox.sim.journal().is_empty());
        send(&sync, Signal::INT);
        let ran = wait_for_exit(sync).expect_code(130);
        assert!(ran.stdout.contains(expected), "{}", ran.stdout);
        assert_eq!(sandbox.listing(), ["sync.toml"]);
    }
}

#[test]
fn run_out_of_time_is_partial_and_the_next_one_resumes() {
    let sandbox = large();
    sandbox.sim.set_latency(Duration::from_millis(150), Duration::ZERO);
    let ran = sandbox.run(&["start", "--max-runtime", "3s"]).expect_code(3);
    assert!(ran.stdout.contains("partial") && ran.stdout.contains("time limit reached"), "{}", ran.stdout);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'partial'"), 1);
    assert!(sandbox.count("SELECT count(*) FROM sync_progress WHERE status = 'deferred'") > 0);
    sandbox.run(&["status", "--max-age", "1h"]).expect_code(8);
    assert_resumes(&sandbox);
    sandbox.run(&["status", "--max-age", "1h"]).expect_code(0);
}

#[test]
fn run_stopped_while_it_confirms_a_deletion_is_not_complete() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 250)));
    let (world, chat) = (sandbox.sim.world(), channels(&sandbox)[0]);
    let written = world.append(chat, 3);
    sandbox.run(&["start"]).expect_code(0);
    world.advance(Duration::from_mins(2));
    assert!(world.delete(chat, written[1]));
    // The server is requested for the plan, and again to confirm the deletion.
    let limit = FaultKind::RateLimited { retry_after: 600.0, scope: Scope::User };
    sandbox.sim.faults().when(Match::route(RouteKind::Guild).after(1), limit);
    let ran = sandbox.run(&["start", "--full", "--max-runtime", "3s"]).expect_code(3);
    assert!(ran.stdout.contains("time limit reached"), "{}", ran.stdout);
    let deleted = "SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL";
    assert_eq!(sandbox.count(deleted), 0);
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.count(deleted), 1);
    assert_archived(world, &sandbox.archive(), GUILD);
}

#[test]
fn json_summary_reports_the_interruption() {
    let sandbox = large();
    let sync = sandbox.spawn_slow(&["start", "--format", "json"]);
    send(&sync, Signal::TERM);
    let summary = wait_for_exit(sync).expect_code(143).last_json();
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["exit_code"], 143);
    assert_eq!(summary["jobs"][0]["status"], "interrupted");
    assert!(summary["jobs"][0]["messages_processed"].as_u64() > Some(0), "{summary}");
}

#[test]
fn on_rate_limit_stop_ends_the_run_at_a_429() {
    let sandbox = Sandbox::with_config(
        World::new(&Description::community(GUILD, 3, 500)),
        "[sync]\non_rate_limit = \"stop\"",
    );
    let limit = FaultKind::RateLimited { retry_after: 60.0, scope: Scope::User };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(4), limit);
    let ran = sandbox.run(&["start"]).expect_code(7);
    assert!(ran.stdout.contains("HTTP 429") && ran.stdout.contains("on_rate_limit"), "{}", ran.stdout);
    sandbox.sim.faults().clear();
    assert_resumes(&sandbox);
}

#[test]
fn revoked_token_ends_the_run_and_every_job() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 5, 3000)));
    let sync = sandbox.spawn_slow(&["start", "--max-channel-workers", "1"]);
    sandbox.sim.world().revoke_token();
    let ran = wait_for_exit(sync).expect_code(4);
    assert_eq!(sandbox.rows("SELECT id FROM sync_jobs WHERE status = 'running'").len(), 0);
    assert!(ran.stdout.contains("create a new token"), "{}", ran.stdout);
}

#[test]
fn resumed_full_read_skips_the_channels_it_has_finished() {
    let sandbox = large();
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.set_latency(Duration::from_millis(20), Duration::ZERO);
    let sync = sandbox.spawn(&["start", "--full", "--max-channel-workers", "1"]);
    let finished = "SELECT c.platform_id FROM channel_sync_jobs r
                      JOIN sync_jobs j ON j.id = r.job_id JOIN channels c ON c.id = r.channel_id
                     WHERE j.kind = 'full' AND r.status = 'completed'";
    wait_until("one channel is read again", || !sandbox.rows(finished).is_empty());
    send(&sync, Signal::INT);
    wait_for_exit(sync).expect_code(130);
    let read_again = sandbox.count(finished).cast_unsigned();
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.sim.journal().clear();
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert!(
        sandbox.sim.journal().cursors(read_again).is_empty(),
        "channel {read_again} is read a third time"
    );
}

/// Foreign-key columns, as `table.column`, that are the first column of no key or index.
fn unindexed_foreign_keys(sandbox: &Sandbox) -> Vec<String> {
    let archive = sandbox.archive();
    let mut select = archive
        .prepare(
            "SELECT t.name || '.' || f.\"from\" FROM sqlite_schema t, pragma_foreign_key_list(t.name) f
              WHERE t.type = 'table' AND f.seq = 0
                AND f.\"from\" NOT IN (SELECT name FROM pragma_table_info(t.name) WHERE pk = 1)
                AND f.\"from\" NOT IN (SELECT c.name FROM pragma_index_list(t.name) i, pragma_index_info(i.name) c
                                       WHERE c.seqno = 0)",
        )
        .unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn deferred_indexes_are_built_by_the_first_run_that_is_not_interrupted() {
    let sandbox = large();
    interrupted(&sandbox, Signal::TERM).expect_code(143);
    let unindexed = unindexed_foreign_keys(&sandbox);
    assert!(unindexed.contains(&"messages.author_id".to_owned()), "{unindexed:?}");
    assert_resumes(&sandbox);
    assert_eq!(unindexed_foreign_keys(&sandbox), [""; 0]);
}

#[test]
fn deferred_indexes_are_built_before_a_purge_looks_for_orphaned_users() {
    let sandbox = large();
    interrupted(&sandbox, Signal::INT).expect_code(130);
    assert_ne!(unindexed_foreign_keys(&sandbox), [""; 0]);
    let (_, tenant) = sandbox.sim.world().guilds()[0].clone();
    sandbox.run(&["reset", "--tenant", &tenant, "--purge", "--yes"]).expect_code(0);
    assert_eq!(unindexed_foreign_keys(&sandbox), [""; 0]);
    assert_eq!(sandbox.count("SELECT count(*) FROM users"), 0);
}

#[test]
fn user_is_erased_while_indexes_are_missing() {
    let sandbox = large();
    interrupted(&sandbox, Signal::INT).expect_code(130);
    let users = sandbox.count("SELECT count(*) FROM users");
    let author = "SELECT anonymized_id FROM users WHERE id = (SELECT author_id FROM messages LIMIT 1)";
    let author: String = sandbox.archive().query_row(author, [], |row| row.get(0)).unwrap();
    sandbox.run(&["forget", "--user", &author, "--yes"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM users"), users - 1);
    assert!(sandbox.count("SELECT count(*) FROM messages WHERE author_id IS NULL AND content = ''") > 0);
    let orphans = sandbox.rows("SELECT * FROM pragma_foreign_key_check");
    assert_eq!(orphans, [""; 0]);
}
