//! A connection's stream, which faults can end or slow down.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How the server ends a connection early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionEnding {
    /// Closes both halves (FIN).
    Close,
    /// Resets the connection (RST).
    Reset,
    /// Shuts down the write half (FIN); the read half stays open.
    HalfClose,
}

/// Lets a fault control the connection of the request it affects.
#[derive(Debug, Default)]
pub(crate) struct StreamControl {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    ending: Option<ConnectionEnding>,
    slow_head: Option<(usize, Duration)>,
}

impl StreamControl {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection once everything written so far is sent.
    pub(crate) fn end(&self, ending: ConnectionEnding) {
        self.lock().ending = Some(ending);
    }

    /// Sends the next response head in pieces of this many bytes with this pause in
    /// between.
    pub(crate) fn slow_head(&self, bytes: usize, every: Duration) {
        self.lock().slow_head = Some((bytes.max(1), every));
    }
}

/// A TCP stream that obeys its [`StreamControl`].
pub(crate) struct Stream {
    inner: TokioIo<TcpStream>,
    control: Arc<StreamControl>,
    slow_head: Option<SlowHead>,
    is_half_closed: bool,
}

/// A response head that is being sent in pieces.
struct SlowHead {
    bytes: usize,
    every: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Bytes of [`END_OF_HEAD`] that the sent bytes end with.
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

    /// Records sent bytes; returns whether they complete the head. If they don't, the
    /// next write waits.
    fn record_sent(&mut self, bytes: &[u8]) -> bool {
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
    pub(crate) fn new(stream: TcpStream, control: Arc<StreamControl>) -> Self {
        Self { inner: TokioIo::new(stream), control, slow_head: None, is_half_closed: false }
    }

    fn inner(&mut self) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.inner)
    }

    /// The head that is to be sent slowly, if any.
    fn slow_head(&mut self) -> Option<&mut SlowHead> {
        if let Some((bytes, every)) = self.control.lock().slow_head.take() {
            self.slow_head = Some(SlowHead { bytes, every, sleep: None, matched: 0 });
        }
        self.slow_head.as_mut()
    }

    fn ending(&self) -> Option<ConnectionEnding> {
        self.control.lock().ending
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.ending() == Some(ConnectionEnding::Reset) {
            // It only fails if the client is already gone.
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
        let Some(slow_head) = self.slow_head() else {
            return self.inner().poll_write(context, buffer);
        };
        ready!(slow_head.poll_wait(context));
        let piece = &buffer[..slow_head.bytes.min(buffer.len())];
        let written = ready!(self.inner().poll_write(context, piece))?;
        self.slow_head.take_if(|slow_head| slow_head.record_sent(&piece[..written]));
        Poll::Ready(Ok(written))
    }

    /// Ends the connection if the control says so: hyper flushes after its last write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.inner().poll_flush(context))?;
        match self.ending() {
            Some(ConnectionEnding::Close | ConnectionEnding::Reset) => {
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            Some(ConnectionEnding::HalfClose) if !self.is_half_closed => {
                ready!(self.inner().poll_shutdown(context))?;
                self.is_half_closed = true;
                Poll::Ready(Ok(()))
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending() == Some(ConnectionEnding::Reset) {
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
        if self.slow_head().is_none() {
            return self.inner().poll_write_vectored(context, buffers);
        }
        let first = buffers.iter().find(|buffer| !buffer.is_empty());
        self.poll_write(context, first.map_or(&[], |buffer| &**buffer))
    }
}
