//! Counting requests against the limits.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::door::Door;
use super::{Headers, Limits, Scope, Second, is_invalid};
use crate::dice;
use crate::route::{Route, RouteKind};

const SECOND: Duration = Duration::from_secs(1);

/// What became of one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It passes; the state its headers report.
    Passes(Option<Report>),
    /// It doesn't.
    Limited { scope: Scope, retry_after: Duration, report: Option<Report> },
}

/// The numbers of the `X-RateLimit-` headers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub limit: u32,
    pub remaining: u32,
    pub reset_after: Duration,
    pub bucket: String,
}

impl Report {
    /// Numbers for an answer that met no limit: of 5 requests so many remain.
    pub(crate) fn made_up(route: Option<RouteKind>, remaining: u32, reset_after: Duration) -> Self {
        let bucket = route.map_or_else(|| "0".repeat(32), |kind| bucket_name(kind, "limited"));
        Self { limit: 5, remaining, reset_after, bucket }
    }
}

#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    door: Option<Door>,
    global: VecDeque<Instant>,
    windows: HashMap<(RouteKind, u64), Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    used: u32,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        let door = limits.front_door.map(Door::new);
        Self { limits, door, global: VecDeque::new(), windows: HashMap::new() }
    }

    /// Whether nobody gets past the front door at present.
    pub(crate) fn is_banned(&self, now: Instant) -> bool {
        self.door.as_ref().is_some_and(|door| door.is_shut(now))
    }

    /// Learns of an answer that was given `now`.
    pub(crate) fn answered(&mut self, status: u16, scope: Option<Scope>, now: Instant) {
        if let Some(door) = self.door.as_mut().filter(|_| is_invalid(status, scope)) {
            door.count(now);
        }
    }

    /// Counts a request that arrives `now`; one that is limited uses nothing up.
    pub(crate) fn check(&mut self, route: &Route, now: Instant) -> Verdict {
        if let Some(retry_after) = self.global_wait(now) {
            return Verdict::Limited { scope: Scope::Global, retry_after, report: None };
        }
        let rule = self.limits.buckets.iter();
        let Some(rule) = rule.copied().find(|rule| rule.route == route.kind) else {
            self.global.push_back(now);
            return Verdict::Passes(self.unlimited(route));
        };
        let key = (route.kind, route.major);
        let window = self.windows.entry(key).or_insert(Window { began: now, used: 0 });
        if now.saturating_duration_since(window.began) >= rule.window {
            *window = Window { began: now, used: 0 };
        }
        let reset_after = (window.began + rule.window).saturating_duration_since(now);
        let mut report = Report {
            limit: rule.requests,
            remaining: 0,
            reset_after,
            bucket: bucket_name(route.kind, "limited"),
        };
        if window.used >= rule.requests {
            return Verdict::Limited { scope: Scope::User, retry_after: reset_after, report: Some(report) };
        }
        window.used += 1;
        report.remaining = rule.requests - window.used;
        self.global.push_back(now);
        Verdict::Passes(match self.limits.headers {
            Headers::Honest => Some(report),
            _ => self.unlimited(route),
        })
    }

    /// The headers of a route without a rule of its own.
    fn unlimited(&self, route: &Route) -> Option<Report> {
        let limit = match self.limits.headers {
            Headers::Honest => 1000,
            Headers::Generous { limit } => limit,
            Headers::Absent => return None,
        };
        Some(Report {
            limit,
            remaining: limit.saturating_sub(1),
            reset_after: SECOND,
            bucket: bucket_name(route.kind, "open"),
        })
    }

    /// How long the global limit still holds.
    fn global_wait(&mut self, now: Instant) -> Option<Duration> {
        let Some(limit) = self.limits.global_per_second else {
            self.global.clear();
            return None;
        };
        match self.limits.second {
            Second::Sliding => {
                let is_old = |at: &Instant| now.saturating_duration_since(*at) >= SECOND;
                while self.global.front().is_some_and(is_old) {
                    self.global.pop_front();
                }
            }
            Second::Fixed => {
                let began = self.global.front().copied();
                if began.is_some_and(|began| now.saturating_duration_since(began) >= SECOND) {
                    self.global.clear();
                }
            }
        }
        let is_full = self.global.len() >= limit as usize;
        let oldest = self.global.front().filter(|_| is_full)?;
        Some((*oldest + SECOND).saturating_duration_since(now))
    }
}

/// An opaque name, one per route template.
fn bucket_name(kind: RouteKind, mode: &str) -> String {
    let name = dice::hash_text(0, &format!("{kind:?} {mode}"));
    format!("{name:016x}{:016x}", dice::mix(name))
}
