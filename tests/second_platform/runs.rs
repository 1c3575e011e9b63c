//! Consecutive runs: repeated, killed, with changes, and with a rejected token.

use std::time::Duration;

use discord_sim::RouteKind;
use rustix::process::Signal;

use crate::sandbox::{EVE, GUILD, RANDOM, Sandbox, hash};
use crate::server::Fault;
use crate::util::truth::assert_archived;
use crate::util::{send, wait_for_exit, wait_until};

pub fn second_run_changes_no_row() {
    let sandbox = Sandbox::new();
    sandbox.run(&["start"]).expect_code(0);
    let before = sandbox.content();
    sandbox.run(&["start"]).expect_code(0);
    sandbox.assert_content(&before);
}

pub fn next_run_completes_a_killed_run() {
    let sandbox = Sandbox::with_config("requests_per_second = 5000", "message_fetch_size = 20");
    let stored = || sandbox.common.count("SELECT count(*) FROM message_log WHERE tenant = 'team'");
    let answered = 12;
    sandbox.parley.world().fault = Some((answered, Fault::Stall));
    let child = sandbox.spawn(&["start"]);
    wait_until("Parley stalls", || sandbox.parley.world().journal.len() > answered);
    wait_until("messages are stored", || stored() > 0);
    send(&child, Signal::KILL);
    assert_eq!(wait_for_exit(child).code, -1, "it was killed");
    let all = sandbox.parley.world().public_messages().len();
    assert!(stored() < i64::try_from(all).unwrap(), "messages are left to read");
    sandbox.parley.world().fault = None;
    let pages_before = sandbox.page_limits().len();
    sandbox.run(&["start"]).expect_code(0);
    sandbox.assert_team_archived();
    assert_archived(sandbox.common.sim.world(), &sandbox.common.archive(), GUILD);
    let pages = sandbox.page_limits().len() - pages_before;
    assert!(pages < all / 20, "the run resumes at its checkpoint, but read {pages} pages");
}

pub fn permanent_database_lock_is_named_as_the_cause() {
    let sandbox = Sandbox::with_config("requests_per_second = 5000", "message_fetch_size = 10");
    sandbox.common.sim.set_latency(Duration::from_millis(150), Duration::ZERO);
    let run = sandbox.spawn(&["start"]);
    wait_until("a page is requested", || sandbox.common.sim.journal().count(RouteKind::Messages) > 0);
    let begun = || sandbox.common.count("SELECT count(*) FROM sync_progress WHERE last_message_id > 0");
    wait_until("a page is stored", || begun() > 0);
    let other_connection = sandbox.common.archive();
    other_connection.busy_timeout(Duration::from_secs(10)).unwrap();
    other_connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = wait_for_exit(run).expect_code(6);
    assert!(
        ran.stderr.contains("locked") && ran.stderr.contains("close the other program"),
        "{}",
        ran.stderr
    );
    assert!(begun() > 0, "committed pages stay");
    other_connection.execute_batch("ROLLBACK").unwrap();
    sandbox.common.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    sandbox.assert_team_archived();
    assert_archived(sandbox.common.sim.world(), &sandbox.common.archive(), GUILD);
}

pub fn refresh_window_picks_up_edits_and_deletions() {
    let sandbox = Sandbox::new();
    sandbox.run(&["start"]).expect_code(0);
    let Sandbox { question, reply, .. } = &sandbox;
    {
        let mut world = sandbox.parley.world();
        world.edit(RANDOM, reply, &format!("no thanks <@{EVE}|eve>"));
        world.delete(RANDOM, question);
    }
    sandbox.run(&["start"]).expect_code(0);
    let of_random = |columns: &str| {
        let sql =
            format!("SELECT {columns} FROM message_log WHERE channel_id = '{RANDOM}' ORDER BY message_id");
        sandbox.texts(&sql)
    };
    assert_eq!(
        of_random(
            "message_id, iif(deleted_at IS NULL, 'is there', 'is gone'), iif(edited_at IS NULL, '', 'edited')"
        ),
        [format!("{question} is gone "), format!("{reply} is there edited")]
    );
    assert_eq!(of_random("content")[1], format!("no thanks <@{}>", hash(EVE)));
}

pub fn rejected_token_exits_with_4() {
    let sandbox = Sandbox::new();
    sandbox.parley.world().token.clear();
    let ran = sandbox.run(&["start"]).expect_code(4);
    assert!(ran.stderr.contains("Parley rejected the token"), "{}", ran.stderr);
    assert!(ran.stderr.contains("PARLEY_TOKEN"), "{}", ran.stderr);
    sandbox.run(&["start", "--tenant", "guild"]).expect_code(0);
    assert_archived(sandbox.common.sim.world(), &sandbox.common.archive(), GUILD);
}

pub fn token_revoked_during_a_run_loses_no_message() {
    let sandbox = Sandbox::with_config("requests_per_second = 5000", "message_fetch_size = 20");
    sandbox.parley.world().fault = Some((8, Fault::RevokedToken));
    let run = sandbox.run(&["start"]).expect_code(4);
    let remedy = "create a new token in Parley's settings";
    for text in
        [run.stdout, sandbox.run(&["status"]).stdout, sandbox.run(&["status", "--format", "json"]).stdout]
    {
        assert!(text.contains(remedy) && !text.contains("discord.com/developers"), "{text}");
    }
    sandbox.parley.world().fault = None;
    sandbox.run(&["start"]).expect_code(0);
    sandbox.assert_team_archived();
    assert_archived(sandbox.common.sim.world(), &sandbox.common.archive(), GUILD);
}
