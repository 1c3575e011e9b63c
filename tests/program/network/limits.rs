//! Rate limits that are told oddly, and the front door.

use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use discord_sim::{FrontDoor, Limits, Match, Oddity, RouteKind, Scope, What};
use rustix::process::Signal;

use super::{BRIEF, GUILD, assert_completes, chat, community, ended_in_time, pages_of};
use crate::util::truth::assert_archived;
use crate::util::{Sandbox, send, wait_until};

/// A run under each oddity, side by side: most of their time is waiting. What
/// goes wrong is planned by `plan`, and each may cost so many more requests.
#[track_caller]
fn assert_harmless(plan: impl Fn(&Sandbox, Oddity), more: usize) {
    let untouched = community(2, 250, BRIEF);
    untouched.run(&["start"]).expect_code(0);
    let least = untouched.sim.journal().len();
    let start = |oddity: Oddity| {
        let sandbox = community(2, 250, BRIEF);
        plan(&sandbox, oddity);
        let child = sandbox.spawn(&["start"]);
        (oddity, sandbox, child)
    };
    for oddities in Oddity::ALL.chunks(9) {
        let runs: Vec<(Oddity, Sandbox, Child)> = oddities.iter().copied().map(start).collect();
        for (oddity, sandbox, child) in runs {
            let ran = ended_in_time(child);
            assert_eq!(ran.code, 0, "{oddity:?}: {ran:?}");
            let asked = sandbox.sim.journal().len();
            assert!(
                (least..=least + more).contains(&asked),
                "{oddity:?}: {asked} requests instead of {least}"
            );
            assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
        }
    }
}

#[test]
fn odd_headers_of_good_answers_cost_no_request() {
    let always = |sandbox: &Sandbox, oddity| {
        sandbox.sim.faults().when(Match::default().always(), What::OddHeaders(oddity));
    };
    assert_harmless(always, 0);
}

#[test]
fn odd_headers_of_a_refusal_cost_no_more_than_the_refusal() {
    for scope in [Scope::User, Scope::Shared, Scope::Global] {
        let twice = |sandbox: &Sandbox, oddity| {
            let refusal = What::RateLimitedOddly { retry_after: 0.1, scope, oddity };
            sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(1).times(2), refusal);
        };
        assert_harmless(twice, 2);
    }
}

/// A run in which a channel's seventh page is refused with these two waits.
/// Returns how long after that the channel was asked again, and how often
/// another channel was asked meanwhile.
fn refused(retry_after: f64, reset_after: f64) -> (Duration, usize) {
    let sandbox = community(2, 2000, BRIEF);
    sandbox.sim.set_latency(Duration::from_millis(10), Duration::ZERO);
    let refusal = What::RateLimitedUnlike { retry_after, reset_after, scope: Scope::User };
    sandbox.sim.faults().when(Match::page_of(chat(&sandbox, 0)).after(6), refusal);
    ended_in_time(sandbox.spawn(&["start"])).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    let pages = pages_of(&sandbox, chat(&sandbox, 0));
    let refusal = pages.iter().position(|page| page.status == Some(429)).unwrap();
    let (from, until) = (pages[refusal].at, pages[refusal + 1].at);
    let others = pages_of(&sandbox, chat(&sandbox, 1));
    let meanwhile = others.iter().filter(|page| (from..until).contains(&page.at)).count();
    (until - from, meanwhile)
}

#[test]
fn a_longer_retry_after_beats_the_reset() {
    let (waited, meanwhile) = refused(2.0, 0.2);
    assert!(waited >= Duration::from_millis(1990), "{waited:?}");
    assert!(meanwhile > 5, "the other channel was asked {meanwhile} times meanwhile");
}

#[test]
fn a_shorter_retry_after_beats_the_reset() {
    let (waited, _) = refused(1.0, 30.0);
    assert!(waited >= Duration::from_millis(990), "{waited:?}");
    assert!(waited < Duration::from_secs(15), "{waited:?}");
}

/// A sync that three refusals have shut out at the front door.
fn shut_out(extra: &str) -> (Sandbox, Child) {
    let sandbox = community(4, 3000, extra);
    let front_door =
        FrontDoor { invalid_requests: 3, window: Duration::from_mins(10), ban: Duration::from_hours(1) };
    sandbox.sim.set_limits(Limits { front_door: Some(front_door), ..Limits::off() });
    sandbox.sim.set_latency(Duration::from_millis(10), Duration::ZERO);
    let refusal = What::RateLimited { retry_after: 0.0, scope: Scope::User };
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(8).times(3), refusal);
    let sync = sandbox.spawn(&["start"]);
    wait_until("it is shut out", || sandbox.sim.journal().front_door() > 0);
    (sandbox, sync)
}

/// All pages that were answered are committed, whole, but for those of
/// `on_the_way`: channels whose answer may still have been on its way when the
/// run ended.
#[track_caller]
fn assert_committed(sandbox: &Sandbox, on_the_way: i64) {
    let entries = sandbox.sim.journal().entries();
    let is_page =
        |entry: &&discord_sim::Entry| entry.route == Some(RouteKind::Messages) && entry.status == Some(200);
    let answered = i64::try_from(entries.iter().filter(is_page).count()).unwrap();
    let messages = sandbox.count("SELECT count(*) FROM messages");
    assert_eq!(messages % 100, 0, "{messages} messages are no whole pages");
    let pages = messages / 100;
    assert!((answered - on_the_way..=answered).contains(&pages), "{pages} of {answered} pages are committed");
}

#[test]
fn a_run_that_is_shut_out_waits_in_silence_and_ends_when_it_is_told_to() {
    let (sandbox, sync) = shut_out(BRIEF);
    // What was on its way may still arrive.
    sleep(Duration::from_secs(1));
    let asked = sandbox.sim.journal().len();
    assert!(sandbox.sim.journal().front_door() <= 10, "only what was on its way");
    sleep(Duration::from_secs(4));
    assert_eq!(sandbox.sim.journal().len(), asked, "requests while it is shut out");
    let begin = Instant::now();
    send(&sync, Signal::INT);
    ended_in_time(sync).expect_code(130);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_committed(&sandbox, 0);
    sandbox.sim.set_limits(Limits::off());
    assert_completes(&sandbox);
}

#[test]
fn a_run_that_shall_not_wait_ends_when_it_is_shut_out() {
    let sandbox = community(4, 1000, &format!("{BRIEF}\non_rate_limit = \"stop\""));
    sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(8).always(), What::FrontDoor);
    let ran = sandbox.run(&["start"]).expect_code(7);
    assert!(ran.stdout.contains("run again later"), "{}", ran.stdout);
    assert!(sandbox.sim.journal().front_door() <= 10);
    // One channel is refused; the answers to the three others may cross the refusal.
    assert_committed(&sandbox, 3);
    assert_completes(&sandbox);
}

#[test]
fn a_run_that_shall_not_wait_ends_at_the_first_refusal_whoever_was_meant() {
    for scope in [Scope::User, Scope::Shared, Scope::Global] {
        let sandbox = community(12, 500, &format!("{BRIEF}\non_rate_limit = \"stop\""));
        sandbox.sim.set_latency(Duration::from_millis(20), Duration::ZERO);
        let refusal = What::RateLimited { retry_after: 30.0, scope };
        sandbox.sim.faults().when(Match::route(RouteKind::Messages).after(30), refusal);
        let ran = sandbox.run(&["start"]).expect_code(7);
        assert!(ran.stdout.contains("HTTP 429"), "{}", ran.stdout);
        let entries = sandbox.sim.journal().entries();
        let refusal = entries.iter().position(|entry| entry.status == Some(429)).unwrap();
        // Those in flight, and what was let through before the refusal was read.
        assert!(entries.len() - refusal <= 20, "{} requests follow", entries.len() - refusal);
        assert!(sandbox.count("SELECT count(*) FROM messages") >= 2000, "what came before is committed");
        assert_completes(&sandbox);
    }
}
