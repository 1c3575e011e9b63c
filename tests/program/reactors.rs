//! Reactor lists: read after the messages, within a budget, each list once.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::util::Sandbox;
use crate::util::truth::{assert_archived, assert_reactors, hash};
use discord_sim::{
    BodyKind, ChannelDescription, ChannelKind, Description, FaultKind, Match, RouteKind, World,
};

const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);

fn sandbox(extra: &str) -> Sandbox {
    Sandbox::with_config(World::new(&Description::community(GUILD, 3, 200)), extra)
}

fn chat(sandbox: &Sandbox) -> u64 {
    let truth = sandbox.sim.world().truth(GUILD);
    truth.iter().find(|channel| channel.bot_can_read && channel.message_count > 0).unwrap().id
}

fn reactor_requests(sandbox: &Sandbox) -> usize {
    sandbox.sim.journal().count(RouteKind::Reactions)
}

fn reactors(sandbox: &Sandbox, message: u64) -> BTreeSet<String> {
    let archive = sandbox.archive();
    let sql = "SELECT emoji || iif(burst, '!', '') || ' ' || user FROM reaction_log WHERE message_id = ?1";
    let mut select = archive.prepare(sql).unwrap();
    select.query_map([message.to_string()], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn pending_reactor_lists(sandbox: &Sandbox) -> i64 {
    let text = sandbox.run(&["status", "--format", "json"]).expect_code(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    status["tenants"][0]["reactions_pending"].as_i64().unwrap()
}

#[test]
fn all_reactors_are_archived_and_no_list_is_read_twice() {
    let sandbox = sandbox("");
    let (world, chat) = (sandbox.sim.world(), chat(&sandbox));
    let written = world.append(chat, 2);
    let everyone: Vec<u32> = (0..250).collect();
    world.set_reactions(chat, written[0], &[("🦀", false, &everyone), ("🦀", true, &[1, 2])]);
    let summary = sandbox.run(&["start", "--format", "json"]).expect_code(0).last_json();
    assert_eq!(summary["jobs"][0]["reactions_pending"], 0);
    assert_archived(world, &sandbox.archive(), GUILD);
    assert_reactors(world, &sandbox.archive(), GUILD);
    let reactor_count = reactors(&sandbox, written[0]).len();
    assert!(reactor_count > 102, "more than one page: {reactor_count}");
    let before = reactor_requests(&sandbox);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(reactor_requests(&sandbox), before);
}

#[test]
fn removed_reaction_removes_the_reactor() {
    let sandbox = sandbox("");
    let (world, chat) = (sandbox.sim.world(), chat(&sandbox));
    let written = world.append(chat, 2);
    world.set_reactions(chat, written[0], &[("🦀", false, &[1, 2, 3]), ("👍", false, &[1])]);
    world.set_reactions(chat, written[1], &[("🦀", false, &[4])]);
    sandbox.run(&["start"]).expect_code(0);
    let before = reactor_requests(&sandbox);
    world.advance(HOUR);
    world.unreact(chat, written[0], 2, "🦀", false);
    world.unreact(chat, written[0], 1, "👍", false);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(reactor_requests(&sandbox) - before, 1, "only the changed list is requested");
    let of = |user: u32| hash(world.user_id(GUILD, user).unwrap());
    let expected = [1, 3].map(|user| format!("🦀 {}", of(user)));
    assert_eq!(reactors(&sandbox, written[0]), BTreeSet::from(expected));
    assert_reactors(world, &sandbox.archive(), GUILD);
}

#[test]
fn exchanged_reactors_are_found_when_the_message_leaves_the_refresh_window() {
    let sandbox = sandbox("");
    let (world, chat) = (sandbox.sim.world(), chat(&sandbox));
    let written = world.append(chat, 1);
    world.set_reactions(chat, written[0], &[("🦀", false, &[1, 2])]);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    world.set_reactions(chat, written[0], &[("🦀", false, &[1, 3])]);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    world.advance(25 * HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_reactors(world, &sandbox.archive(), GUILD);
    let before = reactor_requests(&sandbox);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(reactor_requests(&sandbox), before);
    world.set_reactions(chat, written[0], &[("🦀", false, &[4, 5])]);
    world.advance(HOUR);
    sandbox.run(&["start", "--full"]).expect_code(0);
    assert_reactors(world, &sandbox.archive(), GUILD);
}

#[test]
fn killed_run_does_not_repeat_finished_reactor_lists() {
    let sandbox = sandbox("");
    let world = sandbox.sim.world();
    sandbox.sim.set_latency(Duration::from_millis(30), Duration::ZERO);
    for round in 1..=4 {
        let child = sandbox.spawn(&["start"]);
        crate::util::wait_until("reactors are read", || reactor_requests(&sandbox) >= round * 12);
        crate::util::send(&child, rustix::process::Signal::KILL);
        crate::util::wait_for_exit(child);
    }
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    assert_reactors(world, &sandbox.archive(), GUILD);
    let reactions: i64 = sandbox.count("SELECT count(*) FROM message_reaction_counts");
    let in_flight_at_kills = 4 * 10;
    let requests = i64::try_from(reactor_requests(&sandbox)).unwrap();
    assert!(requests <= reactions + in_flight_at_kills, "{requests} requests for {reactions} reactions");
}

#[test]
fn reaction_budget_leaves_the_rest_to_the_next_run() {
    let sandbox = sandbox("[sync]\nreaction_budget = \"1s\"");
    sandbox.sim.set_latency(Duration::from_millis(120), Duration::ZERO);
    let ran = sandbox.run(&["start", "--format", "json"]).expect_code(0);
    let left = ran.last_json()["jobs"][0]["reactions_pending"].as_i64().unwrap();
    assert!(left > 0);
    assert_eq!(pending_reactor_lists(&sandbox), left);
    let text = sandbox.run(&["status"]).expect_code(0).stdout;
    assert!(text.contains("reactions pending"), "{text}");
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(pending_reactor_lists(&sandbox), 0);
    assert_reactors(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn failed_list_is_retried_and_list_of_a_deleted_reaction_is_not() {
    let sandbox = sandbox("[sync]\nmax_retries = 0");
    let (world, chat) = (sandbox.sim.world(), chat(&sandbox));
    let written = world.append(chat, 2);
    world.set_reactions(chat, written[1], &[("🦀", false, &[1, 2])]);
    let broken = FaultKind::Status(500, BodyKind::Html);
    sandbox.sim.faults().when(Match::route(RouteKind::Reactions), broken);
    let unknown_emoji = FaultKind::Status(400, BodyKind::Json(10_014));
    sandbox.sim.faults().when(Match::route(RouteKind::Reactions).after(5), unknown_emoji);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(pending_reactor_lists(&sandbox), 1, "the failed list is left for the next run");
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(pending_reactor_lists(&sandbox), 0);
    let before = reactor_requests(&sandbox);
    world.advance(HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(reactor_requests(&sandbox), before);
}

#[test]
fn modes_counts_and_off_read_no_reactor_lists() {
    for (mode, counted) in [("counts", true), ("off", false)] {
        let sandbox = sandbox(&format!("[sync]\nreactions = \"{mode}\""));
        sandbox.run(&["start"]).expect_code(0);
        assert_eq!((reactor_requests(&sandbox), pending_reactor_lists(&sandbox)), (0, 0), "{mode}");
        assert_eq!(sandbox.count("SELECT count(*) FROM reaction_count_log") > 0, counted, "{mode}");
    }
}

#[test]
fn reset_reads_all_reactor_lists_again() {
    let sandbox = sandbox("");
    sandbox.run(&["start"]).expect_code(0);
    let before = reactor_requests(&sandbox);
    let name = sandbox.sim.world().guilds()[0].1.clone();
    sandbox.run(&["reset", "--tenant", &name, "--yes"]).expect_code(0);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(reactor_requests(&sandbox), before * 2);
    assert_reactors(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn run_for_one_channel_reads_only_its_reactor_lists() {
    let sandbox = sandbox("[sync]\nreaction_budget = \"0s\"");
    sandbox.run(&["start"]).expect_code(0);
    let before = pending_reactor_lists(&sandbox);
    let chat = chat(&sandbox);
    let of_chat = sandbox.count(&format!(
        "SELECT count(*) FROM reaction_count_log WHERE channel_id = '{chat}' AND users_read_at IS NULL"
    ));
    assert!(before > of_chat && of_chat > 0, "{before} in all, {of_chat} there");
    sandbox.write_config("");
    sandbox.sim.journal().clear();
    sandbox.run(&["start", "--channel", &chat.to_string()]).expect_code(0);
    assert_eq!(pending_reactor_lists(&sandbox), before - of_chat);
    let entries = sandbox.sim.journal().entries().into_iter();
    let mut requests = entries.filter(|entry| entry.route == Some(RouteKind::Reactions));
    assert!(requests.all(|entry| entry.channel == Some(chat)));
}

#[test]
fn run_for_a_category_reads_the_reactor_lists_of_its_channels() {
    let in_category = |name: &str| ChannelDescription {
        category: Some("games".to_owned()),
        ..ChannelDescription::text(name, 100)
    };
    let channels = vec![
        ChannelDescription::new(ChannelKind::Category, "games"),
        in_category("chess"),
        ChannelDescription::text("outside", 100),
    ];
    let config = "[sync]\nreaction_budget = \"0s\"";
    let sandbox = Sandbox::with_config(World::new(&Description::of_channels(GUILD, channels)), config);
    sandbox.run(&["start"]).expect_code(0);
    let outside = sandbox
        .count("SELECT count(*) FROM reaction_count_log WHERE channel = 'outside' AND users_read_at IS NULL");
    assert!(pending_reactor_lists(&sandbox) > outside && outside > 0);
    sandbox.write_config("");
    let category = sandbox.sim.world().channel_named(GUILD, "games").unwrap().to_string();
    sandbox.run(&["start", "--channel", &category]).expect_code(0);
    assert_eq!(pending_reactor_lists(&sandbox), outside);
}
