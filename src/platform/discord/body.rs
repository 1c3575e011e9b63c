//! Bodies, read within an amount of memory that all requests share.

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

/// So much of a body is read without asking for the buffer: hardly a page is
/// longer.
const FREE_BYTES: usize = 1 << 20;
/// Unpacked at once: gzip makes at most a thousand times as much of it.
const PIECE_BYTES: usize = 1 << 10;

/// The one buffer for long bodies. Copies share it. It is used again and again: the
/// allocator would keep what each of them leaves behind, thread by thread.
#[derive(Debug, Clone, Default)]
pub struct Room(Arc<Mutex<Vec<u8>>>);

/// What may be read of a body.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes, unpacked; a longer body is an error.
    pub bytes: usize,
    /// How long it may take, waiting for the buffer apart.
    pub time: Duration,
}

/// A body. A long one keeps the buffer from others as long as it lives.
#[derive(Debug)]
pub enum Body {
    /// In memory of its own.
    Short(Bytes),
    /// In the buffer.
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
        // Bytes that are UTF-8 are not copied.
        let marked = match utf8::marked(&bytes) {
            Cow::Borrowed(_) => None,
            Cow::Owned(marked) => Some(marked),
        };
        Self::Short(marked.map_or(bytes, Bytes::from))
    }
}

impl Room {
    /// Reads a body to its end. One that turns out long waits for the buffer, and
    /// isn't read meanwhile.
    pub async fn read(
        &self,
        mut incoming: Incoming,
        is_packed: bool,
        limits: Limits,
    ) -> Result<Body, TransportError> {
        let announced = incoming.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        let mut taken = if is_packed { Taken::packed() } else { Taken::plain(announced.unwrap_or_default()) };
        let mut buffer = None;
        let mut deadline = Instant::now() + limits.time;
        let late = |_| TransportError::Timeout { part: "complete body", after: limits.time };
        while let Some(frame) = timeout_at(deadline, incoming.frame()).await.map_err(late)? {
            let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
            for piece in data.chunks(PIECE_BYTES) {
                taken.take(piece)?;
                if taken.len() > FREE_BYTES && buffer.is_none() {
                    let begin = Instant::now();
                    let mut guard = Arc::clone(&self.0).lock_owned().await;
                    deadline += begin.elapsed();
                    taken.move_into(std::mem::take(&mut *guard));
                    buffer = Some(guard);
                }
                if taken.len() > limits.bytes {
                    return Err(give_back(buffer, taken, limits));
                }
            }
        }
        let bytes = readable(taken.finish()?);
        match buffer {
            _ if bytes.len() > limits.bytes => Err(TransportError::TooLarge(limits.bytes)),
            Some(mut guard) => {
                *guard = bytes;
                Ok(Body::Long(guard))
            }
            // The end of a compressed body may make a short one long.
            None if bytes.len() > FREE_BYTES => {
                let mut guard = Arc::clone(&self.0).lock_owned().await;
                guard.clear();
                guard.extend_from_slice(&bytes);
                Ok(Body::Long(guard))
            }
            None => Ok(Body::Short(bytes.into())),
        }
    }
}

/// Returns the buffer of a body that is too long.
fn give_back(buffer: Option<OwnedMutexGuard<Vec<u8>>>, taken: Taken, limits: Limits) -> TransportError {
    if let Some(mut guard) = buffer {
        *guard = taken.into_bytes();
    }
    TransportError::TooLarge(limits.bytes)
}

/// The body as UTF-8, with marks in place of other bytes.
fn readable(bytes: Vec<u8>) -> Vec<u8> {
    match utf8::marked(&bytes) {
        Cow::Borrowed(_) => bytes,
        Cow::Owned(marked) => marked,
    }
}

/// What came so far, unpacked.
enum Taken {
    Plain(Vec<u8>),
    Packed(Box<GzDecoder<Vec<u8>>>),
}

impl Taken {
    /// Takes room for what was announced, as far as the buffer isn't needed.
    fn plain(announced: usize) -> Self {
        Self::Plain(Vec::with_capacity(announced.min(FREE_BYTES)))
    }

    fn packed() -> Self {
        Self::Packed(Box::new(GzDecoder::new(Vec::new())))
    }

    /// Goes on in a buffer.
    fn move_into(&mut self, mut buffer: Vec<u8>) {
        let bytes = match self {
            Self::Plain(bytes) => bytes,
            Self::Packed(decoder) => decoder.get_mut(),
        };
        buffer.clear();
        buffer.extend_from_slice(bytes);
        *bytes = buffer;
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Packed(mut decoder) => std::mem::take(decoder.get_mut()),
        }
    }

    fn take(&mut self, mut piece: &[u8]) -> Result<(), TransportError> {
        match self {
            Self::Plain(bytes) => bytes.extend_from_slice(piece),
            Self::Packed(decoder) => {
                while !piece.is_empty() {
                    match decoder.write(piece) {
                        // What follows the end says nothing.
                        Ok(0) => break,
                        Ok(written) => piece = &piece[written..],
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
            Self::Packed(decoder) => decoder.get_ref().len(),
        }
    }

    fn finish(self) -> Result<Vec<u8>, TransportError> {
        match self {
            Self::Plain(bytes) => Ok(bytes),
            Self::Packed(decoder) => decoder.finish().map_err(|_| TransportError::Compression),
        }
    }
}

fn broken(error: &hyper::Error) -> TransportError {
    TransportError::Connection(format!(
        "the connection broke in the middle of the answer ({})",
        innermost(error)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(body: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut taken = Taken::packed();
        for piece in body.chunks(PIECE_BYTES) {
            taken.take(piece)?;
        }
        taken.finish()
    }

    #[test]
    fn what_was_packed_is_unpacked_and_what_follows_it_is_left_alone() {
        let text = "[{\"id\":\"1\"}]".repeat(20_000).into_bytes();
        let mut body = packed(&text);
        assert_eq!(unpacked(&body), Ok(text.clone()));
        body.extend_from_slice(b"and more");
        assert_eq!(unpacked(&body), Ok(text));
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_an_error() {
        let text = b"[null]".repeat(500);
        let whole = packed(&text);
        for end in 0..whole.len() {
            assert_eq!(unpacked(&whole[..end]), Err(TransportError::Compression), "{end} bytes");
        }
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..200 {
            let mut damaged = whole.clone();
            // The header's time and system say nothing.
            let at = rng.usize(10..damaged.len());
            damaged[at] ^= 1 << rng.u8(..8);
            // A few bits before the checksum only fill their byte.
            assert!(
                unpacked(&damaged)
                    .map_or_else(|error| error == TransportError::Compression, |came| came == text)
            );
        }
    }

    #[test]
    fn a_piece_never_becomes_much_more_than_a_long_body_may_be() {
        let bomb = packed(&vec![b'a'; 64 << 20]);
        let mut taken = Taken::packed();
        let mut most = 0;
        for piece in bomb.chunks(PIECE_BYTES) {
            let before = taken.len();
            taken.take(piece).unwrap();
            most = most.max(taken.len() - before);
        }
        assert!(most <= 2 << 20, "{most} bytes of one piece");
    }
}
