use discord_sim::{Description, FaultKind, Limits, Match, Oddity, RouteKind, Scope, Simulator};

use crate::client::{Reply, get, serve};

const GUILD: u64 = 310_000_000_000_000_001;
const NUMBERS: [&str; 4] =
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-reset-after"];

fn community() -> Simulator {
    serve(&Description::community(GUILD, 1, 10))
}

fn with_fault(sim: &Simulator, path: &str, what: FaultKind) -> Reply {
    sim.faults().clear();
    sim.faults().when(Match::default(), what);
    get(sim, path)
}

fn is_rate_limit_header(name: &str) -> bool {
    name.starts_with("x-ratelimit-") || name == "retry-after"
}

fn rate_limit_headers(reply: &Reply) -> Vec<(String, String)> {
    let mut headers = reply.headers.clone();
    headers.retain(|(name, _)| is_rate_limit_header(name));
    headers.sort();
    headers
}

#[test]
fn odd_headers_come_with_an_unchanged_body() {
    let sim = community();
    let path = format!("/guilds/{GUILD}");
    let original = get(&sim, &path);
    for oddity in Oddity::ALL {
        let reply = with_fault(&sim, &path, FaultKind::OddHeaders(oddity));
        assert_eq!((reply.status, &reply.body), (200, &original.body), "{oddity:?}");
        assert_ne!(rate_limit_headers(&reply), rate_limit_headers(&original), "{oddity:?}");
    }
}

#[test]
fn numeric_headers_have_the_planned_odd_value() {
    let sim = community();
    let odd = [
        (Oddity::Negative, "-1"),
        (Oddity::NotANumber, "NaN"),
        (Oddity::Infinite, "inf"),
        (Oddity::Huge, "1e300"),
        (Oddity::ManyDigits, "99999999999999999999"),
        (Oddity::Empty, ""),
        (Oddity::Words, "soon"),
        (Oddity::NotAscii, "\u{e9}"),
        (Oddity::Zero, "0"),
    ];
    for (oddity, value) in odd {
        // This route sends no rate-limit headers without a fault.
        let reply = with_fault(&sim, "/users/@me", FaultKind::OddHeaders(oddity));
        assert_eq!(NUMBERS.map(|name| reply.header(name)), [Some(value); 4], "{oddity:?}");
    }
}

#[test]
fn headers_can_be_missing_zero_or_duplicated() {
    let sim = community();
    let odd = |oddity| with_fault(&sim, "/users/@me", FaultKind::OddHeaders(oddity));
    assert_eq!(rate_limit_headers(&odd(Oddity::Missing)), []);
    for (oddity, name) in [
        (Oddity::MissingLimit, "x-ratelimit-limit"),
        (Oddity::MissingRemaining, "x-ratelimit-remaining"),
        (Oddity::MissingReset, "x-ratelimit-reset-after"),
        (Oddity::MissingBucket, "x-ratelimit-bucket"),
    ] {
        let reply = odd(oddity);
        assert_eq!(reply.header(name), None);
        assert!(!rate_limit_headers(&reply).is_empty());
    }
    for (oddity, name) in [
        (Oddity::ZeroLimit, "x-ratelimit-limit"),
        (Oddity::ZeroRemaining, "x-ratelimit-remaining"),
        (Oddity::ZeroResetAfter, "x-ratelimit-reset-after"),
    ] {
        assert_eq!(odd(oddity).header(name), Some("0"));
    }
    let doubled = odd(Oddity::Duplicated);
    let limits = doubled.headers.iter().filter(|(name, _)| name == "x-ratelimit-limit");
    let limits: Vec<&str> = limits.map(|(_, value)| value.as_str()).collect();
    assert_eq!(limits, ["5", "7"]);
}

#[test]
fn planned_429_with_odd_headers_has_a_correct_body() {
    let sim = community();
    for oddity in Oddity::ALL {
        let what = FaultKind::RateLimitedOddly { retry_after: 0.25, scope: Scope::User, oddity };
        let reply = with_fault(&sim, "/users/@me", what);
        assert_eq!((reply.status, reply.json()["retry_after"].as_f64()), (429, Some(0.25)), "{oddity:?}");
    }
    assert_eq!(sim.journal().limited().get(&Scope::User), Some(&Oddity::ALL.len()));
    let infinite =
        FaultKind::RateLimitedOddly { retry_after: 0.25, scope: Scope::User, oddity: Oddity::Infinite };
    let reply = with_fault(&sim, "/users/@me", infinite);
    assert_eq!(reply.header("retry-after"), Some("inf"));
    assert_eq!(reply.header("x-ratelimit-scope"), Some("user"));
}

#[test]
fn real_429_can_have_odd_headers() {
    let sim = community();
    sim.set_limits(Limits::off().bucket(RouteKind::Guild, 1, std::time::Duration::from_mins(1)));
    let path = format!("/guilds/{GUILD}");
    assert_eq!(get(&sim, &path).status, 200);
    let reply = with_fault(&sim, &path, FaultKind::OddHeaders(Oddity::Negative));
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("-1")));
}

#[test]
fn planned_429_can_have_contradicting_waits() {
    let sim = community();
    for (retry_after, reset_after, header, reset) in [(7.5, 0.25, "8", "0.250"), (0.25, 7.5, "1", "7.500")] {
        let what = FaultKind::RateLimitedUnlike { retry_after, reset_after, scope: Scope::User };
        let reply = with_fault(&sim, &format!("/guilds/{GUILD}"), what);
        assert_eq!(reply.status, 429);
        assert_eq!(reply.header("retry-after"), Some(header));
        assert_eq!(reply.json()["retry_after"].as_f64(), Some(retry_after));
        assert_eq!(reply.header("x-ratelimit-reset-after"), Some(reset));
        assert_eq!(reply.header("x-ratelimit-remaining"), Some("0"));
        assert_eq!(reply.header("x-ratelimit-scope"), Some("user"));
    }
}
