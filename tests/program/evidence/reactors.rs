//! Reactor lists that hold fewer reactors than the message counts.

use discord_sim::{BodyKind, FaultKind, Match, RouteKind};

use super::*;

/// A sandbox, its channel, and a message in it with this many reactors.
fn sandbox_with_reactors(users: u32) -> (Sandbox, u64, u64) {
    let mut description = Description::of_channels(GUILD, vec![ChannelDescription::text("chat", 5)]);
    description.guilds[0].users = 400;
    let world = World::new(&description);
    let sandbox = Sandbox::with_config(world, FAST_RETRIES);
    let chat = channel(&sandbox, "chat");
    let message = sandbox.sim.world().append(chat, 1)[0];
    let everyone: Vec<u32> = (0..users).collect();
    assert!(sandbox.sim.world().set_reactions(chat, message, &[("🦀", false, &everyone)]));
    (sandbox, chat, message)
}

fn archived_reactors(sandbox: &Sandbox) -> i64 {
    sandbox.count("SELECT count(*) FROM reaction_log WHERE emoji = '🦀'")
}

#[test]
fn empty_reactor_list_removes_no_reactor() {
    let (sandbox, chat, message) = sandbox_with_reactors(3);
    sync(&sandbox, 0);
    assert_eq!(archived_reactors(&sandbox), 3);
    sandbox.sim.world().react(chat, message, 7, "🦀", false);
    sandbox.sim.faults().when(Match::route(RouteKind::Reactions).always(), FaultKind::Empty);
    sync(&sandbox, 0);
    assert_eq!(archived_reactors(&sandbox), 3, "archived reactors stay");
    let json = sandbox.run(&["status", "--format", "json"]).last_json();
    assert_eq!(json["tenants"][0]["reactions_pending"], 1);
    assert_recovers(&sandbox);
    assert_eq!(archived_reactors(&sandbox), 4);
}

#[test]
fn reactor_list_cut_off_after_a_hundred_stays_pending() {
    let (sandbox, ..) = sandbox_with_reactors(250);
    sandbox.sim.faults().when(Match::route(RouteKind::Reactions).after(1).always(), FaultKind::Empty);
    sync(&sandbox, 0);
    assert_eq!(archived_reactors(&sandbox), 100, "the first page is kept");
    let unread = "SELECT count(*) FROM reaction_count_log WHERE emoji = '🦀' AND users_read_at IS NULL";
    assert_eq!(sandbox.count(unread), 1);
    assert_recovers(&sandbox);
    assert_eq!(archived_reactors(&sandbox), 250);
}

#[test]
fn short_reactor_list_is_compared_with_the_current_count() {
    let (sandbox, chat, _) = sandbox_with_reactors(5);
    // As if a user removed the reaction after the page of messages.
    let count = FaultKind::MessageField(0, "/reactions/0/count".to_owned(), serde_json::json!(6));
    let details = "/reactions/0/count_details/normal".to_owned();
    let page = Match::page_of(chat).with_limit_above(1).always();
    sandbox.sim.faults().when(page.clone(), count);
    sandbox.sim.faults().when(page, FaultKind::MessageField(0, details, serde_json::json!(6)));
    sync(&sandbox, 0);
    assert_eq!(archived_reactors(&sandbox), 5);
    let json = sandbox.run(&["status", "--format", "json"]).last_json();
    assert_eq!(json["tenants"][0]["reactions_pending"], 0);
    assert_recovers(&sandbox);
}

#[test]
fn failing_reactor_lists_do_not_block_others() {
    let (sandbox, chat, _) = sandbox_with_reactors(2);
    let world = sandbox.sim.world();
    for emoji in ["😀", "😁", "😂", "🤣", "😃", "😄"] {
        let message = world.append(chat, 1)[0];
        world.set_reactions(chat, message, &[(emoji, false, &[1])]);
        let lists = Match::route(RouteKind::Reactions).of_emoji(emoji).always();
        sandbox.sim.faults().when(lists, FaultKind::Status(500, BodyKind::Html));
    }
    sync(&sandbox, 0);
    sync(&sandbox, 0);
    assert_eq!(archived_reactors(&sandbox), 2);
    assert_recovers(&sandbox);
}

#[test]
fn repeated_reactor_does_not_complete_the_list() {
    let (sandbox, ..) = sandbox_with_reactors(3);
    let same_user = FaultKind::Set("id".to_owned(), serde_json::json!("1000000000000000007"));
    sandbox.sim.faults().when(Match::route(RouteKind::Reactions).of_emoji("🦀").always(), same_user);
    sandbox.run(&["start"]);
    let unread = "SELECT count(*) FROM reaction_count_log WHERE emoji = '🦀' AND users_read_at IS NULL";
    assert_eq!(sandbox.count(unread), 1);
}
