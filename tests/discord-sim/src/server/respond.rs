//! One request from its arrival to its answer: front door, fault, journal, gate, pace, route.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, DATE};
use hyper::{Request, Response};

use super::body::Parts;
use super::gate::{Pass, gate};
use super::reply::Reply;
use super::stream::Orders;
use super::{Shared, planned};
use crate::answer::ApiError;
use crate::faults::{self, Asking, What};
use crate::journal::{Entry, Journal};
use crate::limits::Scope;
use crate::query::Query;
use crate::route::Route;
use crate::routes::{self, Call};
use crate::time;
use crate::wire::Writer;
use crate::wire::message::Show;

/// A request that has arrived.
struct Arrival {
    request: Request<Incoming>,
    at: Instant,
    route: Result<Route, ApiError>,
    is_banned: bool,
    fault: Option<What>,
}

/// Tells the journal even when the client goes away in between.
struct Visit<'a> {
    journal: &'a Journal,
    number: usize,
    answer: Option<(u16, Option<Scope>)>,
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.journal.leave(self.number, self.answer);
    }
}

/// The answer to a request; `None` resets the connection.
pub(super) async fn respond(
    shared: &Shared,
    orders: &Arc<Orders>,
    request: Request<Incoming>,
) -> Option<Response<Parts>> {
    let arrival = Arrival::of(shared, request);
    let number = shared.journal.arrive(arrival.entry());
    let mut visit = Visit { journal: &shared.journal, number, answer: None };
    let decision = decide(shared, &arrival);
    wait(shared, arrival.fault.as_ref()).await;
    let reply = match decision? {
        Ok(pass) => answer(shared, &arrival, pass),
        Err(reply) => reply,
    };
    visit.answer = Some((reply.status, reply.scope));
    shared.limiter().answered(reply.status, reply.scope, Instant::now());
    Some(response(shared, orders, reply, &arrival))
}

impl Arrival {
    /// A request that doesn't get past the front door meets no fault behind it.
    fn of(shared: &Shared, request: Request<Incoming>) -> Self {
        let at = Instant::now();
        let uri = request.uri();
        let route = Route::parse(uri.path());
        let is_banned = shared.limiter().is_banned(at);
        let target = uri.path_and_query().map_or("", |target| target.as_str());
        let query = Query::parse(uri.query().unwrap_or_default());
        let asking = Asking { world: &shared.world, route: route.as_ref().ok(), query: &query };
        let strike = || shared.faults.strike(asking, target);
        let fault = if is_banned { None } else { strike() };
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

/// Whether a request passes, at the instant of its arrival; `None` resets the connection.
fn decide(shared: &Shared, arrival: &Arrival) -> Option<Result<Pass, Reply>> {
    if arrival.is_banned {
        return Some(Err(Reply::html(429)));
    }
    let kind = arrival.route().map(|route| route.kind);
    let instead = match &arrival.fault {
        Some(What::ResetBeforeHeaders) => return None,
        Some(what) => planned::instead(what, kind, shared.world.now_ms()),
        None => None,
    };
    Some(match instead {
        Some(reply) => Err(reply),
        None => gate(shared, &arrival.request, arrival.route.clone(), arrival.at),
    })
}

async fn wait(shared: &Shared, fault: Option<&What>) {
    let pace = shared.pace.lock().unwrap_or_else(PoisonError::into_inner).next();
    let stall = match fault {
        Some(What::Stall(stall)) => *stall,
        _ => Duration::ZERO,
    };
    if !(pace + stall).is_zero() {
        tokio::time::sleep(pace + stall).await;
    }
}

/// The answer from the world as it is by now: the true one, or one that only
/// has its form.
fn answer(shared: &Shared, arrival: &Arrival, pass: Pass) -> Reply {
    let fault = arrival.fault.as_ref();
    let signatures = &shared.signatures;
    let is_blank = fault == Some(&What::Blank);
    let query = || Query::parse(arrival.request.uri().query().unwrap_or_default());
    let state = &shared.world.read();
    let ask = |query: &Query| {
        let show = Show { now_ms: shared.world.now_ms(), signatures, is_blank };
        routes::answer(&Call { state, show, route: &pass.route, query })
    };
    let mut outcome = ask(&query());
    if outcome.is_ok() && fault == Some(&What::Repeat) {
        outcome = ask(&query().without_cursor());
    }
    let mut outcome = outcome.map(Writer::finish);
    if let (Ok(page), Some(What::Endless)) = (&mut outcome, fault) {
        let endless = faults::endless(&pass.route, &query(), shared.world.now_ms());
        *page = endless.unwrap_or_else(|| std::mem::take(page));
    }
    let mut reply = match (fault, outcome) {
        (Some(What::Body(body)), _) => Reply::json(200, body.to_string().into_bytes()),
        (Some(what), Ok(body)) => Reply::json(200, faults::falsify(what, &body).unwrap_or(body)),
        (None, Ok(body)) => Reply::json(200, body),
        (_, Err(error)) => Reply::error(&error),
    };
    reply.headers = pass.headers;
    reply
}

fn response(shared: &Shared, orders: &Arc<Orders>, mut reply: Reply, arrival: &Arrival) -> Response<Parts> {
    let now_ms = shared.world.now_ms();
    let body = std::mem::take(&mut reply.body);
    let parts = match &arrival.fault {
        None => Parts::whole(body),
        Some(what) => {
            let kind = arrival.route().map(|route| route.kind);
            planned::change_head(what, &mut reply, kind, now_ms);
            planned::body(what, body, orders)
        }
    };
    let mut builder = Response::builder().status(reply.status).header(CONTENT_TYPE, reply.content_type);
    if !shared.hides_date.load(Ordering::Relaxed) {
        builder = builder.header(DATE, time::http_date(now_ms));
    }
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(parts).expect("every header here is free of control characters")
}
