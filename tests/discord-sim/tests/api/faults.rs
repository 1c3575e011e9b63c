use std::io::ErrorKind;
use std::time::{Duration, Instant};

use discord_sim::{BodyKind, Damage, Description, Fault, FaultKind, Match, RouteKind, Scope, Simulator};
use serde_json::Value;

use crate::client::{Reply, get, ids, serve, try_get};

const GUILD: u64 = 310_000_000_000_000_001;

fn one_channel() -> (Simulator, String) {
    let sim = serve(&Description::community(GUILD, 1, 100));
    let channel = sim.world().channel_named(GUILD, "chat-0").expect("it exists");
    (sim, format!("/channels/{channel}/messages?limit=100"))
}

fn messages() -> Match {
    Match::route(RouteKind::Messages)
}

/// The answer with one fault; the next answer must be faultless.
fn with_fault(what: FaultKind) -> Reply {
    let (sim, path) = one_channel();
    sim.faults().when(messages(), what);
    let reply = get(&sim, &path);
    assert_eq!(get(&sim, &path).status, 200);
    reply
}

#[test]
fn planned_statuses_have_json_or_html_bodies() {
    let json = with_fault(FaultKind::Status(500, BodyKind::Json(0)));
    assert_eq!(json.error(), (500, 0));
    let html = with_fault(FaultKind::Status(502, BodyKind::Html));
    assert_eq!((html.status, html.body.starts_with(b"<!DOCTYPE")), (502, true));
    let edge = with_fault(FaultKind::FrontDoor);
    assert_eq!((edge.status, edge.header("retry-after")), (429, None));
}

#[test]
fn planned_429_has_the_planned_wait_and_scope() {
    let reply = with_fault(FaultKind::RateLimited { retry_after: 0.35, scope: Scope::Shared });
    assert_eq!(reply.status, 429);
    assert_eq!(reply.header("x-ratelimit-scope"), Some("shared"));
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.json()["retry_after"], 0.35);
}

#[test]
fn connections_can_break_before_the_headers_and_within_the_body() {
    let (sim, path) = one_channel();
    sim.faults().when(messages(), FaultKind::ResetBeforeHeaders);
    sim.faults().when(messages(), FaultKind::TruncatedBody);
    let reset = try_get(&sim, &path).expect_err("no answer");
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    let short = try_get(&sim, &path).expect_err("half an answer");
    assert_eq!(short.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(get(&sim, &path).status, 200);
    assert_eq!(sim.journal().entries()[0].status, None);
}

#[test]
fn bodies_can_be_malformed_json_or_null() {
    let broken = with_fault(FaultKind::InvalidJson);
    assert!(serde_json::from_slice::<Value>(&broken.body).is_err());
    assert_eq!(with_fault(FaultKind::NullBody).body, b"null");
}

#[test]
fn answers_can_stall_before_the_headers_and_within_the_body() {
    for what in
        [FaultKind::Stall(Duration::from_millis(100)), FaultKind::StallBody(Duration::from_millis(100))]
    {
        let began = Instant::now();
        let reply = with_fault(what);
        assert!(began.elapsed() >= Duration::from_millis(100));
        assert_eq!(ids(&reply.json()).len(), 100);
    }
}

#[test]
fn one_message_of_a_page_can_be_malformed() {
    for (damage, field) in
        [(Damage::MissingId, "id"), (Damage::NullAuthor, "author"), (Damage::NullContent, "content")]
    {
        let page = with_fault(FaultKind::MalformedMessage(3, damage)).json();
        assert!(page[3][field].is_null(), "{field}");
        assert!(!page[4][field].is_null(), "{field}");
    }
}

#[test]
fn shuffled_page_has_the_same_messages() {
    let (sim, path) = one_channel();
    let original = ids(&get(&sim, &path).json());
    sim.faults().when(messages(), FaultKind::ShuffledOrder);
    let mut shuffled = ids(&get(&sim, &path).json());
    assert_ne!(shuffled, original);
    shuffled.sort_unstable_by(|one, two| two.cmp(one));
    assert_eq!(shuffled, original);
}

#[test]
fn faults_can_be_skipped_limited_and_random() {
    let (sim, path) = one_channel();
    let error = || FaultKind::Status(503, BodyKind::Empty);
    let number = sim.faults().when(messages().after(2).times(3), error());
    let statuses: Vec<u16> = (0..7).map(|_| get(&sim, &path).status).collect();
    assert_eq!(statuses, [200, 200, 503, 503, 503, 200, 200]);
    assert_eq!(sim.faults().fired(number), 3);
    sim.faults().clear();
    let number =
        sim.faults().plan(Fault { when: Match { probability: 0.5, ..messages().always() }, what: error() });
    for _ in 0..100 {
        get(&sim, &path);
    }
    let fired = sim.faults().fired(number);
    assert!((25..75).contains(&fired), "{fired}");
}
