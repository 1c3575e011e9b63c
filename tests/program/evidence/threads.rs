//! Threads that no listing names, and listings that don't end.

use discord_sim::{ChannelKind, Match, RouteKind, ThreadPlan, What};

use super::*;

fn with_threads(archived: u32) -> Sandbox {
    let threads = ThreadPlan { archived, messages: 2, ..ThreadPlan::default() };
    let chat = ChannelDescription { threads, ..ChannelDescription::text("chat", 20) };
    sandbox(vec![chat, ChannelDescription::text("other", 3)])
}

fn threads(sandbox: &Sandbox) -> i64 {
    sandbox.count("SELECT count(*) FROM channels WHERE kind = 'public_thread'")
}

#[test]
fn a_thread_that_only_its_message_names_is_archived() {
    let sandbox = with_threads(0);
    let world = sandbox.sim.world();
    let chat = channel(&sandbox, "chat");
    let starter = world.append(chat, 1)[0];
    let from_message = world.start_thread(chat, Some(starter), "from a message", 3).unwrap();
    let by_itself = world.start_thread(chat, None, "by itself", 4).unwrap();
    for thread in [from_message, by_itself] {
        world.archive(thread);
        world.unlist_thread(thread);
    }
    sync(&sandbox, 0);
    assert_eq!(threads(&sandbox), 2);
    is_true(&sandbox);
    let starters = sandbox.rows("SELECT starter_message_id FROM thread_log ORDER BY thread");
    assert_eq!(starters.iter().filter(|starter| starter.contains("Null")).count(), 1, "{starters:?}");
    let asked = || sandbox.sim.journal().count(RouteKind::Channel);
    let before = asked();
    world.advance(HOUR);
    sync(&sandbox, 0);
    assert!(asked() <= before + 2, "what was found isn't looked for again and again");
}

#[test]
fn a_post_that_only_its_forum_hints_at_is_archived() {
    let sandbox = sandbox(vec![ChannelDescription::new(ChannelKind::Forum, "forum")]);
    let world = sandbox.sim.world();
    let post = world.start_thread(channel(&sandbox, "forum"), None, "post", 2).unwrap();
    world.archive(post);
    world.unlist_thread(post);
    sync(&sandbox, 0);
    is_true(&sandbox);
}

#[test]
fn a_listing_that_goes_on_with_nothing_is_incomplete_until_it_is_whole() {
    for lie in [What::Repeat, What::Empty] {
        let sandbox = with_threads(150);
        let listing = Match::route(RouteKind::ArchivedPublicThreads);
        let pages = Match { channel: Some(channel(&sandbox, "chat")), ..listing }.after(1).always();
        sandbox.sim.faults().when(pages, lie.clone());
        let told = sandbox.run(&["start"]);
        assert!(threads(&sandbox) < 150, "{lie:?}");
        assert_eq!(told.code, 3, "{lie:?}: {}", told.stdout);
        assert!(findings(&sandbox).contains(&"listing_incomplete".to_owned()), "{lie:?}");
        heals(&sandbox);
        assert!(findings(&sandbox).is_empty(), "{lie:?}");
        assert_eq!(threads(&sandbox), 150);
    }
}

#[test]
fn active_threads_that_the_listing_leaves_out_are_still_there() {
    let plan = ThreadPlan { active: 3, messages: 2, ..ThreadPlan::default() };
    let chat = ChannelDescription { threads: plan, ..ChannelDescription::text("chat", 20) };
    let sandbox = sandbox(vec![chat]);
    sync(&sandbox, 0);
    let truth = sandbox.sim.world().truth(GUILD);
    let thread = truth.iter().find(|channel| channel.name != "chat").unwrap().id;
    sandbox.sim.world().append(thread, 4);
    sandbox.sim.faults().when(Match::route(RouteKind::ActiveThreads).always(), What::Empty);
    sync(&sandbox, 0);
    assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE state <> 'active'"), 0);
    is_true(&sandbox);
}
