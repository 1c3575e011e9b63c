//! A connection's stream, which ends and drips as faults order.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How a connection ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// FIN, and nothing is read any more.
    Close,
    /// RST.
    Reset,
    /// FIN, but the client may go on.
    HalfClose,
}

/// What a fault orders of the connection it strikes.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    ending: Option<Ending>,
    slow_head: Option<(usize, Duration)>,
}

impl Orders {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection ends once everything written so far is sent.
    pub(crate) fn end(&self, ending: Ending) {
        self.lock().ending = Some(ending);
    }

    /// The next head goes out so many bytes at a time, this long apart.
    pub(crate) fn slow_head(&self, bytes: usize, every: Duration) {
        self.lock().slow_head = Some((bytes.max(1), every));
    }
}

pub(crate) struct Stream {
    inner: TokioIo<TcpStream>,
    orders: Arc<Orders>,
    slow: Option<SlowHead>,
    is_half_closed: bool,
}

/// A head on its way.
struct SlowHead {
    bytes: usize,
    every: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    /// How much of the head's end was sent just now.
    matched: usize,
}

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

impl SlowHead {
    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(context));
            self.sleep = None;
        }
        Poll::Ready(())
    }

    /// Notes what was sent, and tells whether the head's end was in it.
    fn has_sent(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            let is_next = *byte == END_OF_HEAD[self.matched];
            self.matched = if is_next { self.matched + 1 } else { usize::from(*byte == END_OF_HEAD[0]) };
            if self.matched == END_OF_HEAD.len() {
                return true;
            }
        }
        self.sleep = Some(Box::pin(tokio::time::sleep(self.every)));
        false
    }
}

impl Stream {
    pub(crate) fn new(stream: TcpStream, orders: Arc<Orders>) -> Self {
        Self { inner: TokioIo::new(stream), orders, slow: None, is_half_closed: false }
    }

    fn inner(&mut self) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.inner)
    }

    /// The head that goes out slowly, if one does.
    fn slow(&mut self) -> Option<&mut SlowHead> {
        if let Some((bytes, every)) = self.orders.lock().slow_head.take() {
            self.slow = Some(SlowHead { bytes, every, sleep: None, matched: 0 });
        }
        self.slow.as_mut()
    }

    fn ending(&self) -> Option<Ending> {
        self.orders.lock().ending
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.ending() == Some(Ending::Reset) {
            // Failing means that the client is gone already.
            let _ = self.inner.inner().set_zero_linger();
        }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner().poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(slow) = self.slow() else {
            return self.inner().poll_write(context, buffer);
        };
        ready!(slow.poll_wait(context));
        let piece = &buffer[..slow.bytes.min(buffer.len())];
        let written = ready!(self.inner().poll_write(context, piece))?;
        self.slow.take_if(|slow| slow.has_sent(&piece[..written]));
        Poll::Ready(Ok(written))
    }

    /// Does what was ordered: hyper flushes after its last write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.inner().poll_flush(context))?;
        match self.ending() {
            Some(Ending::Close | Ending::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Some(Ending::HalfClose) if !self.is_half_closed => {
                ready!(self.inner().poll_shutdown(context))?;
                self.is_half_closed = true;
                Poll::Ready(Ok(()))
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending() == Some(Ending::Reset) {
            return Poll::Ready(Ok(()));
        }
        self.inner().poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.slow().is_none() {
            return self.inner().poll_write_vectored(context, buffers);
        }
        let first = buffers.iter().find(|buffer| !buffer.is_empty());
        self.poll_write(context, first.map_or(&[], |buffer| &**buffer))
    }
}
