//! Rate limits: Topics/Rate Limits.

mod bucket;
mod door;

pub(crate) use bucket::{Limiter, Report, Verdict};

use std::time::Duration;

use crate::route::RouteKind;

/// The limits a simulator enforces. The default enforces none.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Requests per second of the whole token.
    pub global_per_second: Option<u32>,
    /// How the global second is measured.
    pub second: Second,
    /// Limits per route and channel or guild.
    pub buckets: Vec<BucketRule>,
    /// What the headers of a 200 say.
    pub headers: Headers,
    /// What too many invalid requests lead to; nothing without it.
    pub front_door: Option<FrontDoor>,
}

/// When the front door bans a client: Topics/Rate Limits, "Invalid Request
/// Limit". A request is invalid whose answer is a 401, a 403 or a 429 with
/// another scope than `shared`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontDoor {
    /// So many invalid requests within `window` begin a ban.
    pub invalid_requests: u32,
    /// How long an invalid request counts; the window slides.
    pub window: Duration,
    /// How long every request is answered with the front door's HTML 429.
    /// Requests during a ban don't lengthen it; after it, counting begins anew.
    pub ban: Duration,
}

impl FrontDoor {
    /// 10,000 in 10 minutes, as documented; bans were seen to last 1 to 24
    /// hours, this one lasts 1.
    pub const fn discord() -> Self {
        Self { invalid_requests: 10_000, window: Duration::from_mins(10), ban: Duration::from_hours(1) }
    }
}

/// How a global second is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Second {
    /// It begins with the first request after the last one ended.
    #[default]
    Fixed,
    /// Any second counts.
    Sliding,
}

/// So many requests of a route per window, for each channel or guild.
#[derive(Debug, Clone, Copy)]
pub struct BucketRule {
    /// The route.
    pub route: RouteKind,
    /// Requests allowed in a window.
    pub requests: u32,
    /// The window's length; it begins with its first request.
    pub window: Duration,
}

/// What the rate-limit headers of a 200 say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Headers {
    /// The truth.
    #[default]
    Honest,
    /// Always this much left, under a bucket of its own; only a 429 tells the truth.
    /// Seen since early 2026: discord-api-docs issue 8161.
    Generous {
        /// `X-RateLimit-Limit`; one less is remaining.
        limit: u32,
    },
    /// No rate-limit headers on a 200.
    Absent,
}

/// Whose limit a 429 is about: `X-RateLimit-Scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The bot's in one bucket.
    User,
    /// A resource's, shared by all bots; it doesn't count as invalid.
    Shared,
    /// The bot's over all routes.
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

/// Whether an answer counts towards the front door's ban.
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

    /// What Discord is known to do: 50 requests a second in all, 5 pages per
    /// 5 s and channel, 1 reaction list per 250 ms, 5 thread lists per 5 s,
    /// and a ban for too many invalid requests.
    pub fn discord() -> Self {
        let seconds = |route, requests| BucketRule { route, requests, window: Duration::from_secs(5) };
        Self {
            global_per_second: Some(50),
            second: Second::Fixed,
            buckets: vec![
                seconds(RouteKind::Messages, 5),
                seconds(RouteKind::ActiveThreads, 5),
                seconds(RouteKind::ArchivedPublicThreads, 5),
                seconds(RouteKind::ArchivedPrivateThreads, 5),
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
