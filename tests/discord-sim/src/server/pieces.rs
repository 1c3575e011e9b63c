//! Bodies made piece by piece, so that none is ever held as a whole.

use std::io::{self, Write as _};
use std::iter;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;

pub(crate) type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

/// The shortest list there is, in bytes.
pub(crate) const LEAST: u64 = (BEGIN.len() + END.len()) as u64;

const BEGIN: &[u8] = b"[\"";
const END: &[u8] = b"\"]";
const NULLS_IN_PIECE: u64 = 10_000;
static FILLING: [u8; 1 << 16] = [b'a'; 1 << 16];

/// A body that is there, so many bytes at a time.
pub(crate) fn of_body(body: Vec<u8>, bytes: usize) -> Pieces {
    let mut rest = Bytes::from(body);
    Box::new(iter::from_fn(move || {
        let piece = rest.split_to(bytes.max(1).min(rest.len()));
        (!piece.is_empty()).then_some(piece)
    }))
}

/// A JSON list of one long string, so many bytes in all.
pub(crate) fn of_list(bytes: u64) -> impl Iterator<Item = Bytes> + Send {
    let mut rest = bytes.saturating_sub(LEAST);
    let filling = iter::from_fn(move || {
        let length = rest.min(FILLING.len() as u64);
        rest -= length;
        (length > 0).then(|| Bytes::from_static(&FILLING[..length as usize]))
    });
    iter::once(Bytes::from_static(BEGIN)).chain(filling).chain(iter::once(Bytes::from_static(END)))
}

/// A JSON list of so many nulls, at least one.
pub(crate) fn of_nulls(items: u64) -> impl Iterator<Item = Bytes> + Send {
    let many = Bytes::from(",null".repeat(NULLS_IN_PIECE as usize));
    let mut rest = items.saturating_sub(1);
    let nulls = iter::from_fn(move || {
        let count = rest.min(NULLS_IN_PIECE);
        rest -= count;
        (count > 0).then(|| many.slice(..count as usize * ",null".len()))
    });
    iter::once(Bytes::from_static(b"[null")).chain(nulls).chain(iter::once(Bytes::from_static(b"]")))
}

/// The list of one long string in one member of gzip.
pub(crate) fn of_bomb(bytes: u64) -> Pieces {
    let mut list = of_list(bytes);
    let mut encoder = Some(GzEncoder::new(Vec::new(), Compression::best()));
    Box::new(iter::from_fn(move || {
        let compressed = match list.next() {
            Some(piece) => compress(encoder.as_mut()?, &piece),
            None => encoder.take()?.finish(),
        };
        Some(Bytes::from(compressed.expect("a vector takes everything")))
    }))
}

fn compress(encoder: &mut GzEncoder<Vec<u8>>, piece: &[u8]) -> io::Result<Vec<u8>> {
    encoder.write_all(piece)?;
    encoder.flush()?;
    Ok(std::mem::take(encoder.get_mut()))
}
