//! Threads that listings omit, and thread listings that don't end.

use discord_sim::{ChannelKind, FaultKind, Match, RouteKind, ThreadPlan};

use super::*;

fn sandbox_with_threads(archived: u32) -> Sandbox {
    let threads = ThreadPlan { archived, messages: 2, ..ThreadPlan::default() };
    let chat = ChannelDescription { threads, ..ChannelDescription::text("chat", 20) };
    sandbox(vec![chat, ChannelDescription::text("other", 3)])
}

fn thread_count(sandbox: &Sandbox) -> i64 {
    sandbox.count("SELECT count(*) FROM channels WHERE kind = 'public_thread'")
}

#[test]
fn thread_known_only_from_a_message_is_archived() {
    let sandbox = sandbox_with_threads(0);
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
    assert_eq!(thread_count(&sandbox), 2);
    assert_matches_world(&sandbox);
    let starters = sandbox.rows("SELECT starter_message_id FROM thread_log ORDER BY thread");
    assert_eq!(starters.iter().filter(|starter| starter.contains("Null")).count(), 1, "{starters:?}");
    let channel_requests = || sandbox.sim.journal().count(RouteKind::Channel);
    let before = channel_requests();
    world.advance(HOUR);
    sync(&sandbox, 0);
    assert!(channel_requests() <= before + 2, "known threads are not requested again");
}

#[test]
fn post_known_only_from_its_forum_is_archived() {
    let sandbox = sandbox(vec![ChannelDescription::new(ChannelKind::Forum, "forum")]);
    let world = sandbox.sim.world();
    let post = world.start_thread(channel(&sandbox, "forum"), None, "post", 2).unwrap();
    world.archive(post);
    world.unlist_thread(post);
    sync(&sandbox, 0);
    assert_matches_world(&sandbox);
}

#[test]
fn thread_listing_with_repeated_or_empty_pages_is_incomplete() {
    for answer in [FaultKind::Repeat, FaultKind::Empty] {
        let sandbox = sandbox_with_threads(150);
        let listing = Match::route(RouteKind::ArchivedPublicThreads);
        let pages = Match { channel: Some(channel(&sandbox, "chat")), ..listing }.after(1).always();
        sandbox.sim.faults().when(pages, answer.clone());
        let ran = sandbox.run(&["start"]);
        assert!(thread_count(&sandbox) < 150, "{answer:?}");
        assert_eq!(ran.code, 3, "{answer:?}: {}", ran.stdout);
        assert!(findings(&sandbox).contains(&"listing_incomplete".to_owned()), "{answer:?}");
        assert_recovers(&sandbox);
        assert!(findings(&sandbox).is_empty(), "{answer:?}");
        assert_eq!(thread_count(&sandbox), 150);
    }
}

#[test]
fn active_threads_omitted_from_the_listing_stay_active() {
    let plan = ThreadPlan { active: 3, messages: 2, ..ThreadPlan::default() };
    let chat = ChannelDescription { threads: plan, ..ChannelDescription::text("chat", 20) };
    let sandbox = sandbox(vec![chat]);
    sync(&sandbox, 0);
    let truth = sandbox.sim.world().truth(GUILD);
    let thread = truth.iter().find(|channel| channel.name != "chat").unwrap().id;
    sandbox.sim.world().append(thread, 4);
    sandbox.sim.faults().when(Match::route(RouteKind::ActiveThreads).always(), FaultKind::Empty);
    sync(&sandbox, 0);
    assert_eq!(sandbox.count("SELECT count(*) FROM channels WHERE state <> 'active'"), 0);
    assert_matches_world(&sandbox);
}
