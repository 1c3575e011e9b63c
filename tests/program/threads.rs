//! Threads that change between two syncs, and the requests that an unchanged server
//! costs.

use std::time::Duration;

use crate::util::Sandbox;
use crate::util::truth::assert_archived;
use discord_sim::{
    BodyKind, ChannelDescription, ChannelKind, Description, FaultKind, Match, RouteKind, ThreadPlan, World,
};

const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);

fn sandbox(channels: Vec<ChannelDescription>) -> Sandbox {
    Sandbox::with_config(
        World::new(&Description::of_channels(GUILD, channels)),
        "[sync]\nreactions = \"counts\"",
    )
}

fn channel_with_threads(
    kind: ChannelKind,
    name: &str,
    messages: u64,
    threads: ThreadPlan,
) -> ChannelDescription {
    ChannelDescription { messages, threads, ..ChannelDescription::new(kind, name) }
}

/// Runs `start`, and returns the number of requests that it sent.
fn sync(sandbox: &Sandbox) -> usize {
    let before = sandbox.sim.journal().entries().len();
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.journal().entries().len() - before
}

fn assert_matches_world(sandbox: &Sandbox) {
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

fn channel(sandbox: &Sandbox, name: &str) -> u64 {
    sandbox.sim.world().truth(GUILD).iter().find(|channel| channel.name == name).unwrap().id
}

#[test]
fn unchanged_server_costs_few_requests() {
    let channels = (0..500).map(|index| {
        let archived = u32::from(index < 300);
        let threads = ThreadPlan { archived, messages: 1, ..Default::default() };
        channel_with_threads(ChannelKind::Text, &format!("room-{index}"), 1, threads)
    });
    let sandbox = sandbox(channels.collect());
    sync(&sandbox);
    let world = sandbox.sim.world();
    for _ in 0..2 {
        world.advance(25 * HOUR);
        sync(&sandbox);
    }
    // One request of a run is about the bot, however many servers there are.
    world.advance(2 * HOUR);
    let unchanged = sync(&sandbox) - 1;
    assert!(unchanged <= 5, "{unchanged} requests for an unchanged server");
    for index in [3, 100, 299, 300, 499] {
        world.append(channel(&sandbox, &format!("room-{index}")), 1);
    }
    world.advance(2 * HOUR);
    let five_channels = sync(&sandbox) - 1;
    assert!(five_channels <= 10, "{five_channels} requests for five changed channels");
    assert_matches_world(&sandbox);
    world.advance(25 * HOUR);
    sync(&sandbox);
    world.advance(2 * HOUR);
    for index in [3, 100, 200, 298, 299] {
        write_in_archived(world, world.threads_of(channel(&sandbox, &format!("room-{index}")))[0]);
    }
    world.advance(HOUR);
    let five_threads = sync(&sandbox) - 1;
    assert!(five_threads <= 15, "{five_threads} requests for five changed threads");
    assert_matches_world(&sandbox);
}

/// Reopens an archived thread with a message, and archives it again.
fn write_in_archived(world: &World, thread: u64) {
    world.unarchive(thread);
    world.append(thread, 1);
    world.archive(thread);
}

#[test]
fn thread_created_and_archived_between_two_syncs_is_found() {
    let sandbox = sandbox(vec![
        channel_with_threads(
            ChannelKind::Text,
            "talk",
            30,
            ThreadPlan { archived: 2, messages: 3, ..Default::default() },
        ),
        channel_with_threads(ChannelKind::Text, "fresh", 30, ThreadPlan::default()),
        channel_with_threads(ChannelKind::Forum, "forum", 0, ThreadPlan::default()),
        channel_with_threads(ChannelKind::Text, "silent", 5, ThreadPlan::default()),
    ]);
    sync(&sandbox);
    let world = sandbox.sim.world();
    world.advance(2 * HOUR);
    sync(&sandbox);
    for parent in ["talk", "fresh", "forum"] {
        let parent = channel(&sandbox, parent);
        let starter = world.append(parent, 1).first().copied();
        let thread = world.create_thread(parent, "short-lived", starter).unwrap();
        world.append(thread, 4);
        world.advance(Duration::from_mins(5));
        world.archive(thread);
    }
    world.advance(HOUR);
    sync(&sandbox);
    assert_matches_world(&sandbox);
    // Nothing in the parent indicates this thread.
    let hidden = world.create_thread(channel(&sandbox, "silent"), "no sign of it", None).unwrap();
    world.append(hidden, 2);
    world.archive(hidden);
    world.advance(25 * HOUR);
    sync(&sandbox);
    assert_matches_world(&sandbox);
}

#[test]
fn reopened_threads_are_read_again() {
    let sandbox = sandbox(vec![channel_with_threads(
        ChannelKind::Text,
        "talk",
        30,
        ThreadPlan { active: 2, archived: 120, messages: 2, ..Default::default() },
    )]);
    sync(&sandbox);
    let world = sandbox.sim.world();
    let threads = |archived: bool| -> Vec<u64> {
        let truth = world.truth(GUILD);
        truth
            .iter()
            .filter(|thread| thread.is_thread && thread.archived == archived)
            .map(|thread| thread.id)
            .collect()
    };
    let (old, active) = (threads(true), threads(false));
    world.advance(3 * HOUR);
    // The oldest archived thread moves to the top of the listing; an active one is
    // archived after a last message.
    world.unarchive(old[0]);
    world.append(old[0], 1);
    world.archive(old[0]);
    world.append(active[0], 1);
    world.archive(active[0]);
    world.advance(HOUR);
    sync(&sandbox);
    assert_matches_world(&sandbox);
    world.unarchive(old[50]);
    world.append(old[50], 1);
    world.advance(HOUR);
    sync(&sandbox);
    assert_matches_world(&sandbox);
    let states = sandbox.count("SELECT count(*) FROM thread_log WHERE archived = 0");
    assert_eq!(states, i64::try_from(threads(false).len()).unwrap());
}

#[test]
fn threads_with_equal_archive_times_are_found_across_pages() {
    for tied in [2, 90, 130, 250] {
        let threads = ThreadPlan { archived: 260, messages: 1, tied, ..Default::default() };
        let sandbox = sandbox(vec![channel_with_threads(ChannelKind::Forum, "forum", 0, threads)]);
        sandbox.run(&["start"]);
        let found = sandbox.count("SELECT count(*) FROM thread_log");
        // A full page of equal archive times hides later threads; the parent is marked.
        let is_certain = tied < 100;
        assert!(!is_certain || found == 260, "{tied} tied: {found} found");
        let marked = sandbox.count("SELECT count(*) FROM sync_progress WHERE threads_incomplete = 1");
        assert_eq!(marked, i64::from(!is_certain && found < 260), "{tied} tied, {found} found");
    }
}

#[test]
fn failed_thread_listing_is_reported_and_changes_no_thread() {
    let sandbox = sandbox(vec![
        channel_with_threads(
            ChannelKind::Forum,
            "forum",
            0,
            ThreadPlan { archived: 5, messages: 2, ..Default::default() },
        ),
        ChannelDescription::text("talk", 10),
    ]);
    sync(&sandbox);
    let world = sandbox.sim.world();
    world.advance(HOUR);
    let refused = FaultKind::Status(400, BodyKind::Json(50_035));
    sandbox.sim.faults().when(Match::route(RouteKind::ArchivedPublicThreads).always(), refused.clone());
    sandbox.run(&["start"]);
    let inactive = "SELECT count(*) FROM thread_log WHERE state <> 'active'";
    assert_eq!(sandbox.count(inactive), 0);
    sandbox.sim.faults().clear();
    let forbidden = FaultKind::Status(403, BodyKind::Json(50_001));
    sandbox.sim.faults().when(Match::route(RouteKind::ArchivedPublicThreads).always(), forbidden);
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert!(ran.stdout.contains("archived threads"), "{}", ran.stdout);
    assert_eq!(sandbox.count(inactive), 0);
    sandbox.sim.faults().clear();
    sync(&sandbox);
    assert_matches_world(&sandbox);
}
