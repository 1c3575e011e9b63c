//! Access that is lost during a run: the token, a server, a channel.

use std::time::Duration;

use discord_sim::{
    ChannelDescription, ChannelKind, DEFAULT_TOKEN, Description, GuildDescription, Mix, RouteKind,
    ThreadPlan, Visibility, World,
};

use super::{
    GUILD, MESSAGES_ONLY_CONFIG, assert_completes, channel, channel_errors, chat, community, stored_messages,
    wait_or_kill,
};
use crate::util::truth::{assert_archived, assert_reactors};
use crate::util::{Sandbox, wait_until};

const OTHER_GUILD: u64 = GUILD + 1;
/// Maximum number of concurrent requests, by default.
const CONCURRENT_REQUESTS: usize = 10;

/// A server with these channels, and a second one with three text channels.
fn two_servers(first: Vec<ChannelDescription>) -> Sandbox {
    let mut description = Description::of_channels(GUILD, first);
    let channels = Description::community(OTHER_GUILD, 3, 1500).guilds.remove(0).channels;
    let name = "Other".to_owned();
    description.guilds.push(GuildDescription {
        id: OTHER_GUILD,
        name,
        channels,
        ..GuildDescription::default()
    });
    Sandbox::with_config(World::new(&description), "[sync]\nretry_base_delay = \"10ms\"")
}

fn text_channels(channels: u32, messages: u64) -> Vec<ChannelDescription> {
    Description::community(GUILD, channels, messages).guilds.remove(0).channels
}

/// A forum with this many threads of three messages each.
fn forum(threads: u32) -> ChannelDescription {
    let plan = ThreadPlan { active: threads, messages: 3, ..ThreadPlan::default() };
    let forum = ChannelDescription::new(ChannelKind::Forum, "forum");
    ChannelDescription { threads: plan, mix: Mix::Chat, ..forum }
}

fn requests_with_status(sandbox: &Sandbox, status: u16) -> usize {
    sandbox.sim.journal().by_status().get(&status).copied().unwrap_or(0)
}

#[test]
fn revoked_token_ends_the_run_and_keeps_stored_messages() {
    let sandbox = community(20, 1000, MESSAGES_ONLY_CONFIG);
    let sync = sandbox.spawn_slow(&["start"]);
    sandbox.sim.world().revoke_token();
    let ran = wait_or_kill(sync).expect_code(4);
    assert!(ran.stdout.contains("create a new token"), "{}", ran.stdout);
    sandbox.assert_no_secrets(&ran);
    let rejected = requests_with_status(&sandbox, 401);
    assert!((1..=CONCURRENT_REQUESTS).contains(&rejected), "{rejected} requests with a revoked token");
    assert!(sandbox.count("SELECT count(*) FROM messages") > 0);
    sandbox.sim.world().set_token(DEFAULT_TOKEN);
    assert_completes(&sandbox);
    // Only pages that were in flight when the run ended are requested again.
    let duplicates = sandbox.sim.journal().duplicate_requests();
    let pages = duplicates.iter().filter(|(target, _)| target.contains("/messages?")).count();
    assert!(pages <= CONCURRENT_REQUESTS, "{duplicates:?}");
}

#[test]
fn removed_bot_loses_only_that_server() {
    let sandbox = two_servers(text_channels(3, 1500));
    let sync = sandbox.spawn_slow(&["start"]);
    sandbox.sim.world().remove_bot(GUILD);
    sandbox.sim.set_latency(Duration::from_millis(5), Duration::ZERO);
    let ran = wait_or_kill(sync).expect_code(3);
    assert!(ran.stdout.contains("invite the bot"), "{}", ran.stdout);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), OTHER_GUILD);
    assert!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL") == 0);
    sandbox.sim.world().set_bot_present(GUILD, true);
    assert_completes(&sandbox);
}

#[test]
fn removed_bot_soon_stops_requesting_a_large_server() {
    let sandbox = two_servers([vec![forum(400)], text_channels(2, 500)].concat());
    let sync = sandbox.spawn_slow(&["start"]);
    sandbox.sim.world().remove_bot(GUILD);
    sandbox.sim.set_latency(Duration::from_millis(5), Duration::ZERO);
    let ran = wait_or_kill(sync).expect_code(3);
    assert!(ran.stdout.contains("invite the bot"), "{}", ran.stdout);
    let refused = requests_with_status(&sandbox, 403);
    assert!(refused < 150, "{refused} refusals");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), OTHER_GUILD);
    sandbox.sim.world().set_bot_present(GUILD, true);
    assert_completes(&sandbox);
}

#[test]
fn removed_bot_soon_stops_requesting_reactors() {
    let sandbox = two_servers(vec![forum(250)]);
    sandbox.sim.set_latency(Duration::from_millis(10), Duration::ZERO);
    let sync = sandbox.spawn(&["start", "--tenant", "Simulated community"]);
    wait_until("reactors are read", || sandbox.sim.journal().count(RouteKind::Reactions) > 5);
    sandbox.sim.world().remove_bot(GUILD);
    let summary = wait_or_kill(sync).expect_code(0);
    assert!(summary.stdout.contains("reactors pending for"), "{}", summary.stdout);
    let refused = requests_with_status(&sandbox, 403);
    assert!(refused < 40, "{refused} refusals");
    sandbox.sim.world().set_bot_present(GUILD, true);
    assert_completes(&sandbox);
    assert_reactors(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn hidden_forum_is_soon_no_longer_requested() {
    let sandbox = two_servers([vec![forum(400)], text_channels(2, 500)].concat());
    let forum = channel(&sandbox, "forum");
    let sync = sandbox.spawn_slow(&["start"]);
    sandbox.sim.world().set_visibility(forum, Visibility::BotHidden);
    sandbox.sim.set_latency(Duration::from_millis(5), Duration::ZERO);
    let ran = wait_or_kill(sync);
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let refused = requests_with_status(&sandbox, 403);
    assert!(refused < 150, "{refused} refusals");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), OTHER_GUILD);
    sandbox.sim.world().show(forum);
    assert_completes(&sandbox);
}

#[test]
fn visibility_re_check_requests_no_thread() {
    let sandbox = two_servers([vec![forum(50)], text_channels(1, 50)].concat());
    sandbox.run(&["start"]).expect_code(0);
    let chat = chat(&sandbox, 0);
    let written = sandbox.sim.world().append(chat, 2);
    sandbox.sim.world().advance(Duration::from_hours(1));
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.world().delete(chat, written[0]);
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 1);
    assert_eq!(sandbox.sim.journal().count(RouteKind::Guild), 3, "visibility was re-checked in one server");
    assert_eq!(sandbox.sim.journal().count(RouteKind::Channel), 0);
}

#[test]
fn channel_hidden_or_deleted_during_a_run_keeps_its_stored_messages() {
    let sandbox = community(4, 1500, MESSAGES_ONLY_CONFIG);
    sandbox.sim.set_latency(Duration::from_millis(60), Duration::ZERO);
    let sync = sandbox.spawn(&["start"]);
    let (hidden, deleted) = (chat(&sandbox, 0), chat(&sandbox, 1));
    let page_count = |channel| sandbox.sim.journal().cursors(channel).len();
    wait_until("both are read", || page_count(hidden) > 3 && page_count(deleted) > 3);
    sandbox.sim.world().set_visibility(hidden, Visibility::BotHidden);
    sandbox.sim.world().delete_channel(deleted);
    wait_or_kill(sync).expect_code(3);
    let [(channel, error)] = &channel_errors(&sandbox)[..] else { panic!("{:?}", channel_errors(&sandbox)) };
    assert!(*channel == hidden && error.contains("403"), "{error}");
    for channel in [hidden, deleted] {
        let stored = stored_messages(&sandbox, channel);
        assert!((200..1500).contains(&stored), "{stored} messages are stored");
    }
    let deleted_messages = "SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL";
    assert_eq!(sandbox.count(deleted_messages), 0);
    assert_eq!([2, 3].map(|number| stored_messages(&sandbox, chat(&sandbox, number))), [1500, 1500]);
    assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE state = 'deleted'"), 1);
    sandbox.sim.world().show(hidden);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(stored_messages(&sandbox, hidden), 1500);
}
