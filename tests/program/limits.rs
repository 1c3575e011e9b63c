//! Discord's limits: kept when they are told, learned when they aren't.

use std::time::{Duration, Instant};

use crate::util::truth::assert_archived;
use crate::util::{Sandbox, ended, send, wait_until};
use discord_sim::{
    BodyKind, ChannelDescription, Description, Entry, GuildDescription, Headers, Limits, Match, RouteKind,
    Scope, What, World,
};
use rustix::process::Signal;

const GUILD: u64 = 77_000_000_000_000_001;
/// Requests in flight at once, by default.
const IN_FLIGHT: usize = 10;

/// Five pages in half a second for each channel, where Discord gives five
/// seconds.
fn limited(headers: Headers) -> Sandbox {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 3, 1500)));
    let limits = Limits::off().bucket(RouteKind::Messages, 5, Duration::from_millis(500));
    sandbox.sim.set_limits(Limits { headers, ..limits });
    sandbox
}

fn refused(sandbox: &Sandbox) -> usize {
    sandbox.sim.journal().limited().values().sum()
}

#[test]
fn limits_that_are_told_are_never_met() {
    let sandbox = limited(Headers::Honest);
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(refused(&sandbox), 0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn limits_that_headers_deny_are_learned_from_the_first_refusals() {
    let sandbox = limited(Headers::Generous { limit: 1000 });
    let summary = sandbox.run(&["start", "--format", "json"]).expect_code(0).last_json();
    // One for each channel that was being read when the first came, and a few
    // where a busy machine made the window look short; 9 without learning.
    assert!((1..=6).contains(&refused(&sandbox)), "{} refusals", refused(&sandbox));
    let stats = &summary["jobs"][0]["parallel_stats"];
    assert_eq!(stats["rate_limit_encounters"], refused(&sandbox));
    assert!(stats["rate_limit_wait_seconds"].as_f64().unwrap() > 0.0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn global_429_pauses_every_request() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 6, 600)));
    let pause = What::RateLimited { retry_after: 1.0, scope: Scope::Global };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(6), pause);
    sandbox.sim.set_latency(Duration::from_millis(5), Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    let entries = sandbox.sim.journal().entries();
    let refused_at = entries.iter().find(|entry| entry.status == Some(429)).unwrap().at_ms;
    // Requests that were on their way when the answer was sent may arrive at any time.
    let paused = refused_at + 1..refused_at + 950;
    let arrived = entries.iter().filter(|entry| paused.contains(&entry.at_ms)).count();
    assert!(arrived < IN_FLIGHT, "{arrived} requests during the pause");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

/// The client sends request k at the earliest k intervals after its first one, so it can't
/// arrive earlier, however busy the machine is. That no burst follows an idle time is
/// tested with a paused clock in src/platform/limit/tests.rs.
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

/// A server whose waits are short.
fn hasty(description: &Description) -> Sandbox {
    Sandbox::with_config(World::new(description), "[sync]\nretry_base_delay = \"1ms\"")
}

#[test]
fn a_world_that_only_says_too_often_is_left_alone_with_a_code_and_a_reason() {
    let sandbox = hasty(&Description::community(GUILD, 3, 150));
    let too_often = What::RateLimited { retry_after: 0.0, scope: Scope::User };
    sandbox.sim.faults().when(Match::default().always(), too_often);
    let ran = sandbox.run(&["start"]).expect_code(7);
    assert!(sandbox.sim.journal().entries().len() <= 500);
    assert!(ran.stderr.contains("nothing but"), "{}", ran.stderr);
}

#[test]
fn a_server_that_begins_to_say_only_too_often_ends_the_run_with_what_was_committed() {
    let sandbox = hasty(&Description::community(GUILD, 6, 600));
    let too_often = What::RateLimited { retry_after: 0.0, scope: Scope::User };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(10).always(), too_often);
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
fn waits_are_told_by_cause_for_the_job_and_for_each_channel() {
    let sandbox = limited(Headers::Honest);
    let stop = What::RateLimited { retry_after: 1.0, scope: Scope::Global };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(4), stop);
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(8), What::Status(503, BodyKind::Html));
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
    assert!(details.contains("for the channels' own limits"), "{details}");
}

#[test]
fn a_tenant_whose_channels_are_known_later_waits_for_no_channel_of_another() {
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
    let fault = What::Status(500, BodyKind::Empty);
    sandbox.sim.faults().when(Match::route(RouteKind::ActiveThreads), fault);
    let sync = sandbox.spawn(&["start"]);
    let entries = || sandbox.sim.journal().entries();
    let late = || entries().iter().find(|entry| entry.status == Some(500)).and_then(|entry| entry.guild);
    wait_until("a listing fails", || late().is_some());
    let late = late().unwrap();
    let late_channels: Vec<u64> = sandbox.sim.world().truth(late).iter().map(|channel| channel.id).collect();
    let is_page = |entry: &Entry| entry.route == Some(RouteKind::Messages);
    let is_late = |entry: &Entry| is_page(entry) && late_channels.contains(&entry.channel.unwrap());
    wait_until("the late one is read", || entries().iter().any(is_late));
    send(&sync, Signal::INT);
    ended(sync).expect_code(130);
    let entries = entries();
    let is_listed = |entry: &Entry| entry.guild == Some(late) && entry.status == Some(200);
    let first = entries.iter().position(is_late).unwrap();
    let listed = entries[..first].iter().rposition(is_listed).unwrap();
    assert!(entries[..listed].iter().any(is_page), "the other one is read already");
    let between = entries[listed..first].iter().filter(|entry| is_page(entry)).count();
    // The other one's open channels hold 480 pages.
    assert!(between < 200, "{between} pages");
}
