//! Listings that omit channels, roles or parents of threads.

use discord_sim::{BodyKind, FaultKind, Match, RouteKind};

use super::*;

const VIEW_CHANNEL: u64 = 1 << 10;

fn community() -> Sandbox {
    let rooms = (0..4).map(|index| ChannelDescription::text(&format!("room-{index}"), 30));
    sandbox(rooms.collect())
}

fn active_channels(sandbox: &Sandbox) -> i64 {
    sandbox.count("SELECT count(*) FROM channels WHERE state = 'active'")
}

/// Denies the permission to view a channel to the bot only.
fn hide_from_bot(sandbox: &Sandbox, name: &str) {
    assert!(sandbox.sim.world().set_bot_permissions(channel(sandbox, name), 0, VIEW_CHANNEL));
}

fn channel_listing() -> Match {
    Match::route(RouteKind::GuildChannels).always()
}

#[test]
fn empty_channel_listing_removes_no_channel() {
    let sandbox = community();
    sync(&sandbox, 0);
    sandbox.sim.faults().when(channel_listing(), FaultKind::Empty);
    sandbox.sim.world().append(channel(&sandbox, "room-1"), 1);
    let ran = sync(&sandbox, 3);
    assert!(ran.stdout.contains("the API's listing omits it"), "{}", ran.stdout);
    // Each channel still exists when it is requested by itself.
    assert_eq!(active_channels(&sandbox), 4);
    assert_matches_world(&sandbox);
    assert_recovers(&sandbox);
}

#[test]
fn first_run_without_channels_is_not_a_success() {
    let sandbox = community();
    sandbox.sim.faults().when(channel_listing(), FaultKind::Empty);
    sync(&sandbox, 3);
    assert_eq!(findings(&sandbox), ["no_channels"]);
    sandbox.run(&["check"]).expect_code(3);
    sandbox.sim.faults().clear();
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
}

#[test]
fn channel_omitted_from_the_listing_is_still_read() {
    let sandbox = community();
    sync(&sandbox, 0);
    let room = channel(&sandbox, "room-2");
    sandbox.sim.world().append(room, 5);
    sandbox.sim.faults().when(channel_listing(), FaultKind::Omit(vec![room]));
    sync(&sandbox, 3);
    assert_matches_world(&sandbox);
    assert_recovers(&sandbox);
}

#[test]
fn answer_without_roles_revokes_no_channel() {
    let sandbox = community();
    sync(&sandbox, 0);
    for answer in [FaultKind::Empty, FaultKind::Omit(vec![GUILD])] {
        sandbox.sim.faults().when(Match::route(RouteKind::Guild).always(), answer);
        let ran = sandbox.run(&["start"]);
        assert_ne!(ran.code, 0, "{}", ran.stdout);
        assert_eq!(active_channels(&sandbox), 4);
        sandbox.sim.faults().clear();
    }
    assert_recovers(&sandbox);
}

#[test]
fn null_answer_is_not_an_empty_list() {
    for route in [RouteKind::GuildChannels, RouteKind::ActiveThreads, RouteKind::Messages] {
        let sandbox = community();
        sandbox.sim.faults().when(Match::route(route).always(), FaultKind::NullBody);
        assert_ne!(sandbox.run(&["start"]).code, 0, "{route:?}");
        assert_recovers(&sandbox);
    }
}

#[test]
fn vanished_channel_is_a_known_finding_after_a_day() {
    let sandbox = community();
    sync(&sandbox, 0);
    hide_from_bot(&sandbox, "room-3");
    let ran = sync(&sandbox, 3);
    assert!(ran.stdout.contains("room-3"), "{}", ran.stdout);
    assert_eq!(findings(&sandbox), ["channel_vanished"]);
    sandbox.sim.world().advance(25 * HOUR);
    sync(&sandbox, 0);
    assert_eq!(findings(&sandbox), ["channel_vanished"], "the finding is known and still reported");
    let stored =
        "SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id WHERE c.name = 'room-3'";
    assert_eq!(sandbox.count(stored), 30, "its messages stay");
    sandbox.sim.world().set_bot_permissions(channel(&sandbox, "room-3"), 0, 0);
    sync(&sandbox, 0);
    assert!(findings(&sandbox).is_empty());
}

#[test]
fn tenant_that_lost_every_channel_never_exits_with_0() {
    let sandbox = community();
    sync(&sandbox, 0);
    for room in 0..4 {
        hide_from_bot(&sandbox, &format!("room-{room}"));
    }
    for _ in 0..3 {
        sync(&sandbox, 3);
        sandbox.sim.world().advance(25 * HOUR);
    }
    sandbox.run(&["check"]).expect_code(3);
    sandbox.run(&["status", "--max-age", "9000h"]).expect_code(8);
}

#[test]
fn tenant_that_lost_most_channels_is_stale_despite_a_recent_success() {
    let sandbox = community();
    sync(&sandbox, 0);
    sandbox.run(&["status", "--max-age", "9000h"]).expect_code(0);
    for room in 0..3 {
        hide_from_bot(&sandbox, &format!("room-{room}"));
    }
    sync(&sandbox, 3);
    sandbox.run(&["status", "--max-age", "9000h"]).expect_code(8);
}

#[test]
fn vanished_channel_given_by_flag_is_reported() {
    let sandbox = community();
    sync(&sandbox, 0);
    let room = channel(&sandbox, "room-0");
    hide_from_bot(&sandbox, "room-0");
    let ran = sandbox.run(&["start", "--channel", &room.to_string()]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("room-0"), "{}", ran.stdout);
}

#[test]
fn channel_is_deleted_only_if_its_own_lookup_says_so() {
    let sandbox = community();
    sync(&sandbox, 0);
    let room = channel(&sandbox, "room-0");
    sandbox.sim.faults().when(channel_listing(), FaultKind::Omit(vec![room]));
    let unknown = FaultKind::Status(404, BodyKind::Html);
    sandbox.sim.faults().when(Match { channel: Some(room), ..Match::default() }.always(), unknown);
    let ran = sandbox.run(&["start"]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(active_channels(&sandbox), 4);
    assert_recovers(&sandbox);
    sandbox.sim.world().delete_channel(room);
    sync(&sandbox, 0);
    assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE state = 'deleted'"), 1);
}

#[test]
fn omitted_parent_of_listed_threads_is_read() {
    let threads = discord_sim::ThreadPlan { active: 2, messages: 3, ..discord_sim::ThreadPlan::default() };
    let forum =
        ChannelDescription { threads, ..ChannelDescription::new(discord_sim::ChannelKind::Forum, "forum") };
    let sandbox = sandbox(vec![forum, ChannelDescription::text("chat", 5)]);
    let forum = channel(&sandbox, "forum");
    sandbox.sim.faults().when(channel_listing(), FaultKind::Omit(vec![forum]));
    sync(&sandbox, 3);
    assert_matches_world(&sandbox);
    assert_recovers(&sandbox);
}

#[test]
fn last_message_id_that_goes_back_in_time_is_ignored() {
    let sandbox = community();
    sync(&sandbox, 0);
    sandbox.sim.world().advance(30 * DAY);
    sandbox.sim.world().append(channel(&sandbox, "room-1"), 5);
    let old = FaultKind::Set("last_message_id".to_owned(), serde_json::json!("5"));
    sandbox.sim.faults().when(channel_listing(), old);
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
}
