//! Answers that don't come, break off, never end, or are something else.

use std::time::Duration;

use discord_sim::{BodyKind, Description, Match, RouteKind, Simulator, What, World};

use super::{FOREVER, GUILD, HASTY, assert_completes, chat, community, failing, pages_of, stored};
use crate::util::truth::assert_archived;

/// The first attempt and the default's three repetitions.
const ATTEMPTS: usize = 4;

/// What never brings a page, and what the user is told of it.
fn stubborn() -> Vec<(What, &'static str)> {
    let every = Duration::from_millis(50);
    vec![
        (What::Stall(FOREVER), "no answer within 0.7 s"),
        (What::SlowHeaders { every, bytes: 1 }, "no answer within 0.7 s"),
        (What::StallBody(FOREVER), "no complete body within 0.7 s"),
        (What::SlowDrip { every, bytes: 10 }, "no complete body within 0.7 s"),
        (What::HalfClosed, "the connection broke in the middle of the answer"),
        (What::ResetAfterHeaders, "the connection broke in the middle of the answer"),
        (What::TruncatedBody, "the connection broke in the middle of the answer"),
        (What::ResetBeforeHeaders, "onnection"),
    ]
}

#[test]
fn a_channel_whose_pages_never_come_whole_fails_with_its_cause_and_holds_nobody_up() {
    let stubborn = stubborn();
    let sandbox = community(10, 250, HASTY);
    for (number, (what, _)) in stubborn.iter().enumerate() {
        sandbox.sim.faults().when(Match::page_of(chat(&sandbox, number)).always(), what.clone());
    }
    let ran = sandbox.run(&["start"]).expect_code(3);
    sandbox.assert_discreet(&ran);
    let failing = failing(&sandbox);
    assert_eq!(failing.len(), stubborn.len(), "{failing:?}");
    for (number, (what, words)) in stubborn.iter().enumerate() {
        let channel = chat(&sandbox, number);
        let (_, error) = failing.iter().find(|(id, _)| *id == channel).unwrap();
        assert!(error.contains(words), "{what:?}: {error}");
        // And a probe of the newest message: it might be this page alone.
        assert_eq!(pages_of(&sandbox, channel).len(), ATTEMPTS + 1, "{what:?}");
    }
    for number in stubborn.len()..10 {
        assert_eq!(stored(&sandbox, chat(&sandbox, number)), 250);
    }
    assert_completes(&sandbox);
}

#[test]
fn what_drips_but_comes_in_time_is_read() {
    let sandbox = community(2, 150, "");
    let every = Duration::from_millis(2);
    let drip = What::SlowDrip { every, bytes: 4096 };
    sandbox.sim.faults().when(Match::page_of(chat(&sandbox, 0)).always(), drip);
    sandbox
        .sim
        .faults()
        .when(Match::page_of(chat(&sandbox, 1)).always(), What::SlowHeaders { every, bytes: 9 });
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
    assert_eq!(sandbox.sim.journal().doubles(), []);
}

#[test]
fn a_server_whose_channels_are_never_listed_fails_with_its_cause() {
    let sandbox = community(2, 150, HASTY);
    sandbox.sim.faults().when(Match::route(RouteKind::GuildChannels).always(), What::StallBody(FOREVER));
    let ran = sandbox.run(&["start"]).expect_code(1);
    assert!(ran.stdout.contains("no complete body within 0.7 s"), "{}", ran.stdout);
    assert_eq!(sandbox.sim.journal().count(RouteKind::GuildChannels), ATTEMPTS);
    assert_completes(&sandbox);
}

#[test]
fn a_redirect_is_not_followed_with_the_token() {
    let sandbox = community(3, 150, HASTY);
    let elsewhere = Simulator::start(World::new(&Description::community(GUILD, 3, 150)));
    let struck = chat(&sandbox, 0);
    let page = format!("{}/api/v10/channels/{struck}/messages?after=0&limit=100", elsewhere.url());
    sandbox.sim.faults().when(Match::page_of(struck).always(), What::Redirect(page));
    let ran = sandbox.run(&["start"]).expect_code(3);
    assert!(ran.stdout.contains("set api_url"), "{}", ran.stdout);
    assert!(elsewhere.journal().is_empty(), "{:?}", elsewhere.journal().entries());
    let [(channel, error)] = &failing(&sandbox)[..] else { panic!("one channel fails") };
    assert!(*channel == struck && error.contains("HTTP 302, a redirect to 127.0.0.1"), "{error}");
    assert_completes(&sandbox);
    let question = format!("{}/api/v10/oauth2/applications/@me", elsewhere.url());
    sandbox.sim.faults().when(Match::default().always(), What::Redirect(question));
    let ran = sandbox.run(&["start"]).expect_code(1);
    assert!(ran.stderr.contains("a redirect to 127.0.0.1"), "{}", ran.stderr);
    assert!(ran.stderr.contains("set api_url"), "{}", ran.stderr);
    assert!(elsewhere.journal().is_empty(), "{:?}", elsewhere.journal().entries());
}

#[test]
fn what_is_wrong_for_a_while_is_asked_again_and_archived() {
    let passing = [
        What::Status(502, BodyKind::Html),
        What::Status(503, BodyKind::Empty),
        What::Status(504, BodyKind::Html),
        What::Status(202, BodyKind::Json(110_000)),
        What::Status(200, BodyKind::Html),
        What::Status(200, BodyKind::Empty),
        What::InvalidJson,
        What::TruncatedBody,
        What::HalfClosed,
        What::ResetBeforeHeaders,
        What::ResetAfterHeaders,
    ];
    let sandbox = community(11, 250, "[sync]\nretry_base_delay = \"10ms\"");
    for (number, what) in passing.iter().enumerate() {
        sandbox.sim.faults().when(Match::page_of(chat(&sandbox, number)).after(1).times(2), what.clone());
    }
    let job = sandbox.run(&["start", "--format", "json"]).expect_code(0).last_json()["jobs"][0].clone();
    assert_eq!(job["parallel_stats"]["retries"], 2 * passing.len());
    for (number, what) in passing.iter().enumerate() {
        let struck = pages_of(&sandbox, chat(&sandbox, number));
        assert_eq!(struck.iter().filter(|page| page.fault.is_some()).count(), 2, "{what:?}");
    }
    assert_eq!(sandbox.sim.journal().doubles(), [], "nothing that came is asked for again");
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn json_that_is_said_to_be_html_is_read() {
    let sandbox = community(2, 150, "");
    sandbox.sim.faults().when(Match::default().always(), What::WrongContentType);
    sandbox.run(&["start"]).expect_code(0);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}
