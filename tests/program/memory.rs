//! The most memory that a sync takes, whatever Discord answers and however much
//! there is.

use std::fs;
use std::process::Child;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::util::truth::assert_archived;
use crate::util::{Ran, Sandbox, ended, send, wait_until};
use discord_sim::hostile::{Filling, answer};
use discord_sim::{
    ChannelDescription, Description, GuildDescription, Match, Mix, RouteKind, ThreadPlan, What, World,
};
use rustix::process::Signal;

const GUILD: u64 = 77_000_000_000_000_001;
const MIB: u64 = 1 << 20;
/// What no answer makes a sync exceed, bytes.
const MOST: u64 = 128 * MIB;
/// Bytes that a thread may take until it is read, between two numbers of threads where
/// the database's own cache fills and tables are doubled: 700 of them are the thread's,
/// for which 64 MiB are enough for 50,000.
const THREAD_BYTES: u64 = 1500;
/// Bytes of a hostile answer, below what is read of any.
const ANSWER_BYTES: usize = 7 << 20;
/// Bytes in one item of it, below what an item may have.
const ITEM_BYTES: usize = 1_000_000;
/// Requests that are in flight at once, so that as many answers are held at once.
const WORKERS: u32 = 10;
/// A sync that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(2);
/// Answers come at once or never.
const CONFIG: &str = "[sync]\nreactions = \"users\"\nmax_retries = 0\nrequest_timeout = \"1m\"";

/// The most memory that a process has had by now, bytes.
fn peak(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// How a sync ended, and the most memory that it had. One that has more than it may,
/// or hangs, is killed.
#[track_caller]
fn sync(sandbox: &Sandbox, most: u64) -> (Ran, u64) {
    let mut child = sandbox.spawn(&["start"]);
    let (begin, mut bytes) = (Instant::now(), 0);
    while child.try_wait().unwrap().is_none() {
        bytes = bytes.max(peak(&child).unwrap_or(0));
        if bytes > most || begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{} MiB after {:.1} s", bytes / MIB, begin.elapsed().as_secs_f64());
        }
        sleep(Duration::from_millis(1));
    }
    assert!(bytes > MIB, "it was measured");
    (ended(child), bytes)
}

/// Text channels that people react in, each with an archived thread.
fn community(channels: u32) -> Sandbox {
    let channel = |number| ChannelDescription {
        mix: Mix::Chat,
        threads: ThreadPlan { archived: 1, messages: 1, ..ThreadPlan::default() },
        ..ChannelDescription::text(&format!("chat-{number}"), 50)
    };
    let channels = (0..channels).map(channel).collect();
    Sandbox::with_config(World::new(&Description::of_channels(GUILD, channels)), CONFIG)
}

fn chat(sandbox: &Sandbox, number: usize) -> u64 {
    sandbox.sim.world().channel_named(GUILD, &format!("chat-{number}")).unwrap()
}

fn hostile(route: RouteKind, filling: Filling, id: u64) -> Vec<u8> {
    answer(route, filling, id, ANSWER_BYTES, ITEM_BYTES)
}

/// Each kind at once, from all that ask at a time.
#[test]
fn hostile_pages_of_messages_cost_their_channels_alone() {
    let sandbox = community(12);
    for (number, filling) in Filling::ALL.into_iter().enumerate() {
        let body = hostile(RouteKind::Messages, filling, GUILD);
        let what = if number % 2 == 0 { What::packed(&body) } else { What::Bytes(body.into()) };
        sandbox.sim.faults().when(Match::page_of(chat(&sandbox, number)).always(), what);
    }
    let (ran, _) = sync(&sandbox, MOST);
    ran.expect_code(3);
    let others = "SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id
                   WHERE c.name IN ('chat-8', 'chat-9', 'chat-10', 'chat-11')";
    assert_eq!(sandbox.count(others), 200);
}

/// Asserts that none of the answers that a route can be filled with fills the memory.
#[track_caller]
fn assert_bounded(route: RouteKind) {
    for filling in Filling::ALL {
        let sandbox = community(3);
        let is_of_channel = matches!(route, RouteKind::ArchivedPublicThreads | RouteKind::Channel);
        let id = if is_of_channel { chat(&sandbox, 0) } else { GUILD };
        let body: Arc<[u8]> = hostile(route, filling, id).into();
        prepare(&sandbox, route);
        let fault = sandbox.sim.faults().when(Match::route(route).times(WORKERS), What::Bytes(body));
        let (ran, _) = sync(&sandbox, MOST);
        assert!(sandbox.sim.faults().fired(fault) > 0, "{filling:?}: {route:?} was not asked for");
        assert!(matches!(ran.code, 0..=3), "{filling:?}: {}{}", ran.stdout, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{filling:?}: {}", ran.stderr);
    }
}

/// Sees to it that a route is asked for.
fn prepare(sandbox: &Sandbox, route: RouteKind) {
    let faults = sandbox.sim.faults();
    match route {
        // A server that comes with its roles needs no second question.
        RouteKind::GuildRoles => {
            let without = What::Set("roles".to_owned(), serde_json::Value::Null);
            faults.when(Match::route(RouteKind::Guild).always(), without);
        }
        // A channel is asked for by itself if a listing leaves it out.
        RouteKind::Channel => {
            sandbox.run(&["start"]).expect_code(0);
            let left_out = What::Omit(vec![chat(sandbox, 0)]);
            faults.when(Match::route(RouteKind::GuildChannels).always(), left_out);
        }
        _ => {}
    }
}

#[test]
fn hostile_servers_and_roles_are_bounded() {
    assert_bounded(RouteKind::Guild);
    assert_bounded(RouteKind::GuildRoles);
}

#[test]
fn hostile_answers_for_a_channel_are_bounded() {
    assert_bounded(RouteKind::Channel);
}

#[test]
fn hostile_channels_are_bounded() {
    assert_bounded(RouteKind::GuildChannels);
}

#[test]
fn hostile_active_threads_are_bounded() {
    assert_bounded(RouteKind::ActiveThreads);
}

#[test]
fn hostile_archived_threads_are_bounded() {
    assert_bounded(RouteKind::ArchivedPublicThreads);
}

#[test]
fn hostile_reactors_are_bounded() {
    assert_bounded(RouteKind::Reactions);
}

#[test]
fn a_list_of_reactors_that_never_ends_is_left_with_what_it_brought() {
    let sandbox = community(2);
    sandbox.sim.faults().when(Match::route(RouteKind::Reactions).always(), What::Endless);
    sync(&sandbox, MOST);
    let attempts = sandbox.count("SELECT count(*) FROM reaction_attempts");
    assert!(attempts > 0, "they are asked for again");
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM message_reaction_counts WHERE users_due = 1"), 0);
}

/// Longer than any that Discord documents: they come in smaller pieces, and nothing of
/// them is lost.
#[test]
fn pages_of_the_longest_messages_are_read_by_all_at_once() {
    let sandbox = Sandbox::with_config(World::new(&Description::community(GUILD, 10, 0)), CONFIG);
    let text = "é🦀\"\\ 123 ".repeat(4000);
    for number in 0..10 {
        for _ in 0..40 {
            sandbox.sim.world().append_text(chat(&sandbox, number), 0, &text).unwrap();
        }
    }
    let (ran, _) = sync(&sandbox, MOST);
    ran.expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(sandbox.count("SELECT count(*) FROM broken_messages"), 0);
}

/// The most memory that a sync of so many threads has had once it reads them: the
/// first one, and one that knows them all.
fn peaks_with_threads(threads: u32) -> [u64; 2] {
    let channel = |number: u32| ChannelDescription {
        threads: ThreadPlan { archived: 500, messages: 1, ..ThreadPlan::default() },
        ..ChannelDescription::text(&format!("busy-{number}"), 1)
    };
    let guild = GuildDescription {
        id: GUILD,
        name: "busy".to_owned(),
        channels: (0..threads / 500).map(channel).collect(),
        ..GuildDescription::default()
    };
    let world = World::new(&Description { guilds: vec![guild], ..Description::default() });
    let sandbox = Sandbox::with_config(world, CONFIG);
    [(); 2].map(|()| {
        sandbox.sim.journal().clear();
        let child = sandbox.spawn(&["start"]);
        let pages = || sandbox.sim.journal().count(RouteKind::Messages);
        wait_until("threads are read", || pages() > threads as usize / 500 + 300);
        let bytes = peak(&child).unwrap();
        send(&child, Signal::INT);
        ended(child).expect_code(130);
        bytes
    })
}

#[test]
fn a_thread_takes_little_memory_until_it_is_read() {
    let (few, many) = (10_000, 30_000);
    let (small, large) = (peaks_with_threads(few), peaks_with_threads(many));
    for (run, (small, large)) in small.into_iter().zip(large).enumerate() {
        let each = large.saturating_sub(small) / u64::from(many - few);
        assert!(each < THREAD_BYTES, "{each} bytes for each thread in run {run}");
    }
}
