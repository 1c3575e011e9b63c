//! One request from its arrival to its answer: front door, journal, fault, gate, pace, route.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, DATE};
use hyper::{Request, Response};

use super::Shared;
use super::body::{Part, Parts};
use super::gate::{Pass, gate};
use super::reply::Reply;
use crate::faults::{self, What};
use crate::journal::{Entry, Journal};
use crate::limits::Scope;
use crate::query::Query;
use crate::route::Route;
use crate::routes::{self, Call};
use crate::time;
use crate::wire::message::Show;

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
pub(super) async fn respond(shared: &Shared, request: Request<Incoming>) -> Option<Response<Parts>> {
    let now = Instant::now();
    let route = Route::parse(request.uri().path());
    let number = shared.journal.arrive(entry(&request, route.as_ref().ok(), now));
    let mut visit = Visit { journal: &shared.journal, number, answer: None };
    // A request that doesn't get past the front door meets no fault behind it.
    let is_banned = shared.limiter().is_banned(now);
    let fault = if is_banned { None } else { shared.faults.strike(route.as_ref().ok()) };
    let pass = match &fault {
        _ if is_banned => Some(Err(Reply::html(429))),
        Some(What::ResetBeforeHeaders) => None,
        Some(What::Status(status, body)) => Some(Err(Reply::made_up(*status, body))),
        Some(What::FrontDoor) => Some(Err(Reply::html(429))),
        Some(What::RateLimited { retry_after, scope }) => {
            let wait = Duration::from_secs_f64(*retry_after);
            Some(Err(Reply::limited(*scope, wait, None, 0)))
        }
        _ => Some(gate(shared, &request, route, now)),
    };
    wait(shared, fault.as_ref()).await;
    let reply = match pass? {
        Ok(pass) => answer(shared, &request, pass),
        Err(reply) => reply,
    };
    visit.answer = Some((reply.status, reply.scope));
    shared.limiter().answered(reply.status, reply.scope, Instant::now());
    Some(response(shared, reply, fault.as_ref()))
}

fn entry(request: &Request<Incoming>, route: Option<&Route>, at: Instant) -> Entry {
    Entry {
        at,
        at_ms: 0,
        method: request.method().to_string(),
        route: route.map(|route| route.kind),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        guild: route.and_then(Route::guild),
        channel: route.and_then(Route::channel),
        status: None,
        scope: None,
    }
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

/// The true answer, from the world as it is by now.
fn answer(shared: &Shared, request: &Request<Incoming>, pass: Pass) -> Reply {
    let call = Call {
        state: &shared.world.read(),
        show: Show { now_ms: shared.world.now_ms(), signatures: &shared.signatures },
        route: &pass.route,
        query: &Query::parse(request.uri().query().unwrap_or_default()),
    };
    let mut reply = match routes::answer(&call) {
        Ok(writer) => Reply::json(200, writer.finish()),
        Err(error) => Reply::error(&error),
    };
    reply.headers = pass.headers;
    reply
}

fn response(shared: &Shared, reply: Reply, fault: Option<&What>) -> Response<Parts> {
    let mut body = reply.body;
    let parts = match fault {
        Some(What::TruncatedBody) => Parts::halves(body, Part::Break),
        Some(What::StallBody(stall)) => Parts::halves(body, Part::Wait(*stall)),
        Some(What::InvalidJson) => {
            body.truncate(body.len() / 2);
            Parts::whole(body)
        }
        Some(What::NullBody) => Parts::whole(b"null".to_vec()),
        Some(What::BrokenMessage(index, damage)) => {
            Parts::whole(faults::break_message(&body, *index, *damage))
        }
        Some(What::ShuffledOrder) => Parts::whole(faults::shuffle(&body)),
        _ => Parts::whole(body),
    };
    let mut builder = Response::builder()
        .status(reply.status)
        .header(CONTENT_TYPE, reply.content_type)
        .header(DATE, time::http_date(shared.world.now_ms()));
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(parts).expect("every header here is ASCII")
}
