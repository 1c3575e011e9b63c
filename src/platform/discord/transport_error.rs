//! Why a request got no usable answer.

use std::time::Duration;

/// A request got no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The address can't be asked.
    #[error("the address {0} can't be used")]
    Address(String),
    /// The token holds a character that no header can.
    #[error("the token holds a character that can't be sent")]
    Token,
    /// Nothing came in time.
    #[error("no {part} within {} s", .after.as_secs_f64())]
    Timeout {
        /// What was waited for.
        part: &'static str,
        /// How long.
        after: Duration,
    },
    /// No connection, or it broke.
    #[error("{0}")]
    Connection(String),
    /// The answer is greater than any real one.
    #[error("the answer is larger than {} MiB", .0 >> 20)]
    TooLarge(usize),
    /// The body can't be unpacked.
    #[error("the compressed answer is damaged")]
    Compression,
}

/// The cause at the bottom: the layers above say "client error (Connect)".
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
