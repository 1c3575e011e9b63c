//! What stands before every route: front door, token, method, limits.

use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, USER_AGENT};
use hyper::{Method, Request};

use super::Shared;
use super::reply::{Reply, report_headers};
use crate::answer::ApiError;
use crate::faults::Header;
use crate::limits::Verdict;
use crate::route::{Route, RouteKind};

/// A request that may pass.
#[derive(Debug)]
pub(super) struct Pass {
    pub route: Route,
    /// Rate-limit headers of its answer.
    pub headers: Vec<Header>,
}

/// Decides at the instant of arrival; the answer may wait.
pub(super) fn gate(
    shared: &Shared,
    request: &Request<Incoming>,
    route: Result<Route, ApiError>,
    now: Instant,
) -> Result<Pass, Reply> {
    if !has_proper_agent(request.headers()) {
        return Err(Reply::html(403));
    }
    if !has_token(shared, request.headers()) {
        return Err(Reply::error(&ApiError::UNAUTHORIZED));
    }
    let route = route.map_err(|error| Reply::error(&error))?;
    if request.method() != Method::GET {
        return Err(Reply::error(&ApiError::WRONG_METHOD));
    }
    let now_ms = shared.world.now_ms();
    let verdict = shared.limiter().check(&route, now);
    let report = match verdict {
        Verdict::Passes(report) => report.filter(|_| is_bucketed(route.kind)),
        Verdict::Limited { scope, retry_after, report } => {
            return Err(Reply::limited(scope, retry_after, report, now_ms));
        }
    };
    let headers = report.map_or_else(Vec::new, |report| report_headers(&report, now_ms));
    Ok(Pass { route, headers })
}

/// Reference, "User Agent": `DiscordBot ($url, $versionNumber)`.
fn has_proper_agent(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let inner = agent.and_then(|agent| agent.strip_prefix("DiscordBot ("));
    inner.and_then(|inner| inner.split_once(')')).is_some_and(|(inner, _)| inner.contains(','))
}

/// Reference, "Authentication": `Bot TOKEN`.
fn has_token(shared: &Shared, headers: &HeaderMap) -> bool {
    let state = shared.world.read();
    let expected = format!("Bot {}", state.token);
    let given = headers.get(AUTHORIZATION);
    !state.token_revoked && given.is_some_and(|given| given.as_bytes() == expected.as_bytes())
}

/// Routes about the bot itself carry no bucket.
const fn is_bucketed(kind: RouteKind) -> bool {
    !matches!(kind, RouteKind::CurrentUser | RouteKind::CurrentApplication)
}
