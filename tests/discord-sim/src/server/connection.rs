//! Serves one connection until the client, a fault or the port closes it.

use std::io;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::stream::{ConnectionEnding, Stream, StreamControl};
use super::{Shared, respond};

/// Tells a connection to close: at once if it is idle, otherwise after the pending
/// answer. The connection drops the received sender once it has closed, or at once if it
/// is busy.
pub(super) type CloseSignal = oneshot::Receiver<mpsc::Sender<()>>;

pub(super) async fn run(stream: TcpStream, shared: Arc<Shared>, close_signal: CloseSignal) {
    // Without TCP_NODELAY small answers wait for acknowledgements; failure is harmless.
    let _ = stream.set_nodelay(true);
    // Declared before the connection, so that it is dropped after the connection.
    let done;
    let control = Arc::new(StreamControl::default());
    let stream = Stream::new(stream, Arc::clone(&control));
    let service = service_fn(move |request| {
        let (shared, control) = (Arc::clone(&shared), Arc::clone(&control));
        async move {
            let answer = respond::respond(&shared, &control, request).await;
            if answer.is_none() {
                control.end(ConnectionEnding::Reset);
            }
            answer.ok_or(io::Error::from(io::ErrorKind::ConnectionReset))
        }
    });
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(stream, service);
    let mut connection = std::pin::pin!(connection);
    // It only fails because of the client or a fault.
    tokio::select! {
        _ = connection.as_mut() => return,
        Ok(sender) = close_signal => done = sender,
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
