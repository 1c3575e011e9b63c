//! Errors of a request without a usable response.

use std::time::Duration;

/// Why a request got no usable response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The address isn't a valid URL.
    #[error("invalid address {0}")]
    Address(String),
    /// The token holds a character that a header can't.
    #[error("the token contains a character that an HTTP header cannot hold")]
    Token,
    /// A part of the response didn't arrive in time.
    #[error("no {part} within {} s", .after.as_secs_f64())]
    Timeout {
        /// The part that is missing.
        part: &'static str,
        /// The timeout.
        after: Duration,
    },
    /// No connection, or it was lost.
    #[error("{0}")]
    Connection(String),
    /// The body is longer than this many bytes.
    #[error("the response is larger than {} MiB", .0 >> 20)]
    TooLarge(usize),
    /// The body can't be decompressed.
    #[error("the compressed response is corrupt")]
    Compression,
}

/// The text of the root cause: the layers above only say "client error (Connect)".
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
