//! Channels that fail in every run.

use std::time::Duration;

use discord_sim::{BodyKind, Match, What};
use serde_json::Value;

use super::{FOREVER, GUILD, chat, community, failing, json, pages_of, stored};
use crate::util::Sandbox;
use crate::util::truth::assert_archived;

const IMPATIENT: &str = "[sync]\nmax_retries = 1\nretry_base_delay = \"10ms\"\nrequest_timeout = \"500ms\"\nreactions = \"counts\"";

/// What strikes a channel, and whether the cause is its own.
fn causes() -> Vec<(What, bool)> {
    vec![
        (What::Status(400, BodyKind::Json(50_035)), true),
        (What::Status(403, BodyKind::Json(50_001)), true),
        (What::Status(404, BodyKind::Json(10_003)), true),
        (What::InvalidJson, true),
        (What::Status(500, BodyKind::Json(0)), false),
        (What::Status(502, BodyKind::Html), false),
        (What::Status(202, BodyKind::Json(110_000)), false),
        (What::Stall(FOREVER), false),
        (What::TruncatedBody, false),
        (What::ResetBeforeHeaders, false),
    ]
}

fn waiting(sandbox: &Sandbox) -> Vec<u64> {
    let plan = json(sandbox, "plan");
    let waiting = plan["tenants"][0]["waiting"].as_array().unwrap();
    let id = |channel: &Value| channel["channel_id"].as_str().unwrap().parse().unwrap();
    waiting.iter().map(id).collect()
}

#[test]
fn a_page_that_always_fails_costs_its_channel_alone_and_keeps_the_checkpoint() {
    let sandbox = community(4, 1000, IMPATIENT);
    let struck = chat(&sandbox, 2);
    let page = Match::page_of(struck).after(4).always();
    sandbox.sim.faults().when(page, What::Status(503, BodyKind::Html));
    sandbox.run(&["start"]).expect_code(3);
    assert_eq!(stored(&sandbox, struck), 400);
    let [(channel, error)] = &failing(&sandbox)[..] else { panic!("{:?}", failing(&sandbox)) };
    assert!(*channel == struck && error.contains("HTTP 503"), "{error}");
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 3400);
    let failed = pages_of(&sandbox, struck).into_iter().find(|page| page.status == Some(503));
    let last_asked = failed.unwrap().query;
    sandbox.sim.faults().clear();
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(pages_of(&sandbox, struck)[0].query, last_asked);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn five_failures_of_its_own_make_a_dead_letter_and_no_outage_ever_does() {
    let causes = causes();
    let sandbox = community(11, 120, IMPATIENT);
    for (number, (what, _)) in causes.iter().enumerate() {
        sandbox.sim.faults().when(Match::page_of(chat(&sandbox, number)).always(), what.clone());
    }
    for _ in 0..5 {
        assert_eq!(waiting(&sandbox), Vec::<u64>::new());
        sandbox.run(&["start"]).expect_code(3);
        assert_eq!(failing(&sandbox).len(), causes.len());
    }
    let own = |wanted: bool| {
        let of_kind = causes.iter().enumerate().filter(move |(_, (_, own))| *own == wanted);
        of_kind.map(|(number, _)| chat(&sandbox, number)).collect::<Vec<u64>>()
    };
    assert_eq!(waiting(&sandbox), own(true));
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(3);
    assert!(
        own(true).iter().all(|channel| pages_of(&sandbox, *channel).is_empty()),
        "a dead letter is asked for"
    );
    assert!(own(false).iter().all(|channel| !pages_of(&sandbox, *channel).is_empty()));
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(waiting(&sandbox), own(true), "waiting ones are shown and no failure");
    sandbox.sim.world().advance(Duration::from_hours(25));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!((waiting(&sandbox), failing(&sandbox)), (vec![], vec![]));
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}
