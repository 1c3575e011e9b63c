//! Sends one HTTP request and reads its response: TLS, connections, compression and
//! timeouts. Never retries, and never follows a redirect.

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

use super::body::{Body, BodyBuffer, Limits};
use super::transport_error::{TransportError, innermost};

/// The `User-Agent` header.
/// <https://discord.com/developers/docs/reference#user-agent>
const AGENT: &str =
    concat!("DiscordBot (https://github.com/verta-sync/verta-sync, ", env!("CARGO_PKG_VERSION"), ")");

/// A response of any status.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: StatusCode,
    /// HTTP headers.
    pub headers: HeaderMap,
    /// Decompressed.
    pub body: Body,
}

/// The bot token, kept to redact it from texts; zeroed when dropped.
struct Token(Zeroizing<String>);

impl Token {
    /// The text with "…" in place of each occurrence, in upper or lower case.
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
    base_url: String,
    authorization: HeaderValue,
    token: Token,
    timeout: Duration,
    body_buffer: BodyBuffer,
}

impl Transport {
    /// `base_url` is `scheme://host[:port]`.
    pub fn new(base_url: &str, token: &str, timeout: Duration) -> Result<Self, TransportError> {
        let base_url = base_url.trim_end_matches('/').to_owned();
        base_url.parse::<Uri>().map_err(|_| TransportError::Address(base_url.clone()))?;
        let header = Zeroizing::new(format!("Bot {token}"));
        let mut authorization = HeaderValue::from_str(&header).map_err(|_| TransportError::Token)?;
        authorization.set_sensitive(true);
        let token = Token(Zeroizing::new(token.to_owned()));
        Ok(Self {
            http: http_client(timeout),
            base_url,
            authorization,
            token,
            timeout,
            body_buffer: BodyBuffer::default(),
        })
    }

    /// Removes the token from a text of the server, which knows it.
    pub fn redact(&self, text: &str) -> String {
        self.token.removed_from(text)
    }

    /// GETs `path`, which has no leading slash. A body of more than `max_bytes` is an
    /// error.
    pub async fn get(&self, path: &str, max_bytes: usize) -> Result<Response, TransportError> {
        let url = format!("{}/api/v10/{path}", self.base_url);
        let request = Request::get(&url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT_ENCODING, "gzip")
            .body(Empty::new())
            .map_err(|_| TransportError::Address(self.base_url.clone()))?;
        let response = timeout(self.timeout, self.http.request(request))
            .await
            .map_err(|_| self.late("response"))?
            .map_err(|error| TransportError::Connection(innermost(&error)))?;
        let (parts, body) = response.into_parts();
        let is_gzip = parts.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
        let limits = Limits { bytes: max_bytes, time: self.timeout };
        let body = self.body_buffer.read(body, is_gzip, limits).await?;
        Ok(Response { status: parts.status, headers: parts.headers, body })
    }

    /// Timeout for the headers, and again for the body.
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
    fn a_token_of_any_length_is_redacted_from_server_texts() {
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
