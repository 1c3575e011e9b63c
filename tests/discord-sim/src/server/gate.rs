//! Checks every request before its route: user agent, token, path, method, rate limits.

use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, USER_AGENT};
use hyper::{Method, Request};

use super::Shared;
use super::reply::{Reply, rate_limit_headers};
use crate::answer::ApiError;
use crate::faults::Header;
use crate::limits::Verdict;
use crate::route::{Route, RouteKind};

/// A request that passed all checks.
#[derive(Debug)]
pub(super) struct AdmittedRequest {
    pub route: Route,
    /// The rate-limit headers of its answer.
    pub headers: Vec<Header>,
}

/// Admits or rejects a request that arrives at `now`.
pub(super) fn admit(
    shared: &Shared,
    request: &Request<Incoming>,
    route: Result<Route, ApiError>,
    now: Instant,
) -> Result<AdmittedRequest, Reply> {
    if !has_valid_user_agent(request.headers()) {
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
    let info = match verdict {
        Verdict::Allowed(info) => info.filter(|_| has_rate_limit_headers(route.kind)),
        Verdict::Limited { scope, retry_after, info } => {
            return Err(Reply::limited(scope, retry_after, info, now_ms));
        }
    };
    let headers = info.map_or_else(Vec::new, |info| rate_limit_headers(&info, now_ms));
    Ok(AdmittedRequest { route, headers })
}

/// Reference, "User Agent": `DiscordBot ($url, $versionNumber)`.
fn has_valid_user_agent(headers: &HeaderMap) -> bool {
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

/// Whether the route's answers have rate-limit headers; those about the bot itself don't.
const fn has_rate_limit_headers(kind: RouteKind) -> bool {
    !matches!(kind, RouteKind::CurrentUser | RouteKind::CurrentApplication)
}
