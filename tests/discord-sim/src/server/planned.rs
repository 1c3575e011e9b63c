//! What a fault makes of an answer.

use std::sync::Arc;
use std::time::Duration;

use super::body::{Part, Parts};
use super::reply::{Reply, report_headers};
use super::stream::{Ending, Orders};
use crate::faults::{self, What};
use crate::limits::Report;
use crate::route::RouteKind;

/// The answer that is given instead of the true one, if one is.
pub(super) fn instead(what: &What, route: Option<RouteKind>, now_ms: i64) -> Option<Reply> {
    let report = |seconds| Some(Report::made_up(route, 0, duration(seconds)));
    let reply = match what {
        What::Status(status, body) => Reply::made_up(*status, body),
        What::FrontDoor => Reply::html(429),
        What::RateLimited { retry_after, scope } => {
            Reply::limited(*scope, duration(*retry_after), None, now_ms)
        }
        What::RateLimitedUnlike { retry_after, reset_after, scope } => {
            Reply::limited(*scope, duration(*retry_after), report(*reset_after), now_ms)
        }
        What::RateLimitedOddly { retry_after, scope, .. } => {
            Reply::limited(*scope, duration(*retry_after), report(*retry_after), now_ms)
        }
        What::Redirect(url) => Reply::redirect(url),
        What::HugeBody(_) | What::HugeChunkedBody(_) | What::Nulls(_) | What::Bytes(_) => {
            Reply::json(200, Vec::new())
        }
        What::GzipBomb(_) | What::Packed(_) => Reply::json(200, Vec::new()).with("content-encoding", "gzip"),
        _ => return None,
    };
    Some(reply)
}

/// A wait of so many seconds; none if there is no such wait.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Changes what comes before the body.
pub(super) fn change_head(what: &What, reply: &mut Reply, route: Option<RouteKind>, now_ms: i64) {
    match what {
        What::OddHeaders(oddity) | What::RateLimitedOddly { oddity, .. } => {
            if !reply.headers.iter().any(|(name, _)| *name == "x-ratelimit-limit") {
                let report = Report::made_up(route, 4, Duration::from_secs(1));
                reply.headers.extend(report_headers(&report, now_ms));
            }
            oddity.apply(&mut reply.headers);
        }
        What::WrongContentType => reply.content_type = Reply::HTML,
        _ => {}
    }
}

/// The body that is sent, and what is ordered of the connection meanwhile.
pub(super) fn body(what: &What, mut body: Vec<u8>, orders: &Arc<Orders>) -> Parts {
    let until = |ending| Part::End(Arc::clone(orders), ending);
    match what {
        What::TruncatedBody => Parts::halves(body, until(Ending::Close)),
        What::ResetAfterHeaders => Parts::halves(body, until(Ending::Reset)),
        What::HalfClosed => Parts::halves(body, until(Ending::HalfClose)),
        What::StallBody(stall) => Parts::halves(body, Part::Wait(*stall)),
        What::InvalidJson => {
            body.truncate(body.len() / 2);
            Parts::whole(body)
        }
        What::NullBody => Parts::whole(b"null".to_vec()),
        What::HugeBody(bytes) => Parts::huge(*bytes),
        What::HugeChunkedBody(bytes) => Parts::huge(*bytes).chunked(),
        What::GzipBomb(bytes) => Parts::bomb(*bytes),
        What::Bytes(bytes) | What::Packed(bytes) => Parts::shared(Arc::clone(bytes)),
        What::Nulls(items) => Parts::nulls(*items),
        What::SlowDrip { every, bytes } => Parts::drip(body, *bytes, *every),
        What::SlowHeaders { every, bytes } => {
            orders.slow_head(*bytes, *every);
            Parts::whole(body)
        }
        What::BrokenMessage(index, damage) => Parts::whole(faults::break_message(&body, *index, *damage)),
        What::ShuffledOrder => Parts::whole(faults::shuffle(&body)),
        _ => Parts::whole(body),
    }
}
