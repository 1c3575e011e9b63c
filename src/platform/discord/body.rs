//! Reads response bodies within a bounded amount of memory: all requests share one
//! buffer for long bodies.

use std::borrow::Cow;
use std::io::Write as _;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::write::GzDecoder;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use super::transport_error::{TransportError, innermost};
use super::utf8;

/// Longest body that is read without the shared buffer; hardly any page is longer.
const UNBUFFERED_BYTES: usize = 1 << 20;
/// Bytes decompressed in one step: gzip expands them at most a thousandfold.
const CHUNK_BYTES: usize = 1 << 10;

/// The buffer for long bodies, shared by all clones. It is reused, because the allocator
/// would keep freed memory per thread.
#[derive(Debug, Clone, Default)]
pub struct BodyBuffer(Arc<Mutex<Vec<u8>>>);

/// Limits for reading a body.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Decompressed bytes; a longer body is an error.
    pub bytes: usize,
    /// Time, not counting the wait for the buffer.
    pub time: Duration,
}

/// A body. A long one holds the shared buffer until it is dropped.
#[derive(Debug)]
pub enum Body {
    /// Has its own memory.
    Short(Bytes),
    /// Uses the shared buffer.
    Long(OwnedMutexGuard<Vec<u8>>),
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(bytes) => bytes,
            Self::Long(buffer) => buffer,
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        // Valid UTF-8 is not copied.
        let marked = match utf8::replace_invalid_utf8(&bytes) {
            Cow::Borrowed(_) => None,
            Cow::Owned(marked) => Some(marked),
        };
        Self::Short(marked.map_or(bytes, Bytes::from))
    }
}

impl BodyBuffer {
    /// Reads a body to its end. Once the body turns out long, waits for the buffer before
    /// reading on.
    pub async fn read(
        &self,
        mut incoming: Incoming,
        is_gzip: bool,
        limits: Limits,
    ) -> Result<Body, TransportError> {
        let content_length = incoming.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        let mut received =
            if is_gzip { Received::gzip() } else { Received::plain(content_length.unwrap_or_default()) };
        let mut buffer = None;
        let mut deadline = Instant::now() + limits.time;
        let late = |_| TransportError::Timeout { part: "complete body", after: limits.time };
        while let Some(frame) = timeout_at(deadline, incoming.frame()).await.map_err(late)? {
            let Ok(data) = frame.map_err(|error| connection_lost(&error))?.into_data() else { continue };
            for chunk in data.chunks(CHUNK_BYTES) {
                received.push(chunk)?;
                if received.len() > UNBUFFERED_BYTES && buffer.is_none() {
                    let begin = Instant::now();
                    let mut guard = Arc::clone(&self.0).lock_owned().await;
                    deadline += begin.elapsed();
                    received.move_into(std::mem::take(&mut *guard));
                    buffer = Some(guard);
                }
                if received.len() > limits.bytes {
                    return Err(too_large(buffer, received, limits));
                }
            }
        }
        let bytes = into_utf8(received.finish()?);
        match buffer {
            _ if bytes.len() > limits.bytes => Err(TransportError::TooLarge(limits.bytes)),
            Some(mut guard) => {
                *guard = bytes;
                Ok(Body::Long(guard))
            }
            // Finishing the decompression may make a short body long.
            None if bytes.len() > UNBUFFERED_BYTES => {
                let mut guard = Arc::clone(&self.0).lock_owned().await;
                guard.clear();
                guard.extend_from_slice(&bytes);
                Ok(Body::Long(guard))
            }
            None => Ok(Body::Short(bytes.into())),
        }
    }
}

/// Puts the buffer of a body that is too long back. Returns the error.
fn too_large(buffer: Option<OwnedMutexGuard<Vec<u8>>>, received: Received, limits: Limits) -> TransportError {
    if let Some(mut guard) = buffer {
        *guard = received.into_bytes();
    }
    TransportError::TooLarge(limits.bytes)
}

/// The body as UTF-8, with escapes in place of invalid bytes.
fn into_utf8(bytes: Vec<u8>) -> Vec<u8> {
    match utf8::replace_invalid_utf8(&bytes) {
        Cow::Borrowed(_) => bytes,
        Cow::Owned(marked) => marked,
    }
}

/// The decompressed bytes received so far.
enum Received {
    Plain(Vec<u8>),
    Gzip(Box<GzDecoder<Vec<u8>>>),
}

impl Received {
    /// Allocates the announced length, up to the length that needs the buffer.
    fn plain(content_length: usize) -> Self {
        Self::Plain(Vec::with_capacity(content_length.min(UNBUFFERED_BYTES)))
    }

    fn gzip() -> Self {
        Self::Gzip(Box::new(GzDecoder::new(Vec::new())))
    }

    /// Moves to the shared buffer.
    fn move_into(&mut self, mut buffer: Vec<u8>) {
        let bytes = match self {
            Self::Plain(bytes) => bytes,
            Self::Gzip(decoder) => decoder.get_mut(),
        };
        buffer.clear();
        buffer.extend_from_slice(bytes);
        *bytes = buffer;
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Gzip(mut decoder) => std::mem::take(decoder.get_mut()),
        }
    }

    fn push(&mut self, mut chunk: &[u8]) -> Result<(), TransportError> {
        match self {
            Self::Plain(bytes) => bytes.extend_from_slice(chunk),
            Self::Gzip(decoder) => {
                while !chunk.is_empty() {
                    match decoder.write(chunk) {
                        // Ignore bytes after the end of the gzip stream.
                        Ok(0) => break,
                        Ok(written) => chunk = &chunk[written..],
                        Err(_) => return Err(TransportError::Compression),
                    }
                }
            }
        }
        Ok(())
    }

    fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Gzip(decoder) => decoder.get_ref().len(),
        }
    }

    fn finish(self) -> Result<Vec<u8>, TransportError> {
        match self {
            Self::Plain(bytes) => Ok(bytes),
            Self::Gzip(decoder) => decoder.finish().map_err(|_| TransportError::Compression),
        }
    }
}

fn connection_lost(error: &hyper::Error) -> TransportError {
    TransportError::Connection(format!(
        "the connection was lost in the middle of the response ({})",
        innermost(error)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn gunzip(body: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut received = Received::gzip();
        for chunk in body.chunks(CHUNK_BYTES) {
            received.push(chunk)?;
        }
        received.finish()
    }

    #[test]
    fn gzip_is_decompressed_and_trailing_bytes_are_ignored() {
        let text = "[{\"id\":\"1\"}]".repeat(20_000).into_bytes();
        let mut body = gzip(&text);
        assert_eq!(gunzip(&body), Ok(text.clone()));
        body.extend_from_slice(b"and more");
        assert_eq!(gunzip(&body), Ok(text));
    }

    #[test]
    fn truncated_or_damaged_gzip_is_an_error() {
        let text = b"[null]".repeat(500);
        let whole = gzip(&text);
        for end in 0..whole.len() {
            assert_eq!(gunzip(&whole[..end]), Err(TransportError::Compression), "{end} bytes");
        }
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..200 {
            let mut damaged = whole.clone();
            // Skip the header: its time and OS fields don't affect the result.
            let at = rng.usize(10..damaged.len());
            damaged[at] ^= 1 << rng.u8(..8);
            // A few bits before the checksum are only padding.
            assert!(
                gunzip(&damaged)
                    .map_or_else(|error| error == TransportError::Compression, |bytes| bytes == text)
            );
        }
    }

    #[test]
    fn a_chunk_never_expands_beyond_two_mebibytes() {
        let bomb = gzip(&vec![b'a'; 64 << 20]);
        let mut received = Received::gzip();
        let mut most = 0;
        for chunk in bomb.chunks(CHUNK_BYTES) {
            let before = received.len();
            received.push(chunk).unwrap();
            most = most.max(received.len() - before);
        }
        assert!(most <= 2 << 20, "{most} bytes from one chunk");
    }
}
