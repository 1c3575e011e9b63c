//! The writer thread: it alone owns the writing connection, and commits the changes that
//! the rest of the process sends it.

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

use super::connection::{SHUTDOWN_BUSY_TIMEOUT, busy_timeout, truncate_log};
use super::identity::FileIdentity;
use super::recorder::Recorder;
use super::tx::RowCache;
use super::{ArchiveError, ArchiveErrorKind, Lock, Tx, residual};
use crate::anonymize::Rules;

/// Capacity of the queue of changes. With [`MAX_GROUP_SIZE`] it bounds the memory that
/// unwritten pages take.
const QUEUE_CAPACITY: usize = 32;
/// Maximum number of changes per transaction. The larger it is, the less often a page of
/// the indexes by user, which any message may touch, is written.
const MAX_GROUP_SIZE: usize = 32;

/// Busy timeout once a write has exceeded the connection's own, until a write succeeds: the
/// run is ending then, and each of its last writes would wait as long again.
const SHORT_BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// Interval at which an interrupt is repeated: SQLite can't interrupt a statement that
/// has not begun.
const INTERRUPT_INTERVAL: Duration = Duration::from_millis(50);

/// A change of the archive, with the channel on which its caller awaits the result.
trait Change: Send {
    /// Applies the change and returns whether that succeeded. May be called again after
    /// a rollback.
    fn apply(&mut self, tx: &mut Tx<'_>) -> bool;

    /// Sends the caller the result: the change's own if its transaction was committed.
    fn reply(self: Box<Self>, committed: Result<(), ArchiveError>);
}

/// A change in the queue.
struct PendingChange<T, F> {
    change: F,
    /// `None` before the change was applied, and after it panicked.
    result: Option<Result<T, ArchiveError>>,
    reply: oneshot::Sender<Result<T, ArchiveError>>,
}

impl<T, F> Change for PendingChange<T, F>
where
    T: Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, ArchiveError> + Send,
{
    fn apply(&mut self, tx: &mut Tx<'_>) -> bool {
        self.result = None;
        self.result.insert((self.change)(tx)).is_ok()
    }

    fn reply(self: Box<Self>, committed: Result<(), ArchiveError>) {
        let Self { result, reply, .. } = *self;
        // Fails if the caller was cancelled, which is fine.
        reply.send(committed.and_then(|()| result.unwrap_or_else(|| Err(change_panicked())))).ok();
    }
}

/// Sends changes to the writer thread. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    changes: mpsc::Sender<Box<dyn Change>>,
    interrupt: Arc<InterruptHandle>,
}

/// Handle of the writer thread, which ends when every [`Writer`] is dropped.
#[derive(Debug)]
pub struct WriterThread {
    thread: JoinHandle<Result<(), ArchiveError>>,
}

impl Writer {
    /// Starts the writer thread. It rejects every change once the lock file was deleted
    /// or replaced, because another process may have taken a new lock. `rules`
    /// are those of the archive.
    pub fn start(connection: Connection, rules: Rules, lock: &Lock) -> (Self, WriterThread) {
        let (changes, queue) = mpsc::channel(QUEUE_CAPACITY);
        let lock = lock.identity().clone();
        let interrupt = Arc::new(connection.get_interrupt_handle());
        let thread = std::thread::spawn(move || run_thread(connection, rules, lock, queue));
        (Self { changes, interrupt }, WriterThread { thread })
    }

    /// Applies a change and returns once it is committed. Queued changes are committed
    /// together; if one fails, all are rolled back and applied again, each in its own
    /// transaction. Once queued, a change is applied even if the future is dropped.
    ///
    /// # Errors
    /// Returns the change's own [`ArchiveError`], or that of the commit.
    pub async fn run<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut Tx<'_>) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let (reply, result) = oneshot::channel();
        let change = Box::new(PendingChange { change, result: None, reply });
        self.changes.send(change).await.map_err(|_| thread_ended())?;
        result.await.map_err(|_| thread_ended())?
    }

    /// Like [`Self::run`], for a change that may take minutes. If `stop` resolves first,
    /// the change is interrupted and rolled back: its current statement fails, and it
    /// must return that error. No other change may be pending, since the interrupt would
    /// hit it as well.
    ///
    /// # Errors
    /// Returns [`ArchiveErrorKind::Interrupted`] after `stop`, the change's own
    /// [`ArchiveError`], or that of the commit.
    pub async fn run_until<T: Send + 'static>(
        &self,
        stop: impl Future,
        change: impl FnMut(&mut Tx<'_>) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let mut result = pin!(self.run(change));
        tokio::select! {
            biased;
            result = &mut result => return result,
            _ = stop => {}
        }
        loop {
            self.interrupt.interrupt();
            if let Ok(result) = timeout(INTERRUPT_INTERVAL, &mut result).await {
                return result;
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
    /// Waits until all queued changes are committed and the write-ahead log is merged
    /// into the file. Every [`Writer`] must have been dropped.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if the final cleanup fails; committed changes stay.
    pub fn join(self) -> Result<(), ArchiveError> {
        self.thread.join().unwrap_or_else(|_| Err(thread_ended()))
    }
}

fn change_panicked() -> ArchiveError {
    let message = "a write failed unexpectedly and was rolled back (this is a bug, please report it)";
    ArchiveError::new(ArchiveErrorKind::Other, message)
}

fn thread_ended() -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::Other, "the writer thread has ended")
}

/// The files that must stay at their paths: changes written to a deleted or replaced
/// archive are lost, and a lock file that isn't at its path excludes no other process.
struct WatchedFiles {
    archive: FileIdentity,
    lock: FileIdentity,
}

/// The state of the writer thread.
struct Session {
    connection: Connection,
    files: WatchedFiles,
    row_cache: RowCache,
    recorder: Recorder,
    /// The connection's own busy timeout.
    busy_timeout: Duration,
}

/// The body of the writer thread.
fn run_thread(
    connection: Connection,
    rules: Rules,
    lock: FileIdentity,
    mut queue: mpsc::Receiver<Box<dyn Change>>,
) -> Result<(), ArchiveError> {
    let archive = FileIdentity::at(Path::new(connection.path().unwrap_or_default()));
    let recorder = Recorder::new(&connection)?;
    let files = WatchedFiles { archive, lock };
    let busy_timeout = busy_timeout(&connection)?;
    let mut session = Session { connection, files, row_cache: RowCache::new(rules), recorder, busy_timeout };
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < MAX_GROUP_SIZE {
            let Ok(next) = queue.try_recv() else { break };
            group.push(next);
        }
        session.commit(group);
    }
    if let Err(replaced) = session.files.archive.check() {
        // The write-ahead log belongs to the deleted file. SQLite would apply it to the
        // file that is now at the path.
        truncate_log(&session.connection).ok();
        return Err(replaced);
    }
    finish(session.connection, session.busy_timeout, rules)
}

fn reply_all(group: Vec<Box<dyn Change>>, committed: &Result<(), ArchiveError>) {
    for change in group {
        change.reply(committed.clone());
    }
}

impl Session {
    /// Commits changes in one transaction, or each in its own if one of them fails. A
    /// savepoint per change would roll back only that one, but SQLite would write a copy
    /// of every page that any change touches to a temporary file.
    fn commit(&mut self, mut group: Vec<Box<dyn Change>>) {
        let (is_alone, applied) = (group.len() == 1, self.apply(&mut group));
        match applied {
            Ok(false) if !is_alone => {
                for change in group {
                    self.commit(vec![change]);
                }
            }
            applied => reply_all(group, &applied.map(drop)),
        }
    }

    /// Applies and commits changes in one transaction. If one fails, rolls back and skips
    /// the rest. Returns whether all succeeded.
    fn apply(&mut self, group: &mut [Box<dyn Change>]) -> Result<bool, ArchiveError> {
        let applied = self.try_apply(group);
        if applied.as_ref().is_err_and(|error| error.kind == ArchiveErrorKind::Busy) {
            self.connection.busy_timeout(SHORT_BUSY_TIMEOUT).ok();
        }
        if !matches!(applied, Ok(true)) {
            // Cached rows may have been rolled back.
            self.row_cache.clear();
            self.recorder.discard();
        }
        applied
    }

    fn try_apply(&mut self, group: &mut [Box<dyn Change>]) -> Result<bool, ArchiveError> {
        self.files.archive.check()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // A process that takes a new lock from here on writes after this transaction.
        self.files.lock.check()?;
        self.recorder.begin(&transaction)?;
        for change in group {
            let mut tx = Tx::new(&transaction, &mut self.row_cache);
            let applied = catch_unwind(AssertUnwindSafe(|| change.apply(&mut tx)));
            if applied.is_err() {
                // Don't log the panic message: it may contain data of the change.
                tracing::error!("a write to the archive failed unexpectedly and was rolled back");
            }
            if !applied.unwrap_or(false) {
                return Ok(false);
            }
        }
        self.recorder.finish(&transaction)?;
        transaction.commit()?;
        // Ignore an error: the changes are committed.
        self.connection.busy_timeout(self.busy_timeout).ok();
        Ok(true)
    }
}

/// Merges the write-ahead log into the file and runs the residual check. If a reader is
/// in the way, both are left to the next run.
fn finish(connection: Connection, busy_timeout: Duration, rules: Rules) -> Result<(), ArchiveError> {
    connection.busy_timeout(SHUTDOWN_BUSY_TIMEOUT)?;
    match connection.execute_batch("PRAGMA optimize").map_err(ArchiveError::from) {
        // If another program is writing, the statistics are left to the next run.
        Err(error) if error.kind != ArchiveErrorKind::Busy => return Err(error),
        _ => {}
    }
    connection.busy_timeout(busy_timeout)?;
    if truncate_log(&connection)? { residual::search_if_due(connection, rules) } else { Ok(()) }
}
