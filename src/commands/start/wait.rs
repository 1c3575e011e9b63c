//! Waiting for an archive that another process holds.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::archive::queue::QueueEntry;
use crate::archive::{ArchiveFile, Lock, LockError, LockState};
use crate::commands::{Failure, Surroundings};
use crate::monitor::{Event, Monitor};
use crate::report;
use crate::sync::StopSignal;

/// How often a waiter looks whether it is its turn.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How waiting ended.
#[derive(Debug)]
pub enum Waited {
    /// The archive is this process's.
    Locked(Lock),
    /// Somebody stopped the run first.
    Stopped,
}

/// Takes the lock of an archive. If somebody holds it, waits in the queue, as
/// long as `limit` allows; `None` waits on.
///
/// # Errors
/// When the archive is still held at the end, or the lock can't be made.
pub fn for_lock(
    runtime: &Runtime,
    file: &ArchiveFile,
    run_id: &str,
    tenants: Vec<String>,
    limit: Option<Duration>,
    stop: &StopSignal,
    monitor: &dyn Monitor,
) -> Result<Waited, Failure> {
    let failed = |error| Failure::lock(error, &file.path);
    let in_vain = |holder| {
        let waited = report::duration(limit.unwrap_or_default());
        failed(LockError::Held(holder)).after(&format!("waited {waited} in vain"))
    };
    let take = || Lock::take(file, "start", Some(run_id), Surroundings::now());
    let began = Instant::now();
    let entry = QueueEntry::join(file, run_id, tenants, Surroundings::now()).map_err(failed)?;
    let mut told = None;
    loop {
        let ahead = entry.ahead().map_err(failed)?;
        if ahead == 0 {
            match take() {
                Ok(lock) => return Ok(Waited::Locked(lock)),
                Err(LockError::Held(holder)) if limit.is_some_and(|limit| began.elapsed() >= limit) => {
                    return Err(in_vain(holder));
                }
                Err(LockError::Held(_)) => {}
                Err(error) => return Err(failed(error)),
            }
        } else if limit.is_some_and(|limit| began.elapsed() >= limit) {
            return Err(in_vain(Lock::state(&file.path).ok().and_then(LockState::holder)));
        }
        if told != Some(ahead) {
            told = Some(ahead);
            let position = ahead + 1;
            monitor.event(Event::Warning(format!("the archive is in use: waiting, position {position}")));
        }
        if runtime.block_on(stop.unless_stopped(sleep(LOOK_INTERVAL))).is_err() {
            return Ok(Waited::Stopped);
        }
    }
}
