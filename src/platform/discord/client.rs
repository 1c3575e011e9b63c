//! Sends requests to Discord within its rate limits, and retries transient errors.
//!
//! A request waits for its bucket, for the limits learned from 429s, and for the gate,
//! which keeps the global limit. Parsing a response is the caller's part.

use std::sync::OnceLock;
use std::time::Duration;

use twilight_http::request::Request;
use twilight_http::routing::Route;
use twilight_http_ratelimiting::{Endpoint, Method, RateLimitHeaders, RateLimiter};

use super::answer::{self, Answer, RequestTarget};
use super::headers;
use super::learned_limits::LearnedLimits;
use super::memory::{PageMemory, PagePermit};
use super::resource_numbers::ResourceNumbers;
use super::transport::{Response, Transport};
use super::transport_error::TransportError;
use crate::model::RateLimitPolicy;
use crate::monitor::{Counter, Event, Monitor};
use crate::platform::{
    AdapterSettings, ErrorKind, Gate, InvalidRequestLimitReached, PlatformError, RetryPolicy, millis,
};

/// Pause after a 429 from Cloudflare, which has no `Retry-After`.
const EDGE_PAUSE: Duration = Duration::from_mins(2);
/// Give up after this many consecutive 429s from Cloudflare.
const MAX_ADDRESS_BLOCKS: u32 = 3;
/// Error text for an address block.
const ADDRESS_BLOCKED: &str = "Cloudflare blocks this IP address (HTTP 429 without Retry-After)";
/// Requests that may hit one limit together. If the 429s ask for no wait, all requests
/// pause after this many consecutive ones, and longer after each further multiple of it.
const CONCURRENT_RATE_LIMITS: u32 = 20;
/// Upper bound of the backoff after 429s, in retry delays.
const MAX_BACKOFF_DELAYS: u32 = 60;
/// Shorter waits are overhead of the limiter and the gate, and are not counted.
const MIN_COUNTED_WAIT: Duration = Duration::from_millis(5);

/// HTTP client for Discord, shared by all tasks.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    limiter: RateLimiter,
    resource_numbers: ResourceNumbers,
    learned: LearnedLimits,
    gate: Gate,
    retry: RetryPolicy,
    on_rate_limit: RateLimitPolicy,
    /// The response that rejected the token: no request is sent after it.
    rejection: OnceLock<PlatformError>,
    memory: PageMemory,
}

impl Client {
    /// Creates a client without connecting.
    ///
    /// Must be called within a tokio runtime: the limiter and the gate spawn tasks.
    pub fn new(settings: &AdapterSettings, token: &str) -> Result<Self, TransportError> {
        Ok(Self {
            transport: Transport::new(&settings.api_url, token, settings.request_timeout)?,
            // The gate keeps the global limit; the limiter keeps those of buckets.
            limiter: RateLimiter::new(u16::MAX),
            resource_numbers: ResourceNumbers::default(),
            learned: LearnedLimits::default(),
            gate: Gate::new(settings.gate),
            retry: settings.retry,
            on_rate_limit: settings.on_rate_limit,
            rejection: OnceLock::new(),
            memory: PageMemory::default(),
        })
    }

    /// GETs a route that others depend on, with the highest priority.
    pub async fn read<T: Send>(
        &self,
        route: &Route<'_>,
        subject: &str,
        monitor: &dyn Monitor,
        read: impl Fn(Answer) -> Result<T, PlatformError> + Send + Sync,
    ) -> Result<T, PlatformError> {
        self.read_page(route, subject, u64::MAX, monitor, read).await
    }

    /// GETs a page and parses it. A page that can't be parsed is retried like a failed
    /// request. `backlog` is the estimated number of messages left to read.
    pub async fn read_page<T: Send>(
        &self,
        route: &Route<'_>,
        subject: &str,
        backlog: u64,
        monitor: &dyn Monitor,
        read: impl Fn(Answer) -> Result<T, PlatformError> + Send + Sync,
    ) -> Result<T, PlatformError> {
        let request = Request::from_route(route);
        let spec = RequestSpec { path: request.path(), target: RequestTarget::of(route), subject, backlog };
        self.retry.run(monitor, || async { read(self.request(&spec, monitor).await?) }).await
    }

    /// Like [`Self::read_page`], with memory reserved for the parsed page, and without
    /// retries for a probe.
    pub async fn read_messages<T: Send>(
        &self,
        route: &Route<'_>,
        (subject, backlog, is_probe): (&str, u64, bool),
        monitor: &dyn Monitor,
        read: impl Fn(Answer, PagePermit) -> Result<T, PlatformError> + Send + Sync,
    ) -> Result<T, PlatformError> {
        let request = Request::from_route(route);
        let spec = RequestSpec { path: request.path(), target: RequestTarget::of(route), subject, backlog };
        let retry = if is_probe { RetryPolicy::NONE } else { self.retry };
        let attempt = || async {
            let answer = self.request(&spec, monitor).await?;
            read(answer, self.memory.reserve(subject, self.transport.timeout()).await?)
        };
        retry.run(monitor, attempt).await
    }

    /// GETs a page of a search with the highest priority, without retries: its result is
    /// only a hint.
    pub async fn search<T>(
        &self,
        path: &str,
        subject: &str,
        monitor: &dyn Monitor,
        read: impl Fn(Answer) -> Result<T, PlatformError>,
    ) -> Result<T, PlatformError> {
        let spec = RequestSpec { path, target: RequestTarget::Search, subject, backlog: u64::MAX };
        read(self.request(&spec, monitor).await?)
    }

    /// Sends a request until the response isn't a 429, waiting as each 429 demands.
    async fn request(&self, spec: &RequestSpec<'_>, monitor: &dyn Monitor) -> Result<Answer, PlatformError> {
        let RequestSpec { path, target, subject, .. } = *spec;
        let endpoint = endpoint(path);
        let mut limited = 0;
        loop {
            let limit = match self.send(spec, &endpoint, monitor).await? {
                SendOutcome::Response(response) => {
                    self.gate.record_response();
                    if matches!(response.status.as_u16(), 401 | 403) {
                        self.gate.record_invalid_request();
                    }
                    let answer = answer::check_response(response, target, subject).map_err(|error| {
                        PlatformError { detail: self.transport.redact(&error.detail), ..error }
                    });
                    if let Err(error) = answer.as_ref()
                        && error.kind == ErrorKind::TokenRejected
                    {
                        self.rejection.get_or_init(|| error.clone());
                    }
                    return answer;
                }
                SendOutcome::RateLimited(limit) => limit,
            };
            if self.record_limit(&limit, &endpoint, monitor) >= MAX_ADDRESS_BLOCKS {
                return Err(PlatformError::new(ErrorKind::InvalidRequestLimit, subject, ADDRESS_BLOCKED));
            }
            if self.on_rate_limit == RateLimitPolicy::Stop {
                let detail = if limit.is_edge { ADDRESS_BLOCKED } else { "HTTP 429" };
                let mut error = PlatformError::new(ErrorKind::RateLimited, subject, detail);
                error.retry_after = Some(limit.wait);
                return Err(error);
            }
            // The limiter and the gate already wait for as long as the 429 demands.
            let backoff = self.backoff(limited);
            if backoff > limit.wait {
                tokio::time::sleep(backoff).await;
            }
            limited += 1;
        }
    }

    /// Sends a request once, after waiting for its bucket and for the gate.
    async fn send(
        &self,
        spec: &RequestSpec<'_>,
        endpoint: &Endpoint,
        monitor: &dyn Monitor,
    ) -> Result<SendOutcome, PlatformError> {
        let RequestSpec { path, target, subject, backlog } = *spec;
        let started_at = tokio::time::Instant::now();
        let mut limiter_endpoint = limiter_endpoint(endpoint);
        limiter_endpoint.path = self.resource_numbers.numbered_path(&limiter_endpoint.path);
        let bucket_permit = self.limiter.acquire(limiter_endpoint).await;
        self.learned.wait(&endpoint.path).await;
        count_wait(Counter::BucketWaitMilliseconds, started_at.elapsed(), monitor);
        let permit = self.gate.acquire(backlog).await.map_err(|reached| {
            PlatformError::new(ErrorKind::InvalidRequestLimit, subject, explain(reached))
        })?;
        if let Some(error) = self.rejection.get() {
            return Err(PlatformError { subject: subject.to_owned(), ..error.clone() });
        }
        count_wait(Counter::GlobalWaitMilliseconds, permit.wait.paused, monitor);
        count_wait(Counter::GuardWaitMilliseconds, permit.wait.throttled, monitor);
        count_wait(Counter::PaceWaitMilliseconds, permit.wait.paced, monitor);
        monitor.count(Counter::ApiCalls, 1);
        let response = self.transport.get(path, target.max_body_bytes()).await;
        drop(permit);
        let status = response.as_ref().map(|response| response.status.as_u16()).ok();
        tracing::debug!(path = endpoint.path, status, "response received");
        match response {
            Ok(response) if response.status.as_u16() == 429 => {
                let limit = RateLimit::of(&response);
                bucket_permit.complete(limit.bucket(&response, endpoint));
                Ok(SendOutcome::RateLimited(limit))
            }
            Ok(response) => {
                self.learned.record_response(&endpoint.path);
                let claim = headers::bucket(&response.headers);
                let lies =
                    |claim: &RateLimitHeaders| self.learned.contradicts(&endpoint.path, claim.limit.into());
                bucket_permit.complete(claim.filter(|claim| !lies(claim)));
                Ok(SendOutcome::Response(response))
            }
            Err(error) => {
                bucket_permit.complete(None);
                Err(answer::transport_failure(&error, target, subject))
            }
        }
    }

    /// Minimum wait before a request is sent again that got `limited` 429s before the
    /// latest one. A server whose `Retry-After` is always 0 is thus not polled in a tight
    /// loop. A quarter of the retry delay, doubled with each 429; none after the first.
    fn backoff(&self, limited: u32) -> Duration {
        let delay = self.retry.base_delay;
        let doubled = (delay / 4).saturating_mul(1 << limited.min(10));
        if limited == 0 { Duration::ZERO } else { doubled.min(delay.saturating_mul(MAX_BACKOFF_DELAYS)) }
    }

    /// Records a 429, and pauses all requests if it applies to all. Returns the number of
    /// consecutive 429s from Cloudflare.
    fn record_limit(&self, limit: &RateLimit, endpoint: &Endpoint, monitor: &dyn Monitor) -> u32 {
        if limit.scope != "shared" {
            self.gate.record_invalid_request();
            let consecutive = self.gate.record_rate_limit();
            if limit.wait < self.backoff(1) {
                self.gate.pause_for(self.backoff(consecutive / CONCURRENT_RATE_LIMITS));
            }
        }
        let mut address_blocks = 0;
        if limit.is_edge {
            address_blocks = self.gate.record_address_block(limit.wait);
        } else if limit.affects_all() {
            self.gate.pause_for(limit.wait);
        }
        if let ("user", Some(requests)) = (limit.scope, limit.requests) {
            self.learned.record_exceeded(&endpoint.path, requests.into(), limit.reset_after);
        }
        monitor.count(Counter::RateLimitEncounters, 1);
        let of_scope = match limit.scope {
            "global" => Counter::GlobalRateLimits,
            "shared" => Counter::SharedRateLimits,
            _ => Counter::UserRateLimits,
        };
        monitor.count(of_scope, 1);
        monitor.event(Event::RateLimited {
            scope: limit.scope,
            wait: limit.wait,
            limit: limit.requests,
            endpoint: format!("GET /{}", endpoint.path),
        });
        address_blocks
    }
}

fn explain(reached: InvalidRequestLimitReached) -> &'static str {
    match reached {
        InvalidRequestLimitReached::TooManyInvalidRequests => {
            "500 invalid requests within 10 minutes; Discord bans an IP address at 10,000"
        }
        InvalidRequestLimitReached::TooManyConsecutiveRateLimits => {
            "Discord has responded only with HTTP 429 (rate limited) for a long time"
        }
    }
}

/// Counts a wait unless it is negligible.
fn count_wait(counter: Counter, waited: Duration, monitor: &dyn Monitor) {
    if waited >= MIN_COUNTED_WAIT {
        monitor.count(counter, millis(waited));
    }
}

/// A GET request, sent until its response isn't a 429.
#[derive(Clone, Copy)]
struct RequestSpec<'a> {
    path: &'a str,
    target: RequestTarget,
    subject: &'a str,
    /// Estimated number of messages left to read: the priority.
    backlog: u64,
}

/// Result of sending a request once.
enum SendOutcome {
    /// Any response but a 429.
    Response(Response),
    /// A 429.
    RateLimited(RateLimit),
}

/// What a 429 says about its limit.
#[derive(Debug)]
pub(super) struct RateLimit {
    pub(super) scope: &'static str,
    pub(super) wait: Duration,
    /// Size of the bucket.
    pub(super) requests: Option<u16>,
    /// Time until the bucket is full again; never longer than `wait`.
    pub(super) reset_after: Duration,
    /// Whether it comes from Cloudflare, which blocks the address.
    is_edge: bool,
}

impl RateLimit {
    pub(super) fn of(response: &Response) -> Self {
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
        let is_edge = wait.is_none() && scope == "unknown";
        let wait = wait.unwrap_or(EDGE_PAUSE);
        // The reset is more precise than whole seconds, but Retry-After wins.
        let reset_after = headers::reset_after(&response.headers).map_or(wait, |reset| reset.min(wait));
        Self { scope, wait, requests: headers::limit(&response.headers), reset_after, is_edge }
    }

    /// Whether it applies to all requests. One without a scope is taken to do so.
    fn affects_all(&self) -> bool {
        matches!(self.scope, "global" | "unknown")
    }

    /// The exhausted bucket, if it applies to one bucket only.
    pub(super) fn bucket(&self, response: &Response, endpoint: &Endpoint) -> Option<RateLimitHeaders> {
        (!self.affects_all()).then(|| headers::exhausted_bucket(&response.headers, &endpoint.path, self.wait))
    }
}

/// Key of a route for limits and logs: the path without query and user IDs.
pub(super) fn endpoint(path: &str) -> Endpoint {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let path = match (path.split_once("/members/"), path.split_once("/messages/")) {
        (Some((guild, _)), _) => format!("{guild}/members/@me"),
        // With the message ID, each message would be a route of its own, whose limit is
        // unknown until its first response.
        (_, Some((channel, _))) if path.contains("/reactions/") => format!("{channel}/messages/reactions"),
        _ => path.to_owned(),
    };
    Endpoint { method: Method::Get, path }
}

/// The endpoint as the limiter gets it. As long as it doesn't know the buckets of a
/// channel's routes, the limiter admits one request at a time for all of them. So that a
/// listing of threads doesn't delay the channel's first page, it counts as another
/// channel's route.
fn limiter_endpoint(endpoint: &Endpoint) -> Endpoint {
    let path = endpoint.path.replace("/threads/archived", "~/threads/archived");
    Endpoint { method: endpoint.method, path }
}

#[cfg(test)]
mod tests {
    use discord_sim::{Description, FaultKind, Match, Simulator, World};
    use tokio::task::{JoinSet, spawn_blocking};

    use super::*;
    use crate::monitor::NoMonitor;
    use crate::platform::GateSettings;

    /// Advances the paused clock by half a second per 4 ms of real time, which responses
    /// take.
    async fn advance_clock() {
        loop {
            // The paused clock doesn't auto-advance while a blocking task runs.
            let real_time = spawn_blocking(|| std::thread::sleep(Duration::from_millis(4)));
            real_time.await.expect("a sleep doesn't panic");
            tokio::time::advance(Duration::from_millis(500)).await;
        }
    }

    /// Requests a page of each of 30 channels, ten at once, and returns the first error.
    async fn first_error(api_url: String) -> PlatformError {
        let settings = AdapterSettings {
            api_url,
            gate: GateSettings { max_in_flight: 10, requests_per_second: f64::INFINITY },
            on_rate_limit: RateLimitPolicy::Wait,
            retry: RetryPolicy { max_retries: 3, base_delay: Duration::from_secs(1) },
            request_timeout: Duration::from_hours(1),
            now: crate::model::Timestamp::from_millis(0),
        };
        let client = std::sync::Arc::new(Client::new(&settings, "t").expect("the token fits into a header"));
        let mut requests = JoinSet::new();
        for channel_id in 1..=30 {
            let client = std::sync::Arc::clone(&client);
            requests.spawn(async move {
                let route =
                    Route::GetMessages { channel_id, after: None, around: None, before: None, limit: None };
                client.read_page(&route, "a page", 0, &NoMonitor, Ok).await.expect_err("no page is served")
            });
        }
        requests.join_next().await.expect("there are requests").expect("no task panics")
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_three_address_blocks() {
        let sim = Simulator::start(World::new(&Description::empty_guild()));
        sim.faults().when(Match::default().always(), FaultKind::FrontDoor);
        let started_at = tokio::time::Instant::now();
        let error = tokio::select! {
            error = first_error(sim.url()) => error,
            () = advance_clock() => unreachable!("the clock is advanced without end"),
        };
        assert_eq!(error.kind, ErrorKind::InvalidRequestLimit, "{error}");
        assert!(started_at.elapsed() >= 2 * EDGE_PAUSE, "{:?}", started_at.elapsed());
        assert!(sim.journal().len() <= 30, "{} requests", sim.journal().len());
    }

    #[test]
    fn thread_listings_count_as_another_channel() {
        let listing = limiter_endpoint(&endpoint("channels/1/threads/archived/public?limit=100"));
        assert_eq!(listing.path, "channels/1~/threads/archived/public");
        assert_eq!(limiter_endpoint(&endpoint("channels/1/messages")).path, "channels/1/messages");
    }

    #[test]
    fn an_endpoint_holds_no_user_id_and_no_query() {
        assert_eq!(endpoint("guilds/1/members/80351110224678912").path, "guilds/1/members/@me");
        let reactors =
            "channels/1/messages/2/reactions/%F0%9F%A6%80?after=80351110224678912&limit=100&type=0";
        assert_eq!(endpoint(reactors).path, "channels/1/messages/reactions");
        assert_eq!(endpoint("channels/1/messages?after=2&limit=100").path, "channels/1/messages");
    }
}
