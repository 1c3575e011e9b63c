//! Channels that fail in every run, and the dead-letter channels they become.

use std::time::Duration;

use discord_sim::{BodyKind, FaultKind, Match};
use serde_json::Value;

use super::{FOREVER, GUILD, channel_errors, chat, community, json, page_requests, stored_messages};
use crate::util::Sandbox;
use crate::util::truth::assert_archived;

/// Fails fast: short timeout, one retry.
const FAIL_FAST_CONFIG: &str = "[sync]\nmax_retries = 1\nretry_base_delay = \"10ms\"\nrequest_timeout = \"500ms\"\nreactions = \"counts\"";

/// Faults, and whether each counts as the channel's own failure.
fn faults() -> Vec<(FaultKind, bool)> {
    vec![
        (FaultKind::Status(400, BodyKind::Json(50_035)), true),
        (FaultKind::Status(403, BodyKind::Json(50_001)), true),
        (FaultKind::Status(404, BodyKind::Json(10_003)), true),
        (FaultKind::InvalidJson, true),
        (FaultKind::Status(500, BodyKind::Json(0)), false),
        (FaultKind::Status(502, BodyKind::Html), false),
        (FaultKind::Status(202, BodyKind::Json(110_000)), false),
        (FaultKind::Stall(FOREVER), false),
        (FaultKind::TruncatedBody, false),
        (FaultKind::ResetBeforeHeaders, false),
    ]
}

/// IDs of the dead-letter channels.
fn dead_letters(sandbox: &Sandbox) -> Vec<u64> {
    let plan = json(sandbox, "plan");
    let dead_letters = plan["tenants"][0]["waiting"].as_array().unwrap();
    let id = |channel: &Value| channel["channel_id"].as_str().unwrap().parse().unwrap();
    dead_letters.iter().map(id).collect()
}

#[test]
fn permanently_failing_page_fails_only_its_channel_and_keeps_the_checkpoint() {
    let sandbox = community(4, 1000, FAIL_FAST_CONFIG);
    let failing = chat(&sandbox, 2);
    let page = Match::page_of(failing).after(4).always();
    sandbox.sim.faults().when(page, FaultKind::Status(503, BodyKind::Html));
    sandbox.run(&["start"]).expect_code(3);
    assert_eq!(stored_messages(&sandbox, failing), 400);
    let [(channel, error)] = &channel_errors(&sandbox)[..] else { panic!("{:?}", channel_errors(&sandbox)) };
    assert!(*channel == failing && error.contains("HTTP 503"), "{error}");
    assert_eq!(sandbox.count("SELECT count(*) FROM messages"), 3400);
    let failed = page_requests(&sandbox, failing).into_iter().find(|page| page.status == Some(503));
    let failed_query = failed.unwrap().query;
    sandbox.sim.faults().clear();
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(page_requests(&sandbox, failing)[0].query, failed_query);
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}

#[test]
fn five_own_failures_make_a_dead_letter_but_outages_do_not() {
    let faults = faults();
    let sandbox = community(11, 120, FAIL_FAST_CONFIG);
    for (number, (what, _)) in faults.iter().enumerate() {
        sandbox.sim.faults().when(Match::page_of(chat(&sandbox, number)).always(), what.clone());
    }
    for _ in 0..5 {
        assert_eq!(dead_letters(&sandbox), Vec::<u64>::new());
        sandbox.run(&["start"]).expect_code(3);
        assert_eq!(channel_errors(&sandbox).len(), faults.len());
    }
    let channels_with = |own_failure: bool| {
        let of_kind = faults.iter().enumerate().filter(move |(_, (_, own))| *own == own_failure);
        of_kind.map(|(number, _)| chat(&sandbox, number)).collect::<Vec<u64>>()
    };
    assert_eq!(dead_letters(&sandbox), channels_with(true));
    sandbox.sim.journal().clear();
    sandbox.run(&["start"]).expect_code(3);
    assert!(
        channels_with(true).iter().all(|channel| page_requests(&sandbox, *channel).is_empty()),
        "a dead-letter channel is requested"
    );
    assert!(channels_with(false).iter().all(|channel| !page_requests(&sandbox, *channel).is_empty()));
    sandbox.sim.faults().clear();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(
        dead_letters(&sandbox),
        channels_with(true),
        "dead-letter channels are shown and are no failure"
    );
    sandbox.sim.world().advance(Duration::from_hours(25));
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!((dead_letters(&sandbox), channel_errors(&sandbox)), (vec![], vec![]));
    assert_archived(sandbox.sim.world(), &sandbox.archive(), GUILD);
}
