//! One connection: its requests, and its end when it isn't wanted any more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::{Shared, respond};

/// Tells a connection to end when it is idle, or else after its answer. It
/// drops what it is sent when the idle connection is closed.
pub(super) type Leave = oneshot::Receiver<mpsc::Sender<()>>;

pub(super) async fn run(stream: TcpStream, shared: Arc<Shared>, leave: Leave) {
    // Without it small answers wait for acknowledgements; not having it is no error.
    let _ = stream.set_nodelay(true);
    // Declared before the connection, so that it is dropped after it.
    let done;
    let reset = Arc::new(AtomicBool::new(false));
    let stream = Resettable { inner: TokioIo::new(stream), reset: Arc::clone(&reset) };
    let service = service_fn(move |request| {
        let (shared, reset) = (Arc::clone(&shared), Arc::clone(&reset));
        async move {
            let answer = respond::respond(&shared, request).await;
            if answer.is_none() {
                reset.store(true, Ordering::Relaxed);
            }
            answer.ok_or(io::Error::from(io::ErrorKind::ConnectionReset))
        }
    });
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(stream, service);
    let mut connection = std::pin::pin!(connection);
    // Its only errors are those the client made or a fault asked for.
    tokio::select! {
        _ = connection.as_mut() => return,
        Ok(sender) = leave => done = sender,
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = std::future::ready(()) => {
            drop(done);
            let _ = connection.await;
        }
    }
}

/// A stream that ends with RST instead of FIN once `reset` is set.
struct Resettable {
    inner: TokioIo<TcpStream>,
    reset: Arc<AtomicBool>,
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // Failing means that the client is gone already.
            let _ = self.inner.inner().set_zero_linger();
        }
    }
}

impl Read for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl Write for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, buffers)
    }
}
