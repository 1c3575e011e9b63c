//! Makes bodies piece by piece, so that a generated one is never held in memory as a
//! whole.

use std::io::{self, Write as _};
use std::iter;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;

pub(crate) type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

/// Length in bytes of [`long_string_list`] with an empty string.
pub(crate) const MIN_LIST_BYTES: u64 = (BEGIN.len() + END.len()) as u64;

const BEGIN: &[u8] = b"[\"";
const END: &[u8] = b"\"]";
const NULLS_PER_PIECE: u64 = 10_000;
static FILLING: [u8; 1 << 16] = [b'a'; 1 << 16];

/// Splits a body into pieces of this many bytes.
pub(crate) fn split_body(body: Vec<u8>, bytes: usize) -> Pieces {
    let mut remaining = Bytes::from(body);
    Box::new(iter::from_fn(move || {
        let piece = remaining.split_to(bytes.max(1).min(remaining.len()));
        (!piece.is_empty()).then_some(piece)
    }))
}

/// A JSON list with one long string, this many bytes in total.
pub(crate) fn long_string_list(bytes: u64) -> impl Iterator<Item = Bytes> + Send {
    let mut remaining = bytes.saturating_sub(MIN_LIST_BYTES);
    let filling = iter::from_fn(move || {
        let length = remaining.min(FILLING.len() as u64);
        remaining -= length;
        (length > 0).then(|| Bytes::from_static(&FILLING[..length as usize]))
    });
    iter::once(Bytes::from_static(BEGIN)).chain(filling).chain(iter::once(Bytes::from_static(END)))
}

/// A JSON list of this many nulls, at least one.
pub(crate) fn null_list(items: u64) -> impl Iterator<Item = Bytes> + Send {
    let many = Bytes::from(",null".repeat(NULLS_PER_PIECE as usize));
    let mut remaining = items.saturating_sub(1);
    let nulls = iter::from_fn(move || {
        let count = remaining.min(NULLS_PER_PIECE);
        remaining -= count;
        (count > 0).then(|| many.slice(..count as usize * ",null".len()))
    });
    iter::once(Bytes::from_static(b"[null")).chain(nulls).chain(iter::once(Bytes::from_static(b"]")))
}

/// [`long_string_list`], compressed into one gzip member.
pub(crate) fn gzip_bomb(bytes: u64) -> Pieces {
    let mut list = long_string_list(bytes);
    let mut encoder = Some(GzEncoder::new(Vec::new(), Compression::best()));
    Box::new(iter::from_fn(move || {
        let compressed = match list.next() {
            Some(piece) => compress(encoder.as_mut()?, &piece),
            None => encoder.take()?.finish(),
        };
        Some(Bytes::from(compressed.expect("writing to a vector doesn't fail")))
    }))
}

/// Compresses a piece and takes what the encoder has written so far.
fn compress(encoder: &mut GzEncoder<Vec<u8>>, piece: &[u8]) -> io::Result<Vec<u8>> {
    encoder.write_all(piece)?;
    encoder.flush()?;
    Ok(std::mem::take(encoder.get_mut()))
}
