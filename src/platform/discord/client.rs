//! Requests under Discord's limits, tried again after passing faults.

use std::time::Duration;

use twilight_http::request::Request;
use twilight_http::routing::Route;
use twilight_http_ratelimiting::{Endpoint, Method, RateLimitHeaders, RateLimiter};

use super::answer::{self, Answer};
use super::learned::LearnedLimits;
use super::transport::{Response, Transport, TransportError};
use super::{DiscordSettings, headers};
use crate::model::OnRateLimit;
use crate::monitor::{Counter, Event, Monitor};
use crate::platform::{ErrorKind, Gate, PlatformError, RetryPolicy};

/// How long Discord's front door is left alone after a 429 of its own, which
/// names no time.
const FRONT_DOOR_WAIT: Duration = Duration::from_mins(2);
/// So many of those in a row are an answer.
const FRONT_DOOR_PATIENCE: u32 = 3;
/// A wait for a permit shorter than this is the limiter's own work.
const NOTICEABLE_WAIT: Duration = Duration::from_millis(5);

/// Asks Discord.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    limiter: RateLimiter,
    learned: LearnedLimits,
    gate: Gate,
    retry: RetryPolicy,
    on_rate_limit: OnRateLimit,
}

impl Client {
    /// Needs a tokio runtime: the limiter is a task of its own.
    pub fn new(settings: &DiscordSettings, token: &str) -> Result<Self, TransportError> {
        Ok(Self {
            transport: Transport::new(&settings.api_url, token, settings.request_timeout)?,
            // The gate keeps the global pace; the limiter keeps the buckets.
            limiter: RateLimiter::new(u16::MAX),
            learned: LearnedLimits::default(),
            gate: Gate::new(settings.gate),
            retry: settings.retry,
            on_rate_limit: settings.on_rate_limit,
        })
    }

    /// GETs a route that others depend on, before all others.
    pub async fn read<T: Send>(
        &self,
        route: &Route<'_>,
        subject: &str,
        monitor: &dyn Monitor,
        read: impl Fn(Answer) -> Result<T, PlatformError> + Send + Sync,
    ) -> Result<T, PlatformError> {
        self.read_page(route, subject, u64::MAX, monitor, read).await
    }

    /// GETs a page and reads it; one that can't be read is asked for again like
    /// one that didn't come. `work` is how much is expected to follow.
    pub async fn read_page<T: Send>(
        &self,
        route: &Route<'_>,
        subject: &str,
        work: u64,
        monitor: &dyn Monitor,
        read: impl Fn(Answer) -> Result<T, PlatformError> + Send + Sync,
    ) -> Result<T, PlatformError> {
        let request = Request::from_route(route);
        let path = request.path();
        self.retry.run(monitor, || async { read(self.ask(path, subject, work, monitor).await?) }).await
    }

    /// One answer that isn't a 429: those are waited out here, as long as each
    /// says.
    async fn ask(
        &self,
        path: &str,
        subject: &str,
        work: u64,
        monitor: &dyn Monitor,
    ) -> Result<Answer, PlatformError> {
        let endpoint = endpoint(path);
        let mut front_door = 0;
        loop {
            let response = self.send(path, &endpoint, subject, work, monitor).await?;
            if response.status.as_u16() != 429 {
                if matches!(response.status.as_u16(), 401 | 403) {
                    self.gate.record_refusal();
                }
                return answer::judge(response, subject);
            }
            let limit = self.learn(&response, &endpoint, monitor);
            front_door = if limit.is_front_door { front_door + 1 } else { 0 };
            if front_door >= FRONT_DOOR_PATIENCE {
                let detail =
                    "this address is shut out by Discord's front door (HTTP 429 without Retry-After)";
                return Err(PlatformError::new(ErrorKind::TooManyRefusals, subject, detail));
            }
            if self.on_rate_limit == OnRateLimit::Stop {
                let mut error = PlatformError::new(ErrorKind::RateLimited, subject, "HTTP 429");
                error.retry_after = Some(limit.wait);
                return Err(error);
            }
        }
    }

    async fn send(
        &self,
        path: &str,
        endpoint: &Endpoint,
        subject: &str,
        work: u64,
        monitor: &dyn Monitor,
    ) -> Result<Response, PlatformError> {
        let begin = tokio::time::Instant::now();
        let permit = self.limiter.acquire(apart(endpoint)).await;
        self.learned.wait(&endpoint.path).await;
        let waited = begin.elapsed();
        if waited >= NOTICEABLE_WAIT {
            monitor.count(
                Counter::RateLimitWaitMilliseconds,
                u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
            );
        }
        let pass = self.gate.enter(work).await.map_err(|_| {
            let detail = "500 requests were refused within 10 minutes; Discord bans an address at 10,000";
            PlatformError::new(ErrorKind::TooManyRefusals, subject, detail)
        })?;
        monitor.count(Counter::ApiCalls, 1);
        let response = self.transport.get(path).await;
        drop(pass);
        let status = response.as_ref().map(|response| response.status.as_u16()).ok();
        tracing::debug!(path = endpoint.path, status, "answered");
        match response {
            Ok(response) if response.status.as_u16() == 429 => {
                permit.complete(bucket_limit(&response, endpoint));
                Ok(response)
            }
            Ok(response) => {
                self.learned.answered(&endpoint.path);
                let claim = headers::bucket(&response.headers);
                let lies =
                    |claim: &RateLimitHeaders| self.learned.contradicts(&endpoint.path, claim.limit.into());
                permit.complete(claim.filter(|claim| !lies(claim)));
                Ok(response)
            }
            Err(error) => {
                permit.complete(None);
                Err(answer::failed(&error, subject))
            }
        }
    }

    /// Takes note of a 429, and stops everyone if it means everyone.
    fn learn(&self, response: &Response, endpoint: &Endpoint, monitor: &dyn Monitor) -> Limit {
        let limit = Limit::of(response);
        if limit.scope != "shared" {
            self.gate.record_refusal();
        }
        if limit.stops_all() {
            self.gate.stop_for(limit.wait);
        }
        if let ("user", Some(requests)) = (limit.scope, headers::limit(&response.headers)) {
            let reset_after = headers::reset_after(&response.headers).unwrap_or(limit.wait);
            self.learned.exceeded(&endpoint.path, requests.into(), reset_after);
        }
        monitor.count(Counter::RateLimitEncounters, 1);
        if limit.stops_all() {
            let millis = u64::try_from(limit.wait.as_millis()).unwrap_or(u64::MAX);
            monitor.count(Counter::RateLimitWaitMilliseconds, millis);
        }
        monitor.event(Event::RateLimited {
            scope: limit.scope,
            wait: limit.wait,
            limit: headers::limit(&response.headers),
            endpoint: format!("GET /{}", endpoint.path),
        });
        limit
    }
}

/// What a 429 says.
#[derive(Debug)]
struct Limit {
    scope: &'static str,
    wait: Duration,
    is_front_door: bool,
}

impl Limit {
    fn of(response: &Response) -> Self {
        #[derive(serde::Deserialize)]
        struct Body {
            retry_after: Option<f64>,
            #[serde(default)]
            global: bool,
        }
        let body: Option<Body> = serde_json::from_slice(&response.body).ok();
        let from_body = body.as_ref().and_then(|body| headers::seconds(&body.retry_after?.to_string()));
        let wait = headers::retry_after(&response.headers).or(from_body);
        let is_global = body.is_some_and(|body| body.global)
            || headers::text(&response.headers, "x-ratelimit-global") == Some("true");
        let scope = match headers::text(&response.headers, "x-ratelimit-scope") {
            _ if is_global => "global",
            Some("user") => "user",
            Some("shared") => "shared",
            Some("global") => "global",
            _ => "unknown",
        };
        Self { scope, wait: wait.unwrap_or(FRONT_DOOR_WAIT), is_front_door: wait.is_none() }
    }

    /// Without a scope it is unknown who is meant: everyone, to be safe.
    fn stops_all(&self) -> bool {
        matches!(self.scope, "global" | "unknown")
    }
}

fn bucket_limit(response: &Response, endpoint: &Endpoint) -> Option<RateLimitHeaders> {
    let limit = Limit::of(response);
    (!limit.stops_all()).then(|| headers::exhausted_bucket(&response.headers, &endpoint.path, limit.wait))
}

/// What the limiter tells buckets apart by: the path without its parameters and
/// without users. It goes into logs.
fn endpoint(path: &str) -> Endpoint {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let path = match path.split_once("/members/") {
        Some((guild, _)) => format!("{guild}/members/@me"),
        None => path.to_owned(),
    };
    Endpoint { method: Method::Get, path }
}

/// The limiter lets one request at a time through for all routes of a channel
/// whose buckets it hasn't met. A listing of threads, which is in no hurry,
/// must not keep the channel's first page waiting: it counts as another
/// channel's.
fn apart(endpoint: &Endpoint) -> Endpoint {
    let path = endpoint.path.replace("/threads/archived", "~/threads/archived");
    Endpoint { method: endpoint.method, path }
}

#[cfg(test)]
mod tests {
    use super::{apart, endpoint};

    #[test]
    fn listings_are_no_neighbours_of_pages() {
        let listing = apart(&endpoint("channels/1/threads/archived/public?limit=100"));
        assert_eq!(listing.path, "channels/1~/threads/archived/public");
        assert_eq!(apart(&endpoint("channels/1/messages")).path, "channels/1/messages");
    }

    #[test]
    fn an_endpoint_names_no_user_and_no_parameter() {
        assert_eq!(endpoint("guilds/1/members/80351110224678912").path, "guilds/1/members/@me");
        assert_eq!(endpoint("channels/1/messages?after=2&limit=100").path, "channels/1/messages");
    }
}
