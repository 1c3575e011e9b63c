//! Threads between two syncs, and what a sync costs when nothing changed.

use std::time::Duration;

use crate::util::Sandbox;
use crate::util::truth::assert_archived;
use discord_sim::{
    BodyKind, ChannelDescription, ChannelKind, Description, Match, RouteKind, ThreadPlan, What, World,
};

const GUILD: u64 = 77_000_000_000_000_001;
const HOUR: Duration = Duration::from_hours(1);

fn sandbox(channels: Vec<ChannelDescription>) -> Sandbox {
    Sandbox::with_config(
        World::new(&Description::of_channels(GUILD, channels)),
        "[sync]\nreactions = \"counts\"",
    )
}

fn with_threads(kind: ChannelKind, name: &str, messages: u64, threads: ThreadPlan) -> ChannelDescription {
    ChannelDescription { messages, threads, ..ChannelDescription::new(kind, name) }
}

fn sync(sandbox: &Sandbox) -> usize {
    let before = sandbox.sim.journal().entries().len();
    sandbox.run(&["start"]).expect_code(0);
    sandbox.sim.journal().entries().len() - before
}

fn check(sandbox: &Sandbox) {
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

fn channel(sandbox: &Sandbox, name: &str) -> u64 {
    sandbox.sim.world().truth(GUILD).iter().find(|channel| channel.name == name).unwrap().id
}

#[test]
fn a_server_where_nothing_changed_costs_a_handful_of_requests() {
    let channels = (0..500).map(|index| {
        let archived = u32::from(index < 300);
        let threads = ThreadPlan { archived, messages: 1, ..Default::default() };
        with_threads(ChannelKind::Text, &format!("room-{index}"), 1, threads)
    });
    let sandbox = sandbox(channels.collect());
    sync(&sandbox);
    let world = sandbox.sim.world();
    for _ in 0..2 {
        world.advance(25 * HOUR);
        sync(&sandbox);
    }
    world.advance(2 * HOUR);
    let quiet = sync(&sandbox);
    assert!(quiet <= 5 + 300, "{quiet} requests where nothing changed");
    for index in [3, 100, 299, 300, 499] {
        world.append(channel(&sandbox, &format!("room-{index}")), 1);
    }
    world.advance(2 * HOUR);
    let five = sync(&sandbox);
    assert!(five <= quiet + 10, "{five} requests for five changed channels");
    check(&sandbox);
}

#[test]
fn a_thread_that_lived_and_was_archived_between_two_syncs_is_found() {
    let sandbox = sandbox(vec![
        with_threads(
            ChannelKind::Text,
            "talk",
            30,
            ThreadPlan { archived: 2, messages: 3, ..Default::default() },
        ),
        with_threads(ChannelKind::Text, "fresh", 30, ThreadPlan::default()),
        with_threads(ChannelKind::Forum, "forum", 0, ThreadPlan::default()),
        with_threads(ChannelKind::Text, "silent", 5, ThreadPlan::default()),
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
    check(&sandbox);
    // Nothing in the parent tells of this one.
    let hidden = world.create_thread(channel(&sandbox, "silent"), "no sign of it", None).unwrap();
    world.append(hidden, 2);
    world.archive(hidden);
    world.advance(25 * HOUR);
    sync(&sandbox);
    check(&sandbox);
}

#[test]
fn threads_that_are_opened_and_archived_again_are_read_again() {
    let sandbox = sandbox(vec![with_threads(
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
    // The oldest comes back above all others; an active one goes away with a last word.
    world.unarchive(old[0]);
    world.append(old[0], 1);
    world.archive(old[0]);
    world.append(active[0], 1);
    world.archive(active[0]);
    world.advance(HOUR);
    sync(&sandbox);
    check(&sandbox);
    world.unarchive(old[50]);
    world.append(old[50], 1);
    world.advance(HOUR);
    sync(&sandbox);
    check(&sandbox);
    let states = sandbox.count("SELECT count(*) FROM thread_log WHERE archived = 0");
    assert_eq!(states, i64::try_from(threads(false).len()).unwrap());
}

#[test]
fn threads_of_one_archive_time_are_all_found_at_the_edge_of_a_page() {
    for tied in [2, 90, 130, 250] {
        let threads = ThreadPlan { archived: 260, messages: 1, tied, ..Default::default() };
        let sandbox = sandbox(vec![with_threads(ChannelKind::Forum, "forum", 0, threads)]);
        sandbox.run(&["start"]);
        let found = sandbox.count("SELECT count(*) FROM thread_log");
        // A whole page of one time hides what lies behind it; the parent says so.
        let is_certain = tied < 100;
        assert!(!is_certain || found == 260, "{tied} tied: {found} found");
        let marked = sandbox.count("SELECT count(*) FROM sync_progress WHERE threads_incomplete = 1");
        assert_eq!(marked, i64::from(!is_certain && found < 260), "{tied} tied, {found} found");
    }
}

#[test]
fn a_listing_that_fails_marks_its_parent_and_concludes_nothing() {
    let sandbox = sandbox(vec![
        with_threads(
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
    let refused = What::Status(400, BodyKind::Json(50_035));
    sandbox.sim.faults().when(Match::route(RouteKind::ArchivedPublicThreads).always(), refused.clone());
    sandbox.run(&["start"]);
    let gone = "SELECT count(*) FROM thread_log WHERE state <> 'active'";
    assert_eq!(sandbox.count(gone), 0);
    sandbox.sim.faults().clear();
    let forbidden = What::Status(403, BodyKind::Json(50_001));
    sandbox.sim.faults().when(Match::route(RouteKind::ArchivedPublicThreads).always(), forbidden);
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert!(ran.stdout.contains("archived threads"), "{}", ran.stdout);
    assert_eq!(sandbox.count(gone), 0);
    sandbox.sim.faults().clear();
    sync(&sandbox);
    check(&sandbox);
}
