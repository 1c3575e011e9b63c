//! Bodies that can stall, break, drip and go on for gigabytes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

use super::pieces::{self, Pieces};
use super::stream::{Ending, Orders};

/// What happens next in a body.
pub(crate) enum Part {
    Data(Bytes),
    Wait(Duration),
    /// Each piece when it is its turn, this long apart.
    Pieces(Pieces, Duration),
    /// The connection ends here, once all that came before is sent.
    End(Arc<Orders>, Ending),
}

pub(crate) struct Parts {
    queue: VecDeque<Part>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// What the headers promise; without a promise the body goes in chunks.
    remaining: Option<u64>,
}

impl Parts {
    pub(crate) fn whole(body: Vec<u8>) -> Self {
        let length = body.len() as u64;
        Self::of(Some(length), [Part::Data(Bytes::from(body))])
    }

    /// A body that others hold, too.
    pub(crate) fn shared(body: Arc<[u8]>) -> Self {
        let length = body.len() as u64;
        Self::of(Some(length), [Part::Data(Bytes::from_owner(body))])
    }

    /// Half of the body, `between`, then the other half.
    pub(crate) fn halves(body: Vec<u8>, between: Part) -> Self {
        let mut first = Bytes::from(body);
        let length = first.len() as u64;
        let second = first.split_off(first.len() / 2);
        Self::of(Some(length), [Part::Data(first), between, Part::Data(second)])
    }

    /// So many bytes at a time.
    pub(crate) fn drip(body: Vec<u8>, bytes: usize, every: Duration) -> Self {
        let length = body.len() as u64;
        Self::of(Some(length), [Part::Pieces(pieces::of_body(body, bytes), every)])
    }

    /// A JSON list of so many bytes.
    pub(crate) fn huge(bytes: u64) -> Self {
        let bytes = bytes.max(pieces::LEAST);
        Self::of(Some(bytes), [Part::Pieces(Box::new(pieces::of_list(bytes)), Duration::ZERO)])
    }

    /// The same, compressed.
    pub(crate) fn bomb(bytes: u64) -> Self {
        Self::of(None, [Part::Pieces(pieces::of_bomb(bytes), Duration::ZERO)])
    }

    /// A JSON list of so many nulls.
    pub(crate) fn nulls(items: u64) -> Self {
        Self::of(None, [Part::Pieces(Box::new(pieces::of_nulls(items)), Duration::ZERO)])
    }

    /// The same without a promised length.
    pub(crate) fn chunked(self) -> Self {
        Self { remaining: None, ..self }
    }

    fn of<const N: usize>(length: Option<u64>, parts: [Part; N]) -> Self {
        let is_empty = |part: &Part| matches!(part, Part::Data(data) if data.is_empty());
        Self {
            queue: parts.into_iter().filter(|part| !is_empty(part)).collect(),
            sleep: None,
            remaining: length,
        }
    }

    /// The first of these pieces; the others come next.
    fn take(&mut self, mut pieces: Pieces, every: Duration) -> Option<Bytes> {
        let piece = pieces.next()?;
        self.queue.push_front(Part::Pieces(pieces, every));
        if !every.is_zero() {
            self.queue.push_front(Part::Wait(every));
        }
        Some(piece)
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(context));
                self.sleep = None;
            }
            let data = match self.queue.pop_front() {
                None => return Poll::Ready(None),
                Some(Part::Data(data)) => Some(data),
                Some(Part::Pieces(pieces, every)) => self.take(pieces, every),
                Some(Part::Wait(wait)) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(wait)));
                    None
                }
                Some(Part::End(orders, ending)) => {
                    // Pending makes hyper send what it holds; then the stream ends it.
                    orders.end(ending);
                    self.queue.push_front(Part::End(orders, ending));
                    return Poll::Pending;
                }
            };
            if let Some(data) = data {
                self.remaining = self.remaining.map(|bytes| bytes - data.len() as u64);
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.queue.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
