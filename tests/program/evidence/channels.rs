//! Channels and servers that a listing doesn't name.

use discord_sim::{BodyKind, Match, RouteKind, What};

use super::*;

const VIEW_CHANNEL: u64 = 1 << 10;

fn community() -> Sandbox {
    let rooms = (0..4).map(|index| ChannelDescription::text(&format!("room-{index}"), 30));
    sandbox(rooms.collect())
}

fn active(sandbox: &Sandbox) -> i64 {
    sandbox.count("SELECT count(*) FROM channels WHERE state = 'active'")
}

/// Takes the right to see a channel from the bot, and from nobody else.
fn blind(sandbox: &Sandbox, name: &str) {
    assert!(sandbox.sim.world().set_bot_permissions(channel(sandbox, name), 0, VIEW_CHANNEL));
}

fn listing() -> Match {
    Match::route(RouteKind::GuildChannels).always()
}

#[test]
fn a_server_that_names_no_channel_has_not_lost_them() {
    let sandbox = community();
    sync(&sandbox, 0);
    sandbox.sim.faults().when(listing(), What::Empty);
    sandbox.sim.world().append(channel(&sandbox, "room-1"), 1);
    let told = sync(&sandbox, 3);
    assert!(told.stdout.contains("the server's listing leaves it out"), "{}", told.stdout);
    // Every channel answers when it is asked for by itself.
    assert_eq!(active(&sandbox), 4);
    is_true(&sandbox);
    heals(&sandbox);
}

#[test]
fn a_first_run_that_sees_no_channel_is_no_success() {
    let sandbox = community();
    sandbox.sim.faults().when(listing(), What::Empty);
    sync(&sandbox, 3);
    assert_eq!(findings(&sandbox), ["no_channels"]);
    sandbox.run(&["check"]).expect_code(3);
    sandbox.sim.faults().clear();
    sync(&sandbox, 0);
    is_true(&sandbox);
}

#[test]
fn a_channel_that_the_listing_leaves_out_is_read_all_the_same() {
    let sandbox = community();
    sync(&sandbox, 0);
    let room = channel(&sandbox, "room-2");
    sandbox.sim.world().append(room, 5);
    sandbox.sim.faults().when(listing(), What::Omit(vec![room]));
    sync(&sandbox, 3);
    is_true(&sandbox);
    heals(&sandbox);
}

#[test]
fn a_server_without_roles_closes_no_channel() {
    let sandbox = community();
    sync(&sandbox, 0);
    for lie in [What::Empty, What::Omit(vec![GUILD])] {
        sandbox.sim.faults().when(Match::route(RouteKind::Guild).always(), lie);
        let ran = sandbox.run(&["start"]);
        assert_ne!(ran.code, 0, "{}", ran.stdout);
        assert_eq!(active(&sandbox), 4);
        sandbox.sim.faults().clear();
    }
    heals(&sandbox);
}

#[test]
fn an_answer_of_null_is_no_empty_list() {
    for route in [RouteKind::GuildChannels, RouteKind::ActiveThreads, RouteKind::Messages] {
        let sandbox = community();
        sandbox.sim.faults().when(Match::route(route).always(), What::NullBody);
        assert_ne!(sandbox.run(&["start"]).code, 0, "{route:?}");
        heals(&sandbox);
    }
}

#[test]
fn a_channel_that_vanishes_is_told_for_a_day_and_then_known() {
    let sandbox = community();
    sync(&sandbox, 0);
    blind(&sandbox, "room-3");
    let told = sync(&sandbox, 3);
    assert!(told.stdout.contains("room-3"), "{}", told.stdout);
    assert_eq!(findings(&sandbox), ["channel_vanished"]);
    sandbox.sim.world().advance(25 * HOUR);
    sync(&sandbox, 0);
    assert_eq!(findings(&sandbox), ["channel_vanished"], "known, and told");
    let kept =
        "SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id WHERE c.name = 'room-3'";
    assert_eq!(sandbox.count(kept), 30, "its messages stay");
    sandbox.sim.world().set_bot_permissions(channel(&sandbox, "room-3"), 0, 0);
    sync(&sandbox, 0);
    assert!(findings(&sandbox).is_empty());
}

#[test]
fn a_tenant_that_lost_every_channel_never_ends_with_0() {
    let sandbox = community();
    sync(&sandbox, 0);
    for room in 0..4 {
        blind(&sandbox, &format!("room-{room}"));
    }
    for _ in 0..3 {
        sync(&sandbox, 3);
        sandbox.sim.world().advance(25 * HOUR);
    }
    sandbox.run(&["check"]).expect_code(3);
    sandbox.run(&["status", "--max-age", "9000h"]).expect_code(8);
}

#[test]
fn half_the_channels_gone_is_stale_however_young_the_success() {
    let sandbox = community();
    sync(&sandbox, 0);
    sandbox.run(&["status", "--max-age", "9000h"]).expect_code(0);
    for room in 0..3 {
        blind(&sandbox, &format!("room-{room}"));
    }
    sync(&sandbox, 3);
    sandbox.run(&["status", "--max-age", "9000h"]).expect_code(8);
}

#[test]
fn a_channel_that_was_asked_for_and_vanished_is_told() {
    let sandbox = community();
    sync(&sandbox, 0);
    let room = channel(&sandbox, "room-0");
    blind(&sandbox, "room-0");
    let told = sandbox.run(&["start", "--channel", &room.to_string()]);
    assert_ne!(told.code, 0, "{}", told.stdout);
    assert!(told.stdout.contains("room-0"), "{}", told.stdout);
}

#[test]
fn a_channel_is_deleted_only_if_it_answers_so_itself() {
    let sandbox = community();
    sync(&sandbox, 0);
    let room = channel(&sandbox, "room-0");
    sandbox.sim.faults().when(listing(), What::Omit(vec![room]));
    let unknown = What::Status(404, BodyKind::Html);
    sandbox.sim.faults().when(Match { channel: Some(room), ..Match::default() }.always(), unknown);
    let ran = sandbox.run(&["start"]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(active(&sandbox), 4);
    heals(&sandbox);
    sandbox.sim.world().delete_channel(room);
    sync(&sandbox, 0);
    assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE state = 'deleted'"), 1);
}

#[test]
fn a_channel_that_only_its_threads_name_is_read() {
    let threads = discord_sim::ThreadPlan { active: 2, messages: 3, ..discord_sim::ThreadPlan::default() };
    let forum =
        ChannelDescription { threads, ..ChannelDescription::new(discord_sim::ChannelKind::Forum, "forum") };
    let sandbox = sandbox(vec![forum, ChannelDescription::text("chat", 5)]);
    let forum = channel(&sandbox, "forum");
    sandbox.sim.faults().when(listing(), What::Omit(vec![forum]));
    sync(&sandbox, 3);
    is_true(&sandbox);
    heals(&sandbox);
}

#[test]
fn a_newest_message_that_goes_back_in_time_is_not_believed() {
    let sandbox = community();
    sync(&sandbox, 0);
    sandbox.sim.world().advance(30 * DAY);
    sandbox.sim.world().append(channel(&sandbox, "room-1"), 5);
    let old = What::Set("last_message_id".to_owned(), serde_json::json!("5"));
    sandbox.sim.faults().when(listing(), old);
    sync(&sandbox, 0);
    is_true(&sandbox);
}
