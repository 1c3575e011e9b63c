//! What a fault can do.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::{Damage, Oddity};
use crate::dice::Dice;
use crate::limits::Scope;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// An answer with this status instead.
    Status(u16, BodyKind),
    /// A 429 in Discord's form.
    RateLimited {
        /// Seconds, in header and body.
        retry_after: f64,
        /// Whose limit.
        scope: Scope,
    },
    /// A 429 in Discord's form that tells two different waits.
    RateLimitedUnlike {
        /// Seconds, in `Retry-After` (whole ones, rounded up) and in the body.
        retry_after: f64,
        /// Seconds, in `X-RateLimit-Reset-After` and, from now, in `X-RateLimit-Reset`.
        reset_after: f64,
        /// Whose limit.
        scope: Scope,
    },
    /// A 429 with odd headers; its body is in Discord's form and true.
    RateLimitedOddly {
        /// Seconds, in the body and wherever the oddity leaves them.
        retry_after: f64,
        /// Whose limit.
        scope: Scope,
        /// What is odd about `Retry-After` and the rate-limit headers.
        oddity: Oddity,
    },
    /// A 429 of the front door: HTML and no rate-limit headers.
    FrontDoor,
    /// The true answer with odd rate-limit headers, even where it has none;
    /// if it is a 429, with an odd `Retry-After`, too.
    OddHeaders(Oddity),
    /// A 302 to this URL, with a page of HTML.
    Redirect(String),
    /// The true answer, said to be `text/html`.
    WrongContentType,
    /// The connection is reset before any header.
    ResetBeforeHeaders,
    /// Headers and half the body, then the connection is reset (RST).
    ResetAfterHeaders,
    /// Headers and half the body, then the connection closes (FIN).
    TruncatedBody,
    /// Headers and half the body, then the server shuts down its writing side
    /// and leaves the connection open until the client closes it.
    HalfClosed,
    /// A 200 whose JSON breaks off.
    InvalidJson,
    /// A 200 whose body is `null`.
    NullBody,
    /// A 200 with one JSON list of so many bytes (at least 4), which
    /// `Content-Length` tells.
    HugeBody(u64),
    /// The same in chunks, without `Content-Length`.
    HugeChunkedBody(u64),
    /// A 200 with one JSON list of so many bytes (at least 4) before gzip, which
    /// makes it several hundred times smaller. Whether the client accepts gzip
    /// isn't asked.
    GzipBomb(u64),
    /// A 200 with a JSON list of so many nulls (at least 1), in chunks.
    Nulls(u64),
    /// A 200 with these bytes, whatever the route answers.
    Bytes(Arc<[u8]>),
    /// The same with bytes that gzip has packed.
    Packed(Arc<[u8]>),
    /// A whole page that nobody knows, of messages, archived threads or users, after
    /// whatever cursor; `has_more` is true. Other routes answer truly.
    Endless,
    /// Nothing for this long, then the true answer.
    Stall(Duration),
    /// Headers and half the body, nothing for this long, then the rest.
    StallBody(Duration),
    /// The true answer, its body in pieces.
    SlowDrip {
        /// The time between two pieces.
        every: Duration,
        /// A piece's length, at least 1.
        bytes: usize,
    },
    /// The true answer, its status line and headers in pieces.
    SlowHeaders {
        /// The time between two pieces.
        every: Duration,
        /// A piece's length, at least 1.
        bytes: usize,
    },
    /// The page's message at this index (from the newest) is damaged.
    BrokenMessage(usize, Damage),
    /// The page's messages come in another order.
    ShuffledOrder,
    /// The answer with nothing in it: a list is empty, and so are an object's
    /// `threads`, `members` and `roles`; `has_more` is false. This and what
    /// follows, but for [`What::Body`], change only answers that are a 200
    /// anyway, and leave every header true.
    Empty,
    /// Only the first so many items of a list, or of an object's `threads`; what
    /// `has_more` says stays.
    Keep(usize),
    /// Only the so many items with the smallest IDs, in the order they came in.
    KeepOldest(usize),
    /// The list, or an object's `threads` or `roles`, without the items of these IDs.
    Omit(Vec<u64>),
    /// Messages come as they do without the message-content intent.
    Blank,
    /// A field has this value, in every object of a list if it is one: named by
    /// its key or, with a `/` first, by a JSON pointer (RFC 6901).
    Set(String, Value),
    /// A 200 with this, whatever the route answers; the headers are true.
    Body(Value),
    /// The first occurrence of these bytes in the body is replaced by those, also
    /// where the body is no UTF-8 any more.
    ReplaceBytes(Vec<u8>, Vec<u8>),
    /// The page's message at this index (from the newest) has this value in a
    /// field, which is named as in [`What::Set`].
    MessageField(usize, String, Value),
    /// The first page, whatever cursor is asked for; `has_more`, where there is
    /// one, is true.
    Repeat,
    /// One of these, as the dice fall; nothing if there are none.
    OneOf(Vec<What>),
}

/// The body of an answer with a false status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyKind {
    /// Discord's error object with this code.
    Json(u64),
    /// Some proxy's page.
    Html,
    /// Nothing.
    Empty,
}

impl What {
    /// Every kind of fault after which the same request deserves another try,
    /// and those that only look wrong. Stalls last for `pause`, and 429s ask
    /// for it in their body; their header rounds it up to whole seconds.
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

    /// [`What::Packed`] of these bytes.
    ///
    /// # Panics
    /// Never: a vector takes everything.
    pub fn packed(bytes: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
        Self::Packed(packed.expect("a vector takes everything").into())
    }

    /// The fault itself, or one of several.
    pub(super) fn one(&self, dice: &mut Dice) -> Option<Self> {
        match self {
            Self::OneOf(choice) if choice.is_empty() => None,
            Self::OneOf(choice) => dice.pick(choice).one(dice),
            _ => Some(self.clone()),
        }
    }
}
