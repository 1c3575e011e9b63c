//! Peak memory of a sync with hostile answers, long messages and many threads.

use std::fs;
use std::process::Child;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::util::truth::assert_archived;
use crate::util::{CommandOutput, Sandbox, send, wait_for_exit, wait_until};
use discord_sim::hostile::{Filling, answer};
use discord_sim::{
    ChannelDescription, Description, FaultKind, GuildDescription, Match, Mix, RouteKind, ThreadPlan, World,
};
use rustix::process::Signal;

const GUILD: u64 = 77_000_000_000_000_001;
const MIB: u64 = 1 << 20;
/// Memory limit of a sync, whatever the answers.
const MAX_PEAK_BYTES: u64 = 128 * MIB;
/// Memory limit per thread that hasn't been read. It includes the growth of SQLite's
/// cache and the doubling of hash tables between the two measured numbers of threads; the
/// thread itself takes about 700 bytes, so that 64 MiB suffice for 50,000.
const MAX_BYTES_PER_THREAD: u64 = 1500;
/// Size of a hostile answer, below the limit for a body.
const ANSWER_BYTES: usize = 7 << 20;
/// Size of an item of a hostile answer, below the limit for an item.
const ITEM_BYTES: usize = 1_000_000;
/// Maximum number of concurrent requests, by default, and so of answers held at once.
const CONCURRENT_REQUESTS: u32 = 10;
/// A sync that takes longer hangs.
const HANG_TIMEOUT: Duration = Duration::from_mins(2);
/// No retries: the simulator answers at once or never.
const CONFIG: &str = "[sync]\nreactions = \"users\"\nmax_retries = 0\nrequest_timeout = \"1m\"";

/// Peak memory of a process so far, in bytes; `None` if it has ended.
fn peak_bytes(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Runs a sync. Returns its output and its peak memory, in bytes. Kills the sync and
/// panics if it exceeds `max_bytes` or hangs.
#[track_caller]
fn run_within(sandbox: &Sandbox, max_bytes: u64) -> (CommandOutput, u64) {
    let mut child = sandbox.spawn(&["start"]);
    let (begin, mut bytes) = (Instant::now(), 0);
    while child.try_wait().unwrap().is_none() {
        bytes = bytes.max(peak_bytes(&child).unwrap_or(0));
        if bytes > max_bytes || begin.elapsed() > HANG_TIMEOUT {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{} MiB after {:.1} s", bytes / MIB, begin.elapsed().as_secs_f64());
        }
        sleep(Duration::from_millis(1));
    }
    assert!(bytes > MIB, "the memory was measured");
    (wait_for_exit(child), bytes)
}

/// Text channels with reactions, each with an archived thread.
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

/// All kinds of hostile pages at once, each in a channel of its own.
#[test]
fn hostile_message_pages_fail_only_their_channels() {
    let sandbox = community(12);
    for (number, filling) in Filling::ALL.into_iter().enumerate() {
        let body = hostile(RouteKind::Messages, filling, GUILD);
        let what = if number % 2 == 0 { FaultKind::packed(&body) } else { FaultKind::Bytes(body.into()) };
        sandbox.sim.faults().when(Match::page_of(chat(&sandbox, number)).always(), what);
    }
    let (ran, _) = run_within(&sandbox, MAX_PEAK_BYTES);
    ran.expect_code(3);
    let messages_of_others = "SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id
                   WHERE c.name IN ('chat-8', 'chat-9', 'chat-10', 'chat-11')";
    assert_eq!(sandbox.count(messages_of_others), 200);
}

/// Asserts that no hostile answer to a route makes the sync exceed its memory limit.
#[track_caller]
fn assert_bounded(route: RouteKind) {
    for filling in Filling::ALL {
        let sandbox = community(3);
        let is_of_channel = matches!(route, RouteKind::ArchivedPublicThreads | RouteKind::Channel);
        let id = if is_of_channel { chat(&sandbox, 0) } else { GUILD };
        let body: Arc<[u8]> = hostile(route, filling, id).into();
        force_request(&sandbox, route);
        let fault =
            sandbox.sim.faults().when(Match::route(route).times(CONCURRENT_REQUESTS), FaultKind::Bytes(body));
        let (ran, _) = run_within(&sandbox, MAX_PEAK_BYTES);
        assert!(sandbox.sim.faults().fired(fault) > 0, "{filling:?}: {route:?} was not requested");
        assert!(matches!(ran.code, 0..=3), "{filling:?}: {}{}", ran.stdout, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{filling:?}: {}", ran.stderr);
    }
}

/// Makes the next run request a route.
fn force_request(sandbox: &Sandbox, route: RouteKind) {
    let faults = sandbox.sim.faults();
    match route {
        // Roles are requested separately only if the server's answer lacks them.
        RouteKind::GuildRoles => {
            let without_roles = FaultKind::Set("roles".to_owned(), serde_json::Value::Null);
            faults.when(Match::route(RouteKind::Guild).always(), without_roles);
        }
        // A known channel is requested individually if the listing lacks it.
        RouteKind::Channel => {
            sandbox.run(&["start"]).expect_code(0);
            let omission = FaultKind::Omit(vec![chat(sandbox, 0)]);
            faults.when(Match::route(RouteKind::GuildChannels).always(), omission);
        }
        _ => {}
    }
}

#[test]
fn hostile_servers_and_roles_stay_within_the_memory_limit() {
    assert_bounded(RouteKind::Guild);
    assert_bounded(RouteKind::GuildRoles);
}

#[test]
fn hostile_single_channel_answers_stay_within_the_memory_limit() {
    assert_bounded(RouteKind::Channel);
}

#[test]
fn hostile_channel_lists_stay_within_the_memory_limit() {
    assert_bounded(RouteKind::GuildChannels);
}

#[test]
fn hostile_active_threads_stay_within_the_memory_limit() {
    assert_bounded(RouteKind::ActiveThreads);
}

#[test]
fn hostile_archived_threads_stay_within_the_memory_limit() {
    assert_bounded(RouteKind::ArchivedPublicThreads);
}

#[test]
fn hostile_reactor_lists_stay_within_the_memory_limit() {
    assert_bounded(RouteKind::Reactions);
}

#[test]
fn endless_reactor_list_is_abandoned_and_retried() {
    let sandbox = community(2);
    sandbox.sim.faults().when(Match::route(RouteKind::Reactions).always(), FaultKind::Endless);
    run_within(&sandbox, MAX_PEAK_BYTES);
    let attempts = sandbox.count("SELECT count(*) FROM reaction_attempts");
    assert!(attempts > 0, "the reactors will be requested again");
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.count("SELECT count(*) FROM message_reaction_counts WHERE users_due = 1"), 0);
}

/// The messages are longer than any that Discord documents. The sync requests smaller
/// pages and loses none of them.
#[test]
fn long_messages_are_read_by_all_workers_at_once() {
    let sandbox = Sandbox::with_config(World::new(&Description::community(GUILD, 10, 0)), CONFIG);
    let text = "é🦀\"\\ 123 ".repeat(4000);
    for number in 0..10 {
        for _ in 0..40 {
            sandbox.sim.world().append_text(chat(&sandbox, number), 0, &text).unwrap();
        }
    }
    let (ran, _) = run_within(&sandbox, MAX_PEAK_BYTES);
    ran.expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(sandbox.count("SELECT count(*) FROM broken_messages"), 0);
}

/// Peak memory, in bytes, of a sync that has begun to read this many threads: of the
/// first sync, and of a second one that finds them all in the archive.
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
        let bytes = peak_bytes(&child).unwrap();
        send(&child, Signal::INT);
        wait_for_exit(child).expect_code(130);
        bytes
    })
}

#[test]
fn unread_threads_take_little_memory() {
    let (few, many) = (10_000, 30_000);
    let (small, large) = (peaks_with_threads(few), peaks_with_threads(many));
    for (run, (small, large)) in small.into_iter().zip(large).enumerate() {
        let bytes_per_thread = large.saturating_sub(small) / u64::from(many - few);
        assert!(bytes_per_thread < MAX_BYTES_PER_THREAD, "{bytes_per_thread} bytes per thread in run {run}");
    }
}
