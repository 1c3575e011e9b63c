//! The rate limits a simulator enforces: Topics/Rate Limits.

mod bucket;
mod door;

pub(crate) use bucket::{Limiter, RateLimitInfo, Verdict};

use std::time::Duration;

use crate::route::RouteKind;

/// The limits a simulator enforces. The default enforces none.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Requests per second, over all routes.
    pub global_per_second: Option<u32>,
    /// How the second of `global_per_second` is measured.
    pub second: Second,
    /// Limits per route, for each channel or guild separately.
    pub buckets: Vec<BucketRule>,
    /// The rate-limit headers of a 200.
    pub headers: Headers,
    /// The ban for too many invalid requests; `None` means no ban.
    pub front_door: Option<FrontDoor>,
}

/// The invalid-request limit, which Cloudflare enforces with a ban: Topics/Rate Limits,
/// "Invalid Request Limit". A request is invalid if its answer is a 401, a 403 or a 429
/// with a scope other than `shared`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontDoor {
    /// Number of invalid requests within `window` that starts a ban.
    pub invalid_requests: u32,
    /// Length of the sliding window.
    pub window: Duration,
    /// How long every request is answered with Cloudflare's HTML 429. Requests during a
    /// ban don't extend it; after it, the count restarts at 0.
    pub ban: Duration,
}

impl FrontDoor {
    /// 10,000 invalid requests in 10 minutes, as documented. Observed bans last 1 to 24
    /// hours; this one lasts 1 hour.
    pub const fn discord() -> Self {
        Self { invalid_requests: 10_000, window: Duration::from_mins(10), ban: Duration::from_hours(1) }
    }
}

/// How the second of the global limit is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Second {
    /// Fixed windows; each starts with the first request after the previous one has
    /// ended.
    #[default]
    Fixed,
    /// A sliding window.
    Sliding,
}

/// The limit of a route, for each channel or guild separately.
#[derive(Debug, Clone, Copy)]
pub struct BucketRule {
    /// The route.
    pub route: RouteKind,
    /// Requests allowed in a window.
    pub requests: u32,
    /// The window's length; it starts with its first request.
    pub window: Duration,
}

/// The rate-limit headers of a 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Headers {
    /// The true state.
    #[default]
    Honest,
    /// A constant, almost unused limit under a different bucket name; only a 429 has the
    /// true state. Observed since early 2026: discord-api-docs issue 8161.
    Generous {
        /// `X-RateLimit-Limit`; `X-RateLimit-Remaining` is one less.
        limit: u32,
    },
    /// No rate-limit headers on a 200.
    Absent,
}

/// Whose limit a 429 reports: `X-RateLimit-Scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The bot's limit in one bucket.
    User,
    /// A resource's limit, shared by all bots; such a 429 doesn't count as invalid.
    Shared,
    /// The bot's limit over all routes.
    Global,
}

impl Scope {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Shared => "shared",
            Self::Global => "global",
        }
    }
}

/// Whether an answer counts towards the invalid-request limit.
pub(crate) fn is_invalid(status: u16, scope: Option<Scope>) -> bool {
    match status {
        401 | 403 => true,
        429 => scope != Some(Scope::Shared),
        _ => false,
    }
}

impl Limits {
    /// No limits.
    pub fn off() -> Self {
        Self::default()
    }

    /// Discord's known limits: 50 requests per second in total; per channel, 5 message
    /// pages and 5 archived-thread pages of each kind per 5 s, and 1 reactor page per 250
    /// ms; per guild, 5 active-thread lists per 5 s; and the invalid-request ban.
    pub fn discord() -> Self {
        let per_5_s = |route, requests| BucketRule { route, requests, window: Duration::from_secs(5) };
        Self {
            global_per_second: Some(50),
            second: Second::Fixed,
            buckets: vec![
                per_5_s(RouteKind::Messages, 5),
                per_5_s(RouteKind::ActiveThreads, 5),
                per_5_s(RouteKind::ArchivedPublicThreads, 5),
                per_5_s(RouteKind::ArchivedPrivateThreads, 5),
                BucketRule { route: RouteKind::Reactions, requests: 1, window: Duration::from_millis(250) },
            ],
            headers: Headers::Honest,
            front_door: Some(FrontDoor::discord()),
        }
    }

    /// Only a global limit.
    pub fn global(per_second: u32) -> Self {
        Self { global_per_second: Some(per_second), ..Self::default() }
    }

    /// Adds or replaces the rule of a route.
    #[must_use]
    pub fn bucket(mut self, route: RouteKind, requests: u32, window: Duration) -> Self {
        self.buckets.retain(|rule| rule.route != route);
        self.buckets.push(BucketRule { route, requests, window });
        self
    }
}
