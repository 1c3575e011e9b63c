//! The HTTP server: a port on 127.0.0.1, served by a runtime on a thread of its own.

mod body;
mod connection;
mod gate;
mod pieces;
mod planned;
mod port;
mod reply;
mod respond;
mod stream;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use self::port::{Command, PendingCommand};
use crate::dice::Dice;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::limits::{Limiter, Limits};
use crate::world::World;

/// A simulator's settings, apart from its world.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port; 0 means a free one.
    pub port: u16,
    /// Delay of every answer.
    pub latency: Duration,
    /// Maximum random delay in addition to `latency`.
    pub jitter: Duration,
    /// The rate limits to enforce.
    pub limits: Limits,
    /// Seed of the jitter and of the random choice of faults.
    pub seed: u64,
    /// Number of the runtime's worker threads, at least 1.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            limits: Limits::off(),
            seed: 1,
            threads: 2,
        }
    }
}

/// State shared by all connections.
#[derive(Debug)]
pub(crate) struct Shared {
    pub world: Arc<World>,
    pub journal: Journal,
    pub faults: Faults,
    pub limiter: Mutex<Limiter>,
    pub latency: Mutex<Latency>,
    /// Number of attachment URLs signed so far.
    pub signatures: AtomicU64,
    pub hides_date: AtomicBool,
}

impl Shared {
    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Draws the delay of each answer.
#[derive(Debug)]
pub(crate) struct Latency {
    base: Duration,
    jitter: Duration,
    dice: Dice,
}

impl Latency {
    fn next(&mut self) -> Duration {
        self.base + self.jitter.mul_f64(self.dice.fraction())
    }
}

/// A running simulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Dropping it stops the server.
    commands: Option<mpsc::UnboundedSender<PendingCommand>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Serves a world on a free port.
    ///
    /// # Panics
    /// If no port of 127.0.0.1 is free.
    pub fn start(world: World) -> Self {
        Self::start_with(world, Options::default())
    }

    /// Serves a world with these options.
    ///
    /// # Panics
    /// If the port is in use.
    pub fn start_with(world: World, options: Options) -> Self {
        let listener =
            std::net::TcpListener::bind(("127.0.0.1", options.port)).expect("a port of 127.0.0.1 is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            world: Arc::new(world),
            journal: Journal::new(),
            faults: Faults::new(options.seed),
            limiter: Mutex::new(Limiter::new(options.limits)),
            latency: Mutex::new(Latency {
                base: options.latency,
                jitter: options.jitter,
                dice: Dice::new(options.seed),
            }),
            signatures: AtomicU64::new(0),
            hides_date: AtomicBool::new(false),
        });
        let (commands, command_receiver) = mpsc::unbounded_channel();
        let (state, threads) = (Arc::clone(&shared), options.threads.max(1));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(threads)
                .enable_all()
                .build()
                .expect("a runtime starts");
            runtime.block_on(port::serve(listener, state, command_receiver));
            runtime.shutdown_background();
        });
        Self { address, shared, commands: Some(commands), thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bot token it accepts.
    pub fn token(&self) -> String {
        self.shared.world.token()
    }

    /// The world it serves.
    pub fn world(&self) -> &World {
        &self.shared.world
    }

    /// The world it serves, for a thread that changes it while it is served.
    pub fn shared_world(&self) -> Arc<World> {
        Arc::clone(&self.shared.world)
    }

    /// The requests it received.
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// The fault plan.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Omits the `Date` header from now on. RFC 9110, 6.6.1 requires it of every server
    /// with a clock, but proxies may remove it.
    pub fn hide_date(&self) {
        self.shared.hides_date.store(true, Ordering::Relaxed);
    }

    /// Changes the delay of every answer: `latency` plus a random part of `jitter`.
    pub fn set_latency(&self, latency: Duration, jitter: Duration) {
        let mut current = self.shared.latency.lock();
        let current = current.as_mut().unwrap_or_else(|poisoned| poisoned.get_mut());
        current.base = latency;
        current.jitter = jitter;
    }

    /// Replaces the rate limits and resets all counts and bans.
    pub fn set_limits(&self, limits: Limits) {
        *self.shared.limiter() = Limiter::new(limits);
    }

    /// Refuses connections from now on, or accepts them again on the same port.
    ///
    /// Refusing closes the listening socket, so that connecting fails with
    /// `ECONNREFUSED`, and all idle connections, before this returns. A connection with a
    /// pending answer is closed after the answer.
    pub fn refuse_connections(&self, refuse: bool) {
        self.send_command(if refuse { Command::Close(None) } else { Command::Open });
    }

    /// Refuses connections like [`Simulator::refuse_connections`], and accepts them again
    /// by itself after this time. Returns as soon as they are refused.
    pub fn refuse_connections_for(&self, time: Duration) {
        self.send_command(Command::Close(Some(time)));
    }

    /// Sends a command and waits until it is done.
    fn send_command(&self, command: Command) {
        let (done, is_done) = std::sync::mpsc::channel();
        let commands = self.commands.as_ref().expect("only drop takes the sender");
        // Both only fail if the server thread has panicked; the panic is already printed.
        let _ = commands.send((command, done));
        let _ = is_done.recv();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take() {
            // The thread's panic is already printed; it must not hide the test's own.
            let _ = thread.join();
        }
    }
}
