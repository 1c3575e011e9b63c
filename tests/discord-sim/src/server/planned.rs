//! Applies a fault to an answer: its status, headers and body.

use std::sync::Arc;
use std::time::Duration;

use super::body::{BodyStep, ScriptedBody};
use super::reply::{Reply, rate_limit_headers};
use super::stream::{ConnectionEnding, StreamControl};
use crate::faults::{self, What};
use crate::limits::RateLimitInfo;
use crate::route::RouteKind;

/// The answer that replaces the true one, if the fault has one. [`body`] may replace its
/// body.
pub(super) fn replacement(what: &What, route: Option<RouteKind>, now_ms: i64) -> Option<Reply> {
    let info = |seconds| Some(RateLimitInfo::fictitious(route, 0, duration(seconds)));
    let reply = match what {
        What::Status(status, body) => Reply::with_status(*status, body),
        What::FrontDoor => Reply::html(429),
        What::RateLimited { retry_after, scope } => {
            Reply::limited(*scope, duration(*retry_after), None, now_ms)
        }
        What::RateLimitedUnlike { retry_after, reset_after, scope } => {
            Reply::limited(*scope, duration(*retry_after), info(*reset_after), now_ms)
        }
        What::RateLimitedOddly { retry_after, scope, .. } => {
            Reply::limited(*scope, duration(*retry_after), info(*retry_after), now_ms)
        }
        What::Redirect(url) => Reply::redirect(url),
        What::HugeBody(_) | What::HugeChunkedBody(_) | What::Nulls(_) | What::Bytes(_) => {
            Reply::json(200, Vec::new())
        }
        What::GzipBomb(_) | What::Packed(_) => {
            Reply::json(200, Vec::new()).with_header("content-encoding", "gzip")
        }
        _ => return None,
    };
    Some(reply)
}

/// The seconds as a duration; zero if they are negative or too large.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Changes the headers of an answer.
pub(super) fn change_headers(what: &What, reply: &mut Reply, route: Option<RouteKind>, now_ms: i64) {
    match what {
        What::OddHeaders(oddity) | What::RateLimitedOddly { oddity, .. } => {
            if !reply.headers.iter().any(|(name, _)| *name == "x-ratelimit-limit") {
                let info = RateLimitInfo::fictitious(route, 4, Duration::from_secs(1));
                reply.headers.extend(rate_limit_headers(&info, now_ms));
            }
            oddity.apply(&mut reply.headers);
        }
        What::WrongContentType => reply.content_type = Reply::HTML,
        _ => {}
    }
}

/// The body to send; `control` ends or slows down the connection while it is sent.
pub(super) fn body(what: &What, mut body: Vec<u8>, control: &Arc<StreamControl>) -> ScriptedBody {
    let end_with = |ending| BodyStep::EndConnection(Arc::clone(control), ending);
    match what {
        What::TruncatedBody => ScriptedBody::halves(body, end_with(ConnectionEnding::Close)),
        What::ResetAfterHeaders => ScriptedBody::halves(body, end_with(ConnectionEnding::Reset)),
        What::HalfClosed => ScriptedBody::halves(body, end_with(ConnectionEnding::HalfClose)),
        What::StallBody(stall) => ScriptedBody::halves(body, BodyStep::Wait(*stall)),
        What::InvalidJson => {
            body.truncate(body.len() / 2);
            ScriptedBody::whole(body)
        }
        What::NullBody => ScriptedBody::whole(b"null".to_vec()),
        What::HugeBody(bytes) => ScriptedBody::huge(*bytes),
        What::HugeChunkedBody(bytes) => ScriptedBody::huge(*bytes).chunked(),
        What::GzipBomb(bytes) => ScriptedBody::gzip_bomb(*bytes),
        What::Bytes(bytes) | What::Packed(bytes) => ScriptedBody::shared(Arc::clone(bytes)),
        What::Nulls(items) => ScriptedBody::nulls(*items),
        What::SlowDrip { every, bytes } => ScriptedBody::drip(body, *bytes, *every),
        What::SlowHeaders { every, bytes } => {
            control.slow_head(*bytes, *every);
            ScriptedBody::whole(body)
        }
        What::BrokenMessage(index, damage) => {
            ScriptedBody::whole(faults::damage_message(&body, *index, *damage))
        }
        What::ShuffledOrder => ScriptedBody::whole(faults::shuffle(&body)),
        _ => ScriptedBody::whole(body),
    }
}
