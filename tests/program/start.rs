//! `verta-sync start` against a simulated Discord.

use std::time::Duration;

use crate::util::Sandbox;
use crate::util::truth::assert_archived;
use discord_sim::{Description, RouteKind, World};

const EVERYTHING_GUILD: u64 = 320_000_000_000_000_001;

#[test]
fn sync_archives_exactly_what_everyone_may_see() {
    let sandbox = Sandbox::new(World::new(&Description::everything(1)));
    // The world's second server never invited the bot.
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert!(ran.stdout.contains("invite the bot"), "{}", ran.stdout);
    let archive = sandbox.archive();
    assert_archived(sandbox.sim.world(), &archive, EVERYTHING_GUILD);
    for hidden in sandbox.sim.world().hidden(EVERYTHING_GUILD) {
        let archived_channels = sandbox
            .count(&format!("SELECT count(*) FROM channels WHERE platform_id = {}", hidden.channel_id));
        assert_eq!(archived_channels, 0, "channel {} is hidden but archived", hidden.name);
    }
    // Permissions are requested again if a channel ends before its newest message.
    let mut doubles = sandbox.sim.journal().duplicate_requests();
    doubles.retain(|(path, _)| !path.contains("guilds/"));
    assert_eq!(doubles, [], "no page is requested twice");
}

#[test]
fn unreadable_channels_are_reported_and_hold_no_messages() {
    let sandbox = Sandbox::new(World::new(&Description::everything(1)));
    let ran = sandbox.run(&["start"]);
    assert!(ran.stdout.contains("the bot cannot read"), "{}", ran.stdout);
    let unreadable = sandbox.count("SELECT count(*) FROM channels WHERE state = 'unreadable'");
    let truth = sandbox.sim.world().truth(EVERYTHING_GUILD);
    let listed = truth.iter().filter(|channel| !channel.bot_can_read && !channel.is_thread).count();
    assert!(unreadable > 0 && unreadable <= i64::try_from(listed).unwrap(), "{unreadable} of {listed}");
    assert_eq!(
        sandbox.count("SELECT count(*) FROM channel_log WHERE state = 'unreadable' AND messages > 0"),
        0
    );
}

#[test]
fn second_run_requests_no_page_and_changes_no_row() {
    let sandbox = Sandbox::new(World::new(&Description::community(77_000_000_000_000_001, 12, 250)));
    sandbox.run(&["start"]).expect_code(0);
    let content = |sandbox: &Sandbox| {
        ["messages", "channels", "users", "message_attachments", "message_reaction_counts", "emoji"]
            .map(|table| sandbox.rows(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3")))
    };
    let before = content(&sandbox);
    sandbox.sim.journal().clear();
    let ran = sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.sim.journal().count(RouteKind::Messages), 0);
    assert!(sandbox.sim.journal().len() <= 5, "{} requests", sandbox.sim.journal().len());
    assert_eq!(content(&sandbox), before);
    let summary: Vec<&str> = ran.stdout.lines().skip(1).collect();
    assert_eq!(summary.len(), 1, "{}", ran.stdout);
    assert!(summary[0].ends_with("nothing new in 12 channels"), "{}", ran.stdout);
}

#[test]
fn new_messages_are_read_from_the_checkpoint() {
    let guild = 77_000_000_000_000_001;
    let sandbox = Sandbox::new(World::new(&Description::community(guild, 3, 250)));
    sandbox.run(&["start"]).expect_code(0);
    let channel = sandbox.sim.world().channel_named(guild, "chat-1").unwrap();
    sandbox.sim.world().append(channel, 130);
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), guild);
    assert_eq!(sandbox.sim.journal().count(RouteKind::Messages), 2, "130 new messages are two pages");
    assert_eq!(sandbox.sim.journal().cursors(channel).len(), 2, "only the changed channel is read");
}

#[test]
fn recent_edits_and_reactions_are_archived_by_the_next_run() {
    let guild = 77_000_000_000_000_001;
    let sandbox = Sandbox::new(World::new(&Description::community(guild, 2, 10)));
    let world = sandbox.sim.world();
    let channel = world.channel_named(guild, "chat-0").unwrap();
    let message = world.append_text(channel, 0, "first words").unwrap();
    sandbox.run(&["start"]).expect_code(0);
    world.edit(channel, message, "second words");
    world.react(channel, message, 1, "🎉", false);
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(world, &sandbox.archive(), guild);
}

#[test]
fn empty_server_is_a_success_after_a_day() {
    let sandbox = Sandbox::new(World::new(&Description::empty_guild()));
    let stdout = sandbox.run(&["start"]).expect_code(3).stdout;
    assert!(stdout.contains("no channel left to read"), "{stdout}");
    sandbox.sim.world().advance(Duration::from_hours(25));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 0);
}

#[test]
fn json_output_ends_with_the_summary() {
    let sandbox = Sandbox::new(World::new(&Description::community(77_000_000_000_000_001, 4, 120)));
    let ran = sandbox.run(&["start", "--format", "json"]).expect_code(0);
    let events: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "job_started");
    let summary = events.last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["exit_code"], 0);
    let job = &summary["jobs"][0];
    assert_eq!(job["job_id"], events[0]["job_id"]);
    assert_eq!(job["status"], "completed");
    assert_eq!(job["messages_processed"], 480);
    assert_eq!(job["channels_processed"], 4);
    assert_eq!(job["channel_results"].as_array().unwrap().len(), 4);
    assert_eq!(job["channel_results"][0]["messages_processed"], 120);
    let calls = job["parallel_stats"]["total_api_calls"].as_u64().unwrap();
    // The first request checks the token and belongs to no job.
    assert_eq!(calls + 1, sandbox.sim.journal().len() as u64);
}

#[test]
fn failing_channel_does_not_affect_others() {
    use discord_sim::{BodyKind, FaultKind, Match};
    let guild = 77_000_000_000_000_001;
    let sandbox = Sandbox::with_config(
        World::new(&Description::community(guild, 4, 120)),
        "[sync]\nretry_base_delay = \"1ms\"",
    );
    let bad = sandbox.sim.world().channel_named(guild, "chat-2").unwrap();
    sandbox.sim.faults().when(Match::page_of(bad).always(), FaultKind::Status(500, BodyKind::Json(0)));
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert!(ran.stdout.contains("#chat-2") && ran.stdout.contains("HTTP 500"), "{}", ran.stdout);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 360);
    assert_eq!(sandbox.count("SELECT count(*) FROM sync_progress WHERE status = 'failed'"), 1);
    let status = sandbox.run(&["status"]).expect_code(0);
    assert!(status.stdout.contains("failing channels"), "{}", status.stdout);
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), guild);
}

#[test]
fn malformed_message_loses_only_itself() {
    use discord_sim::{Damage, FaultKind, Match};
    let guild = 77_000_000_000_000_001;
    let sandbox = Sandbox::new(World::new(&Description::community(guild, 1, 120)));
    let channel = sandbox.sim.world().channel_named(guild, "chat-0").unwrap();
    sandbox
        .sim
        .faults()
        .when(Match::page_of(channel).times(1), FaultKind::MalformedMessage(5, Damage::WrongTypes));
    sandbox.run(&["start"]).expect_code(3);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 119);
    assert_eq!(sandbox.count("SELECT count(*) FROM broken_messages"), 1);
    sandbox.run(&["start", "--full"]).expect_code(0);
    let unread = "SELECT count(*) FROM channel_log WHERE messages > 0 AND full_read_ms IS NULL";
    assert_eq!(sandbox.count(unread), 0);
    assert_eq!(sandbox.count("SELECT count(*) FROM broken_messages"), 0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), guild);
}

#[test]
fn interrupted_full_read_reads_every_channel_once() {
    let guild = 77_000_000_000_000_001;
    let sandbox = Sandbox::new(World::new(&Description::community(guild, 12, 500)));
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.journal().clear();
    sandbox.sim.set_latency(std::time::Duration::from_millis(20), std::time::Duration::ZERO);
    let mut interrupted_runs = 0;
    // Each run gets more time, so that the full read ends on a busy machine, too.
    while sandbox
        .run(&["start", "--full", "--max-runtime", &format!("{}ms", 150 + 50 * interrupted_runs)])
        .code
        == 3
    {
        interrupted_runs += 1;
        assert!(interrupted_runs < 200, "the full read never ends");
    }
    assert!(interrupted_runs > 0, "the full read was never interrupted");
    let pages = sandbox.sim.journal().count(RouteKind::Messages);
    // Five full pages and an empty one per channel, and one discarded page per open
    // channel of a run.
    assert!(pages <= 12 * 6 + interrupted_runs * 12, "{pages} pages in {interrupted_runs} interrupted runs");
    let archive = sandbox.archive();
    assert_archived(sandbox.sim.world(), &archive, guild);
    // The next full read starts over.
    sandbox.sim.journal().clear();
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert!(sandbox.sim.journal().count(RouteKind::Messages) >= 12 * 5);
}

#[test]
fn run_with_a_date_range_is_not_a_success_of_the_tenant() {
    let guild = 77_000_000_000_000_001;
    let sandbox = Sandbox::new(World::new(&Description::community(guild, 2, 50)));
    sandbox.run(&["start", "--since", "2026-06-01", "--until", "2026-06-15"]).expect_code(0);
    let some = sandbox.count("SELECT count(*) FROM messages");
    assert!(some > 0 && some < 100, "{some} messages of two weeks");
    sandbox.run(&["status", "--max-age", "1h"]).expect_code(8);
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), guild);
    sandbox.run(&["status", "--max-age", "1h"]).expect_code(0);
}

#[test]
fn open_reader_does_not_block_a_run() {
    let sandbox = Sandbox::new(World::new(&Description::community(77_000_000_000_000_001, 2, 50)));
    sandbox.run(&["start"]).expect_code(0);
    let reader = sandbox.archive();
    reader.execute_batch("BEGIN; SELECT count(*) FROM messages;").unwrap();
    let started_at = std::time::Instant::now();
    sandbox.run(&["start"]).expect_code(0);
    assert!(started_at.elapsed() < std::time::Duration::from_secs(20), "{:?}", started_at.elapsed());
}

#[test]
fn job_metrics_are_logged() {
    let sandbox = Sandbox::new(World::new(&Description::community(77_000_000_000_000_001, 3, 120)));
    let ran = sandbox.run(&["start", "-v", "--log-format", "json"]).expect_code(0);
    let line = ran.stderr.lines().find(|line| line.contains("sync-metrics")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["target"], "sync-metrics");
    for spec in verta_sync::model::Counter::ALL {
        assert!(line["fields"][spec.log_field].is_number(), "{}: {line}", spec.log_field);
    }
    assert_eq!(line["fields"]["retries"], 0);
    assert!(line["fields"]["messages_per_second"].as_f64().unwrap() > 0.0);
}
