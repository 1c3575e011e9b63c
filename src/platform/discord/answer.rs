//! Classifies responses of Discord by HTTP status and error code.

use hyper::Uri;
use hyper::header::LOCATION;
use serde::Deserialize;
use twilight_http::routing::Route;

use super::body::Body;
use super::ids::mask;
use super::transport::Response;
use super::transport_error::TransportError;
use super::{headers, wire};
use crate::model::Timestamp;
use crate::platform::{ErrorKind, PlatformError};

/// A successful response.
#[derive(Debug)]
pub struct Answer {
    /// What was requested, for errors and logs.
    pub subject: String,
    /// JSON.
    pub body: Body,
    /// The server's time, from the `Date` header.
    pub date: Option<Timestamp>,
}

impl Answer {
    /// Parses the body. The error names the line and column, never a value.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, PlatformError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(&error))
    }

    /// Error for a body that lacks a required part.
    pub fn missing_error(&self, what: &str) -> PlatformError {
        PlatformError::new(ErrorKind::Unreadable, self.subject.clone(), format!("the response lacks {what}"))
    }

    /// Error for a body that isn't the expected JSON.
    pub fn unreadable(&self, error: &serde_json::Error) -> PlatformError {
        if is_web_page(&self.body) {
            let detail = "the response is a web page: a login page of the network or a proxy answers instead of Discord";
            return PlatformError::new(ErrorKind::Unreadable, self.subject.clone(), detail);
        }
        let detail = format!(
            "the response is not the documented JSON ({} at line {} column {})",
            error_category(error),
            error.line(),
            error.column()
        );
        PlatformError::new(ErrorKind::Unreadable, self.subject.clone(), detail)
    }
}

/// Whether a body is HTML.
fn is_web_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let begins_with =
        |text: &str| start.get(..text.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(text.as_bytes()));
    begins_with("<!doctype html") || begins_with("<html")
}

fn error_category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "syntax error",
        serde_json::error::Category::Data => "unexpected value",
        serde_json::error::Category::Eof => "truncated",
    }
}

/// Discord's error body.
/// <https://discord.com/developers/docs/reference#error-messages>
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    code: i64,
    #[serde(default, deserialize_with = "wire::lenient")]
    message: Option<String>,
}

/// Error bodies longer than this are not parsed.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// What a request asks for; the meaning of a status and a code depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestTarget {
    /// The bot's account or application.
    Account,
    /// A guild itself.
    Guild,
    /// A listing of a guild: its roles, channels or active threads.
    GuildListing,
    /// The search of a guild.
    Search,
    /// The bot's membership in a guild.
    Member,
    /// A channel itself.
    Channel,
    /// The messages of a channel.
    Messages,
    /// The archived threads of a channel.
    ThreadListing,
    /// The reactors of a message.
    Reactors,
}

impl RequestTarget {
    /// The target of a route.
    pub const fn of(route: &Route<'_>) -> Self {
        match route {
            Route::GetGuild { .. } => Self::Guild,
            Route::GetGuildRoles { .. } | Route::GetChannels { .. } | Route::GetActiveThreads { .. } => {
                Self::GuildListing
            }
            Route::GetMember { .. } => Self::Member,
            Route::GetChannel { .. } => Self::Channel,
            Route::GetMessages { .. } => Self::Messages,
            Route::GetPublicArchivedThreads { .. } => Self::ThreadListing,
            Route::GetReactionUsers { .. } => Self::Reactors,
            _ => Self::Account,
        }
    }

    /// Most bytes of a body that are read. A guild's listings can't be requested in
    /// pages; everything else is shorter, or can.
    pub const fn max_body_bytes(self) -> usize {
        match self {
            Self::Guild | Self::GuildListing => 16 << 20,
            _ => 8 << 20,
        }
    }
}

/// "Your account is not verified" and the like: the bot is blocked from every request.
/// <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>
const BLOCKED: i64 = 40_333;
/// "Unauthorized. Provide a valid token and try again" and "Invalid
/// authentication token provided", whatever the status.
const TOKEN_REJECTED: [i64; 2] = [40_001, 50_014];
/// "Index not yet available" and "API resource is overloaded".
const NOT_READY: [i64; 2] = [110_000, 130_000];
/// "Unknown channel".
const UNKNOWN_CHANNEL: i64 = 10_003;
/// "Unknown guild".
const UNKNOWN_GUILD: i64 = 10_004;
/// "Unknown member".
const UNKNOWN_MEMBER: i64 = 10_007;
/// "Unknown message" and "Unknown Emoji".
const UNKNOWN_MESSAGE: i64 = 10_008;
const UNKNOWN_EMOJI: i64 = 10_014;
/// "Unknown user".
const UNKNOWN_USER: i64 = 10_013;

/// Classifies any response but a 429.
pub fn check_response(
    response: Response,
    target: RequestTarget,
    subject: &str,
) -> Result<Answer, PlatformError> {
    let status = response.status.as_u16();
    let error = if status == 202 || !response.status.is_success() {
        let body = Some(&*response.body).filter(|body| body.len() <= MAX_ERROR_BYTES);
        body.and_then(|body| serde_json::from_slice::<ErrorBody>(body).ok())
    } else {
        None
    };
    let code = error.as_ref().map(|error| error.code);
    if response.status.is_success() && status != 202 {
        let date = headers::date(&response.headers);
        return Ok(Answer { subject: subject.to_owned(), body: response.body, date });
    }
    let detail = match redirected_to(&response) {
        Some(host) => format!("HTTP {status}, a redirect to {host}"),
        None => describe(status, error.as_ref()),
    };
    let mut failure = PlatformError::new(error_kind(target, status, code), subject, detail);
    failure.retry_after = headers::retry_after(&response.headers);
    Err(failure)
}

/// The kind of a failure. Apart from a 401, a 4xx counts as Discord's only with one of
/// its error codes: without one it may be a proxy's error page.
fn error_kind(target: RequestTarget, status: u16, code: Option<i64>) -> ErrorKind {
    match (status, code) {
        (401, _) | (403, Some(BLOCKED)) => ErrorKind::TokenRejected,
        (_, Some(code)) if TOKEN_REJECTED.contains(&code) => ErrorKind::TokenRejected,
        (202, _) => ErrorKind::NotReady,
        (_, Some(code)) if NOT_READY.contains(&code) => ErrorKind::NotReady,
        (300..=399, _) => ErrorKind::Redirected,
        (404 | 405, code) => not_found(target, code),
        (400, Some(UNKNOWN_MESSAGE | UNKNOWN_EMOJI)) if target == RequestTarget::Reactors => {
            ErrorKind::MessageGone
        }
        (403, Some(_)) => forbidden(target),
        (400..=499, Some(_)) => ErrorKind::Rejected,
        (500..=599, _) => ErrorKind::Server,
        _ => ErrorKind::Unreadable,
    }
}

/// A 404 means that the route's object doesn't exist only if its code names that object.
/// Any other code, such as "Unknown channel" for a listing of a channel that was just
/// read, means that the server doesn't know the route.
const fn not_found(target: RequestTarget, code: Option<i64>) -> ErrorKind {
    match (target, code) {
        (_, Some(UNKNOWN_GUILD)) | (RequestTarget::Member, Some(UNKNOWN_MEMBER | UNKNOWN_USER)) => {
            ErrorKind::NotInWorkspace
        }
        (RequestTarget::Channel | RequestTarget::Messages, Some(UNKNOWN_CHANNEL)) => ErrorKind::NotFound,
        (RequestTarget::Reactors, Some(UNKNOWN_MESSAGE | UNKNOWN_EMOJI)) => ErrorKind::MessageGone,
        _ => ErrorKind::NoRoute,
    }
}

/// Every request for a guild is forbidden if the bot isn't in it.
const fn forbidden(target: RequestTarget) -> ErrorKind {
    match target {
        RequestTarget::Guild | RequestTarget::GuildListing | RequestTarget::Member => {
            ErrorKind::NotInWorkspace
        }
        _ => ErrorKind::Forbidden,
    }
}

/// The host that a redirect names, without path and query, which may hold secrets.
fn redirected_to(response: &Response) -> Option<String> {
    if !response.status.is_redirection() {
        return None;
    }
    let location: Uri = headers::text(&response.headers, LOCATION.as_str())?.parse().ok()?;
    location.host().map(sanitized).filter(|host| !host.is_empty())
}

/// The status, with code and message if the body is Discord's JSON.
fn describe(status: u16, error: Option<&ErrorBody>) -> String {
    let code = error.map(|error| error.code);
    match (code, error.and_then(|error| error.message.as_deref())) {
        (Some(code), Some(message)) if !message.is_empty() => {
            format!("HTTP {status}, code {}: {}", sanitized(&code.to_string()), sanitized(message))
        }
        _ => format!("HTTP {status}"),
    }
}

/// A server's text, safe to print: at most 120 characters, without control characters,
/// without numbers long enough to be a user's ID, and without words long enough to be
/// the token, which the server knows.
fn sanitized(text: &str) -> String {
    let printable: String = text.chars().filter(|char| !char.is_control()).collect();
    let mut sanitized = String::new();
    for part in printable.split_inclusive(|char: char| !is_token_char(char)) {
        let word = part.trim_end_matches(|char: char| !is_token_char(char));
        sanitized += &if word.len() >= MIN_TOKEN_CHARS { "…".to_owned() } else { mask(word) };
        sanitized.push_str(&part[word.len()..]);
    }
    sanitized.chars().take(120).collect()
}

/// Words of this length or longer may be a token; any token is longer.
/// <https://discord.com/developers/docs/reference#authentication>
const MIN_TOKEN_CHARS: usize = 20;

fn is_token_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.')
}

/// The error of a request without a usable response.
pub fn transport_failure(error: &TransportError, target: RequestTarget, subject: &str) -> PlatformError {
    let kind = match error {
        TransportError::Timeout { .. } => ErrorKind::Timeout,
        TransportError::Connection(_) => ErrorKind::Network,
        TransportError::TooLarge(_) if target == RequestTarget::Messages => ErrorKind::TooLarge,
        TransportError::TooLarge(_) | TransportError::Compression => ErrorKind::Unreadable,
        TransportError::Address(_) | TransportError::Token => ErrorKind::Rejected,
    };
    PlatformError::new(kind, subject, error.to_string())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::{HeaderMap, StatusCode};

    use super::*;

    fn classify(target: RequestTarget, status: u16, body: &'static str) -> ErrorKind {
        let response = Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()).into(),
        };
        check_response(response, target, "x").unwrap_err().kind
    }

    #[test]
    fn a_web_page_instead_of_json_is_named() {
        let detail = |body: &'static str| {
            let body = Bytes::from_static(body.as_bytes()).into();
            let answer = Answer { subject: "x".to_owned(), body, date: None };
            answer.parse::<serde_json::Value>().unwrap_err().to_string()
        };
        for page in ["<!DOCTYPE html><html></html>", "\n <HTML lang=\"en\">"] {
            assert!(detail(page).contains("the response is a web page"), "{page}");
        }
        for other in ["", "<", "<a>", "{", "html"] {
            assert!(detail(other).contains("not the documented JSON"), "{other}");
        }
    }

    #[test]
    fn documented_failures_have_the_expected_kind() {
        let classify = |status, body| classify(RequestTarget::Messages, status, body);
        assert_eq!(classify(401, "{\"message\":\"401: Unauthorized\",\"code\":0}"), ErrorKind::TokenRejected);
        assert_eq!(classify(403, "{\"code\":40333}"), ErrorKind::TokenRejected);
        assert_eq!(classify(400, "{\"code\":40001}"), ErrorKind::TokenRejected);
        assert_eq!(classify(403, "{\"code\":50014}"), ErrorKind::TokenRejected);
        assert_eq!(classify(403, "{\"code\":50001}"), ErrorKind::Forbidden);
        assert_eq!(classify(404, "{\"code\":10003}"), ErrorKind::NotFound);
        assert_eq!(classify(404, "{\"code\":10004}"), ErrorKind::NotInWorkspace);
        assert_eq!(classify(400, "{\"code\":50024}"), ErrorKind::Rejected);
        assert_eq!(classify(502, "<html>bad gateway</html>"), ErrorKind::Server);
        assert_eq!(classify(202, "{\"code\":110000,\"retry_after\":2}"), ErrorKind::NotReady);
        assert_eq!(classify(503, "{\"code\":130000}"), ErrorKind::NotReady);
        assert_eq!(classify(302, ""), ErrorKind::Redirected);
        assert_eq!(classify(403, "<html>blocked</html>"), ErrorKind::Unreadable);
        assert_eq!(classify(404, "Cannot GET"), ErrorKind::NoRoute);
        assert_eq!(classify(404, "{\"message\":\"404: Not Found\",\"code\":0}"), ErrorKind::NoRoute);
    }

    #[test]
    fn a_404_means_not_found_only_if_its_code_names_the_object() {
        let code = |target, body| classify(target, 404, body);
        let unknown_channel = "{\"code\":10003}";
        assert_eq!(code(RequestTarget::Channel, unknown_channel), ErrorKind::NotFound);
        assert_eq!(code(RequestTarget::ThreadListing, unknown_channel), ErrorKind::NoRoute);
        assert_eq!(code(RequestTarget::GuildListing, unknown_channel), ErrorKind::NoRoute);
        assert_eq!(code(RequestTarget::Account, unknown_channel), ErrorKind::NoRoute);
        assert_eq!(code(RequestTarget::Reactors, "{\"code\":10014}"), ErrorKind::MessageGone);
        assert_eq!(code(RequestTarget::Messages, "{\"code\":10008}"), ErrorKind::NoRoute);
        assert_eq!(code(RequestTarget::Channel, "{\"code\":10001}"), ErrorKind::NoRoute);
        assert_eq!(code(RequestTarget::Member, "{\"code\":10007}"), ErrorKind::NotInWorkspace);
        assert_eq!(code(RequestTarget::Guild, "{\"code\":0}"), ErrorKind::NoRoute);
        assert_eq!(code(RequestTarget::GuildListing, "{\"code\":10004}"), ErrorKind::NotInWorkspace);
    }

    #[test]
    fn a_403_for_a_guild_fails_the_tenant_and_one_for_a_channel_only_the_channel() {
        let refused = "{\"code\":50001}";
        assert_eq!(classify(RequestTarget::Guild, 403, refused), ErrorKind::NotInWorkspace);
        assert_eq!(classify(RequestTarget::GuildListing, 403, refused), ErrorKind::NotInWorkspace);
        for target in [RequestTarget::Channel, RequestTarget::ThreadListing, RequestTarget::Reactors] {
            assert_eq!(classify(target, 403, refused), ErrorKind::Forbidden);
        }
    }

    #[test]
    fn server_texts_are_sanitized() {
        assert_eq!(sanitized("Unknown Member 80351110224678912!"), "Unknown Member …!");
        assert_eq!(sanitized("Missing Access\u{1b}[0m 50001"), "Missing Access[0m 50001");
        assert_eq!(sanitized("80351110224\u{0}678912"), "…");
        assert_eq!(sanitized("no MTk4NjIyNDgzNDcx.Cl2FMQ.ZnCjm1XVW7v!"), "no …!");
        assert_eq!(sanitized("user-80351110224678912é"), "…é");
        assert_eq!(sanitized("u-80351110224678"), "u-80351110224678");
        assert_eq!(sanitized("u803511102246789"), "u…");
    }

    #[test]
    fn a_redirect_is_reported_with_its_host_only() {
        for (location, expected) in [
            ("https://proxy.example/login?to=secret", "x: HTTP 302, a redirect to proxy.example"),
            ("https://me:secret@proxy.example:1/", "x: HTTP 302, a redirect to proxy.example"),
            ("https://MTk4NjIyNDgzNDcx.Cl2FMQ.ZnCjm1XVW7v/", "x: HTTP 302, a redirect to …"),
            ("/elsewhere", "x: HTTP 302"),
            ("https://[", "x: HTTP 302"),
        ] {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            let response = Response { status: StatusCode::FOUND, headers, body: Bytes::new().into() };
            let error = check_response(response, RequestTarget::Account, "x").unwrap_err();
            assert_eq!((error.kind, error.to_string()), (ErrorKind::Redirected, expected.to_owned()));
        }
    }

    #[test]
    fn an_error_never_holds_a_body_that_isnt_discords() {
        let response = Response {
            status: StatusCode::BAD_GATEWAY,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"<html>secret</html>").into(),
        };
        assert_eq!(
            check_response(response, RequestTarget::Account, "x").unwrap_err().to_string(),
            "x: HTTP 502"
        );
    }
}
