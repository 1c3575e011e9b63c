//! The kinds of faults.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::{Damage, Oddity};
use crate::dice::Dice;
use crate::limits::Scope;

/// The effect of a fault.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FaultKind {
    /// An answer with this status instead of the true one.
    Status(u16, BodyKind),
    /// A well-formed 429.
    RateLimited {
        /// Seconds, in header (rounded up to whole seconds) and body.
        retry_after: f64,
        /// Whose limit was exceeded.
        scope: Scope,
    },
    /// A well-formed 429 whose headers name two different waits.
    RateLimitedUnlike {
        /// Seconds, in `Retry-After` (rounded up to whole seconds) and in the body.
        retry_after: f64,
        /// Seconds, in `X-RateLimit-Reset-After` and, as now plus this, in
        /// `X-RateLimit-Reset`.
        reset_after: f64,
        /// Whose limit was exceeded.
        scope: Scope,
    },
    /// A 429 with anomalous headers and a well-formed, correct body.
    RateLimitedOddly {
        /// Seconds, in the body and in the headers that the anomaly leaves alone.
        retry_after: f64,
        /// Whose limit was exceeded.
        scope: Scope,
        /// The anomaly in `Retry-After` and the rate-limit headers.
        oddity: Oddity,
    },
    /// A 429 from Cloudflare: an HTML body and no rate-limit headers.
    FrontDoor,
    /// The true answer with anomalous rate-limit headers, even on routes that have none.
    /// On a 429 this includes `Retry-After`.
    OddHeaders(Oddity),
    /// A 302 to this URL with an HTML body.
    Redirect(String),
    /// The true answer with `Content-Type: text/html`.
    WrongContentType,
    /// The connection is reset (RST) before any header.
    ResetBeforeHeaders,
    /// Headers and half the body, then the connection is reset (RST).
    ResetAfterHeaders,
    /// Headers and half the body, then the connection closes (FIN).
    TruncatedBody,
    /// Headers and half the body, then the server shuts down its write half and keeps the
    /// connection open until the client closes it.
    HalfClosed,
    /// The true answer's body cut in half, with a matching `Content-Length`.
    InvalidJson,
    /// The true answer with the body `null`.
    NullBody,
    /// A 200 with one JSON list of this many bytes (at least 4) and a `Content-Length`.
    HugeBody(u64),
    /// Like [`FaultKind::HugeBody`], but chunked, without `Content-Length`.
    HugeChunkedBody(u64),
    /// A 200 with one JSON list of this many uncompressed bytes (at least 4), compressed
    /// several hundredfold with gzip, regardless of the client's `Accept-Encoding`.
    GzipBomb(u64),
    /// A chunked 200 with a JSON list of this many nulls (at least 1).
    Nulls(u64),
    /// A 200 with these bytes as its body, whatever the true answer.
    Bytes(Arc<[u8]>),
    /// Like [`FaultKind::Bytes`], with bytes that are already gzip-compressed.
    Packed(Arc<[u8]>),
    /// A full page of made-up messages, public archived threads or reactors at any
    /// cursor; `has_more` is true. Other routes return the true answer.
    Endless,
    /// The true answer, delayed by this long.
    Stall(Duration),
    /// The true answer, with a pause of this length after half of the body.
    StallBody(Duration),
    /// The true answer, its body sent in pieces.
    SlowDrip {
        /// The time between two pieces.
        every: Duration,
        /// Bytes per piece, at least 1.
        bytes: usize,
    },
    /// The true answer, its status line and headers sent in pieces.
    SlowHeaders {
        /// The time between two pieces.
        every: Duration,
        /// Bytes per piece, at least 1.
        bytes: usize,
    },
    /// The page's message at this index (from the newest) is damaged.
    MalformedMessage(usize, Damage),
    /// The page's messages are neither ascending nor descending.
    ShuffledOrder,
    /// An empty answer: a list is empty, and so are an object's `messages`, `threads`,
    /// `members` and `roles`; `has_more` is false. This variant and those below, except
    /// [`FaultKind::Body`], only change answers that are a 200 anyway; none changes headers.
    Empty,
    /// Only the first this many items of a list, or of an object's `messages` or else
    /// `threads`; `has_more` stays.
    Keep(usize),
    /// Only this many items, those with the smallest IDs, in the order of the true
    /// answer.
    KeepOldest(usize),
    /// A list, or an object's `threads` or `roles`, without the items with these IDs.
    Omit(Vec<u64>),
    /// Messages look as if the message-content intent were disabled.
    Blank,
    /// Sets a field of the object, or of every object of the list, to this value. The
    /// field is a key or, if it starts with `/`, a JSON pointer (RFC 6901).
    Set(String, Value),
    /// A 200 with this body, whatever the true answer; the headers are the true ones.
    Body(Value),
    /// Replaces the first occurrence of the first bytes in the body by the second. The
    /// result needn't be UTF-8.
    ReplaceBytes(Vec<u8>, Vec<u8>),
    /// Sets a field, named as in [`FaultKind::Set`], of the page's message at this index (from
    /// the newest).
    MessageField(usize, String, Value),
    /// The first page, whatever the cursor; `has_more`, if the answer has it, is true.
    Repeat,
    /// A random one of these; no fault if the list is empty.
    OneOf(Vec<FaultKind>),
}

/// The body of a [`FaultKind::Status`] answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyKind {
    /// Discord's error object with this code.
    Json(u64),
    /// A proxy's HTML page.
    Html,
    /// Nothing.
    Empty,
}

impl FaultKind {
    /// Transient faults, which a client should retry, and anomalies it should tolerate.
    /// Stalls last for `pause`; a 429 has it as the `retry_after` of its body, its header
    /// rounds it up to whole seconds.
    pub fn passing(pause: Duration) -> Vec<Self> {
        let limited = |scope| Self::RateLimited { retry_after: pause.as_secs_f64(), scope };
        vec![
            Self::Status(500, BodyKind::Json(0)),
            Self::Status(502, BodyKind::Html),
            Self::Status(503, BodyKind::Empty),
            Self::Status(504, BodyKind::Html),
            Self::Status(202, BodyKind::Json(110_000)),
            Self::Status(200, BodyKind::Html),
            Self::ResetBeforeHeaders,
            Self::ResetAfterHeaders,
            Self::TruncatedBody,
            Self::HalfClosed,
            Self::InvalidJson,
            Self::WrongContentType,
            limited(Scope::User),
            limited(Scope::Shared),
            limited(Scope::Global),
            Self::Stall(pause),
            Self::StallBody(pause),
            Self::OneOf(Oddity::ALL.map(Self::OddHeaders).to_vec()),
        ]
    }

    /// Compresses the bytes into a [`FaultKind::Packed`].
    ///
    /// # Panics
    /// Never: writing to a vector doesn't fail.
    pub fn packed(bytes: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
        Self::Packed(packed.expect("writing to a vector doesn't fail").into())
    }

    /// Replaces [`FaultKind::OneOf`] by a random one of its faults; `None` if it has none.
    pub(super) fn resolve(&self, dice: &mut Dice) -> Option<Self> {
        match self {
            Self::OneOf(choice) if choice.is_empty() => None,
            Self::OneOf(choice) => dice.pick(choice).resolve(dice),
            _ => Some(self.clone()),
        }
    }
}
