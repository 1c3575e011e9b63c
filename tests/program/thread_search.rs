//! Archived threads that are found with the server's own search: a hint that may lag, leave
//! messages out and be wrong.

use std::time::Duration;

use fastrand::Rng;

use crate::seeds;
use crate::util::Sandbox;
use crate::util::truth::assert_archived;
use discord_sim::{
    BodyKind, ChannelDescription, ChannelKind, Description, FaultKind, Match, RouteKind, ThreadPlan, World,
};
use serde_json::json;

const GUILD: u64 = 77_000_000_000_000_001;
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Parents of three archived threads each. More than a search has pages, so that searching
/// is worth it.
const PARENTS: usize = 8;
/// Rounds of changes and a sync.
const ROUNDS: usize = 10;

fn sandbox() -> Sandbox {
    let kinds = [ChannelKind::Text, ChannelKind::Forum, ChannelKind::Announcement, ChannelKind::Text];
    let parents = (0..PARENTS).map(|index| ChannelDescription {
        messages: if kinds[index % 4] == ChannelKind::Forum { 0 } else { 3 },
        threads: ThreadPlan { archived: 3, messages: 2, ..ThreadPlan::default() },
        ..ChannelDescription::new(kinds[index % 4], &format!("parent-{index}"))
    });
    let sandbox = Sandbox::with_config(
        World::new(&Description::of_channels(GUILD, parents.collect())),
        "[sync]\nreactions = \"counts\"\nretry_base_delay = \"10ms\"",
    );
    // The second sync knows that no thread is new.
    for _ in 0..2 {
        sandbox.run(&["start"]).expect_code(0);
        sandbox.sim.world().advance(25 * HOUR);
    }
    sandbox.run(&["start"]).expect_code(0);
    sandbox
}

fn parents(world: &World) -> Vec<u64> {
    (0..PARENTS).map(|index| world.channel_named(GUILD, &format!("parent-{index}")).unwrap()).collect()
}

/// Reopens a thread with a message, and archives it again.
fn write_in_archived(world: &World, thread: u64) {
    world.unarchive(thread);
    world.append(thread, 1);
    world.archive(thread);
}

/// The requests of one kind that `change` and a sync cause.
fn requests(sandbox: &Sandbox, route: RouteKind, code: i32) -> usize {
    let before = sandbox.sim.journal().len();
    sandbox.run(&["start"]).expect_code(code);
    let entries = sandbox.sim.journal().entries();
    entries[before..].iter().filter(|entry| entry.route == Some(route)).count()
}

fn assert_matches_world(sandbox: &Sandbox) {
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

/// One change that a search can find: a message in a thread that is archived again, in an old
/// or a new thread; or one that it can't: a thread reopened or archived without a message.
fn change(world: &World, rng: &mut Rng) {
    let parent = rng.choice(parents(world)).unwrap();
    let threads = world.threads_of(parent);
    let thread = *rng.choice(&threads).unwrap();
    match rng.u8(..6) {
        0..3 => write_in_archived(world, thread),
        3 => {
            let new = world.create_thread(parent, "new", None).unwrap();
            world.append(new, rng.u64(1..4));
            world.archive(new);
        }
        4 => drop(world.unarchive(thread)),
        _ => drop(world.archive(thread)),
    }
}

#[test]
fn lateness_of_an_hour_hides_no_message() {
    let seeds = seeds::requested("SEARCH_SEED", "SEARCHES", 4);
    let failures = seeds::failures(&seeds, false, |seed| -> Result<(), ()> {
        let (sandbox, mut rng) = (sandbox(), Rng::with_seed(seed));
        let world = sandbox.sim.world();
        let mut searches = 0;
        for _ in 0..ROUNDS {
            world.set_search_delay(MINUTE * rng.u32(..60));
            for _ in 0..rng.usize(..4) {
                change(world, &mut rng);
                world.advance(MINUTE * rng.u32(..20));
            }
            // At once, when the index doesn't have everything yet, or when it does.
            let is_indexed = rng.bool();
            world.advance(if is_indexed { HOUR } else { MINUTE });
            searches += requests(&sandbox, RouteKind::GuildSearch, 0);
            if is_indexed {
                assert_matches_world(&sandbox);
            }
        }
        world.advance(HOUR);
        searches += requests(&sandbox, RouteKind::GuildSearch, 0);
        assert_matches_world(&sandbox);
        assert!(searches > ROUNDS / 2, "{searches} searches");
        Ok(())
    });
    assert!(failures.is_empty(), "{failures:?}");
}

/// A search that is short, wrong, unavailable, or all of it in turn.
fn lie(rng: &mut Rng, world: &World) -> FaultKind {
    let other = rng.choice(parents(world)).unwrap();
    let message = |channel: &str| json!([{ "channel_id": channel }]);
    let results = |messages: &serde_json::Value, total: u64| json!({ "messages": messages, "total_results": total, "doing_deep_historical_index": false });
    match rng.u8(..12) {
        0 => FaultKind::Empty,
        1 => FaultKind::Keep(rng.usize(..3)),
        2 => FaultKind::Body(results(&json!([]), 0)),
        3 => FaultKind::Body(results(&json!([message(&other.to_string())]), 1)),
        4 => FaultKind::Body(results(&json!([message("123456789")]), 1)),
        5 => FaultKind::Body(results(&json!([]), 100_000)),
        6 => FaultKind::Set("doing_deep_historical_index".to_owned(), json!(true)),
        7 => FaultKind::Set("threads".to_owned(), json!([{ "id": "1", "parent_id": other.to_string() }])),
        8 => FaultKind::Status(202, BodyKind::Json(110_000)),
        9 => FaultKind::Status(403, BodyKind::Json(50_001)),
        10 => FaultKind::Status(500, BodyKind::Html),
        _ => FaultKind::NullBody,
    }
}

#[test]
fn a_search_that_lies_hides_nothing_beyond_the_daily_listing() {
    let seeds = seeds::requested("SEARCH_SEED", "SEARCHES", 4);
    let failures = seeds::failures(&seeds, false, |seed| -> Result<(), ()> {
        let (sandbox, mut rng) = (sandbox(), Rng::with_seed(seed));
        let world = sandbox.sim.world();
        let mut searches = 0;
        for _ in 0..ROUNDS {
            for _ in 0..rng.usize(..4) {
                change(world, &mut rng);
                world.advance(MINUTE * rng.u32(..20));
            }
            sandbox.sim.faults().when(Match::route(RouteKind::GuildSearch).always(), lie(&mut rng, world));
            searches += requests(&sandbox, RouteKind::GuildSearch, 0);
            sandbox.sim.faults().clear();
        }
        world.advance(25 * HOUR);
        sandbox.run(&["start"]).expect_code(0);
        assert_matches_world(&sandbox);
        assert!(searches > ROUNDS / 2, "{searches} searches");
        Ok(())
    });
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn a_search_that_cannot_be_had_is_not_repeated_and_everything_is_listed() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    for fault in [
        FaultKind::Status(202, BodyKind::Json(110_000)),
        FaultKind::Status(403, BodyKind::Json(50_013)),
        FaultKind::Status(404, BodyKind::Json(0)),
        FaultKind::Status(503, BodyKind::Empty),
        FaultKind::ResetAfterHeaders,
        FaultKind::InvalidJson,
    ] {
        world.advance(HOUR);
        write_in_archived(world, world.threads_of(parents(world)[1])[0]);
        sandbox.sim.faults().when(Match::route(RouteKind::GuildSearch).always(), fault.clone());
        let before = sandbox.sim.journal().len();
        let listings = requests(&sandbox, RouteKind::ArchivedPublicThreads, 0);
        let entries = sandbox.sim.journal().entries();
        let searches =
            entries[before..].iter().filter(|entry| entry.route == Some(RouteKind::GuildSearch)).count();
        assert_eq!((searches, listings), (1, PARENTS), "{fault:?}");
        assert_matches_world(&sandbox);
        sandbox.sim.faults().clear();
    }
}

#[test]
fn server_search_false_lists_everything() {
    let sandbox = sandbox();
    sandbox.write_config("[sync]\nreactions = \"counts\"\nserver_search = false");
    sandbox.sim.world().advance(HOUR);
    let before = sandbox.sim.journal().len();
    assert_eq!(requests(&sandbox, RouteKind::ArchivedPublicThreads, 0), PARENTS);
    let entries = sandbox.sim.journal().entries();
    assert!(!entries[before..].iter().any(|entry| entry.route == Some(RouteKind::GuildSearch)));
}

#[test]
fn a_thread_that_could_not_be_read_is_found_again() {
    for fault in [FaultKind::Status(403, BodyKind::Json(50_001)), FaultKind::Status(503, BodyKind::Empty)] {
        assert_found_again_after(fault);
    }
}

fn assert_found_again_after(fault: FaultKind) {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    let thread = world.threads_of(parents(world)[2])[1];
    world.advance(HOUR);
    write_in_archived(world, thread);
    // Beyond the overlap of two searches.
    world.advance(2 * HOUR);
    sandbox
        .sim
        .faults()
        .when(Match { channel: Some(thread), ..Match::route(RouteKind::Messages) }.always(), fault);
    sandbox.run(&["start"]).expect_code(3);
    sandbox.sim.faults().clear();
    // By now the search begins after the message.
    for _ in 0..2 {
        world.advance(2 * HOUR);
        sandbox.run(&["start"]).expect_code(0);
    }
    assert_matches_world(&sandbox);
}

#[test]
fn what_a_run_of_some_channels_leaves_out_is_found_by_the_next_whole_one() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    world.advance(HOUR);
    write_in_archived(world, world.threads_of(parents(world)[3])[1]);
    world.advance(HOUR);
    sandbox.run(&["start", "--channel", &parents(world)[0].to_string()]).expect_code(0);
    world.advance(3 * HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_matches_world(&sandbox);
}

#[test]
fn what_only_the_daily_listing_found_is_not_lost_by_a_run_that_does_not_read_it() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    world.advance(HOUR);
    write_in_archived(world, world.threads_of(parents(world)[3])[1]);
    sandbox.sim.faults().when(Match::route(RouteKind::GuildSearch).always(), FaultKind::Empty);
    world.advance(3 * HOUR);
    sandbox.run(&["start"]).expect_code(0);
    world.advance(25 * HOUR);
    // The listing is complete, but nothing that it finds is read.
    sandbox.run(&["start", "--channel", &parents(world)[0].to_string()]).expect_code(0);
    world.advance(2 * HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_matches_world(&sandbox);
}

#[test]
fn threads_of_a_channel_that_was_excluded_are_found() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    let config = std::fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("sync.toml", &format!("{config}exclude_channels = [\"parent-3\"]\n"));
    world.advance(HOUR);
    write_in_archived(world, world.threads_of(parents(world)[3])[1]);
    world.advance(3 * HOUR);
    sandbox.run(&["start"]).expect_code(0);
    sandbox.write("sync.toml", &config);
    world.advance(2 * HOUR);
    sandbox.run(&["start"]).expect_code(0);
    assert_matches_world(&sandbox);
}

#[test]
fn plan_searches_too_and_age_restricted_channels_are_searched() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    for parent in parents(world) {
        world.set_nsfw(parent);
    }
    world.advance(HOUR);
    write_in_archived(world, world.threads_of(parents(world)[5])[2]);
    let before = sandbox.sim.journal().len();
    sandbox.run(&["plan"]).expect_code(0);
    let planned = sandbox.sim.journal().len() - before;
    let of = |route| {
        let entries = sandbox.sim.journal().entries();
        entries[before..].iter().filter(|entry| entry.route == Some(route)).count()
    };
    assert_eq!((of(RouteKind::GuildSearch), of(RouteKind::ArchivedPublicThreads)), (1, 1), "{planned}");
    sandbox.run(&["start"]).expect_code(0);
    assert_matches_world(&sandbox);
}
