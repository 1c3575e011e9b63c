//! `verta-sync start` against a simulated Discord.

use std::time::Duration;

use crate::util::Sandbox;
use crate::util::truth::assert_archived;
use discord_sim::{Description, RouteKind, World};

const EVERYTHING: u64 = 320_000_000_000_000_001;

#[test]
fn a_sync_archives_exactly_what_everyone_may_see() {
    let sandbox = Sandbox::new(World::new(&Description::everything(1)));
    // The world's second server never invited the bot.
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert!(ran.stdout.contains("invite the bot"), "{}", ran.stdout);
    let archive = sandbox.archive();
    assert_archived(sandbox.sim.world(), &archive, EVERYTHING);
    for hidden in sandbox.sim.world().hidden(EVERYTHING) {
        let found = sandbox
            .count(&format!("SELECT count(*) FROM channels WHERE platform_id = {}", hidden.channel_id));
        assert_eq!(found, 0, "channel {} is hidden but archived", hidden.name);
    }
    // Rights are asked again where a channel ends short of its newest message.
    let mut doubles = sandbox.sim.journal().doubles();
    doubles.retain(|(path, _)| !path.contains("guilds/"));
    assert_eq!(doubles, [], "no page is asked twice");
}

#[test]
fn what_the_bot_cannot_read_is_reported_and_not_stored_as_empty() {
    let sandbox = Sandbox::new(World::new(&Description::everything(1)));
    let ran = sandbox.run(&["start"]);
    assert!(ran.stdout.contains("the bot can't read"), "{}", ran.stdout);
    let unreadable = sandbox.count("SELECT count(*) FROM channels WHERE state = 'unreadable'");
    let truth = sandbox.sim.world().truth(EVERYTHING);
    let listed = truth.iter().filter(|channel| !channel.bot_can_read && !channel.is_thread).count();
    assert!(unreadable > 0 && unreadable <= i64::try_from(listed).unwrap(), "{unreadable} of {listed}");
    assert_eq!(
        sandbox.count("SELECT count(*) FROM channel_log WHERE state = 'unreadable' AND messages > 0"),
        0
    );
}

#[test]
fn a_second_run_asks_for_no_page_and_changes_no_row() {
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
fn what_came_since_is_read_from_the_checkpoint() {
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
fn edits_and_reactions_of_the_last_day_show_after_the_next_run() {
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
fn an_empty_server_is_a_success_after_a_day() {
    let sandbox = Sandbox::new(World::new(&Description::empty_guild()));
    let told = sandbox.run(&["start"]).expect_code(3).stdout;
    assert!(told.contains("no channel is left to read"), "{told}");
    sandbox.sim.world().advance(Duration::from_hours(25));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 0);
}

#[test]
fn json_output_is_events_and_then_the_summary() {
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
    // The first request, for the token, belongs to no job.
    assert_eq!(calls + 1, sandbox.sim.journal().len() as u64);
}

#[test]
fn one_channels_failure_is_that_channels() {
    use discord_sim::{BodyKind, Match, What};
    let guild = 77_000_000_000_000_001;
    let sandbox = Sandbox::with_config(
        World::new(&Description::community(guild, 4, 120)),
        "[sync]\nretry_base_delay = \"1ms\"",
    );
    let bad = sandbox.sim.world().channel_named(guild, "chat-2").unwrap();
    sandbox.sim.faults().when(Match::page_of(bad).always(), What::Status(500, BodyKind::Json(0)));
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
fn a_broken_message_costs_only_itself() {
    use discord_sim::{Damage, Match, What};
    let guild = 77_000_000_000_000_001;
    let sandbox = Sandbox::new(World::new(&Description::community(guild, 1, 120)));
    let channel = sandbox.sim.world().channel_named(guild, "chat-0").unwrap();
    sandbox.sim.faults().when(Match::page_of(channel).times(1), What::BrokenMessage(5, Damage::WrongTypes));
    sandbox.run(&["start"]).expect_code(3);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 119);
    assert_eq!(sandbox.count("SELECT count(*) FROM broken_messages"), 1);
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM broken_messages"), 0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), guild);
}

#[test]
fn a_full_read_in_pieces_comes_to_every_channel_once() {
    let guild = 77_000_000_000_000_001;
    let sandbox = Sandbox::new(World::new(&Description::community(guild, 30, 500)));
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.journal().clear();
    sandbox.sim.set_latency(std::time::Duration::from_millis(20), std::time::Duration::ZERO);
    let mut runs = 0;
    // Longer and longer, so that it gets through on a machine that is busy.
    while sandbox.run(&["start", "--full", "--max-runtime", &format!("{}ms", 150 + 25 * runs)]).code == 3 {
        runs += 1;
        assert!(runs < 200, "the full read never ends");
    }
    assert!(runs > 0, "the full read was not in pieces");
    let pages = sandbox.sim.journal().count(RouteKind::Messages);
    // Five full pages each, and for each open channel of a run one page that
    // was asked for in vain.
    assert!(pages <= 30 * 6 + runs * 30, "{pages} pages in {runs} pieces");
    let archive = sandbox.archive();
    assert_archived(sandbox.sim.world(), &archive, guild);
    // The next one begins anew.
    sandbox.sim.journal().clear();
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert!(sandbox.sim.journal().count(RouteKind::Messages) >= 30 * 5);
}

#[test]
fn a_run_for_some_dates_only_is_no_success_of_the_tenant() {
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
fn an_archive_that_somebody_reads_holds_no_run_up() {
    let sandbox = Sandbox::new(World::new(&Description::community(77_000_000_000_000_001, 2, 50)));
    sandbox.run(&["start"]).expect_code(0);
    let reader = sandbox.archive();
    reader.execute_batch("BEGIN; SELECT count(*) FROM messages;").unwrap();
    let begin = std::time::Instant::now();
    sandbox.run(&["start"]).expect_code(0);
    assert!(begin.elapsed() < std::time::Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn figures_of_a_job_are_in_the_log() {
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
