//! Waits in the archive's queue for its lock (`start --wait`).

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::archive::queue::QueueEntry;
use crate::archive::{ArchiveFile, Lock, LockError, LockState};
use crate::commands::{CommandContext, Failure};
use crate::monitor::{Event, Monitor};
use crate::report;
use crate::sync::StopSignal;

/// How often the queue and the lock are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The outcome of waiting for the lock.
#[derive(Debug)]
pub enum LockWait {
    /// This process holds the lock.
    Acquired(Lock),
    /// The run was stopped before it had the lock.
    Stopped,
}

/// Joins the archive's queue and takes the lock when this process is first in it and the
/// lock is free. Waits at most `limit`; without one, as long as it takes.
///
/// # Errors
/// Returns a [`Failure`] if the archive is still held after `limit`, or if the lock or a
/// queue file can't be used.
pub fn for_lock(
    runtime: &Runtime,
    file: &ArchiveFile,
    run_id: &str,
    tenants: Vec<String>,
    limit: Option<Duration>,
    stop: &StopSignal,
    monitor: &dyn Monitor,
) -> Result<LockWait, Failure> {
    let failed = |error| Failure::lock(error, &file.path);
    let gave_up = |holder| {
        let waited = report::duration(limit.unwrap_or_default());
        failed(LockError::Held(holder)).with_context(&format!("gave up waiting after {waited}"))
    };
    let take = || Lock::take(file, "start", Some(run_id), CommandContext::now());
    let started_at = Instant::now();
    let entry = QueueEntry::join(file, run_id, tenants, CommandContext::now()).map_err(failed)?;
    let mut reported_ahead = None;
    loop {
        let ahead = entry.entries_ahead().map_err(failed)?;
        if ahead == 0 {
            match take() {
                Ok(lock) => return Ok(LockWait::Acquired(lock)),
                Err(LockError::Held(holder)) if limit.is_some_and(|limit| started_at.elapsed() >= limit) => {
                    return Err(gave_up(holder));
                }
                Err(LockError::Held(_)) => {}
                Err(error) => return Err(failed(error)),
            }
        } else if limit.is_some_and(|limit| started_at.elapsed() >= limit) {
            return Err(gave_up(Lock::state(&file.path).ok().and_then(LockState::holder)));
        }
        if reported_ahead != Some(ahead) {
            reported_ahead = Some(ahead);
            let position = ahead + 1;
            monitor.event(Event::Warning(format!(
                "the archive is locked: waiting, position {position} in the queue"
            )));
        }
        if runtime.block_on(stop.unless_stopped(sleep(POLL_INTERVAL))).is_err() {
            return Ok(LockWait::Stopped);
        }
    }
}
