//! The port: accepts connections, or refuses them for a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::{Shared, connection};

/// Length of the listening socket's accept queue.
const BACKLOG: u32 = 1024;

/// A command to the port.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command {
    /// Accept connections.
    Open,
    /// Refuse connections, for this long or until [`Command::Open`].
    Close(Option<Duration>),
}

/// A command and the channel that reports its completion.
pub(super) type PendingCommand = (Command, blocking::Sender<()>);

/// Serves connections until the command channel is closed.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    mut commands: mpsc::UnboundedReceiver<PendingCommand>,
) {
    let mut port = Port::new(listener);
    let mut connections = Connections::default();
    loop {
        tokio::select! {
            stream = port.accept() => connections.add(stream, &shared),
            pending_command = commands.recv() => match pending_command {
                None => return,
                Some((command, done)) => {
                    port.execute(command);
                    if matches!(command, Command::Close(_)) {
                        connections.close_idle().await;
                    }
                    // It only fails if the caller is gone.
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
    /// Bound but not listening while connections are refused, so that no other process
    /// gets the port.
    placeholder: Option<TcpSocket>,
    /// When the port reopens by itself.
    reopens_at: Option<Instant>,
}

impl Port {
    fn new(listener: std::net::TcpListener) -> Self {
        listener.set_nonblocking(true).expect("a listener can be made non-blocking");
        let listener = TcpListener::from_std(listener).expect("the runtime takes a listener");
        let address = listener.local_addr().expect("a bound socket has an address");
        Self { address, listener: Some(listener), placeholder: None, reopens_at: None }
    }

    /// The next connection.
    async fn accept(&mut self) -> TcpStream {
        loop {
            match (&self.listener, self.reopens_at) {
                (Some(listener), _) => {
                    if let Ok((stream, _)) = listener.accept().await {
                        return stream;
                    }
                }
                (None, Some(reopens_at)) => {
                    sleep_until(reopens_at).await;
                    self.open();
                }
                (None, None) => std::future::pending().await,
            }
        }
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Open => self.open(),
            Command::Close(time) => {
                self.close();
                self.reopens_at = time.map(|time| Instant::now() + time);
            }
        }
    }

    fn open(&mut self) {
        if let Some(socket) = self.placeholder.take() {
            self.listener = Some(socket.listen(BACKLOG).expect("no other process listens on the port"));
        }
    }

    fn close(&mut self) {
        if self.listener.take().is_some() {
            let socket = TcpSocket::new_v4().expect("a socket can be created");
            // Lets the port be bound although old connections are in TIME_WAIT.
            socket.set_reuseaddr(true).expect("a new socket takes options");
            socket.bind(self.address).expect("no other process has the port");
            self.placeholder = Some(socket);
        }
    }
}

/// The connections that may still be open.
#[derive(Default)]
struct Connections {
    close_signals: Vec<oneshot::Sender<mpsc::Sender<()>>>,
}

impl Connections {
    fn add(&mut self, stream: TcpStream, shared: &Arc<Shared>) {
        let (sender, close_signal) = oneshot::channel();
        self.close_signals.retain(|sender| !sender.is_closed());
        self.close_signals.push(sender);
        tokio::spawn(connection::run(stream, Arc::clone(shared), close_signal));
    }

    /// Closes all connections: returns once the idle ones are closed; the busy ones close
    /// after their answer.
    async fn close_idle(&mut self) {
        let (done, mut all_done) = mpsc::channel(1);
        for sender in self.close_signals.drain(..) {
            // It only fails if the connection is already closed.
            let _ = sender.send(done.clone());
        }
        drop(done);
        // Nothing is ever sent: this returns once every sender is dropped.
        all_done.recv().await;
    }
}
