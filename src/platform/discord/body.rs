//! Bodies, read within an amount of memory that all requests share.

use std::borrow::Cow;
use std::io::Write as _;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use flate2::write::GzDecoder;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::transport::{TransportError, innermost};
use super::utf8;

/// The greatest body that is read, bytes, unpacked: a page of 100 of the
/// longest messages stays well below.
pub const MOST_BYTES: usize = 32 << 20;
/// So much of a body is read without asking for room: hardly a page is longer.
const FREE_BYTES: usize = 1 << 20;
/// Longer bodies that are held at once, whoever asked for them.
const LONG_AT_ONCE: usize = 1;
/// Unpacked at once: gzip makes at most a thousand times as much of it.
const PIECE_BYTES: usize = 1 << 10;

/// Room for long bodies. Copies share it.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

/// A body, and the room it takes as long as it lives.
#[derive(Debug)]
pub struct Body {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let marked = match utf8::marked(&bytes) {
            Cow::Borrowed(_) => None,
            Cow::Owned(marked) => Some(marked),
        };
        Self { bytes: marked.map_or(bytes, Bytes::from), _room: None }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LONG_AT_ONCE)))
    }
}

impl Room {
    /// Reads a body to its end. One that turns out long waits until there is
    /// room, and isn't read meanwhile.
    pub async fn read(&self, mut incoming: Incoming, is_packed: bool) -> Result<Body, TransportError> {
        let announced = incoming.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        let mut taken = if is_packed { Taken::packed() } else { Taken::plain(announced.unwrap_or_default()) };
        let mut room = None;
        while let Some(frame) = incoming.frame().await {
            let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
            for piece in data.chunks(PIECE_BYTES) {
                taken.take(piece)?;
                if taken.len() > FREE_BYTES && room.is_none() {
                    room = Some(self.wait().await);
                }
                if taken.len() > MOST_BYTES {
                    return Err(TransportError::TooLarge);
                }
            }
        }
        let bytes = taken.finish()?;
        if bytes.len() > MOST_BYTES {
            return Err(TransportError::TooLarge);
        }
        Ok(Body { bytes: readable(bytes)?.into(), _room: room })
    }

    async fn wait(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.0).acquire_owned().await.expect("the room is never closed")
    }
}

/// The body as UTF-8.
fn readable(bytes: Vec<u8>) -> Result<Vec<u8>, TransportError> {
    let bytes = match utf8::marked(&bytes) {
        Cow::Borrowed(_) => bytes,
        Cow::Owned(marked) => marked,
    };
    if bytes.len() > MOST_BYTES { Err(TransportError::TooLarge) } else { Ok(bytes) }
}

/// What came so far, unpacked.
enum Taken {
    Plain(Vec<u8>),
    Packed(Box<GzDecoder<Vec<u8>>>),
}

impl Taken {
    /// Takes room for what was announced, as far as it needn't be asked for.
    fn plain(announced: usize) -> Self {
        Self::Plain(Vec::with_capacity(announced.min(FREE_BYTES)))
    }

    fn packed() -> Self {
        Self::Packed(Box::new(GzDecoder::new(Vec::new())))
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
