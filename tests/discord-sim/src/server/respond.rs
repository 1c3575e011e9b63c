//! Answers one request: ban, fault, journal, checks, delay and route, in this order.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, DATE};
use hyper::{Request, Response};

use super::body::ScriptedBody;
use super::gate::{AdmittedRequest, admit};
use super::reply::Reply;
use super::stream::StreamControl;
use super::{Shared, planned};
use crate::answer::ApiError;
use crate::faults::{self, FaultKind, RequestContext};
use crate::journal::{Entry, Journal};
use crate::limits::Scope;
use crate::query::Query;
use crate::route::Route;
use crate::routes::{self, Call};
use crate::time;
use crate::wire::Writer;
use crate::wire::message::Show;

/// A request, and what is decided about it when it arrives.
struct ReceivedRequest {
    request: Request<Incoming>,
    at: Instant,
    route: Result<Route, ApiError>,
    is_banned: bool,
    fault: Option<FaultKind>,
}

/// Records the answer in the journal on drop, so that a request whose client disconnects
/// is recorded as finished too.
struct JournalGuard<'a> {
    journal: &'a Journal,
    number: usize,
    answer: Option<(u16, Option<Scope>)>,
}

impl Drop for JournalGuard<'_> {
    fn drop(&mut self) {
        self.journal.finish(self.number, self.answer);
    }
}

/// The answer to a request; `None` resets the connection.
pub(super) async fn respond(
    shared: &Shared,
    control: &Arc<StreamControl>,
    request: Request<Incoming>,
) -> Option<Response<ScriptedBody>> {
    let received = ReceivedRequest::new(shared, request);
    let number = shared.journal.record(received.entry());
    let mut journal_guard = JournalGuard { journal: &shared.journal, number, answer: None };
    let decision = decide(shared, &received);
    delay(shared, received.fault.as_ref()).await;
    let reply = match decision? {
        Ok(admitted) => answer(shared, &received, admitted),
        Err(reply) => reply,
    };
    journal_guard.answer = Some((reply.status, reply.scope));
    shared.limiter().record_answer(reply.status, reply.scope, Instant::now());
    Some(response(shared, control, reply, &received))
}

impl ReceivedRequest {
    /// No fault fires for a request of a banned client.
    fn new(shared: &Shared, request: Request<Incoming>) -> Self {
        let at = Instant::now();
        let uri = request.uri();
        let route = Route::parse(uri.path());
        let is_banned = shared.limiter().is_banned(at);
        let target = uri.path_and_query().map_or("", |target| target.as_str());
        let query = Query::parse(uri.query().unwrap_or_default());
        let context = RequestContext { world: &shared.world, route: route.as_ref().ok(), query: &query };
        let fire = || shared.faults.fire(context, target);
        let fault = if is_banned { None } else { fire() };
        Self { request, at, route, is_banned, fault }
    }

    fn route(&self) -> Option<&Route> {
        self.route.as_ref().ok()
    }

    fn entry(&self) -> Entry {
        let uri = self.request.uri();
        Entry {
            at: self.at,
            at_ms: 0,
            method: self.request.method().to_string(),
            route: self.route().map(|route| route.kind),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            guild: self.route().and_then(Route::guild),
            channel: self.route().and_then(Route::channel),
            status: None,
            scope: None,
            fault: self.fault.clone(),
        }
    }
}

/// Admits or rejects a request when it arrives; `None` resets the connection.
fn decide(shared: &Shared, received: &ReceivedRequest) -> Option<Result<AdmittedRequest, Reply>> {
    if received.is_banned {
        return Some(Err(Reply::html(429)));
    }
    let kind = received.route().map(|route| route.kind);
    let replacement = match &received.fault {
        Some(FaultKind::ResetBeforeHeaders) => return None,
        Some(what) => planned::replacement(what, kind, shared.world.now_ms()),
        None => None,
    };
    Some(match replacement {
        Some(reply) => Err(reply),
        None => admit(shared, &received.request, received.route.clone(), received.at),
    })
}

/// Waits for the simulated latency and the stall of a fault.
async fn delay(shared: &Shared, fault: Option<&FaultKind>) {
    let latency = shared.latency.lock().unwrap_or_else(PoisonError::into_inner).next();
    let stall = match fault {
        Some(FaultKind::Stall(stall)) => *stall,
        _ => Duration::ZERO,
    };
    if !(latency + stall).is_zero() {
        tokio::time::sleep(latency + stall).await;
    }
}

/// The answer from the world's state after the delay: the true one, unless a fault
/// changes it.
fn answer(shared: &Shared, received: &ReceivedRequest, admitted: AdmittedRequest) -> Reply {
    let fault = received.fault.as_ref();
    let signatures = &shared.signatures;
    let is_blank = fault == Some(&FaultKind::Blank);
    let query = || Query::parse(received.request.uri().query().unwrap_or_default());
    let state = &shared.world.read();
    let call_route = |query: &Query| {
        let show = Show { now_ms: shared.world.now_ms(), signatures, is_blank };
        routes::answer(&Call { state, show, route: &admitted.route, query })
    };
    let mut outcome = call_route(&query());
    if outcome.is_ok() && fault == Some(&FaultKind::Repeat) {
        outcome = call_route(&query().without_cursor());
    }
    let mut outcome = outcome.map(Writer::finish);
    if let (Ok(page), Some(FaultKind::Endless)) = (&mut outcome, fault) {
        let endless = faults::endless_page(&admitted.route, &query(), shared.world.now_ms());
        *page = endless.unwrap_or_else(|| std::mem::take(page));
    }
    let mut reply = match (fault, outcome) {
        (Some(FaultKind::Body(body)), _) => Reply::json(200, body.to_string().into_bytes()),
        (Some(what), Ok(body)) => Reply::json(200, faults::falsify(what, &body).unwrap_or(body)),
        (None, Ok(body)) => Reply::json(200, body),
        (_, Err(error)) => Reply::error(&error),
    };
    reply.headers = admitted.headers;
    reply
}

fn response(
    shared: &Shared,
    control: &Arc<StreamControl>,
    mut reply: Reply,
    received: &ReceivedRequest,
) -> Response<ScriptedBody> {
    let now_ms = shared.world.now_ms();
    let body = std::mem::take(&mut reply.body);
    let body = match &received.fault {
        None => ScriptedBody::whole(body),
        Some(what) => {
            let kind = received.route().map(|route| route.kind);
            planned::change_headers(what, &mut reply, kind, now_ms);
            planned::body(what, body, control)
        }
    };
    let mut builder = Response::builder().status(reply.status).header(CONTENT_TYPE, reply.content_type);
    if !shared.hides_date.load(Ordering::Relaxed) {
        builder = builder.header(DATE, time::http_date(now_ms));
    }
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(body).expect("no header value contains control characters")
}
