//! Counts requests against the rate limits.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::door::InvalidRequestCounter;
use super::{Headers, Limits, Scope, Second, is_invalid};
use crate::dice;
use crate::route::{Route, RouteKind};

const SECOND: Duration = Duration::from_secs(1);

/// Whether the limits allow a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Allowed, with the state its headers report, if any.
    Allowed(Option<RateLimitInfo>),
    /// Rejected with a 429.
    Limited { scope: Scope, retry_after: Duration, info: Option<RateLimitInfo> },
}

/// The values of the `X-RateLimit-` headers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RateLimitInfo {
    pub limit: u32,
    pub remaining: u32,
    pub reset_after: Duration,
    pub bucket: String,
}

impl RateLimitInfo {
    /// Values of a fictitious limit of 5 requests, for answers the limiter didn't see.
    pub(crate) fn fictitious(route: Option<RouteKind>, remaining: u32, reset_after: Duration) -> Self {
        let bucket = route.map_or_else(|| "0".repeat(32), |kind| bucket_name(kind, "limited"));
        Self { limit: 5, remaining, reset_after, bucket }
    }
}

/// Enforces the limits. The caller passes in the time.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    invalid_request_counter: Option<InvalidRequestCounter>,
    /// When the requests of the current global window were allowed.
    allowed_at: VecDeque<Instant>,
    windows: HashMap<(RouteKind, u64), Window>,
}

#[derive(Debug)]
struct Window {
    started_at: Instant,
    used_requests: u32,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        let invalid_request_counter = limits.front_door.map(InvalidRequestCounter::new);
        Self { limits, invalid_request_counter, allowed_at: VecDeque::new(), windows: HashMap::new() }
    }

    /// Whether the client is banned for too many invalid requests.
    pub(crate) fn is_banned(&self, now: Instant) -> bool {
        self.invalid_request_counter.as_ref().is_some_and(|counter| counter.is_banned(now))
    }

    /// Counts an answer given at `now` towards the invalid-request limit, if it is
    /// invalid.
    pub(crate) fn record_answer(&mut self, status: u16, scope: Option<Scope>, now: Instant) {
        if let Some(counter) = self.invalid_request_counter.as_mut().filter(|_| is_invalid(status, scope)) {
            counter.record(now);
        }
    }

    /// Checks a request that arrives at `now`, and counts it if it is allowed.
    pub(crate) fn check(&mut self, route: &Route, now: Instant) -> Verdict {
        if let Some(retry_after) = self.global_wait(now) {
            return Verdict::Limited { scope: Scope::Global, retry_after, info: None };
        }
        let rule = self.limits.buckets.iter();
        let Some(rule) = rule.copied().find(|rule| rule.route == route.kind) else {
            self.allowed_at.push_back(now);
            return Verdict::Allowed(self.unlimited_info(route));
        };
        let key = (route.kind, route.major);
        let window = self.windows.entry(key).or_insert(Window { started_at: now, used_requests: 0 });
        if now.saturating_duration_since(window.started_at) >= rule.window {
            *window = Window { started_at: now, used_requests: 0 };
        }
        let reset_after = (window.started_at + rule.window).saturating_duration_since(now);
        let mut info = RateLimitInfo {
            limit: rule.requests,
            remaining: 0,
            reset_after,
            bucket: bucket_name(route.kind, "limited"),
        };
        if window.used_requests >= rule.requests {
            return Verdict::Limited { scope: Scope::User, retry_after: reset_after, info: Some(info) };
        }
        window.used_requests += 1;
        info.remaining = rule.requests - window.used_requests;
        self.allowed_at.push_back(now);
        Verdict::Allowed(match self.limits.headers {
            Headers::Honest => Some(info),
            _ => self.unlimited_info(route),
        })
    }

    /// The header values of a 200 that report no bucket's true state; `None` if they are
    /// off.
    fn unlimited_info(&self, route: &Route) -> Option<RateLimitInfo> {
        let limit = match self.limits.headers {
            Headers::Honest => 1000,
            Headers::Generous { limit } => limit,
            Headers::Absent => return None,
        };
        Some(RateLimitInfo {
            limit,
            remaining: limit.saturating_sub(1),
            reset_after: SECOND,
            bucket: bucket_name(route.kind, "open"),
        })
    }

    /// How long the global limit still rejects requests; `None` if it allows one now.
    fn global_wait(&mut self, now: Instant) -> Option<Duration> {
        let Some(limit) = self.limits.global_per_second else {
            self.allowed_at.clear();
            return None;
        };
        match self.limits.second {
            Second::Sliding => {
                let is_old = |at: &Instant| now.saturating_duration_since(*at) >= SECOND;
                while self.allowed_at.front().is_some_and(is_old) {
                    self.allowed_at.pop_front();
                }
            }
            Second::Fixed => {
                let began = self.allowed_at.front().copied();
                if began.is_some_and(|began| now.saturating_duration_since(began) >= SECOND) {
                    self.allowed_at.clear();
                }
            }
        }
        let is_full = self.allowed_at.len() >= limit as usize;
        let oldest = self.allowed_at.front().filter(|_| is_full)?;
        Some((*oldest + SECOND).saturating_duration_since(now))
    }
}

/// An opaque bucket name for a route; `mode` separates a route's buckets.
fn bucket_name(kind: RouteKind, mode: &str) -> String {
    let name = dice::hash_text(0, &format!("{kind:?} {mode}"));
    format!("{name:016x}{:016x}", dice::mix(name))
}
