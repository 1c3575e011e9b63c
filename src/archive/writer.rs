//! One thread owns the connection; everyone else hands it work.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::connection::{BUSY_TIMEOUT, END_TIMEOUT, truncate_log};
use super::identity::Placed;
use super::recorder::Recorder;
use super::tx::Interned;
use super::{ArchiveError, ArchiveErrorKind, Lock, Tx, residual};
use crate::model::Platforms;

/// Changes that wait for the writer at most: with what is in the transaction,
/// the bound of the memory that unwritten pages take.
const QUEUE: usize = 32;
/// Changes committed together at most: the more, the fewer times a page of the
/// indexes by user, which any message may touch, is written.
const GROUP: usize = 32;

/// How long another program is waited for that has used up its
/// [`BUSY_TIMEOUT`]: the run is ending then, and each write of its end would
/// wait as long again.
const IMPATIENT: Duration = Duration::from_secs(1);

/// A statement that has not begun can't be interrupted: it is tried this often.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(50);

/// A change, and who waits for it.
trait Change: Send {
    /// Makes it, perhaps once more after it was undone. Says whether that
    /// succeeded.
    fn make(&mut self, tx: &mut Tx<'_>) -> bool;

    /// Tells who waits how it went, if what it was part of was committed.
    fn answer(self: Box<Self>, committed: Result<(), ArchiveError>);
}

struct Waiting<T, F> {
    change: F,
    /// `None` while it wasn't made, or when that panicked.
    result: Option<Result<T, ArchiveError>>,
    answer: oneshot::Sender<Result<T, ArchiveError>>,
}

impl<T, F> Change for Waiting<T, F>
where
    T: Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, ArchiveError> + Send,
{
    fn make(&mut self, tx: &mut Tx<'_>) -> bool {
        self.result = None;
        self.result.insert((self.change)(tx)).is_ok()
    }

    fn answer(self: Box<Self>, committed: Result<(), ArchiveError>) {
        let Self { result, answer, .. } = *self;
        // Nobody listens any more when the sender was cancelled.
        answer.send(committed.and_then(|()| result.unwrap_or_else(|| Err(panicked())))).ok();
    }
}

/// Hands changes to the thread that owns the archive. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    changes: mpsc::Sender<Box<dyn Change>>,
    interrupt: Arc<InterruptHandle>,
}

/// Ends when every [`Writer`] is dropped.
#[derive(Debug)]
pub struct WriterThread {
    thread: JoinHandle<Result<(), ArchiveError>>,
}

impl Writer {
    /// Starts the thread. It refuses every change once the lock's file is not
    /// the one at its path any more: somebody else may have taken a new one.
    /// `platforms` are those whose texts the archive may hold.
    pub fn start(connection: Connection, platforms: Platforms, lock: &Lock) -> (Self, WriterThread) {
        let (changes, queue) = mpsc::channel(QUEUE);
        let lock = lock.placed().clone();
        let interrupt = Arc::new(connection.get_interrupt_handle());
        let thread = std::thread::spawn(move || work(connection, platforms, lock, queue));
        (Self { changes, interrupt }, WriterThread { thread })
    }

    /// Makes a change and returns when it is committed. Changes that wait are
    /// committed together; when one fails they are undone and made again, each
    /// alone. Once handed over, a change is made even if the future is dropped.
    ///
    /// # Errors
    /// The change's own, or that of the commit.
    pub async fn run<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut Tx<'_>) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let (answer, answered) = oneshot::channel();
        let change = Box::new(Waiting { change, result: None, answer });
        self.changes.send(change).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Like [`Self::run`], for a change that may take minutes, while nobody else
    /// makes any: it is undone if `stop` comes first. The statement under way
    /// fails then, and the change has to return that error: its transaction is
    /// gone.
    ///
    /// # Errors
    /// [`ArchiveErrorKind::Interrupted`] then; the change's own, or that of the
    /// commit.
    pub async fn run_until<T: Send + 'static>(
        &self,
        stop: impl Future,
        change: impl FnMut(&mut Tx<'_>) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let mut made = pin!(self.run(change));
        tokio::select! {
            biased;
            made = &mut made => return made,
            _ = stop => {}
        }
        loop {
            self.interrupt.interrupt();
            if let Ok(made) = timeout(INTERRUPT_AGAIN, &mut made).await {
                return made;
            }
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl WriterThread {
    /// Waits until everything handed over is committed and the write-ahead log
    /// is merged into the file. Every [`Writer`] must have been dropped.
    ///
    /// # Errors
    /// When the end didn't succeed; what was committed stays.
    pub fn join(self) -> Result<(), ArchiveError> {
        self.thread.join().unwrap_or_else(|_| Err(gone()))
    }
}

fn panicked() -> ArchiveError {
    let message = "a change of it failed unexpectedly and was undone (please report this)";
    ArchiveError::new(ArchiveErrorKind::Other, message)
}

fn gone() -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::Other, "the thread that writes the archive has ended")
}

/// The files that have to stand where they were found: what is written to an
/// archive that was deleted or replaced is lost, and a lock that isn't at its
/// path keeps nobody out.
struct Ground {
    archive: Placed,
    lock: Placed,
}

/// The archive as the thread writes it.
struct Session {
    connection: Connection,
    ground: Ground,
    interned: Interned,
    recorder: Recorder,
}

fn work(
    connection: Connection,
    platforms: Platforms,
    lock: Placed,
    mut queue: mpsc::Receiver<Box<dyn Change>>,
) -> Result<(), ArchiveError> {
    let archive = Placed::at(Path::new(connection.path().unwrap_or_default()));
    let recorder = Recorder::new(&connection)?;
    let ground = Ground { archive, lock };
    let mut session = Session { connection, ground, interned: Interned::new(platforms), recorder };
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            let Ok(next) = queue.try_recv() else { break };
            group.push(next);
        }
        session.commit(group);
    }
    if let Err(gone) = session.ground.archive.check() {
        // The log is of the file that is gone: whoever opens what stands in its
        // place would take it for that one's.
        truncate_log(&session.connection).ok();
        return Err(gone);
    }
    finish(session.connection, platforms)
}

fn answer(group: Vec<Box<dyn Change>>, committed: &Result<(), ArchiveError>) {
    for change in group {
        change.answer(committed.clone());
    }
}

impl Session {
    /// Commits changes together, or each alone if one of them fails. Savepoints
    /// would undo that one only, but cost a copy of every page that any change
    /// touches, written to a temporary file.
    fn commit(&mut self, mut group: Vec<Box<dyn Change>>) {
        let (is_alone, made) = (group.len() == 1, self.make(&mut group));
        match made {
            Ok(false) if !is_alone => {
                for change in group {
                    self.commit(vec![change]);
                }
            }
            made => answer(group, &made.map(drop)),
        }
    }

    /// Makes changes in one transaction, up to the first that fails; that one and
    /// those before it are undone then. Says whether all succeeded.
    fn make(&mut self, group: &mut [Box<dyn Change>]) -> Result<bool, ArchiveError> {
        let made = self.attempt(group);
        if made.as_ref().is_err_and(|error| error.kind == ArchiveErrorKind::Busy) {
            self.connection.busy_timeout(IMPATIENT).ok();
        }
        if !matches!(made, Ok(true)) {
            // What is known of rows may be of rows that were undone.
            self.interned.clear();
            self.recorder.discard();
        }
        made
    }

    fn attempt(&mut self, group: &mut [Box<dyn Change>]) -> Result<bool, ArchiveError> {
        self.ground.archive.check()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Whoever takes a new lock from here on writes after this transaction.
        self.ground.lock.check()?;
        self.recorder.begin(&transaction)?;
        for change in group {
            let mut tx = Tx::new(&transaction, &mut self.interned);
            let made = catch_unwind(AssertUnwindSafe(|| change.make(&mut tx)));
            if made.is_err() {
                // What a panic says may hold what was to be stored.
                tracing::error!("a change of the archive failed unexpectedly and was undone");
            }
            if !made.unwrap_or(false) {
                return Ok(false);
            }
        }
        self.recorder.finish(&transaction)?;
        transaction.commit()?;
        // What is committed has succeeded, whatever comes after.
        self.connection.busy_timeout(BUSY_TIMEOUT).ok();
        Ok(true)
    }
}

/// Leaves a file that is complete by itself and shows nobody, unless a reader
/// is in the middle of it: that one is not waited for, the next run does it.
fn finish(connection: Connection, platforms: Platforms) -> Result<(), ArchiveError> {
    connection.busy_timeout(END_TIMEOUT)?;
    match connection.execute_batch("PRAGMA optimize").map_err(ArchiveError::from) {
        // Another program writes: statistics can wait for the next run.
        Err(error) if error.kind != ArchiveErrorKind::Busy => return Err(error),
        _ => {}
    }
    if truncate_log(&connection)? { residual::search_if_due(connection, platforms) } else { Ok(()) }
}
