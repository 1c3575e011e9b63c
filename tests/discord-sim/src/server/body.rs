//! Response bodies that can stall, break off, be sent in pieces or be gigabytes long.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

use super::pieces::{self, Pieces};
use super::stream::{ConnectionEnding, StreamControl};

/// A step in sending a body.
pub(crate) enum BodyStep {
    Data(Bytes),
    Wait(Duration),
    /// Pieces, each made when it is due, with this pause between two of them.
    Pieces(Pieces, Duration),
    /// Ends the connection once everything before it is sent.
    EndConnection(Arc<StreamControl>, ConnectionEnding),
}

/// A body that is sent step by step.
pub(crate) struct ScriptedBody {
    queue: VecDeque<BodyStep>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Bytes of the `Content-Length` not sent yet; without one the body is chunked.
    remaining: Option<u64>,
}

impl ScriptedBody {
    /// The body in one piece.
    pub(crate) fn whole(body: Vec<u8>) -> Self {
        let length = body.len() as u64;
        Self::of(Some(length), [BodyStep::Data(Bytes::from(body))])
    }

    /// The body in one piece, without a copy.
    pub(crate) fn shared(body: Arc<[u8]>) -> Self {
        let length = body.len() as u64;
        Self::of(Some(length), [BodyStep::Data(Bytes::from_owner(body))])
    }

    /// Half of the body, the step `between`, then the other half.
    pub(crate) fn halves(body: Vec<u8>, between: BodyStep) -> Self {
        let mut first = Bytes::from(body);
        let length = first.len() as u64;
        let second = first.split_off(first.len() / 2);
        Self::of(Some(length), [BodyStep::Data(first), between, BodyStep::Data(second)])
    }

    /// The body in pieces of this many bytes.
    pub(crate) fn drip(body: Vec<u8>, bytes: usize, every: Duration) -> Self {
        let length = body.len() as u64;
        Self::of(Some(length), [BodyStep::Pieces(pieces::split_body(body, bytes), every)])
    }

    /// A JSON list of this many bytes.
    pub(crate) fn huge(bytes: u64) -> Self {
        let bytes = bytes.max(pieces::MIN_LIST_BYTES);
        Self::of(Some(bytes), [BodyStep::Pieces(Box::new(pieces::long_string_list(bytes)), Duration::ZERO)])
    }

    /// A JSON list of this many bytes, compressed with gzip; chunked.
    pub(crate) fn gzip_bomb(bytes: u64) -> Self {
        Self::of(None, [BodyStep::Pieces(pieces::gzip_bomb(bytes), Duration::ZERO)])
    }

    /// A JSON list of this many nulls; chunked.
    pub(crate) fn nulls(items: u64) -> Self {
        Self::of(None, [BodyStep::Pieces(Box::new(pieces::null_list(items)), Duration::ZERO)])
    }

    /// Sends it chunked, without `Content-Length`.
    pub(crate) fn chunked(self) -> Self {
        Self { remaining: None, ..self }
    }

    fn of<const N: usize>(length: Option<u64>, steps: [BodyStep; N]) -> Self {
        let is_empty = |step: &BodyStep| matches!(step, BodyStep::Data(data) if data.is_empty());
        Self {
            queue: steps.into_iter().filter(|step| !is_empty(step)).collect(),
            sleep: None,
            remaining: length,
        }
    }

    /// Takes the next piece and queues the rest.
    fn next_piece(&mut self, mut pieces: Pieces, every: Duration) -> Option<Bytes> {
        let piece = pieces.next()?;
        self.queue.push_front(BodyStep::Pieces(pieces, every));
        if !every.is_zero() {
            self.queue.push_front(BodyStep::Wait(every));
        }
        Some(piece)
    }
}

impl Body for ScriptedBody {
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
                Some(BodyStep::Data(data)) => Some(data),
                Some(BodyStep::Pieces(pieces, every)) => self.next_piece(pieces, every),
                Some(BodyStep::Wait(wait)) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(wait)));
                    None
                }
                Some(BodyStep::EndConnection(control, ending)) => {
                    // Pending makes hyper flush what it has buffered; the stream then
                    // ends the connection.
                    control.end(ending);
                    self.queue.push_front(BodyStep::EndConnection(control, ending));
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
