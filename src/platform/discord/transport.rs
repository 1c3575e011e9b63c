//! One request, one answer: TLS, connections, compression, timeouts.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::body::{Body, Limits, Room};
use super::transport_error::{TransportError, innermost};

/// How the product names itself.
/// <https://discord.com/developers/docs/reference#user-agent>
const AGENT: &str =
    concat!("DiscordBot (https://github.com/verta-sync/verta-sync, ", env!("CARGO_PKG_VERSION"), ")");

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: StatusCode,
    /// HTTP headers.
    pub headers: HeaderMap,
    /// Unpacked.
    pub body: Body,
}

/// The bot token, to be recognized; overwritten when it is dropped.
struct Token(Zeroizing<String>);

impl Token {
    /// The text with "…" for each occurrence, whatever its case.
    fn removed_from(&self, text: &str) -> String {
        let token = Zeroizing::new(self.0.to_ascii_lowercase());
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        if token.is_empty() {
            return text.to_owned();
        }
        let mut redacted = String::new();
        let mut end = 0;
        for (begin, _) in lower.match_indices(token.as_str()) {
            redacted.push_str(&text[end..begin]);
            redacted.push('…');
            end = begin + token.len();
        }
        redacted + &text[end..]
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// Sends requests to one address with one token.
#[derive(Debug)]
pub struct Transport {
    http: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    base: String,
    authorization: HeaderValue,
    token: Token,
    timeout: Duration,
    room: Room,
}

impl Transport {
    /// `base` is `scheme://host[:port]`.
    pub fn new(base: &str, token: &str, timeout: Duration) -> Result<Self, TransportError> {
        let base = base.trim_end_matches('/').to_owned();
        base.parse::<Uri>().map_err(|_| TransportError::Address(base.clone()))?;
        let header = Zeroizing::new(format!("Bot {token}"));
        let mut authorization = HeaderValue::from_str(&header).map_err(|_| TransportError::Token)?;
        authorization.set_sensitive(true);
        let token = Token(Zeroizing::new(token.to_owned()));
        Ok(Self { http: http_client(timeout), base, authorization, token, timeout, room: Room::default() })
    }

    /// A text of the server, which knows the token, without the token.
    pub fn redact(&self, text: &str) -> String {
        self.token.removed_from(text)
    }

    /// GETs `path`, which has no leading slash, with a body of at most so many bytes.
    pub async fn get(&self, path: &str, most_bytes: usize) -> Result<Response, TransportError> {
        let url = format!("{}/api/v10/{path}", self.base);
        let request = Request::get(&url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT_ENCODING, "gzip")
            .body(Empty::new())
            .map_err(|_| TransportError::Address(self.base.clone()))?;
        let response = timeout(self.timeout, self.http.request(request))
            .await
            .map_err(|_| self.late("answer"))?
            .map_err(|error| TransportError::Connection(innermost(&error)))?;
        let (parts, body) = response.into_parts();
        let is_packed = parts.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
        let limits = Limits { bytes: most_bytes, time: self.timeout };
        let body = self.room.read(body, is_packed, limits).await?;
        Ok(Response { status: parts.status, headers: parts.headers, body })
    }

    /// How long each part of an answer may take.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    const fn late(&self, part: &'static str) -> TransportError {
        TransportError::Timeout { part, after: self.timeout }
    }
}

fn http_client(timeout: Duration) -> Client<HttpsConnector<HttpConnector>, Empty<Bytes>> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(timeout));
    let connector =
        HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(http);
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_timer(TokioTimer::new())
        .build(connector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_any_length_is_taken_out_of_the_servers_words() {
        for (token, words, redacted) in [
            ("hush", "HTTP 400: no Hush, no hushhush é", "HTTP 400: no …, no …… é"),
            ("hush", "HTTP 400", "HTTP 400"),
            ("MTk4.Cl2FMQ.Zn", "no MTk4.Cl2FMQ.Zn!", "no …!"),
            ("", "HTTP 400", "HTTP 400"),
        ] {
            let token = Token(Zeroizing::new(token.to_owned()));
            assert_eq!(token.removed_from(words), redacted);
            assert_eq!(format!("{token:?}"), "Token(redacted)");
        }
    }
}
