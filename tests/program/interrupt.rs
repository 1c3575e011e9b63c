//! Runs that end early: by a signal, by their own time, by a lost token.

use std::io::{Write as _, pipe};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::util::truth::assert_archived;
use crate::util::{Ran, Sandbox, ended, send, wait_until};
use discord_sim::{Description, Match, RouteKind, Scope, What, World};
use rustix::process::Signal;

const GUILD: u64 = 77_000_000_000_000_001;
/// Far more than an orderly end takes, far less than the sync would.
const SOON: Duration = Duration::from_secs(10);
/// What a pipe holds on Linux.
const PIPE_BYTES: usize = 1 << 16;

/// So large that a slow sync of it lasts for seconds.
fn large() -> Sandbox {
    Sandbox::new(World::new(&Description::community(GUILD, 3, 3000)))
}

fn channels(sandbox: &Sandbox) -> Vec<u64> {
    sandbox.sim.world().truth(GUILD).iter().map(|channel| channel.id).collect()
}

/// A slow sync that gets a signal in the middle of its pages.
fn interrupted(sandbox: &Sandbox, signal: Signal) -> Ran {
    let sync = sandbox.spawn_slow(&["start"]);
    let begin = Instant::now();
    send(&sync, signal);
    let ran = ended(sync);
    assert!(begin.elapsed() < SOON, "it took {:?}", begin.elapsed());
    ran
}

/// The next run goes on where the one before ended, and ends complete.
#[track_caller]
fn assert_goes_on(sandbox: &Sandbox) {
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    let checkpoints = "SELECT count(*) FROM sync_progress WHERE last_message_id > 0";
    let begun = sandbox.count(checkpoints);
    assert!(begun > 0, "something was committed");
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    let first_cursor = |channel: u64| sandbox.sim.journal().cursors(channel)[0].after;
    let resumed = channels(sandbox).into_iter().filter(|channel| first_cursor(*channel) > Some(0)).count();
    assert_eq!(i64::try_from(resumed).unwrap(), begun, "each channel goes on at its checkpoint");
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
fn ctrl_c_ends_a_run_in_order_and_the_next_one_goes_on() {
    let sandbox = large();
    let ran = interrupted(&sandbox, Signal::INT).expect_code(130);
    assert!(ran.stdout.contains("interrupted") && ran.stdout.contains("run again"), "{}", ran.stdout);
    assert!(ran.stderr.contains("stopping: what has arrived is being stored"), "{}", ran.stderr);
    let log = std::fs::metadata(sandbox.dir.path().join("archive.db-wal"));
    assert!(log.is_ok_and(|log| log.len() == 0), "the file is complete by itself");
    assert_marked_interrupted(&sandbox);
    assert_goes_on(&sandbox);
}

#[test]
fn a_stderr_that_takes_nothing_keeps_no_interrupted_run_from_ending() {
    let sandbox = large();
    sandbox.sim.set_latency(Duration::from_millis(150), Duration::ZERO);
    let (_unread, mut full) = pipe().unwrap();
    full.write_all(&b" ".repeat(PIPE_BYTES)).unwrap();
    let sync = sandbox.command(&["start"]).stdout(Stdio::piped()).stderr(full).spawn().unwrap();
    wait_until("pages are asked for", || sandbox.sim.journal().count(RouteKind::Messages) > 3);
    let begin = Instant::now();
    send(&sync, Signal::INT);
    ended(sync).expect_code(130);
    assert!(begin.elapsed() < SOON, "it took {:?}", begin.elapsed());
    assert_goes_on(&sandbox);
}

#[test]
fn sigterm_ends_a_run_in_order_and_the_next_one_goes_on() {
    let sandbox = large();
    interrupted(&sandbox, Signal::TERM).expect_code(143);
    assert_marked_interrupted(&sandbox);
    assert_goes_on(&sandbox);
}

#[test]
fn a_signal_ends_a_run_that_waits_to_make_sure_of_its_rights() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 2, 250)));
    let emptied = channels(&sandbox)[0];
    for message in sandbox.sim.world().truth_channel(emptied).unwrap().messages() {
        assert!(sandbox.sim.world().delete(emptied, message.id));
    }
    // The server is looked at for the plan, and once more when not even the newest
    // page holds anything.
    let limit = What::RateLimited { retry_after: 600.0, scope: Scope::User };
    let limited = sandbox.sim.faults().when(Match::route(RouteKind::Guild).after(1), limit);
    let sync = sandbox.spawn(&["start"]);
    wait_until("the rights are asked for", || sandbox.sim.faults().fired(limited) > 0);
    let begin = Instant::now();
    send(&sync, Signal::INT);
    ended(sync).expect_code(130);
    assert!(begin.elapsed() < SOON, "it took {:?}", begin.elapsed());
    sandbox.sim.faults().clear();
    let ran = sandbox.run(&["start"]);
    sandbox.expect_through(ran);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn a_second_signal_ends_a_run_at_once() {
    let sandbox = large();
    let mut sync = sandbox.spawn_slow(&["start"]);
    // Who writes keeps the run from ending in order for half a minute.
    let archive = sandbox.archive();
    archive.busy_timeout(SOON).unwrap();
    archive.execute_batch("BEGIN IMMEDIATE").unwrap();
    send(&sync, Signal::INT);
    sleep(Duration::from_millis(300));
    assert_eq!(sync.try_wait().unwrap(), None, "the first signal waits for the archive");
    let begin = Instant::now();
    send(&sync, Signal::TERM);
    let ran = ended(sync);
    assert!(begin.elapsed() < SOON, "it took {:?}", begin.elapsed());
    assert!([130, 143].contains(&ran.code), "{ran:?}");
    drop(archive);
    assert_goes_on(&sandbox);
}

#[test]
fn a_run_that_is_stopped_before_it_began_leaves_nothing() {
    let sandbox = large();
    sandbox.sim.set_latency(SOON, Duration::ZERO);
    for (format, words) in [("human", "run again"), ("json", r#""exit_code":130"#)] {
        sandbox.sim.journal().clear();
        let sync = sandbox.spawn(&["start", "--format", format]);
        wait_until("the first question", || !sandbox.sim.journal().is_empty());
        send(&sync, Signal::INT);
        let ran = ended(sync).expect_code(130);
        assert!(ran.stdout.contains(words), "{}", ran.stdout);
        assert_eq!(sandbox.listing(), ["sync.toml"]);
    }
}

#[test]
fn a_run_out_of_time_is_partial_and_the_next_one_goes_on() {
    let sandbox = large();
    sandbox.sim.set_latency(Duration::from_millis(150), Duration::ZERO);
    let ran = sandbox.run(&["start", "--max-runtime", "3s"]).expect_code(3);
    assert!(ran.stdout.contains("partial") && ran.stdout.contains("out of time"), "{}", ran.stdout);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_jobs WHERE status = 'partial'"), 1);
    assert!(sandbox.count("SELECT count(*) FROM sync_progress WHERE status = 'deferred'") > 0);
    sandbox.run(&["status", "--max-age", "1h"]).expect_code(8);
    assert_goes_on(&sandbox);
    sandbox.run(&["status", "--max-age", "1h"]).expect_code(0);
}

#[test]
fn a_script_reads_the_interruption_in_the_summary() {
    let sandbox = large();
    let sync = sandbox.spawn_slow(&["start", "--format", "json"]);
    send(&sync, Signal::TERM);
    let summary = ended(sync).expect_code(143).last_json();
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["exit_code"], 143);
    assert_eq!(summary["jobs"][0]["status"], "interrupted");
    assert!(summary["jobs"][0]["messages_processed"].as_u64() > Some(0), "{summary}");
}

#[test]
fn a_rate_limit_ends_a_run_that_shall_not_wait() {
    let sandbox = Sandbox::with_config(
        World::new(&Description::community(GUILD, 3, 500)),
        "[sync]\non_rate_limit = \"stop\"",
    );
    let limit = What::RateLimited { retry_after: 60.0, scope: Scope::User };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(4), limit);
    let ran = sandbox.run(&["start"]).expect_code(7);
    assert!(ran.stdout.contains("HTTP 429") && ran.stdout.contains("on_rate_limit"), "{}", ran.stdout);
    sandbox.sim.faults().clear();
    assert_goes_on(&sandbox);
}

#[test]
fn a_lost_token_ends_the_run_and_every_job() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 5, 3000)));
    let sync = sandbox.spawn_slow(&["start", "--max-channel-workers", "1"]);
    sandbox.sim.world().revoke_token();
    let ran = ended(sync).expect_code(4);
    assert_eq!(sandbox.rows("SELECT id FROM sync_jobs WHERE status = 'running'").len(), 0);
    assert!(ran.stdout.contains("make a new token"), "{}", ran.stdout);
}

#[test]
fn an_unfinished_full_read_goes_on_behind_the_channels_it_has_finished() {
    let sandbox = large();
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.set_latency(Duration::from_millis(20), Duration::ZERO);
    let sync = sandbox.spawn(&["start", "--full", "--max-channel-workers", "1"]);
    let finished = "SELECT c.platform_id FROM channel_sync_jobs r
                      JOIN sync_jobs j ON j.id = r.job_id JOIN channels c ON c.id = r.channel_id
                     WHERE j.kind = 'full' AND r.status = 'completed'";
    wait_until("one channel is read again", || !sandbox.rows(finished).is_empty());
    send(&sync, Signal::INT);
    ended(sync).expect_code(130);
    let read_again = sandbox.count(finished).cast_unsigned();
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.sim.journal().clear();
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert!(
        sandbox.sim.journal().cursors(read_again).is_empty(),
        "channel {read_again} is read a third time"
    );
}

/// Columns that refer to other rows and that no key or index begins with.
fn unindexed(sandbox: &Sandbox) -> Vec<String> {
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
fn indexes_that_a_new_archive_gets_last_are_made_by_the_first_run_that_ends_by_itself() {
    let sandbox = large();
    interrupted(&sandbox, Signal::TERM).expect_code(143);
    let put_off = unindexed(&sandbox);
    assert!(put_off.contains(&"messages.author_id".to_owned()), "{put_off:?}");
    assert_goes_on(&sandbox);
    assert_eq!(unindexed(&sandbox), [""; 0]);
}

#[test]
fn indexes_that_a_new_archive_gets_last_are_made_before_a_purge_looks_for_those_who_remain() {
    let sandbox = large();
    interrupted(&sandbox, Signal::INT).expect_code(130);
    assert_ne!(unindexed(&sandbox), [""; 0]);
    let (_, tenant) = sandbox.sim.world().guilds()[0].clone();
    sandbox.run(&["reset", "--tenant", &tenant, "--purge", "--yes"]).expect_code(0);
    assert_eq!(unindexed(&sandbox), [""; 0]);
    assert_eq!(sandbox.count("SELECT count(*) FROM users"), 0);
}

#[test]
fn somebody_is_forgotten_while_the_indexes_are_missing() {
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
