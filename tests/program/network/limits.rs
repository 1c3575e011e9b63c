//! Anomalous rate-limit headers, and bans by Cloudflare.

use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use discord_sim::{FaultKind, FrontDoor, Limits, Match, Oddity, RouteKind, Scope};
use rustix::process::Signal;

use super::{GUILD, MESSAGES_ONLY_CONFIG, assert_completes, chat, community, page_requests, wait_or_kill};
use crate::util::truth::assert_archived;
use crate::util::{Sandbox, send, wait_until};

/// Runs a sync under each anomaly, nine at a time because they mostly wait. `add_fault`
/// sets up the fault. Asserts that each run archives everything with at most
/// `extra_requests` more requests than a run without faults.
#[track_caller]
fn assert_harmless(add_fault: impl Fn(&Sandbox, Oddity), extra_requests: usize) {
    let faultless = community(2, 250, MESSAGES_ONLY_CONFIG);
    faultless.run(&["start"]).expect_code(0);
    let least = faultless.sim.journal().len();
    let start = |oddity: Oddity| {
        let sandbox = community(2, 250, MESSAGES_ONLY_CONFIG);
        add_fault(&sandbox, oddity);
        let child = sandbox.spawn(&["start"]);
        (oddity, sandbox, child)
    };
    for oddities in Oddity::ALL.chunks(9) {
        let runs: Vec<(Oddity, Sandbox, Child)> = oddities.iter().copied().map(start).collect();
        for (oddity, sandbox, child) in runs {
            let ran = wait_or_kill(child);
            assert_eq!(ran.code, 0, "{oddity:?}: {ran:?}");
            let requests = sandbox.sim.journal().len();
            assert!(
                (least..=least + extra_requests).contains(&requests),
                "{oddity:?}: {requests} requests instead of {least}"
            );
            assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
        }
    }
}

#[test]
fn anomalous_headers_of_good_answers_cause_no_extra_requests() {
    let always = |sandbox: &Sandbox, oddity| {
        sandbox.sim.faults().when(Match::default().always(), FaultKind::OddHeaders(oddity));
    };
    assert_harmless(always, 0);
}

#[test]
fn anomalous_headers_of_429s_cause_no_extra_requests() {
    for scope in [Scope::User, Scope::Shared, Scope::Global] {
        let twice = |sandbox: &Sandbox, oddity| {
            let rate_limited = FaultKind::RateLimitedOddly { retry_after: 0.1, scope, oddity };
            sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(1).times(2), rate_limited);
        };
        assert_harmless(twice, 2);
    }
}

/// Runs a sync in which a channel's seventh page request gets a 429 with these two waits,
/// in seconds. Returns the time until the channel is requested again, and the number of
/// requests to another channel in the meantime.
fn wait_after_429(retry_after: f64, reset_after: f64) -> (Duration, usize) {
    let sandbox = community(2, 2000, MESSAGES_ONLY_CONFIG);
    sandbox.sim.set_latency(Duration::from_millis(10), Duration::ZERO);
    let rate_limited = FaultKind::RateLimitedUnlike { retry_after, reset_after, scope: Scope::User };
    sandbox.sim.faults().when(Match::page_of(chat(&sandbox, 0)).after(6), rate_limited);
    wait_or_kill(sandbox.spawn(&["start"])).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    let pages = page_requests(&sandbox, chat(&sandbox, 0));
    let refusal = pages.iter().position(|page| page.status == Some(429)).unwrap();
    let (from, until) = (pages[refusal].at, pages[refusal + 1].at);
    let others = page_requests(&sandbox, chat(&sandbox, 1));
    let meanwhile = others.iter().filter(|page| (from..until).contains(&page.at)).count();
    (until - from, meanwhile)
}

#[test]
fn longer_retry_after_takes_precedence_over_reset_after() {
    let (waited, meanwhile) = wait_after_429(2.0, 0.2);
    assert!(waited >= Duration::from_millis(1990), "{waited:?}");
    assert!(meanwhile > 5, "{meanwhile} requests to the other channel meanwhile");
}

#[test]
fn shorter_retry_after_takes_precedence_over_reset_after() {
    let (waited, _) = wait_after_429(1.0, 30.0);
    assert!(waited >= Duration::from_millis(990), "{waited:?}");
    assert!(waited < Duration::from_secs(15), "{waited:?}");
}

/// Starts a sync and returns once Cloudflare has banned it for three invalid requests.
fn spawn_until_banned(extra: &str) -> (Sandbox, Child) {
    let sandbox = community(4, 3000, extra);
    let front_door =
        FrontDoor { invalid_requests: 3, window: Duration::from_mins(10), ban: Duration::from_hours(1) };
    sandbox.sim.set_limits(Limits { front_door: Some(front_door), ..Limits::off() });
    sandbox.sim.set_latency(Duration::from_millis(10), Duration::ZERO);
    let rate_limited = FaultKind::RateLimited { retry_after: 0.0, scope: Scope::User };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(8).times(3), rate_limited);
    let sync = sandbox.spawn(&["start"]);
    wait_until("the run is banned", || sandbox.sim.journal().front_door() > 0);
    (sandbox, sync)
}

/// Asserts that every answered page is committed as a whole, except for at most
/// `in_flight` pages whose answers may not have arrived when the run ended.
#[track_caller]
fn assert_committed(sandbox: &Sandbox, in_flight: i64) {
    let entries = sandbox.sim.journal().entries();
    let is_page =
        |entry: &&discord_sim::Entry| entry.route == Some(RouteKind::Messages) && entry.status == Some(200);
    let answered = i64::try_from(entries.iter().filter(is_page).count()).unwrap();
    let messages = sandbox.count("SELECT count(*) FROM messages");
    assert_eq!(messages % 100, 0, "{messages} messages are not whole pages");
    let pages = messages / 100;
    assert!((answered - in_flight..=answered).contains(&pages), "{pages} of {answered} pages are committed");
}

#[test]
fn banned_run_sends_no_requests_and_stops_at_a_signal() {
    let (sandbox, sync) = spawn_until_banned(MESSAGES_ONLY_CONFIG);
    // Requests in flight may still arrive.
    sleep(Duration::from_secs(1));
    let requests = sandbox.sim.journal().len();
    assert!(sandbox.sim.journal().front_door() <= 10, "only requests in flight get a 429 of Cloudflare");
    sleep(Duration::from_secs(4));
    assert_eq!(sandbox.sim.journal().len(), requests, "requests during the ban");
    let begin = Instant::now();
    send(&sync, Signal::INT);
    wait_or_kill(sync).expect_code(130);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_committed(&sandbox, 0);
    sandbox.sim.set_limits(Limits::off());
    assert_completes(&sandbox);
}

#[test]
fn on_rate_limit_stop_ends_a_run_blocked_by_cloudflare() {
    let sandbox = community(4, 1000, &format!("{MESSAGES_ONLY_CONFIG}\non_rate_limit = \"stop\""));
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(8).always(), FaultKind::FrontDoor);
    let ran = sandbox.run(&["start"]).expect_code(7);
    assert!(ran.stdout.contains("run again later"), "{}", ran.stdout);
    assert!(sandbox.sim.journal().front_door() <= 10);
    // One channel gets the 429; answers to the three others may arrive after it.
    assert_committed(&sandbox, 3);
    assert_completes(&sandbox);
}

#[test]
fn on_rate_limit_stop_ends_a_run_at_the_first_429_of_any_scope() {
    for scope in [Scope::User, Scope::Shared, Scope::Global] {
        let sandbox = community(12, 500, &format!("{MESSAGES_ONLY_CONFIG}\non_rate_limit = \"stop\""));
        sandbox.sim.set_latency(Duration::from_millis(20), Duration::ZERO);
        let rate_limited = FaultKind::RateLimited { retry_after: 30.0, scope };
        sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(30), rate_limited);
        let ran = sandbox.run(&["start"]).expect_code(7);
        assert!(ran.stdout.contains("HTTP 429"), "{}", ran.stdout);
        let entries = sandbox.sim.journal().entries();
        let refusal = entries.iter().position(|entry| entry.status == Some(429)).unwrap();
        // Requests in flight, and those permitted before the run read the 429.
        assert!(entries.len() - refusal <= 20, "{} requests follow", entries.len() - refusal);
        assert!(
            sandbox.count("SELECT count(*) FROM messages") >= 2000,
            "the pages before the 429 are committed"
        );
        assert_completes(&sandbox);
    }
}
