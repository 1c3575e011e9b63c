//! One connection: its requests, and its end when it isn't wanted any more.

use std::io;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::stream::{Ending, Orders, Stream};
use super::{Shared, respond};

/// Tells a connection to end when it is idle, or else after its answer. It
/// drops what it is sent when the idle connection is closed.
pub(super) type Leave = oneshot::Receiver<mpsc::Sender<()>>;

pub(super) async fn run(stream: TcpStream, shared: Arc<Shared>, leave: Leave) {
    // Without it small answers wait for acknowledgements; not having it is no error.
    let _ = stream.set_nodelay(true);
    // Declared before the connection, so that it is dropped after it.
    let done;
    let orders = Arc::new(Orders::default());
    let stream = Stream::new(stream, Arc::clone(&orders));
    let service = service_fn(move |request| {
        let (shared, orders) = (Arc::clone(&shared), Arc::clone(&orders));
        async move {
            let answer = respond::respond(&shared, &orders, request).await;
            if answer.is_none() {
                orders.end(Ending::Reset);
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
