//! Discord's limits: kept when they are told, learned when they aren't.

#![allow(missing_docs)]

mod util;

use std::time::Duration;

use discord_sim::{Description, Headers, Limits, Match, RouteKind, Scope, What, World};
use util::Sandbox;
use util::truth::assert_archived;

const GUILD: u64 = 77_000_000_000_000_001;

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
fn nobody_asks_while_the_platform_wants_to_be_left_alone() {
    let sandbox = Sandbox::new(World::new(&Description::community(GUILD, 6, 600)));
    let stop = What::RateLimited { retry_after: 1.0, scope: Scope::Global };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(6), stop);
    sandbox.sim.set_latency(Duration::from_millis(5), Duration::ZERO);
    sandbox.run(&["start"]).expect_code(0);
    let entries = sandbox.sim.journal().entries();
    let refusal = entries.iter().find(|entry| entry.status == Some(429)).unwrap().at_ms;
    // What was on its way when the answer came may still arrive.
    let quiet = refusal + 100..refusal + 950;
    let asked = entries.iter().filter(|entry| quiet.contains(&entry.at_ms)).count();
    assert_eq!(asked, 0, "requests during the stop");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn no_second_holds_more_requests_than_allowed() {
    let sandbox = Sandbox::with_config(World::new(&Description::community(GUILD, 30, 150)), "");
    let config = std::fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    sandbox.write("sync.toml", &config.replace("requests_per_second = 5000", "requests_per_second = 40"));
    sandbox.run(&["start"]).expect_code(0);
    let busiest = sandbox.sim.journal().busiest_second();
    assert!((20..=42).contains(&busiest), "{busiest} requests in a second");
}
