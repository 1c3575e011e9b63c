//! Mutated rate-limit headers and bodies.

use std::cell::RefCell;
use std::time::Duration;

use fastrand::Rng;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;
use twilight_http_ratelimiting::RateLimiter;

use super::mutate::{corrupt_bytes, damaged};
use super::{classify, response, rounds, with_body_on_panic};
use crate::platform::discord::client::{RateLimit, endpoint};
use crate::platform::discord::headers;
use crate::platform::discord::learned_limits::LearnedLimits;
use crate::platform::{Gate, GateSettings};

const NAMES: [&str; 9] = [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-reset-after",
    "x-ratelimit-bucket",
    "x-ratelimit-scope",
    "x-ratelimit-global",
    "retry-after",
    "date",
];

const VALUES: [&str; 24] = [
    "",
    " ",
    "0",
    "-0",
    "1",
    "5",
    "4.999",
    "-1",
    "65535",
    "65536",
    "86400",
    "86401",
    "1e3",
    "1e300",
    "1e-300",
    "NaN",
    "-inf",
    "18446744073709551616",
    "true",
    "user",
    "shared",
    "global",
    "Wed, 25 Nov 2026 22:00:00 GMT",
    "Sun, 06 Nov 9999 08:49:37 GMT",
];

fn odd_headers(rng: &mut Rng) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for _ in 0..rng.usize(..12) {
        let name = HeaderName::from_static(NAMES[rng.usize(..NAMES.len())]);
        let mut value = VALUES[rng.usize(..VALUES.len())].as_bytes().to_vec();
        if rng.u8(..4) == 0 {
            corrupt_bytes(&mut value, rng);
        }
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            headers.append(name, value);
        }
    }
    headers
}

fn odd_body(rng: &mut Rng) -> Vec<u8> {
    let body =
        json!({ "message": "You are being rate limited.", "retry_after": 0.75, "global": false, "code": 0 });
    let mut body = damaged(&body, rng).into_bytes();
    if rng.u8(..4) == 0 {
        corrupt_bytes(&mut body, rng);
    }
    body
}

/// With paused time, tokio advances the clock while all tasks wait.
#[tokio::test(start_paused = true)]
async fn odd_rate_limits_never_panic_and_every_wait_ends() {
    const DAY: Duration = Duration::from_hours(24);
    let learned = LearnedLimits::default();
    let gate = Gate::new(GateSettings { max_in_flight: 1, requests_per_second: 1000.0 });
    let claims = RefCell::new(Vec::new());
    rounds(4000, |rng, _| {
        let path = format!("channels/{}/messages", rng.u8(1..4));
        let (headers, body) = (odd_headers(rng), odd_body(rng));
        let response = response(429, headers.clone(), &body);
        with_body_on_panic(&body, || {
            let limit = RateLimit::of(&response);
            assert!(limit.wait <= DAY && limit.reset_after <= limit.wait, "{limit:?}");
            gate.pause_for(limit.wait);
            if let Some(requests) = limit.requests {
                learned.record_exceeded(&path, requests.into(), limit.reset_after);
            }
            learned.record_response(&path);
            let claim = limit.bucket(&response, &endpoint(&path)).or_else(|| headers::bucket(&headers));
            let _ = claim.as_ref().map(|claim| learned.contradicts(&path, claim.limit.into()));
            let _ = (headers::date(&headers), classify(503, headers.clone(), &body));
            claims.borrow_mut().push((path.clone(), claim));
        });
    });
    let limiter = RateLimiter::new(u16::MAX);
    for (path, claim) in claims.into_inner() {
        learned.wait(&path).await;
        limiter.acquire(endpoint(&path)).await.complete(claim);
    }
    assert!(gate.acquire(0).await.is_ok());
}
