//! An answer before it is sent, and the answers that no route makes.

use std::time::Duration;

use crate::answer::{ApiError, EDGE_ERROR_PAGE};
use crate::faults::{BodyKind, Header};
use crate::limits::{RateLimitInfo, Scope};
use crate::wire::Writer;

/// Status, headers and body of an answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    pub headers: Vec<Header>,
    /// The scope of a 429 that has one.
    pub scope: Option<Scope>,
}

impl Reply {
    pub(super) const HTML: &str = "text/html; charset=UTF-8";

    pub(super) fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, content_type: "application/json", body, headers: Vec::new(), scope: None }
    }

    /// Cloudflare's HTML error page.
    pub(super) fn html(status: u16) -> Self {
        let body = EDGE_ERROR_PAGE.as_bytes().to_vec();
        Self { content_type: Self::HTML, ..Self::json(status, body) }
    }

    pub(super) fn redirect(url: &str) -> Self {
        Self::html(302).with_header("location", url)
    }

    /// Adds a header.
    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn error(error: &ApiError) -> Self {
        Self::json(error.status, error.body())
    }

    /// A 429: Topics/Rate Limits, "Exceeding A Rate Limit". `Retry-After` is in whole
    /// seconds, the body's `retry_after` a float.
    pub(super) fn limited(
        scope: Scope,
        retry_after: Duration,
        info: Option<RateLimitInfo>,
        now_ms: i64,
    ) -> Self {
        let is_global = scope == Scope::Global;
        let subject = if scope == Scope::Shared { "The resource is" } else { "You are" };
        let seconds = retry_after.as_secs_f64();
        let mut w = Writer::default();
        w.item(|w| {
            w.text("message", &format!("{subject} being rate limited."));
            w.raw("retry_after", &format!("{seconds:.3}"));
            w.boolean("global", is_global);
        });
        let mut headers = info.map_or_else(Vec::new, |info| rate_limit_headers(&info, now_ms));
        headers.push(("retry-after", format!("{:.0}", seconds.ceil())));
        headers.push(("x-ratelimit-scope", scope.name().to_owned()));
        if is_global {
            headers.push(("x-ratelimit-global", "true".to_owned()));
        }
        Self { headers, scope: Some(scope), ..Self::json(429, w.finish()) }
    }

    /// The answer of a `FaultKind::Status` fault.
    pub(super) fn with_status(status: u16, body: &BodyKind) -> Self {
        match body {
            BodyKind::Html => Self::html(status),
            BodyKind::Empty => Self::json(status, Vec::new()),
            BodyKind::Json(code) => {
                let mut w = Writer::default();
                w.item(|w| {
                    w.text("message", &format!("{status}: simulated"));
                    w.number("code", *code);
                });
                Self::json(status, w.finish())
            }
        }
    }
}

/// The `X-RateLimit-` headers: Topics/Rate Limits, "Header Format".
pub(super) fn rate_limit_headers(info: &RateLimitInfo, now_ms: i64) -> Vec<Header> {
    let reset_after = info.reset_after.as_secs_f64();
    let reset = now_ms as f64 / 1000.0 + reset_after;
    vec![
        ("x-ratelimit-limit", info.limit.to_string()),
        ("x-ratelimit-remaining", info.remaining.to_string()),
        ("x-ratelimit-reset", format!("{reset:.3}")),
        ("x-ratelimit-reset-after", format!("{reset_after:.3}")),
        ("x-ratelimit-bucket", info.bucket.clone()),
    ]
}
