//! Who reacted: as many as the message says, or not all of them.

use discord_sim::{BodyKind, Match, RouteKind, What};

use super::*;

/// A message with this many reactors, and its channel.
fn reacted(users: u32) -> (Sandbox, u64, u64) {
    let mut description = Description::of_channels(GUILD, vec![ChannelDescription::text("chat", 5)]);
    description.guilds[0].users = 400;
    let world = World::new(&description);
    let sandbox = Sandbox::with_config(world, RETRY);
    let chat = channel(&sandbox, "chat");
    let message = sandbox.sim.world().append(chat, 1)[0];
    let everyone: Vec<u32> = (0..users).collect();
    assert!(sandbox.sim.world().set_reactions(chat, message, &[("🦀", false, &everyone)]));
    (sandbox, chat, message)
}

fn known(sandbox: &Sandbox) -> i64 {
    sandbox.count("SELECT count(*) FROM reaction_log WHERE emoji = '🦀'")
}

#[test]
fn an_empty_list_takes_nobody_away() {
    let (sandbox, chat, message) = reacted(3);
    sync(&sandbox, 0);
    assert_eq!(known(&sandbox), 3);
    sandbox.sim.world().react(chat, message, 7, "🦀", false);
    sandbox.sim.faults().when(Match::route(RouteKind::Reactions).always(), What::Empty);
    sync(&sandbox, 0);
    assert_eq!(known(&sandbox), 3, "the archived ones stay");
    let json = sandbox.run(&["status", "--format", "json"]).last_json();
    assert_eq!(json["tenants"][0]["reactions_pending"], 1);
    heals(&sandbox);
    assert_eq!(known(&sandbox), 4);
}

#[test]
fn a_list_that_breaks_off_after_a_hundred_is_not_complete() {
    let (sandbox, ..) = reacted(250);
    sandbox.sim.faults().when(Match::route(RouteKind::Reactions).after(1).always(), What::Empty);
    sync(&sandbox, 0);
    assert_eq!(known(&sandbox), 100, "those who came are kept");
    let unread = "SELECT count(*) FROM reaction_count_log WHERE emoji = '🦀' AND users_read_at IS NULL";
    assert_eq!(sandbox.count(unread), 1);
    heals(&sandbox);
    assert_eq!(known(&sandbox), 250);
}

#[test]
fn a_list_that_is_shorter_than_an_old_count_is_compared_with_the_count_of_now() {
    let (sandbox, chat, _) = reacted(5);
    // Somebody takes the reaction back after the page of messages.
    let count = What::MessageField(0, "/reactions/0/count".to_owned(), serde_json::json!(6));
    let details = "/reactions/0/count_details/normal".to_owned();
    let page = Match::page_of(chat).with_limit_above(1).always();
    sandbox.sim.faults().when(page.clone(), count);
    sandbox.sim.faults().when(page, What::MessageField(0, details, serde_json::json!(6)));
    sync(&sandbox, 0);
    assert_eq!(known(&sandbox), 5);
    let json = sandbox.run(&["status", "--format", "json"]).last_json();
    assert_eq!(json["tenants"][0]["reactions_pending"], 0);
    heals(&sandbox);
}

#[test]
fn reactions_that_always_fail_hold_up_no_other() {
    let (sandbox, chat, _) = reacted(2);
    let world = sandbox.sim.world();
    for emoji in ["😀", "😁", "😂", "🤣", "😃", "😄"] {
        let message = world.append(chat, 1)[0];
        world.set_reactions(chat, message, &[(emoji, false, &[1])]);
        let lists = Match::route(RouteKind::Reactions).of_emoji(emoji).always();
        sandbox.sim.faults().when(lists, What::Status(500, BodyKind::Html));
    }
    sync(&sandbox, 0);
    sync(&sandbox, 0);
    assert_eq!(known(&sandbox), 2);
    heals(&sandbox);
}

#[test]
fn the_same_person_again_and_again_is_one_person() {
    let (sandbox, ..) = reacted(3);
    let one = What::Set("id".to_owned(), serde_json::json!("1000000000000000007"));
    sandbox.sim.faults().when(Match::route(RouteKind::Reactions).of_emoji("🦀").always(), one);
    sandbox.run(&["start"]);
    let unread = "SELECT count(*) FROM reaction_count_log WHERE emoji = '🦀' AND users_read_at IS NULL";
    assert_eq!(sandbox.count(unread), 1);
}
