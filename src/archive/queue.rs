//! The queue of runs waiting for the archive's lock: a folder beside the archive with
//! one locked file per run. A dead process holds no lock, so its file is known to be
//! stale.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::lock::{is_locked, read_bounded};
use super::{ArchiveFile, LockError, beside};
use crate::files::{FileError, OwnFolder};
use crate::model::Timestamp;

/// Decimal digits of the time that starts an entry's name, so that names sort by time.
const TIME_DIGITS: usize = 20;

/// A run that waits for the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRun {
    /// The ID of the waiting run.
    pub run_id: String,
    /// The names of its tenants, in the order of its jobs.
    pub tenants: Vec<String>,
    /// Its process ID.
    pub process: i32,
    /// When it began to wait, in milliseconds since 1970 UTC.
    pub since: i64,
}

/// This process's entry in the queue. Dropping it, or the end of the process, removes it
/// from the queue.
#[derive(Debug)]
pub struct QueueEntry {
    folder: Option<OwnFolder>,
    name: OsString,
    #[allow(dead_code, reason = "holds the lock")]
    file: File,
}

impl QueueEntry {
    /// Appends an entry to an archive's queue.
    ///
    /// # Errors
    /// Returns [`LockError`] if the folder or the entry's file can't be created.
    pub fn join(
        archive: &ArchiveFile,
        run_id: &str,
        tenants: Vec<String>,
        now: Timestamp,
    ) -> Result<Self, LockError> {
        let process = rustix::process::getpid().as_raw_nonzero().get();
        let name: OsString = format!("{:0TIME_DIGITS$}-{process}", now.as_millis()).into();
        let waiting_run = WaitingRun { run_id: run_id.to_owned(), tenants, process, since: now.as_millis() };
        let create = || create_entry(archive, &name, &waiting_run);
        // The last waiting process removes the folder when it leaves, perhaps just now.
        let (folder, file) = match create() {
            Err(error) if error.io_kind() == Some(std::io::ErrorKind::NotFound) => create()?,
            created => created?,
        };
        Ok(Self { folder: Some(folder), name, file })
    }

    /// The number of entries before this one. Removes those of dead processes.
    ///
    /// # Errors
    /// Returns [`LockError`] if the folder can't be read.
    pub fn entries_ahead(&self) -> Result<usize, LockError> {
        let Some(folder) = &self.folder else { return Ok(0) };
        let mut ahead = 0;
        for name in entry_names(folder)?.into_iter().filter(|name| *name < self.name) {
            match entry_state(folder, &name) {
                EntryState::Waiting(_) => ahead += 1,
                // Another process may have removed it first.
                EntryState::Stale => drop(folder.remove(&name)),
                EntryState::Unrecognized => {}
            }
        }
        Ok(ahead)
    }
}

impl Drop for QueueEntry {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        folder.remove(&self.name).ok();
        folder.remove_if_empty();
    }
}

/// Creates an entry's file. It is locked under a temporary name and then renamed, so
/// that no process takes it for a stale one.
fn create_entry(
    archive: &ArchiveFile,
    name: &OsStr,
    waiting_run: &WaitingRun,
) -> Result<(OwnFolder, File), FileError> {
    let path = folder_of(&archive.path);
    // Users who may read the archive may also list the folder.
    let folder_mode = archive.mode | (archive.mode & 0o444) >> 2 | 0o700;
    let folder = OwnFolder::open_or_create(&path, folder_mode)?;
    let mut unnamed = OsString::from(".");
    unnamed.push(name);
    let mut file = folder.create_file(&unnamed, archive.mode)?;
    let failed = |source| FileError::Io { path: path.join(&unnamed), source };
    rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|errno| failed(errno.into()))?;
    let text = serde_json::to_vec(waiting_run).map_err(|error| failed(error.into()))?;
    file.write_all(&text).map_err(failed)?;
    folder.rename(&unnamed, name)?;
    Ok((folder, file))
}

/// The runs that wait for an archive, in queue order; empty if the queue can't be read.
pub fn waiting_runs(archive: &Path) -> Vec<WaitingRun> {
    let Ok(Some(folder)) = OwnFolder::open(&folder_of(archive)) else { return Vec::new() };
    let waiting_run = |name: OsString| match entry_state(&folder, &name) {
        EntryState::Waiting(waiting_run) => Some(waiting_run),
        EntryState::Stale | EntryState::Unrecognized => None,
    };
    entry_names(&folder).unwrap_or_default().into_iter().filter_map(waiting_run).collect()
}

/// The state of a file in the queue's folder.
enum EntryState {
    /// The lock is held: its process waits.
    Waiting(WaitingRun),
    /// An entry of a dead process.
    Stale,
    /// Not an entry that this program wrote.
    Unrecognized,
}

fn entry_state(folder: &OwnFolder, name: &OsStr) -> EntryState {
    let Ok(Some(file)) = folder.open_file(name) else { return EntryState::Unrecognized };
    let Ok(text) = read_bounded(&file) else { return EntryState::Unrecognized };
    let waiting_run = serde_json::from_slice(&text).ok();
    match (is_locked(&file), waiting_run) {
        (true, Some(waiting_run)) => EntryState::Waiting(waiting_run),
        (false, Some(_)) => EntryState::Stale,
        // A power failure can leave an entry empty or filled with zeros.
        (false, None) if text.iter().all(|byte| *byte == 0) => EntryState::Stale,
        (_, None) => EntryState::Unrecognized,
    }
}

/// The names of the queue's entries, sorted.
fn entry_names(folder: &OwnFolder) -> Result<Vec<OsString>, FileError> {
    let mut names = folder.files()?;
    names.retain(|name| name.to_str().is_some_and(is_entry_name));
    Ok(names)
}

fn is_entry_name(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.split_once('-')
        .is_some_and(|(time, process)| time.len() == TIME_DIGITS && is_number(time) && is_number(process))
}

fn folder_of(archive: &Path) -> PathBuf {
    beside(archive, ".queue")
}
