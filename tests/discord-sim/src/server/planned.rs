//! Applies a fault to an answer: its status, headers and body.

use std::sync::Arc;
use std::time::Duration;

use super::body::{BodyStep, ScriptedBody};
use super::reply::{Reply, rate_limit_headers};
use super::stream::{ConnectionEnding, StreamControl};
use crate::faults::{self, FaultKind};
use crate::limits::RateLimitInfo;
use crate::route::RouteKind;

/// The answer that replaces the true one, if the fault has one. [`body`] may replace its
/// body.
pub(super) fn replacement(what: &FaultKind, route: Option<RouteKind>, now_ms: i64) -> Option<Reply> {
    let info = |seconds| Some(RateLimitInfo::fictitious(route, 0, duration(seconds)));
    let reply = match what {
        FaultKind::Status(status, body) => Reply::with_status(*status, body),
        FaultKind::FrontDoor => Reply::html(429),
        FaultKind::RateLimited { retry_after, scope } => {
            Reply::limited(*scope, duration(*retry_after), None, now_ms)
        }
        FaultKind::RateLimitedUnlike { retry_after, reset_after, scope } => {
            Reply::limited(*scope, duration(*retry_after), info(*reset_after), now_ms)
        }
        FaultKind::RateLimitedOddly { retry_after, scope, .. } => {
            Reply::limited(*scope, duration(*retry_after), info(*retry_after), now_ms)
        }
        FaultKind::Redirect(url) => Reply::redirect(url),
        FaultKind::HugeBody(_)
        | FaultKind::HugeChunkedBody(_)
        | FaultKind::Nulls(_)
        | FaultKind::Bytes(_) => Reply::json(200, Vec::new()),
        FaultKind::GzipBomb(_) | FaultKind::Packed(_) => {
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
pub(super) fn change_headers(what: &FaultKind, reply: &mut Reply, route: Option<RouteKind>, now_ms: i64) {
    match what {
        FaultKind::OddHeaders(oddity) | FaultKind::RateLimitedOddly { oddity, .. } => {
            if !reply.headers.iter().any(|(name, _)| *name == "x-ratelimit-limit") {
                let info = RateLimitInfo::fictitious(route, 4, Duration::from_secs(1));
                reply.headers.extend(rate_limit_headers(&info, now_ms));
            }
            oddity.apply(&mut reply.headers);
        }
        FaultKind::WrongContentType => reply.content_type = Reply::HTML,
        _ => {}
    }
}

/// The body to send; `control` ends or slows down the connection while it is sent.
pub(super) fn body(what: &FaultKind, mut body: Vec<u8>, control: &Arc<StreamControl>) -> ScriptedBody {
    let end_with = |ending| BodyStep::EndConnection(Arc::clone(control), ending);
    match what {
        FaultKind::TruncatedBody => ScriptedBody::halves(body, end_with(ConnectionEnding::Close)),
        FaultKind::ResetAfterHeaders => ScriptedBody::halves(body, end_with(ConnectionEnding::Reset)),
        FaultKind::HalfClosed => ScriptedBody::halves(body, end_with(ConnectionEnding::HalfClose)),
        FaultKind::StallBody(stall) => ScriptedBody::halves(body, BodyStep::Wait(*stall)),
        FaultKind::InvalidJson => {
            body.truncate(body.len() / 2);
            ScriptedBody::whole(body)
        }
        FaultKind::NullBody => ScriptedBody::whole(b"null".to_vec()),
        FaultKind::HugeBody(bytes) => ScriptedBody::huge(*bytes),
        FaultKind::HugeChunkedBody(bytes) => ScriptedBody::huge(*bytes).chunked(),
        FaultKind::GzipBomb(bytes) => ScriptedBody::gzip_bomb(*bytes),
        FaultKind::Bytes(bytes) | FaultKind::Packed(bytes) => ScriptedBody::shared(Arc::clone(bytes)),
        FaultKind::Nulls(items) => ScriptedBody::nulls(*items),
        FaultKind::SlowDrip { every, bytes } => ScriptedBody::drip(body, *bytes, *every),
        FaultKind::SlowHeaders { every, bytes } => {
            control.slow_head(*bytes, *every);
            ScriptedBody::whole(body)
        }
        FaultKind::MalformedMessage(index, damage) => {
            ScriptedBody::whole(faults::damage_message(&body, *index, *damage))
        }
        FaultKind::ShuffledOrder => ScriptedBody::whole(faults::shuffle(&body)),
        _ => ScriptedBody::whole(body),
    }
}
