//! Answers of Discord, judged by status and code.

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

/// An answer that succeeded.
#[derive(Debug)]
pub struct Answer {
    /// What was asked for.
    pub subject: String,
    /// JSON.
    pub body: Body,
    /// The platform's clock.
    pub date: Option<Timestamp>,
}

impl Answer {
    /// Reads the body. The error names the place, not the value.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, PlatformError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(&error))
    }

    /// The body lacks something that can't be done without.
    pub fn lacks(&self, what: &str) -> PlatformError {
        PlatformError::new(ErrorKind::Unreadable, self.subject.clone(), format!("the answer lacks {what}"))
    }

    /// The body isn't what it should be.
    pub fn unreadable(&self, error: &serde_json::Error) -> PlatformError {
        let detail = format!(
            "the answer is not the documented JSON ({} at line {} column {})",
            place(error),
            error.line(),
            error.column()
        );
        PlatformError::new(ErrorKind::Unreadable, self.subject.clone(), detail)
    }
}

fn place(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "broken",
        serde_json::error::Category::Data => "unexpected value",
        serde_json::error::Category::Eof => "cut off",
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

/// The longest body of an error that is looked at.
const MOST_ERROR_BYTES: usize = 64 << 10;

/// What a request asks for: a status and a code mean different things of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The bot's account or application.
    Account,
    /// A guild itself.
    Guild,
    /// A listing of a guild: its roles, channels or active threads.
    GuildListing,
    /// The bot's membership of a guild.
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

impl Asked {
    /// What a route asks for.
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

    /// The longest body that is read, bytes. What a guild lists comes as a whole;
    /// everything else is shorter, or can be asked for in smaller pieces.
    pub const fn most_bytes(self) -> usize {
        match self {
            Self::Guild | Self::GuildListing => 16 << 20,
            _ => 8 << 20,
        }
    }
}

/// "Your account is not verified" and the like: the request is blocked as a
/// whole. <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>
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

/// Judges any answer but a 429.
pub fn judge(response: Response, asked: Asked, subject: &str) -> Result<Answer, PlatformError> {
    let status = response.status.as_u16();
    let error = if status == 202 || !response.status.is_success() {
        let body = Some(&*response.body).filter(|body| body.len() <= MOST_ERROR_BYTES);
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
    let mut failure = PlatformError::new(kind(asked, status, code), subject, detail);
    failure.retry_after = headers::retry_after(&response.headers);
    Err(failure)
}

/// What a failure means. A refusal counts as Discord's only if it comes with
/// Discord's code: a page of some proxy says nothing about a channel.
fn kind(asked: Asked, status: u16, code: Option<i64>) -> ErrorKind {
    match (status, code) {
        (401, _) | (403, Some(BLOCKED)) => ErrorKind::TokenRejected,
        (_, Some(code)) if TOKEN_REJECTED.contains(&code) => ErrorKind::TokenRejected,
        (202, _) => ErrorKind::NotReady,
        (_, Some(code)) if NOT_READY.contains(&code) => ErrorKind::NotReady,
        (300..=399, _) => ErrorKind::Redirected,
        (404 | 405, code) => not_found(asked, code),
        (400, Some(UNKNOWN_MESSAGE | UNKNOWN_EMOJI)) if asked == Asked::Reactors => ErrorKind::Gone,
        (403, Some(_)) => forbidden(asked),
        (400..=499, Some(_)) => ErrorKind::Refused,
        (500..=599, _) => ErrorKind::Server,
        _ => ErrorKind::Unreadable,
    }
}

/// A 404 says that the object of the route is not there only if its code names
/// that object. Any other one, such as "Unknown channel" for a listing of a
/// channel that was just read, means that there is no such route.
const fn not_found(asked: Asked, code: Option<i64>) -> ErrorKind {
    match (asked, code) {
        (_, Some(UNKNOWN_GUILD)) | (Asked::Member, Some(UNKNOWN_MEMBER | UNKNOWN_USER)) => {
            ErrorKind::NotInWorkspace
        }
        (Asked::Channel | Asked::Messages, Some(UNKNOWN_CHANNEL)) => ErrorKind::NotFound,
        (Asked::Reactors, Some(UNKNOWN_MESSAGE | UNKNOWN_EMOJI)) => ErrorKind::Gone,
        _ => ErrorKind::NoRoute,
    }
}

/// A bot that isn't in a guild is refused whatever it asks of the guild.
const fn forbidden(asked: Asked) -> ErrorKind {
    match asked {
        Asked::Guild | Asked::GuildListing | Asked::Member => ErrorKind::NotInWorkspace,
        _ => ErrorKind::Forbidden,
    }
}

/// The host that a redirect names. Its path and query may hold anything.
fn redirected_to(response: &Response) -> Option<String> {
    if !response.status.is_redirection() {
        return None;
    }
    let location: Uri = headers::text(&response.headers, LOCATION.as_str())?.parse().ok()?;
    location.host().map(tamed).filter(|host| !host.is_empty())
}

/// Status, and Discord's own words if the body was its JSON.
fn describe(status: u16, error: Option<&ErrorBody>) -> String {
    let code = error.map(|error| error.code);
    match (code, error.and_then(|error| error.message.as_deref())) {
        (Some(code), Some(words)) if !words.is_empty() => {
            format!("HTTP {status}, code {}: {}", tamed(&code.to_string()), tamed(words))
        }
        _ => format!("HTTP {status}"),
    }
}

/// Words of a server: short, without control characters, without numbers long
/// enough to be somebody's ID, and without words long enough to be the token,
/// which the server knows.
fn tamed(words: &str) -> String {
    let words: String = words.chars().filter(|char| !char.is_control()).collect();
    let mut tamed = String::new();
    for part in words.split_inclusive(|char: char| !is_of_token(char)) {
        let word = part.trim_end_matches(|char: char| !is_of_token(char));
        tamed += &if word.len() >= TOKEN_CHARS { "…".to_owned() } else { mask(word) };
        tamed.push_str(&part[word.len()..]);
    }
    tamed.chars().take(120).collect()
}

/// Shorter than any token. <https://discord.com/developers/docs/reference#authentication>
const TOKEN_CHARS: usize = 20;

fn is_of_token(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.')
}

/// A request without an answer.
pub fn failed(error: &TransportError, asked: Asked, subject: &str) -> PlatformError {
    let kind = match error {
        TransportError::Timeout { .. } => ErrorKind::Timeout,
        TransportError::Connection(_) => ErrorKind::Network,
        TransportError::TooLarge(_) if asked == Asked::Messages => ErrorKind::TooLarge,
        TransportError::TooLarge(_) | TransportError::Compression => ErrorKind::Unreadable,
        TransportError::Address(_) | TransportError::Token => ErrorKind::Refused,
    };
    PlatformError::new(kind, subject, error.to_string())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::{HeaderMap, StatusCode};

    use super::*;

    fn judged(asked: Asked, status: u16, body: &'static str) -> ErrorKind {
        let response = Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()).into(),
        };
        judge(response, asked, "x").unwrap_err().kind
    }

    #[test]
    fn every_documented_failure_has_its_kind() {
        let judged = |status, body| judged(Asked::Messages, status, body);
        assert_eq!(judged(401, "{\"message\":\"401: Unauthorized\",\"code\":0}"), ErrorKind::TokenRejected);
        assert_eq!(judged(403, "{\"code\":40333}"), ErrorKind::TokenRejected);
        assert_eq!(judged(400, "{\"code\":40001}"), ErrorKind::TokenRejected);
        assert_eq!(judged(403, "{\"code\":50014}"), ErrorKind::TokenRejected);
        assert_eq!(judged(403, "{\"code\":50001}"), ErrorKind::Forbidden);
        assert_eq!(judged(404, "{\"code\":10003}"), ErrorKind::NotFound);
        assert_eq!(judged(404, "{\"code\":10004}"), ErrorKind::NotInWorkspace);
        assert_eq!(judged(400, "{\"code\":50024}"), ErrorKind::Refused);
        assert_eq!(judged(502, "<html>bad gateway</html>"), ErrorKind::Server);
        assert_eq!(judged(202, "{\"code\":110000,\"retry_after\":2}"), ErrorKind::NotReady);
        assert_eq!(judged(503, "{\"code\":130000}"), ErrorKind::NotReady);
        assert_eq!(judged(302, ""), ErrorKind::Redirected);
        assert_eq!(judged(403, "<html>blocked</html>"), ErrorKind::Unreadable);
        assert_eq!(judged(404, "Cannot GET"), ErrorKind::NoRoute);
        assert_eq!(judged(404, "{\"message\":\"404: Not Found\",\"code\":0}"), ErrorKind::NoRoute);
    }

    #[test]
    fn a_404_is_about_the_object_that_its_code_names() {
        let code = |asked, body| judged(asked, 404, body);
        let unknown_channel = "{\"code\":10003}";
        assert_eq!(code(Asked::Channel, unknown_channel), ErrorKind::NotFound);
        assert_eq!(code(Asked::ThreadListing, unknown_channel), ErrorKind::NoRoute);
        assert_eq!(code(Asked::GuildListing, unknown_channel), ErrorKind::NoRoute);
        assert_eq!(code(Asked::Account, unknown_channel), ErrorKind::NoRoute);
        assert_eq!(code(Asked::Reactors, "{\"code\":10014}"), ErrorKind::Gone);
        assert_eq!(code(Asked::Messages, "{\"code\":10008}"), ErrorKind::NoRoute);
        assert_eq!(code(Asked::Channel, "{\"code\":10001}"), ErrorKind::NoRoute);
        assert_eq!(code(Asked::Member, "{\"code\":10007}"), ErrorKind::NotInWorkspace);
        assert_eq!(code(Asked::Guild, "{\"code\":0}"), ErrorKind::NoRoute);
        assert_eq!(code(Asked::GuildListing, "{\"code\":10004}"), ErrorKind::NotInWorkspace);
    }

    #[test]
    fn a_refusal_of_the_guild_is_the_tenants_and_one_of_a_channel_its_own() {
        let refused = "{\"code\":50001}";
        assert_eq!(judged(Asked::Guild, 403, refused), ErrorKind::NotInWorkspace);
        assert_eq!(judged(Asked::GuildListing, 403, refused), ErrorKind::NotInWorkspace);
        for asked in [Asked::Channel, Asked::ThreadListing, Asked::Reactors] {
            assert_eq!(judged(asked, 403, refused), ErrorKind::Forbidden);
        }
    }

    #[test]
    fn a_servers_words_are_tamed() {
        assert_eq!(tamed("Unknown Member 80351110224678912!"), "Unknown Member …!");
        assert_eq!(tamed("Missing Access\u{1b}[0m 50001"), "Missing Access[0m 50001");
        assert_eq!(tamed("80351110224\u{0}678912"), "…");
        assert_eq!(tamed("no MTk4NjIyNDgzNDcx.Cl2FMQ.ZnCjm1XVW7v!"), "no …!");
        assert_eq!(tamed("user-80351110224678912é"), "…é");
        assert_eq!(tamed("u-80351110224678"), "u-80351110224678");
        assert_eq!(tamed("u803511102246789"), "u…");
    }

    #[test]
    fn a_redirect_is_told_with_its_host_alone() {
        for (location, told) in [
            ("https://proxy.example/login?to=secret", "x: HTTP 302, a redirect to proxy.example"),
            ("https://me:secret@proxy.example:1/", "x: HTTP 302, a redirect to proxy.example"),
            ("https://MTk4NjIyNDgzNDcx.Cl2FMQ.ZnCjm1XVW7v/", "x: HTTP 302, a redirect to …"),
            ("/elsewhere", "x: HTTP 302"),
            ("https://[", "x: HTTP 302"),
        ] {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            let response = Response { status: StatusCode::FOUND, headers, body: Bytes::new().into() };
            let error = judge(response, Asked::Account, "x").unwrap_err();
            assert_eq!((error.kind, error.to_string()), (ErrorKind::Redirected, told.to_owned()));
        }
    }

    #[test]
    fn an_error_never_repeats_a_body_that_isnt_discords() {
        let response = Response {
            status: StatusCode::BAD_GATEWAY,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"<html>secret</html>").into(),
        };
        assert_eq!(judge(response, Asked::Account, "x").unwrap_err().to_string(), "x: HTTP 502");
    }
}
