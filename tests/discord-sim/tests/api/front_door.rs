use std::time::Duration;

use discord_sim::{BodyKind, Description, FaultKind, FrontDoor, Limits, Match, RouteKind, Scope, Simulator};

use crate::client::{self, Reply, get, send, serve};

const GUILD: u64 = 310_000_000_000_000_001;
const TARGET: &str = "/api/v10/users/@me";

/// A simulator that bans after three invalid requests.
fn with_front_door(ban: Duration) -> Simulator {
    let sim = serve(&Description::community(GUILD, 1, 10));
    let front_door = FrontDoor { invalid_requests: 3, ban, ..FrontDoor::discord() };
    sim.set_limits(Limits { front_door: Some(front_door), ..Limits::off() });
    sim
}

fn unauthorized(sim: &Simulator) -> u16 {
    let headers = client::headers(sim).replace(": Bot ", ": Bot x");
    send(sim, "GET", TARGET, &headers).expect("an answer").status
}

fn assert_front_door(reply: &Reply) {
    assert_eq!(reply.status, 429);
    assert!(reply.body.starts_with(b"<!DOCTYPE"));
    let mut names = reply.headers.iter().map(|(name, _)| name.as_str());
    assert!(!names.any(|name| name.starts_with("x-ratelimit") || name == "retry-after"), "{reply:?}");
}

#[test]
fn too_many_invalid_requests_ban_all_requests() {
    let sim = with_front_door(Duration::from_hours(1));
    assert_eq!([(); 3].map(|()| unauthorized(&sim)), [401; 3]);
    assert_front_door(&get(&sim, "/users/@me"));
    assert_front_door(&get(&sim, &format!("/guilds/{GUILD}")));
    assert_eq!(unauthorized(&sim), 429);
    assert_eq!(sim.journal().invalid_requests(), 6);
    assert_eq!(sim.journal().front_door(), 3);
    sim.set_limits(Limits::off());
    assert_eq!(get(&sim, "/users/@me").status, 200);
}

#[test]
fn statuses_401_403_and_429_count_as_invalid_except_shared_limits() {
    let sim = with_front_door(Duration::from_hours(1));
    let limited = |scope| FaultKind::RateLimited { retry_after: 0.1, scope };
    let harmless = [limited(Scope::Shared), FaultKind::Status(404, BodyKind::Json(10003))];
    for what in harmless.into_iter().cycle().take(8) {
        sim.faults().when(Match::default(), what);
        assert_ne!(get(&sim, "/users/@me").status, 200);
    }
    assert_eq!(sim.journal().invalid_requests(), 0);
    let invalid =
        [FaultKind::Status(403, BodyKind::Json(50001)), limited(Scope::User), limited(Scope::Global)];
    for what in invalid {
        assert_eq!(get(&sim, "/users/@me").status, 200);
        sim.faults().when(Match::default(), what);
        assert_ne!(get(&sim, "/users/@me").status, 200);
    }
    assert_eq!(sim.journal().invalid_requests(), 3);
    assert_front_door(&get(&sim, "/users/@me"));
}

#[test]
fn exceeding_a_bucket_limit_leads_to_a_ban() {
    let sim = with_front_door(Duration::from_hours(1));
    let front_door = Some(FrontDoor { invalid_requests: 2, ..FrontDoor::discord() });
    let limits = Limits { front_door, ..Limits::off() };
    sim.set_limits(limits.bucket(RouteKind::Guild, 1, Duration::from_mins(1)));
    let path = format!("/guilds/{GUILD}");
    assert_eq!([(); 3].map(|()| get(&sim, &path).status), [200, 429, 429]);
    assert_front_door(&get(&sim, &path));
    assert_eq!(sim.journal().limited().get(&Scope::User), Some(&2));
}

#[test]
fn ban_ends_after_its_duration() {
    let sim = with_front_door(Duration::from_millis(40));
    for _ in 0..3 {
        unauthorized(&sim);
    }
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(get(&sim, "/users/@me").status, 200);
}

#[test]
fn banned_request_does_not_use_up_a_fault() {
    let sim = with_front_door(Duration::from_hours(1));
    for _ in 0..3 {
        unauthorized(&sim);
    }
    let number = sim.faults().when(Match::default(), FaultKind::NullBody);
    assert_front_door(&get(&sim, "/users/@me"));
    assert_eq!(sim.faults().fired(number), 0);
}

#[test]
fn journal_counts_requests_and_invalid_requests_over_time() {
    let sim = serve(&Description::community(GUILD, 1, 10));
    for _ in 0..3 {
        unauthorized(&sim);
        get(&sim, "/users/@me");
    }
    let journal = sim.journal();
    assert_eq!(journal.per_second().iter().sum::<usize>(), 6);
    assert_eq!(journal.busiest(Duration::from_hours(1)), 6);
    assert_eq!(journal.busiest_invalid(Duration::from_hours(1)), 3);
    assert_eq!(journal.invalid_requests(), 3);
}
