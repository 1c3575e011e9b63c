//! An answer before it goes on the wire, and those that no route makes.

use std::time::Duration;

use crate::answer::{ApiError, FRONT_DOOR};
use crate::faults::{BodyKind, Header};
use crate::limits::{Report, Scope};
use crate::wire::Writer;

#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    pub headers: Vec<Header>,
    pub scope: Option<Scope>,
}

impl Reply {
    pub(super) const HTML: &str = "text/html; charset=UTF-8";

    pub(super) fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, content_type: "application/json", body, headers: Vec::new(), scope: None }
    }

    /// The page of the front door.
    pub(super) fn html(status: u16) -> Self {
        let body = FRONT_DOOR.as_bytes().to_vec();
        Self { content_type: Self::HTML, ..Self::json(status, body) }
    }

    pub(super) fn redirect(url: &str) -> Self {
        Self::html(302).with("location", url)
    }

    /// The same with one more header.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn error(error: &ApiError) -> Self {
        Self::json(error.status, error.body())
    }

    /// Topics/Rate Limits, "Exceeding A Rate Limit": the header counts whole
    /// seconds, the body has a float.
    pub(super) fn limited(scope: Scope, retry_after: Duration, report: Option<Report>, now_ms: i64) -> Self {
        let is_global = scope == Scope::Global;
        let subject = if scope == Scope::Shared { "The resource is" } else { "You are" };
        let seconds = retry_after.as_secs_f64();
        let mut w = Writer::default();
        w.item(|w| {
            w.text("message", &format!("{subject} being rate limited."));
            w.raw("retry_after", &format!("{seconds:.3}"));
            w.boolean("global", is_global);
        });
        let mut headers = report.map_or_else(Vec::new, |report| report_headers(&report, now_ms));
        headers.push(("retry-after", format!("{:.0}", seconds.ceil())));
        headers.push(("x-ratelimit-scope", scope.name().to_owned()));
        if is_global {
            headers.push(("x-ratelimit-global", "true".to_owned()));
        }
        Self { headers, scope: Some(scope), ..Self::json(429, w.finish()) }
    }

    /// A planned answer with a false status.
    pub(super) fn made_up(status: u16, body: &BodyKind) -> Self {
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

/// Topics/Rate Limits, "Header Format".
pub(super) fn report_headers(report: &Report, now_ms: i64) -> Vec<Header> {
    let reset_after = report.reset_after.as_secs_f64();
    let reset = now_ms as f64 / 1000.0 + reset_after;
    vec![
        ("x-ratelimit-limit", report.limit.to_string()),
        ("x-ratelimit-remaining", report.remaining.to_string()),
        ("x-ratelimit-reset", format!("{reset:.3}")),
        ("x-ratelimit-reset-after", format!("{reset_after:.3}")),
        ("x-ratelimit-bucket", report.bucket.clone()),
    ]
}
