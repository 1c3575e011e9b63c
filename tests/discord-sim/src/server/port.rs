//! The port: accepting connections, or refusing them for a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::{Shared, connection};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// What the port is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command {
    /// Accept connections.
    Open,
    /// Refuse them, for this long or until told otherwise.
    Close(Option<Duration>),
}

/// A command, and whom to tell when it is done.
pub(super) type Told = (Command, blocking::Sender<()>);

/// Serves connections until nobody can send commands any more.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    mut commands: mpsc::UnboundedReceiver<Told>,
) {
    let mut port = Port::new(listener);
    let mut connections = Connections::default();
    loop {
        tokio::select! {
            stream = port.accept() => connections.add(stream, &shared),
            told = commands.recv() => match told {
                None => return,
                Some((command, done)) => {
                    port.obey(command);
                    if matches!(command, Command::Close(_)) {
                        connections.close_idle().await;
                    }
                    // Who doesn't wait any more needn't be told.
                    let _ = done.send(());
                }
            },
        }
    }
}

struct Port {
    address: SocketAddr,
    /// `None` while connections are refused.
    listener: Option<TcpListener>,
    /// Meanwhile it is bound and doesn't listen, so that nobody else gets the port.
    placeholder: Option<TcpSocket>,
    /// When the port opens by itself.
    opens: Option<Instant>,
}

impl Port {
    fn new(listener: std::net::TcpListener) -> Self {
        listener.set_nonblocking(true).expect("a listener can be made non-blocking");
        let listener = TcpListener::from_std(listener).expect("the runtime takes a listener");
        let address = listener.local_addr().expect("a bound socket has an address");
        Self { address, listener: Some(listener), placeholder: None, opens: None }
    }

    /// The next connection.
    async fn accept(&mut self) -> TcpStream {
        loop {
            match (&self.listener, self.opens) {
                (Some(listener), _) => {
                    if let Ok((stream, _)) = listener.accept().await {
                        return stream;
                    }
                }
                (None, Some(opens)) => {
                    sleep_until(opens).await;
                    self.open();
                }
                (None, None) => std::future::pending().await,
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open => self.open(),
            Command::Close(time) => {
                self.close();
                self.opens = time.map(|time| Instant::now() + time);
            }
        }
    }

    fn open(&mut self) {
        if let Some(socket) = self.placeholder.take() {
            self.listener = Some(socket.listen(BACKLOG).expect("nobody else listens on the port"));
        }
    }

    fn close(&mut self) {
        if self.listener.take().is_some() {
            let socket = TcpSocket::new_v4().expect("there are sockets left");
            // Connections of the past don't keep the port from being bound.
            socket.set_reuseaddr(true).expect("a new socket takes options");
            socket.bind(self.address).expect("nobody else has the port");
            self.placeholder = Some(socket);
        }
    }
}

/// The connections that may still be there.
#[derive(Default)]
struct Connections {
    open: Vec<oneshot::Sender<mpsc::Sender<()>>>,
}

impl Connections {
    fn add(&mut self, stream: TcpStream, shared: &Arc<Shared>) {
        let (sender, leave) = oneshot::channel();
        self.open.retain(|open| !open.is_closed());
        self.open.push(sender);
        tokio::spawn(connection::run(stream, Arc::clone(shared), leave));
    }

    /// Returns when all that are idle are closed; the others follow after their answer.
    async fn close_idle(&mut self) {
        let (done, mut all_done) = mpsc::channel(1);
        for open in self.open.drain(..) {
            // One that is gone needs no telling.
            let _ = open.send(done.clone());
        }
        drop(done);
        // Nothing is ever sent: it ends when the last sender is dropped.
        all_done.recv().await;
    }
}
