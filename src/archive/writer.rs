//! One thread owns the connection; everyone else hands it work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::identity::Placed;
use super::open::BUSY_TIMEOUT;
use super::tx::Interned;
use super::{ArchiveError, ArchiveErrorKind, Lock, Tx, open, remnants};

/// Changes that wait for the writer at most: with what is in the transaction,
/// the bound of the memory that unwritten pages take.
const QUEUE: usize = 16;
/// Changes committed together at most.
const GROUP: usize = 10;

/// How long another program is waited for that has used up its
/// [`BUSY_TIMEOUT`]: the run is ending then, and each write of its end would
/// wait as long again.
const IMPATIENT: Duration = Duration::from_secs(1);

/// A change; it is told instead why it can't be made.
type Change = Box<dyn FnOnce(Result<&mut Tx<'_>, ArchiveError>) -> Outcome + Send>;

/// How a change went, and what its sender waits for.
struct Outcome {
    failed: bool,
    answer: Box<dyn FnOnce(Result<(), ArchiveError>) + Send>,
}

/// Hands changes to the thread that owns the archive. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Writer {
    changes: mpsc::Sender<Change>,
}

/// Ends when every [`Writer`] is dropped.
#[derive(Debug)]
pub struct WriterThread {
    thread: JoinHandle<Result<(), ArchiveError>>,
}

impl Writer {
    /// Starts the thread. It refuses every change once the lock's file is not
    /// the one at its path any more: somebody else may have taken a new one.
    pub fn start(connection: Connection, lock: &Lock) -> (Self, WriterThread) {
        let (changes, queue) = mpsc::channel(QUEUE);
        let lock = lock.placed().clone();
        let thread = std::thread::spawn(move || work(connection, lock, queue));
        (Self { changes }, WriterThread { thread })
    }

    /// Makes a change and returns when it is committed. Changes that wait are
    /// committed together; one that fails is undone alone. Once handed over,
    /// a change is made even if the future is dropped.
    ///
    /// # Errors
    /// The change's own, or that of the commit.
    pub async fn run<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let (answer, answered) = oneshot::channel();
        let change: Change = Box::new(move |tx| {
            let result = tx.and_then(change);
            Outcome {
                failed: result.is_err(),
                answer: Box::new(move |committed| {
                    // Nobody listens any more when the sender was cancelled.
                    answer.send(committed.and(result)).ok();
                }),
            }
        });
        self.changes.send(change).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
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

fn work(
    mut connection: Connection,
    lock: Placed,
    mut queue: mpsc::Receiver<Change>,
) -> Result<(), ArchiveError> {
    let archive = Placed::at(Path::new(connection.path().unwrap_or_default()));
    let ground = Ground { archive, lock };
    let mut interned = Interned::default();
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            let Ok(next) = queue.try_recv() else { break };
            group.push(next);
        }
        commit(&mut connection, &ground, &mut interned, group);
    }
    ground.archive.check()?;
    finish(connection)
}

fn commit(connection: &mut Connection, ground: &Ground, interned: &mut Interned, group: Vec<Change>) {
    let mut waiting = group.into_iter();
    let mut outcomes = Vec::new();
    let committed = make(connection, ground, interned, &mut waiting, &mut outcomes);
    if let Err(error) = &committed {
        if error.kind == ArchiveErrorKind::Busy {
            connection.busy_timeout(IMPATIENT).ok();
        }
        interned.clear();
        outcomes.extend(waiting.map(|change| change(Err(error.clone()))));
    }
    for outcome in outcomes {
        (outcome.answer)(committed.clone());
    }
}

fn make(
    connection: &mut Connection,
    ground: &Ground,
    interned: &mut Interned,
    waiting: &mut impl Iterator<Item = Change>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), ArchiveError> {
    ground.archive.check()?;
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Whoever takes a new lock from here on writes after this transaction.
    ground.lock.check()?;
    loop {
        let savepoint = transaction.savepoint()?;
        let Some(change) = waiting.next() else { break };
        let outcome = {
            let mut tx = Tx::new(&savepoint, interned);
            catch_unwind(AssertUnwindSafe(|| change(Ok(&mut tx))))
        };
        let failed = outcome.as_ref().map_or(true, |outcome| outcome.failed);
        if let Ok(outcome) = outcome {
            outcomes.push(outcome);
        } else {
            // What a panic says may hold what was to be stored.
            tracing::error!("a change of the archive failed unexpectedly and was undone");
        }
        if failed {
            interned.clear();
        } else {
            savepoint.commit()?;
        }
    }
    transaction.commit()?;
    // What is committed has succeeded, whatever comes after.
    connection.busy_timeout(BUSY_TIMEOUT).ok();
    Ok(())
}

/// Leaves a file that is complete by itself and shows nobody, unless a reader
/// is in the middle of it: that one is not waited for, the next run does it.
fn finish(connection: Connection) -> Result<(), ArchiveError> {
    connection.busy_timeout(open::END_TIMEOUT)?;
    connection.execute_batch("PRAGMA optimize")?;
    if open::truncate_log(&connection)? { remnants::remove(connection) } else { Ok(()) }
}
