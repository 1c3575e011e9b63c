//! Bodies that can stall and break.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

/// What happens next in a body.
#[derive(Debug)]
pub(crate) enum Part {
    Data(Bytes),
    Wait(Duration),
    /// The connection ends here.
    Break,
}

#[derive(Debug)]
pub(crate) struct Parts {
    queue: VecDeque<Part>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// What the headers promise.
    remaining: u64,
}

impl Parts {
    pub(crate) fn whole(body: Vec<u8>) -> Self {
        let length = body.len() as u64;
        Self::of(length, [Part::Data(Bytes::from(body))])
    }

    /// Half of the body, `between`, then the other half.
    pub(crate) fn halves(body: Vec<u8>, between: Part) -> Self {
        let mut first = Bytes::from(body);
        let length = first.len() as u64;
        let second = first.split_off(first.len() / 2);
        Self::of(length, [Part::Data(first), between, Part::Data(second)])
    }

    fn of<const N: usize>(length: u64, parts: [Part; N]) -> Self {
        let is_empty = |part: &Part| matches!(part, Part::Data(data) if data.is_empty());
        Self {
            queue: parts.into_iter().filter(|part| !is_empty(part)).collect(),
            sleep: None,
            remaining: length,
        }
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(context));
                self.sleep = None;
            }
            match self.queue.pop_front() {
                None => return Poll::Ready(None),
                Some(Part::Data(data)) => {
                    self.remaining -= data.len() as u64;
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Part::Wait(wait)) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(wait)));
                }
                Some(Part::Break) => {
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.queue.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
