//! Answers that are missing, truncated, too slow, redirects, or not the documented JSON.

use std::time::Duration;

use discord_sim::{BodyKind, Description, FaultKind, Match, RouteKind, Simulator, World};

use super::{
    FOREVER, GUILD, SHORT_TIMEOUT_CONFIG, assert_completes, channel_errors, chat, community, page_requests,
    stored_messages,
};
use crate::util::truth::assert_archived;

/// The first attempt and three retries, the default.
const ATTEMPTS: usize = 4;

/// Faults under which no page arrives, and a part of the error the program reports.
fn permanent_faults() -> Vec<(FaultKind, &'static str)> {
    let every = Duration::from_millis(50);
    vec![
        (FaultKind::Stall(FOREVER), "no response within 0.7 s"),
        (FaultKind::SlowHeaders { every, bytes: 1 }, "no response within 0.7 s"),
        (FaultKind::StallBody(FOREVER), "no complete body within 0.7 s"),
        (FaultKind::SlowDrip { every, bytes: 10 }, "no complete body within 0.7 s"),
        (FaultKind::HalfClosed, "the connection was lost in the middle of the response"),
        (FaultKind::ResetAfterHeaders, "the connection was lost in the middle of the response"),
        (FaultKind::TruncatedBody, "the connection was lost in the middle of the response"),
        (FaultKind::ResetBeforeHeaders, "onnection"),
    ]
}

#[test]
fn channel_with_incomplete_pages_fails_alone_and_names_the_cause() {
    let faults = permanent_faults();
    let sandbox = community(10, 250, SHORT_TIMEOUT_CONFIG);
    for (number, (what, _)) in faults.iter().enumerate() {
        sandbox.sim.faults().when(Match::page_of(chat(&sandbox, number)).always(), what.clone());
    }
    let ran = sandbox.run(&["start"]).expect_code(3);
    sandbox.assert_no_secrets(&ran);
    let failing = channel_errors(&sandbox);
    assert_eq!(failing.len(), faults.len(), "{failing:?}");
    for (number, (what, message)) in faults.iter().enumerate() {
        let channel = chat(&sandbox, number);
        let (_, error) = failing.iter().find(|(id, _)| *id == channel).unwrap();
        assert!(error.contains(message), "{what:?}: {error}");
        // After the retries, the run probes the newest message, because the fault might
        // be limited to this page.
        assert_eq!(page_requests(&sandbox, channel).len(), ATTEMPTS + 1, "{what:?}");
    }
    for number in faults.len()..10 {
        assert_eq!(stored_messages(&sandbox, chat(&sandbox, number)), 250);
    }
    assert_completes(&sandbox);
}

#[test]
fn slow_answers_within_the_timeout_are_read() {
    let sandbox = community(2, 150, "");
    let every = Duration::from_millis(2);
    let drip = FaultKind::SlowDrip { every, bytes: 4096 };
    sandbox.sim.faults().when(Match::page_of(chat(&sandbox, 0)).always(), drip);
    sandbox
        .sim
        .faults()
        .when(Match::page_of(chat(&sandbox, 1)).always(), FaultKind::SlowHeaders { every, bytes: 9 });
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(sandbox.sim.journal().duplicate_requests(), []);
}

#[test]
fn server_whose_channel_list_never_arrives_fails_with_its_cause() {
    let sandbox = community(2, 150, SHORT_TIMEOUT_CONFIG);
    sandbox.sim.faults().when(Match::route(RouteKind::GuildChannels).always(), FaultKind::StallBody(FOREVER));
    let ran = sandbox.run(&["start"]).expect_code(1);
    assert!(ran.stdout.contains("no complete body within 0.7 s"), "{}", ran.stdout);
    assert_eq!(sandbox.sim.journal().count(RouteKind::GuildChannels), ATTEMPTS);
    assert_completes(&sandbox);
}

#[test]
fn redirects_are_not_followed() {
    let sandbox = community(3, 150, SHORT_TIMEOUT_CONFIG);
    let elsewhere = Simulator::start(World::new(&Description::community(GUILD, 3, 150)));
    let redirected = chat(&sandbox, 0);
    let page_url = format!("{}/api/v10/channels/{redirected}/messages?after=0&limit=100", elsewhere.url());
    sandbox.sim.faults().when(Match::page_of(redirected).always(), FaultKind::Redirect(page_url));
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert!(ran.stdout.contains("set api_url"), "{}", ran.stdout);
    assert!(elsewhere.journal().is_empty(), "{:?}", elsewhere.journal().entries());
    let [(channel, error)] = &channel_errors(&sandbox)[..] else { panic!("one channel fails") };
    assert!(*channel == redirected && error.contains("HTTP 302, a redirect to 127.0.0.1"), "{error}");
    assert_completes(&sandbox);
    let redirect_url = format!("{}/api/v10/oauth2/applications/@me", elsewhere.url());
    sandbox.sim.faults().when(Match::default().always(), FaultKind::Redirect(redirect_url));
    let ran = sandbox.run(&["start"]).expect_code(1);
    assert!(ran.stderr.contains("a redirect to 127.0.0.1"), "{}", ran.stderr);
    assert!(ran.stderr.contains("set api_url"), "{}", ran.stderr);
    assert!(elsewhere.journal().is_empty(), "{:?}", elsewhere.journal().entries());
}

#[test]
fn transient_faults_are_retried() {
    let transient_faults = [
        FaultKind::Status(502, BodyKind::Html),
        FaultKind::Status(503, BodyKind::Empty),
        FaultKind::Status(504, BodyKind::Html),
        FaultKind::Status(202, BodyKind::Json(110_000)),
        FaultKind::Status(200, BodyKind::Html),
        FaultKind::Status(200, BodyKind::Empty),
        FaultKind::InvalidJson,
        FaultKind::TruncatedBody,
        FaultKind::HalfClosed,
        FaultKind::ResetBeforeHeaders,
        FaultKind::ResetAfterHeaders,
    ];
    let sandbox = community(11, 250, "[sync]\nretry_base_delay = \"10ms\"");
    for (number, what) in transient_faults.iter().enumerate() {
        sandbox.sim.faults().when(Match::page_of(chat(&sandbox, number)).after(1).times(2), what.clone());
    }
    let job = sandbox.run(&["start", "--format", "json"]).expect_code(0).last_json()["jobs"][0].clone();
    assert_eq!(job["parallel_stats"]["retries"], 2 * transient_faults.len());
    for (number, what) in transient_faults.iter().enumerate() {
        let requests = page_requests(&sandbox, chat(&sandbox, number));
        assert_eq!(requests.iter().filter(|request| request.fault.is_some()).count(), 2, "{what:?}");
    }
    assert_eq!(sandbox.sim.journal().duplicate_requests(), [], "a page that arrived is requested again");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn json_with_an_html_content_type_is_read() {
    let sandbox = community(2, 150, "");
    sandbox.sim.faults().when(Match::default().always(), FaultKind::WrongContentType);
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}
