//! The server: a port on 127.0.0.1, a thread and a runtime of its own.

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

use self::port::{Command, Told};
use crate::dice::Dice;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::limits::{Limiter, Limits};
use crate::world::World;

/// How a simulator behaves besides its world.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port; 0 takes a free one.
    pub port: u16,
    /// What every answer waits for.
    pub latency: Duration,
    /// What it waits for in addition, at most.
    pub jitter: Duration,
    /// Rate limits.
    pub limits: Limits,
    /// Seed of jitter and of the probability of faults.
    pub seed: u64,
    /// Threads that answer.
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

/// What the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub world: Arc<World>,
    pub journal: Journal,
    pub faults: Faults,
    pub limiter: Mutex<Limiter>,
    pub pace: Mutex<Pace>,
    pub signatures: AtomicU64,
    pub hides_date: AtomicBool,
}

impl Shared {
    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) struct Pace {
    latency: Duration,
    jitter: Duration,
    dice: Dice,
}

impl Pace {
    fn next(&mut self) -> Duration {
        self.latency + self.jitter.mul_f64(self.dice.fraction())
    }
}

/// A running simulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Without it the port is closed for good.
    commands: Option<mpsc::UnboundedSender<Told>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Serves a world on a free port.
    ///
    /// # Panics
    /// When no port of 127.0.0.1 can be had.
    pub fn start(world: World) -> Self {
        Self::start_with(world, Options::default())
    }

    /// Serves a world as the options say.
    ///
    /// # Panics
    /// When the port can't be had.
    pub fn start_with(world: World, options: Options) -> Self {
        let listener =
            std::net::TcpListener::bind(("127.0.0.1", options.port)).expect("a port of 127.0.0.1 is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            world: Arc::new(world),
            journal: Journal::new(),
            faults: Faults::new(options.seed),
            limiter: Mutex::new(Limiter::new(options.limits)),
            pace: Mutex::new(Pace {
                latency: options.latency,
                jitter: options.jitter,
                dice: Dice::new(options.seed),
            }),
            signatures: AtomicU64::new(0),
            hides_date: AtomicBool::new(false),
        });
        let (commands, told) = mpsc::unbounded_channel();
        let (state, threads) = (Arc::clone(&shared), options.threads.max(1));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(threads)
                .enable_all()
                .build()
                .expect("a runtime starts");
            runtime.block_on(port::serve(listener, state, told));
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

    /// The token it accepts.
    pub fn token(&self) -> String {
        self.shared.world.token()
    }

    /// The world it serves.
    pub fn world(&self) -> &World {
        &self.shared.world
    }

    /// The same, to be moved into a thread that changes it meanwhile.
    pub fn shared_world(&self) -> Arc<World> {
        Arc::clone(&self.shared.world)
    }

    /// What it was asked.
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// What shall go wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// No answer tells the time from now on. RFC 9110, 6.6.1 wants a `Date` of
    /// every server with a clock; proxies take it away.
    pub fn hide_date(&self) {
        self.shared.hides_date.store(true, Ordering::Relaxed);
    }

    /// Changes what every answer waits for.
    pub fn set_latency(&self, latency: Duration, jitter: Duration) {
        let mut pace = self.shared.pace.lock();
        let pace = pace.as_mut().unwrap_or_else(|poisoned| poisoned.get_mut());
        pace.latency = latency;
        pace.jitter = jitter;
    }

    /// Changes the rate limits and forgets what was counted, a ban included.
    pub fn set_limits(&self, limits: Limits) {
        *self.shared.limiter() = Limiter::new(limits);
    }

    /// Refuses connections from now on, or accepts them again on the same port.
    ///
    /// Refusing closes the listening socket, so that connecting fails with
    /// `ECONNREFUSED`, and the connections that are idle; an answer under way is
    /// finished, and its connection closed then. All this is done on return.
    pub fn refuse_connections(&self, refuse: bool) {
        self.tell(if refuse { Command::Close(None) } else { Command::Open });
    }

    /// Refuses connections as [`Simulator::refuse_connections`] does, and accepts
    /// them again by itself after this time. Returns as soon as they are refused.
    pub fn refuse_connections_for(&self, time: Duration) {
        self.tell(Command::Close(Some(time)));
    }

    fn tell(&self, command: Command) {
        let (done, is_done) = std::sync::mpsc::channel();
        let commands = self.commands.as_ref().expect("it is taken by drop only");
        // Both fail only when the server has panicked, which it has printed.
        let _ = commands.send((command, done));
        let _ = is_done.recv();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed; it must not hide the test's own.
            let _ = thread.join();
        }
    }
}
