//! Discord's rate limits: respected when headers announce them, learned when they don't.

use std::time::{Duration, Instant};

use crate::util::truth::assert_archived;
use crate::util::{Sandbox, send, wait_for_exit, wait_until};
use discord_sim::{
    BodyKind, ChannelDescription, Description, Entry, FaultKind, GuildDescription, Headers, Limits, Match,
    RouteKind, Scope, World,
};
use rustix::process::Signal;

const GUILD: u64 = 77_000_000_000_000_001;
/// Maximum number of concurrent requests, by default.
const CONCURRENT_REQUESTS: usize = 10;

/// A server that allows five pages per half second and channel; Discord allows five per
/// five seconds.
fn rate_limited_sandbox(headers: Headers) -> Sandbox {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 3, 1500)));
    let limits = Limits::off().bucket(RouteKind::Messages, 5, Duration::from_millis(500));
    sandbox.sim.set_limits(Limits { headers, ..limits });
    sandbox
}

/// Number of 429s, Cloudflare's excepted.
fn rate_limit_count(sandbox: &Sandbox) -> usize {
    sandbox.sim.journal().limited().values().sum()
}

#[test]
fn announced_limits_are_never_exceeded() {
    let sandbox = rate_limited_sandbox(Headers::Honest);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(rate_limit_count(&sandbox), 0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn limits_that_headers_overstate_are_learned_from_the_first_429s() {
    let sandbox = rate_limited_sandbox(Headers::Generous { limit: 1000 });
    let summary = sandbox.run(&["start", "--format", "json"]).expect_code(0).last_json();
    // One for each channel being read when the first 429 arrived, and a few more if a
    // busy machine made the window look shorter; without learning, there would be 9.
    assert!((1..=6).contains(&rate_limit_count(&sandbox)), "{} 429s", rate_limit_count(&sandbox));
    let stats = &summary["jobs"][0]["parallel_stats"];
    assert_eq!(stats["rate_limit_encounters"], rate_limit_count(&sandbox));
    assert!(stats["rate_limit_wait_seconds"].as_f64().unwrap() > 0.0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn global_429_pauses_every_request() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 6, 600)));
    let pause = FaultKind::RateLimited { retry_after: 1.0, scope: Scope::Global };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(6), pause);
    sandbox.sim.set_latency(Duration::from_millis(5), Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    let entries = sandbox.sim.journal().entries();
    let rate_limited_at = entries.iter().find(|entry| entry.status == Some(429)).unwrap().at_ms;
    // Requests in flight when the 429 was sent may arrive at any time.
    let paused = rate_limited_at + 1..rate_limited_at + 950;
    let arrived = entries.iter().filter(|entry| paused.contains(&entry.at_ms)).count();
    assert!(arrived < CONCURRENT_REQUESTS, "{arrived} requests during the pause");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

/// The client sends request k no earlier than k intervals after its first one, so it
/// can't arrive earlier, however busy the machine is. A test with a paused clock in
/// src/platform/limit/tests.rs shows that no burst follows an idle time.
#[test]
fn no_request_arrives_before_its_turn() {
    const RATE: u32 = 40;
    let sandbox = Sandbox::with_config(
        World::new(&Description::community(GUILD, 30, 150)),
        "[sync]\nreactions = \"counts\"",
    );
    let config = std::fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    let rate = format!("requests_per_second = {RATE}");
    sandbox.write("sync.toml", &config.replace("requests_per_second = 5000", &rate));
    let spawned_at = Instant::now();
    let summary = sandbox.run(&["start", "--format", "json"]).expect_code(0).last_json();
    let entries = sandbox.sim.journal().entries();
    assert!(entries.len() > 60, "{} requests", entries.len());
    for (position, entry) in (0..).zip(&entries) {
        let earliest = Duration::from_secs(1) / RATE * position;
        let arrived = entry.at.duration_since(spawned_at);
        assert!(arrived >= earliest, "request {position} after {arrived:?}");
    }
    let pace_seconds = &summary["jobs"][0]["parallel_stats"]["waits"]["pace_seconds"];
    assert!(pace_seconds.as_f64().unwrap() > 0.0, "the run was slower than its limit");
}

/// A sandbox with a minimal delay before retries.
fn sandbox(description: &Description) -> Sandbox {
    Sandbox::with_config(World::new(description), "[sync]\nretry_base_delay = \"1ms\"")
}

#[test]
fn run_that_gets_only_429s_ends_with_code_7_and_a_reason() {
    let sandbox = sandbox(&Description::community(GUILD, 3, 150));
    let rate_limited = FaultKind::RateLimited { retry_after: 0.0, scope: Scope::User };
    sandbox.sim.faults().when(Match::default().always(), rate_limited);
    let ran = sandbox.run(&["start"]).expect_code(7);
    assert!(sandbox.sim.journal().entries().len() <= 500);
    assert!(ran.stderr.contains("only with HTTP 429"), "{}", ran.stderr);
}

#[test]
fn run_that_gets_only_429s_after_ten_pages_keeps_them() {
    let sandbox = sandbox(&Description::community(GUILD, 6, 600));
    let rate_limited = FaultKind::RateLimited { retry_after: 0.0, scope: Scope::User };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(10).always(), rate_limited);
    let ran = sandbox.run(&["start", "--format", "json"]).expect_code(7);
    assert!(sandbox.sim.journal().entries().len() <= 500);
    let summary = ran.last_json();
    assert_eq!(summary["exit_code"], 7);
    assert_eq!(summary["jobs"][0]["errors"][0]["cause"], "too_many_refusals", "{summary}");
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 1000, "ten pages were committed");
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn waits_are_reported_by_cause_for_the_job_and_for_each_channel() {
    let sandbox = rate_limited_sandbox(Headers::Honest);
    let pause = FaultKind::RateLimited { retry_after: 1.0, scope: Scope::Global };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(4), pause);
    sandbox
        .sim
        .faults()
        .when(Match::route(RouteKind::Messages).after(8), FaultKind::Status(503, BodyKind::Html));
    let job = sandbox.run(&["start", "--format", "json"]).expect_code(0).last_json()["jobs"][0].clone();
    let seconds = |of: &serde_json::Value, cause: &str| of["waits"][cause].as_f64().unwrap();
    let stats = &job["parallel_stats"];
    assert!(seconds(stats, "bucket_seconds") > 0.5, "{stats}");
    assert!(seconds(stats, "global_seconds") > 0.5, "{stats}");
    assert!(seconds(stats, "retry_seconds") > 0.5, "{stats}");
    assert!(seconds(stats, "guard_seconds") < 0.1, "{stats}");
    let channels = job["channel_results"].as_array().unwrap();
    let sum = |count: &str| channels.iter().map(|channel| channel[count].as_u64().unwrap()).sum::<u64>();
    let pages = sandbox.sim.journal().count(RouteKind::Messages);
    assert_eq!(
        (sum("total_api_calls"), sum("rate_limit_encounters"), sum("retry_count")),
        (pages as u64, 1, 1)
    );
    let waited: f64 = channels.iter().map(|channel| seconds(channel, "bucket_seconds")).sum();
    assert!(
        waited > 0.5 && waited <= seconds(stats, "bucket_seconds") + 0.001,
        "{waited} in channels, {stats}"
    );
    let details = sandbox.run(&["status", "--job-id", job["job_id"].as_str().unwrap()]).expect_code(0).stdout;
    assert!(details.contains("for per-channel rate limits"), "{details}");
}

#[test]
fn tenant_listed_late_does_not_wait_for_another_tenants_channels() {
    let channels = || (0..30).map(|number| ChannelDescription::text(&format!("c{number}"), 3000)).collect();
    let guild = |id| GuildDescription {
        id,
        name: format!("t{id}"),
        channels: channels(),
        ..GuildDescription::default()
    };
    let guilds = vec![guild(GUILD), guild(GUILD + 1)];
    let world = World::new(&Description { guilds, ..Description::default() });
    let config = "[sync]\nmax_channel_workers = 2\nretry_base_delay = \"400ms\"";
    let sandbox = Sandbox::with_config(world, config);
    sandbox.sim.set_latency(Duration::from_millis(5), Duration::ZERO);
    let fault = FaultKind::Status(500, BodyKind::Empty);
    sandbox.sim.faults().when(Match::route(RouteKind::ActiveThreads), fault);
    let sync = sandbox.spawn(&["start"]);
    let entries = || sandbox.sim.journal().entries();
    let late = || entries().iter().find(|entry| entry.status == Some(500)).and_then(|entry| entry.guild);
    wait_until("a listing fails", || late().is_some());
    let late = late().unwrap();
    let late_channels: Vec<u64> = sandbox.sim.world().truth(late).iter().map(|channel| channel.id).collect();
    let is_page = |entry: &Entry| entry.route == Some(RouteKind::Messages);
    let is_late = |entry: &Entry| is_page(entry) && late_channels.contains(&entry.channel.unwrap());
    wait_until("the late tenant is read", || entries().iter().any(is_late));
    send(&sync, Signal::INT);
    wait_for_exit(sync).expect_code(130);
    let entries = entries();
    let is_listed = |entry: &Entry| entry.guild == Some(late) && entry.status == Some(200);
    let first = entries.iter().position(is_late).unwrap();
    let listed = entries[..first].iter().rposition(is_listed).unwrap();
    assert!(entries[..listed].iter().any(is_page), "the other tenant is already being read");
    let between = entries[listed..first].iter().filter(|entry| is_page(entry)).count();
    // The open channels of the other tenant hold 480 pages.
    assert!(between < 200, "{between} pages");
}
