//! Rights that are lost in the middle of a run.

use std::time::Duration;

use discord_sim::{
    ChannelDescription, ChannelKind, DEFAULT_TOKEN, Description, GuildDescription, Mix, RouteKind,
    ThreadPlan, Visibility, World,
};

use super::{BRIEF, GUILD, assert_completes, channel, chat, community, ended_in_time, failing, stored};
use crate::util::truth::{assert_archived, assert_reactors};
use crate::util::{Sandbox, wait_until};

const OTHER: u64 = GUILD + 1;
/// Requests that may be in flight at once.
const IN_FLIGHT: usize = 10;

/// Two servers of as many channels.
fn two_servers(first: Vec<ChannelDescription>) -> Sandbox {
    let mut description = Description::of_channels(GUILD, first);
    let channels = Description::community(OTHER, 3, 1500).guilds.remove(0).channels;
    let name = "Other".to_owned();
    description.guilds.push(GuildDescription { id: OTHER, name, channels, ..GuildDescription::default() });
    Sandbox::with_config(World::new(&description), "[sync]\nretry_base_delay = \"10ms\"")
}

fn texts(channels: u32, messages: u64) -> Vec<ChannelDescription> {
    Description::community(GUILD, channels, messages).guilds.remove(0).channels
}

/// A forum of so many threads of a few messages each.
fn forum(threads: u32) -> ChannelDescription {
    let plan = ThreadPlan { active: threads, messages: 3, ..ThreadPlan::default() };
    let forum = ChannelDescription::new(ChannelKind::Forum, "forum");
    ChannelDescription { threads: plan, mix: Mix::Chat, ..forum }
}

fn refused_with(sandbox: &Sandbox, status: u16) -> usize {
    sandbox.sim.journal().by_status().get(&status).copied().unwrap_or(0)
}

#[test]
fn a_token_revoked_in_the_middle_ends_the_run_at_once_and_costs_nothing_that_came() {
    let sandbox = community(20, 1000, BRIEF);
    let sync = sandbox.spawn_slow(&["start"]);
    sandbox.sim.world().revoke_token();
    let ran = ended_in_time(sync).expect_code(4);
    assert!(ran.stdout.contains("make a new token"), "{}", ran.stdout);
    sandbox.assert_discreet(&ran);
    let rejected = refused_with(&sandbox, 401);
    assert!((1..=IN_FLIGHT).contains(&rejected), "{rejected} requests with a dead token");
    assert!(sandbox.count("SELECT count(*) FROM messages") > 0);
    sandbox.sim.world().set_token(DEFAULT_TOKEN);
    assert_completes(&sandbox);
    // What was on its way when the run ended has to be asked for again.
    let doubles = sandbox.sim.journal().doubles();
    let pages = doubles.iter().filter(|(target, _)| target.contains("/messages?")).count();
    assert!(pages <= IN_FLIGHT, "{doubles:?}");
}

#[test]
fn a_server_that_throws_the_bot_out_costs_only_itself() {
    let sandbox = two_servers(texts(3, 1500));
    let sync = sandbox.spawn_slow(&["start"]);
    sandbox.sim.world().remove_bot(GUILD);
    sandbox.sim.set_latency(Duration::from_millis(5), Duration::ZERO);
    let ran = ended_in_time(sync).expect_code(3);
    assert!(ran.stdout.contains("invite the bot"), "{}", ran.stdout);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), OTHER);
    assert!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL") == 0);
    sandbox.sim.world().set_bot_present(GUILD, true);
    assert_completes(&sandbox);
}

#[test]
fn a_large_server_that_throws_the_bot_out_is_left_alone_soon() {
    let sandbox = two_servers([vec![forum(400)], texts(2, 500)].concat());
    let sync = sandbox.spawn_slow(&["start"]);
    sandbox.sim.world().remove_bot(GUILD);
    sandbox.sim.set_latency(Duration::from_millis(5), Duration::ZERO);
    let ran = ended_in_time(sync).expect_code(3);
    assert!(ran.stdout.contains("invite the bot"), "{}", ran.stdout);
    let refused = refused_with(&sandbox, 403);
    assert!(refused < 150, "{refused} refusals");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), OTHER);
    sandbox.sim.world().set_bot_present(GUILD, true);
    assert_completes(&sandbox);
}

#[test]
fn a_server_that_throws_the_bot_out_while_reactors_are_read_is_left_alone_soon() {
    let sandbox = two_servers(vec![forum(250)]);
    sandbox.sim.set_latency(Duration::from_millis(10), Duration::ZERO);
    let sync = sandbox.spawn(&["start", "--tenant", "Simulated community"]);
    wait_until("reactors are read", || sandbox.sim.journal().count(RouteKind::Reactions) > 5);
    sandbox.sim.world().remove_bot(GUILD);
    let summary = ended_in_time(sync).expect_code(0);
    assert!(summary.stdout.contains("who reacted is still to be read"), "{}", summary.stdout);
    let refused = refused_with(&sandbox, 403);
    assert!(refused < 40, "{refused} refusals");
    sandbox.sim.world().set_bot_present(GUILD, true);
    assert_completes(&sandbox);
    assert_reactors(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn a_forum_that_is_closed_to_the_bot_is_left_alone_soon() {
    let sandbox = two_servers([vec![forum(400)], texts(2, 500)].concat());
    let forum = channel(&sandbox, "forum");
    let sync = sandbox.spawn_slow(&["start"]);
    sandbox.sim.world().set_visibility(forum, Visibility::BotHidden);
    sandbox.sim.set_latency(Duration::from_millis(5), Duration::ZERO);
    let ran = ended_in_time(sync);
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let refused = refused_with(&sandbox, 403);
    assert!(refused < 150, "{refused} refusals");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), OTHER);
    sandbox.sim.world().show(forum);
    assert_completes(&sandbox);
}

#[test]
fn looking_again_at_the_rights_asks_for_no_thread() {
    let sandbox = two_servers([vec![forum(50)], texts(1, 50)].concat());
    sandbox.run(&["start"]).expect_code(0);
    let chat = chat(&sandbox, 0);
    let written = sandbox.sim.world().append(chat, 2);
    sandbox.sim.world().advance(Duration::from_hours(1));
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.world().delete(chat, written[0]);
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 1);
    assert_eq!(sandbox.sim.journal().count(RouteKind::Guild), 3, "one server was looked at again");
    assert_eq!(sandbox.sim.journal().count(RouteKind::Channel), 0);
}

#[test]
fn a_channel_that_is_closed_or_deleted_in_the_middle_keeps_what_came() {
    let sandbox = community(4, 1500, BRIEF);
    sandbox.sim.set_latency(Duration::from_millis(60), Duration::ZERO);
    let sync = sandbox.spawn(&["start"]);
    let (closed, deleted) = (chat(&sandbox, 0), chat(&sandbox, 1));
    let asked = |channel| sandbox.sim.journal().cursors(channel).len();
    wait_until("both are read", || asked(closed) > 3 && asked(deleted) > 3);
    sandbox.sim.world().set_visibility(closed, Visibility::BotHidden);
    sandbox.sim.world().delete_channel(deleted);
    ended_in_time(sync).expect_code(3);
    let [(channel, error)] = &failing(&sandbox)[..] else { panic!("{:?}", failing(&sandbox)) };
    assert!(*channel == closed && error.contains("403"), "{error}");
    for channel in [closed, deleted] {
        let stored = stored(&sandbox, channel);
        assert!((200..1500).contains(&stored), "{stored} messages stay");
    }
    let live = "SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL";
    assert_eq!(sandbox.count(live), 0);
    assert_eq!([2, 3].map(|number| stored(&sandbox, chat(&sandbox, number))), [1500, 1500]);
    assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE state = 'deleted'"), 1);
    sandbox.sim.world().show(closed);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(stored(&sandbox, closed), 1500);
}
