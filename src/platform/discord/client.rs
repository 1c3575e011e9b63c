//! Requests under Discord's limits, tried again after passing faults.

use std::sync::OnceLock;
use std::time::Duration;

use twilight_http::request::Request;
use twilight_http::routing::Route;
use twilight_http_ratelimiting::{Endpoint, Method, RateLimitHeaders, RateLimiter};

use super::answer::{self, Answer, Asked};
use super::headers;
use super::learned::LearnedLimits;
use super::memory::{PageMemory, PageRoom};
use super::slots::Slots;
use super::transport::{Response, Transport};
use super::transport_error::TransportError;
use crate::model::OnRateLimit;
use crate::monitor::{Counter, Event, Monitor};
use crate::platform::{AdapterSettings, ErrorKind, Gate, GuardTripped, PlatformError, RetryPolicy, millis};

/// How long Discord's front door is left alone after a 429 of its own, which
/// names no time.
const FRONT_DOOR_WAIT: Duration = Duration::from_mins(2);
/// So many of those in a row are an answer.
const FRONT_DOOR_PATIENCE: u32 = 3;
/// What they mean.
const SHUT_OUT: &str = "this address is shut out by Discord's front door (HTTP 429 without Retry-After)";
/// So many requests may meet one limit together: from this many 429s in a row
/// without a wait on, all requests wait.
const LIMITED_TOGETHER: u32 = 20;
/// The longest wait for a server that asks for none, in retry delays.
const LONGEST_LEAST_WAIT: u32 = 60;
/// A wait shorter than this is the limiter's and the gate's own work.
const NOTICEABLE_WAIT: Duration = Duration::from_millis(5);

/// Asks Discord.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    limiter: RateLimiter,
    slots: Slots,
    learned: LearnedLimits,
    gate: Gate,
    retry: RetryPolicy,
    on_rate_limit: OnRateLimit,
    /// The answer that the token is nobody's: no request follows it.
    rejection: OnceLock<PlatformError>,
    memory: PageMemory,
}

impl Client {
    /// Needs a tokio runtime: the limiter is a task of its own.
    pub fn new(settings: &AdapterSettings, token: &str) -> Result<Self, TransportError> {
        Ok(Self {
            transport: Transport::new(&settings.api_url, token, settings.request_timeout)?,
            // The gate keeps the global pace; the limiter keeps the buckets.
            limiter: RateLimiter::new(u16::MAX),
            slots: Slots::default(),
            learned: LearnedLimits::default(),
            gate: Gate::new(settings.gate),
            retry: settings.retry,
            on_rate_limit: settings.on_rate_limit,
            rejection: OnceLock::new(),
            memory: PageMemory::default(),
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
        let question = Question { path: request.path(), asked: Asked::of(route), subject, work };
        self.retry.run(monitor, || async { read(self.ask(&question, monitor).await?) }).await
    }

    /// The same with memory for what is made of the answer, and, for a probe,
    /// without retries.
    pub async fn read_messages<T: Send>(
        &self,
        route: &Route<'_>,
        (subject, work, is_probe): (&str, u64, bool),
        monitor: &dyn Monitor,
        read: impl Fn(Answer, PageRoom) -> Result<T, PlatformError> + Send + Sync,
    ) -> Result<T, PlatformError> {
        let request = Request::from_route(route);
        let question = Question { path: request.path(), asked: Asked::of(route), subject, work };
        let retry = if is_probe { RetryPolicy::NONE } else { self.retry };
        let attempt = || async {
            let answer = self.ask(&question, monitor).await?;
            read(answer, self.memory.reserve(subject, self.transport.timeout()).await?)
        };
        retry.run(monitor, attempt).await
    }

    /// One answer that isn't a 429: those are waited out here, as long as each
    /// says.
    async fn ask(&self, question: &Question<'_>, monitor: &dyn Monitor) -> Result<Answer, PlatformError> {
        let Question { path, asked, subject, .. } = *question;
        let endpoint = endpoint(path);
        let mut limited = 0;
        loop {
            let limit = match self.send(question, &endpoint, monitor).await? {
                Sent::Answered(response) => {
                    self.gate.record_answer();
                    if matches!(response.status.as_u16(), 401 | 403) {
                        self.gate.record_refusal();
                    }
                    let answer = answer::judge(response, asked, subject).map_err(|error| PlatformError {
                        detail: self.transport.redact(&error.detail),
                        ..error
                    });
                    if let Err(error) = answer.as_ref()
                        && error.kind == ErrorKind::TokenRejected
                    {
                        self.rejection.get_or_init(|| error.clone());
                    }
                    return answer;
                }
                Sent::TooOften(limit) => limit,
            };
            if self.learn(&limit, &endpoint, monitor) >= FRONT_DOOR_PATIENCE {
                return Err(PlatformError::new(ErrorKind::TooManyRefusals, subject, SHUT_OUT));
            }
            if self.on_rate_limit == OnRateLimit::Stop {
                let detail = if limit.is_front_door { SHUT_OUT } else { "HTTP 429" };
                let mut error = PlatformError::new(ErrorKind::RateLimited, subject, detail);
                error.retry_after = Some(limit.wait);
                return Err(error);
            }
            // The limiter and the gate wait for what the answer says.
            let least = self.least_wait(limited);
            if least > limit.wait {
                tokio::time::sleep(least).await;
            }
            limited += 1;
        }
    }

    async fn send(
        &self,
        question: &Question<'_>,
        endpoint: &Endpoint,
        monitor: &dyn Monitor,
    ) -> Result<Sent, PlatformError> {
        let Question { path, asked, subject, work } = *question;
        let begin = tokio::time::Instant::now();
        let mut limited = apart(endpoint);
        limited.path = self.slots.path(&limited.path);
        let permit = self.limiter.acquire(limited).await;
        self.learned.wait(&endpoint.path).await;
        count_wait(Counter::BucketWaitMilliseconds, begin.elapsed(), monitor);
        let pass =
            self.gate.enter(work).await.map_err(|tripped| {
                PlatformError::new(ErrorKind::TooManyRefusals, subject, explain(tripped))
            })?;
        if let Some(error) = self.rejection.get() {
            return Err(PlatformError { subject: subject.to_owned(), ..error.clone() });
        }
        count_wait(Counter::GlobalWaitMilliseconds, pass.waited.stopped, monitor);
        count_wait(Counter::GuardWaitMilliseconds, pass.waited.guarded, monitor);
        count_wait(Counter::PaceWaitMilliseconds, pass.waited.paced, monitor);
        monitor.count(Counter::ApiCalls, 1);
        let response = self.transport.get(path, asked.most_bytes()).await;
        drop(pass);
        let status = response.as_ref().map(|response| response.status.as_u16()).ok();
        tracing::debug!(path = endpoint.path, status, "answered");
        match response {
            Ok(response) if response.status.as_u16() == 429 => {
                let limit = Limit::of(&response);
                permit.complete(limit.bucket(&response, endpoint));
                Ok(Sent::TooOften(limit))
            }
            Ok(response) => {
                self.learned.answered(&endpoint.path);
                let claim = headers::bucket(&response.headers);
                let lies =
                    |claim: &RateLimitHeaders| self.learned.contradicts(&endpoint.path, claim.limit.into());
                permit.complete(claim.filter(|claim| !lies(claim)));
                Ok(Sent::Answered(response))
            }
            Err(error) => {
                permit.complete(None);
                Err(answer::failed(&error, asked, subject))
            }
        }
    }

    /// How long a request waits at least that met this many 429s in a row before,
    /// whatever `Retry-After` says: a server that says 0 each time is not asked in
    /// a tight loop. A quarter of the retry delay, doubled with each 429.
    fn least_wait(&self, limited: u32) -> Duration {
        let delay = self.retry.base_delay;
        let doubled = (delay / 4).saturating_mul(1 << limited.min(10));
        if limited == 0 { Duration::ZERO } else { doubled.min(delay.saturating_mul(LONGEST_LEAST_WAIT)) }
    }

    /// Takes note of a 429, and stops everyone if it means everyone. Returns how
    /// often in a row the front door was shut.
    fn learn(&self, limit: &Limit, endpoint: &Endpoint, monitor: &dyn Monitor) -> u32 {
        if limit.scope != "shared" {
            self.gate.record_refusal();
            let in_a_row = self.gate.record_limited();
            if limit.wait < self.least_wait(1) {
                self.gate.stop_for(self.least_wait(in_a_row / LIMITED_TOGETHER));
            }
        }
        let mut shut_out = 0;
        if limit.is_front_door {
            shut_out = self.gate.record_shut_out(limit.wait);
        } else if limit.stops_all() {
            self.gate.stop_for(limit.wait);
        }
        if let ("user", Some(requests)) = (limit.scope, limit.requests) {
            self.learned.exceeded(&endpoint.path, requests.into(), limit.reset_after);
        }
        monitor.count(Counter::RateLimitEncounters, 1);
        monitor.event(Event::RateLimited {
            scope: limit.scope,
            wait: limit.wait,
            limit: limit.requests,
            endpoint: format!("GET /{}", endpoint.path),
        });
        shut_out
    }
}

fn explain(tripped: GuardTripped) -> &'static str {
    match tripped {
        GuardTripped::TooManyRefused => {
            "500 requests were refused within 10 minutes; Discord bans an address at 10,000"
        }
        GuardTripped::NothingElse => "Discord answered nothing but \"too often\" (HTTP 429) for long",
    }
}

/// Counts a wait that was long enough to be one.
fn count_wait(counter: Counter, waited: Duration, monitor: &dyn Monitor) {
    if waited >= NOTICEABLE_WAIT {
        monitor.count(counter, millis(waited));
    }
}

/// A request, as it is sent until it is answered.
#[derive(Clone, Copy)]
struct Question<'a> {
    path: &'a str,
    asked: Asked,
    subject: &'a str,
    /// Messages expected to follow.
    work: u64,
}

/// What came back.
enum Sent {
    /// Whatever it is, it isn't a 429.
    Answered(Response),
    /// A 429.
    TooOften(Limit),
}

/// What a 429 says.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) scope: &'static str,
    pub(super) wait: Duration,
    /// How many requests the bucket allows.
    pub(super) requests: Option<u16>,
    /// How long until it begins anew; never longer than `wait`.
    pub(super) reset_after: Duration,
    is_front_door: bool,
}

impl Limit {
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
        let is_front_door = wait.is_none() && scope == "unknown";
        let wait = wait.unwrap_or(FRONT_DOOR_WAIT);
        // The reset is more precise than whole seconds, but Retry-After wins.
        let reset_after = headers::reset_after(&response.headers).map_or(wait, |reset| reset.min(wait));
        Self { scope, wait, requests: headers::limit(&response.headers), reset_after, is_front_door }
    }

    /// Without a scope it is unknown who is meant: everyone, to be safe.
    fn stops_all(&self) -> bool {
        matches!(self.scope, "global" | "unknown")
    }

    /// What it says of a bucket, if it is about one.
    pub(super) fn bucket(&self, response: &Response, endpoint: &Endpoint) -> Option<RateLimitHeaders> {
        (!self.stops_all()).then(|| headers::exhausted_bucket(&response.headers, &endpoint.path, self.wait))
    }
}

/// What the limiter tells buckets apart by: the path without its parameters and
/// without users. It goes into logs.
pub(super) fn endpoint(path: &str) -> Endpoint {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let path = match (path.split_once("/members/"), path.split_once("/messages/")) {
        (Some((guild, _)), _) => format!("{guild}/members/@me"),
        // Each message would be a route of its own, whose limit has to be met
        // before it is known.
        (_, Some((channel, _))) if path.contains("/reactions/") => format!("{channel}/messages/reactions"),
        _ => path.to_owned(),
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
    use discord_sim::{Description, Match, Simulator, What, World};
    use tokio::task::{JoinSet, spawn_blocking};

    use super::*;
    use crate::monitor::Silent;
    use crate::platform::GateSettings;

    /// Lets half a second pass for every few milliseconds of the real time that
    /// answers take.
    async fn hurry() {
        loop {
            // While it blocks, time doesn't pass by itself.
            let real_time = spawn_blocking(|| std::thread::sleep(Duration::from_millis(4)));
            real_time.await.expect("a sleep doesn't panic");
            tokio::time::advance(Duration::from_millis(500)).await;
        }
    }

    /// Asks for a page of each of 30 channels, ten at once, and returns the first
    /// error.
    async fn first_error(api_url: String) -> PlatformError {
        let settings = AdapterSettings {
            api_url,
            gate: GateSettings { max_in_flight: 10, requests_per_second: f64::INFINITY },
            on_rate_limit: OnRateLimit::Wait,
            retry: RetryPolicy { max_retries: 3, base_delay: Duration::from_secs(1) },
            request_timeout: Duration::from_hours(1),
            now: crate::model::Timestamp::from_millis(0),
        };
        let client = std::sync::Arc::new(Client::new(&settings, "t").expect("it can be sent"));
        let mut asking = JoinSet::new();
        for channel_id in 1..=30 {
            let client = std::sync::Arc::clone(&client);
            asking.spawn(async move {
                let route =
                    Route::GetMessages { channel_id, after: None, around: None, before: None, limit: None };
                client.read_page(&route, "a page", 0, &Silent, Ok).await.expect_err("no page comes")
            });
        }
        asking.join_next().await.expect("somebody asks").expect("nobody panics")
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_is_shut_out_asks_three_times_and_gives_up() {
        let sim = Simulator::start(World::new(&Description::empty_guild()));
        sim.faults().when(Match::default().always(), What::FrontDoor);
        let begin = tokio::time::Instant::now();
        let error = tokio::select! {
            error = first_error(sim.url()) => error,
            () = hurry() => unreachable!("it never ends"),
        };
        assert_eq!(error.kind, ErrorKind::TooManyRefusals, "{error}");
        assert!(begin.elapsed() >= 2 * FRONT_DOOR_WAIT, "{:?}", begin.elapsed());
        assert!(sim.journal().len() <= 30, "{} requests", sim.journal().len());
    }

    #[test]
    fn listings_are_no_neighbours_of_pages() {
        let listing = apart(&endpoint("channels/1/threads/archived/public?limit=100"));
        assert_eq!(listing.path, "channels/1~/threads/archived/public");
        assert_eq!(apart(&endpoint("channels/1/messages")).path, "channels/1/messages");
    }

    #[test]
    fn an_endpoint_names_no_user_and_no_parameter() {
        assert_eq!(endpoint("guilds/1/members/80351110224678912").path, "guilds/1/members/@me");
        let reactors =
            "channels/1/messages/2/reactions/%F0%9F%A6%80?after=80351110224678912&limit=100&type=0";
        assert_eq!(endpoint(reactors).path, "channels/1/messages/reactions");
        assert_eq!(endpoint("channels/1/messages?after=2&limit=100").path, "channels/1/messages");
    }
}
