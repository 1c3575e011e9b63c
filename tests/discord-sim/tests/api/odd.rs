use discord_sim::{Description, Limits, Match, Oddity, RouteKind, Scope, Simulator, What};

use crate::client::{Reply, get, serve};

const GUILD: u64 = 310_000_000_000_000_001;
const NUMBERS: [&str; 4] =
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-reset-after"];

fn community() -> Simulator {
    serve(&Description::community(GUILD, 1, 10))
}

fn struck(sim: &Simulator, path: &str, what: What) -> Reply {
    sim.faults().clear();
    sim.faults().when(Match::default(), what);
    get(sim, path)
}

fn is_of_limits(name: &str) -> bool {
    name.starts_with("x-ratelimit-") || name == "retry-after"
}

fn of_limits(reply: &Reply) -> Vec<(String, String)> {
    let mut headers = reply.headers.clone();
    headers.retain(|(name, _)| is_of_limits(name));
    headers.sort();
    headers
}

#[test]
fn odd_headers_come_with_the_true_body() {
    let sim = community();
    let path = format!("/guilds/{GUILD}");
    let sound = get(&sim, &path);
    for oddity in Oddity::ALL {
        let reply = struck(&sim, &path, What::OddHeaders(oddity));
        assert_eq!((reply.status, &reply.body), (200, &sound.body), "{oddity:?}");
        assert_ne!(of_limits(&reply), of_limits(&sound), "{oddity:?}");
    }
}

#[test]
fn every_number_is_as_odd_as_planned() {
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
        // This route has no such headers of its own.
        let reply = struck(&sim, "/users/@me", What::OddHeaders(oddity));
        assert_eq!(NUMBERS.map(|name| reply.header(name)), [Some(value); 4], "{oddity:?}");
    }
}

#[test]
fn headers_are_left_out_doubled_or_zero() {
    let sim = community();
    let odd = |oddity| struck(&sim, "/users/@me", What::OddHeaders(oddity));
    assert_eq!(of_limits(&odd(Oddity::Missing)), []);
    for (oddity, name) in [
        (Oddity::MissingLimit, "x-ratelimit-limit"),
        (Oddity::MissingRemaining, "x-ratelimit-remaining"),
        (Oddity::MissingReset, "x-ratelimit-reset-after"),
        (Oddity::MissingBucket, "x-ratelimit-bucket"),
    ] {
        let reply = odd(oddity);
        assert_eq!(reply.header(name), None);
        assert!(!of_limits(&reply).is_empty());
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
fn a_429_can_have_odd_headers_and_tells_the_truth_in_its_body() {
    let sim = community();
    for oddity in Oddity::ALL {
        let what = What::RateLimitedOddly { retry_after: 0.25, scope: Scope::User, oddity };
        let reply = struck(&sim, "/users/@me", what);
        assert_eq!((reply.status, reply.json()["retry_after"].as_f64()), (429, Some(0.25)), "{oddity:?}");
    }
    assert_eq!(sim.journal().limited().get(&Scope::User), Some(&Oddity::ALL.len()));
    let infinite = What::RateLimitedOddly { retry_after: 0.25, scope: Scope::User, oddity: Oddity::Infinite };
    let reply = struck(&sim, "/users/@me", infinite);
    assert_eq!(reply.header("retry-after"), Some("inf"));
    assert_eq!(reply.header("x-ratelimit-scope"), Some("user"));
}

#[test]
fn a_429_of_a_true_limit_can_have_odd_headers() {
    let sim = community();
    sim.set_limits(Limits::off().bucket(RouteKind::Guild, 1, std::time::Duration::from_mins(1)));
    let path = format!("/guilds/{GUILD}");
    assert_eq!(get(&sim, &path).status, 200);
    let reply = struck(&sim, &path, What::OddHeaders(Oddity::Negative));
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("-1")));
}

#[test]
fn a_429_can_tell_two_different_waits() {
    let sim = community();
    for (retry_after, reset_after, header, reset) in [(7.5, 0.25, "8", "0.250"), (0.25, 7.5, "1", "7.500")] {
        let what = What::RateLimitedUnlike { retry_after, reset_after, scope: Scope::User };
        let reply = struck(&sim, &format!("/guilds/{GUILD}"), what);
        assert_eq!(reply.status, 429);
        assert_eq!(reply.header("retry-after"), Some(header));
        assert_eq!(reply.json()["retry_after"].as_f64(), Some(retry_after));
        assert_eq!(reply.header("x-ratelimit-reset-after"), Some(reset));
        assert_eq!(reply.header("x-ratelimit-remaining"), Some("0"));
        assert_eq!(reply.header("x-ratelimit-scope"), Some("user"));
    }
}
