//! Those who wait for the lock: a folder beside the archive with a locked file
//! for each. A dead process holds no lock, so its file is known to be a ghost.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::lock::{is_locked, text_of};
use super::{ArchiveFile, LockError, beside};
use crate::files::{FileError, OwnFolder};
use crate::model::Timestamp;

/// Decimal digits of the time in an entry's name, so that names sort by it.
const TIME_DIGITS: usize = 20;

/// A sync that waits for the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiter {
    /// The run it is going to be.
    pub run_id: String,
    /// The tenants it is for, in the order of its jobs.
    pub tenants: Vec<String>,
    /// Its process.
    pub process: i32,
    /// Since when it waits, milliseconds since 1970 UTC.
    pub since: i64,
}

/// An entry of the queue; it ends with the value, or with the process.
#[derive(Debug)]
pub struct QueueEntry {
    folder: Option<OwnFolder>,
    name: OsString,
    #[allow(dead_code, reason = "holds the lock")]
    file: File,
}

impl QueueEntry {
    /// Joins the end of an archive's queue.
    ///
    /// # Errors
    /// When the folder or the file in it can't be made, or something else stands
    /// in the folder's place.
    pub fn join(
        archive: &ArchiveFile,
        run_id: &str,
        tenants: Vec<String>,
        now: Timestamp,
    ) -> Result<Self, LockError> {
        let process = rustix::process::getpid().as_raw_nonzero().get();
        let name: OsString = format!("{:0TIME_DIGITS$}-{process}", now.as_millis()).into();
        let waiter = Waiter { run_id: run_id.to_owned(), tenants, process, since: now.as_millis() };
        let create = || create(archive, &name, &waiter);
        // The last one to leave removes the folder, perhaps just now.
        let (folder, file) = match create() {
            Err(error) if error.io_kind() == Some(std::io::ErrorKind::NotFound) => create()?,
            created => created?,
        };
        Ok(Self { folder: Some(folder), name, file })
    }

    /// How many entries are before this one. Those of dead processes are removed
    /// on the way.
    ///
    /// # Errors
    /// When the folder can't be read any more.
    pub fn ahead(&self) -> Result<usize, LockError> {
        let Some(folder) = &self.folder else { return Ok(0) };
        let mut ahead = 0;
        for name in entries(folder)?.into_iter().filter(|name| *name < self.name) {
            match entry(folder, &name) {
                Entry::Alive(_) => ahead += 1,
                // Another process may have removed it first.
                Entry::Dead => drop(folder.remove(&name)),
                Entry::Strange => {}
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

/// The entry is locked before it has its name, so that no process takes it for
/// one of a dead process.
fn create(archive: &ArchiveFile, name: &OsStr, waiter: &Waiter) -> Result<(OwnFolder, File), FileError> {
    let path = folder_of(&archive.path);
    // Whoever may read the archive may look into the folder.
    let folder_mode = archive.mode | (archive.mode & 0o444) >> 2 | 0o700;
    let folder = OwnFolder::open_or_create(&path, folder_mode)?;
    let mut unnamed = OsString::from(".");
    unnamed.push(name);
    let mut file = folder.create_file(&unnamed, archive.mode)?;
    let failed = |source| FileError::Io { path: path.join(&unnamed), source };
    rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|errno| failed(errno.into()))?;
    let text = serde_json::to_vec(waiter).map_err(|error| failed(error.into()))?;
    file.write_all(&text).map_err(failed)?;
    folder.rename(&unnamed, name)?;
    Ok((folder, file))
}

/// The processes that wait for an archive, the first one first. None where the
/// queue can't be read.
pub fn waiting(archive: &Path) -> Vec<Waiter> {
    let Ok(Some(folder)) = OwnFolder::open(&folder_of(archive)) else { return Vec::new() };
    let waiter = |name: OsString| match entry(&folder, &name) {
        Entry::Alive(waiter) => Some(waiter),
        Entry::Dead | Entry::Strange => None,
    };
    entries(&folder).unwrap_or_default().into_iter().filter_map(waiter).collect()
}

/// What a file in the queue's folder is.
enum Entry {
    /// Its process waits.
    Alive(Waiter),
    /// This program made it, and its process is dead.
    Dead,
    /// Not recognized.
    Strange,
}

fn entry(folder: &OwnFolder, name: &OsStr) -> Entry {
    let Ok(Some(file)) = folder.open_file(name) else { return Entry::Strange };
    let Ok(text) = text_of(&file) else { return Entry::Strange };
    let waiter = serde_json::from_slice(&text).ok();
    match (is_locked(&file), waiter) {
        (true, Some(waiter)) => Entry::Alive(waiter),
        (false, Some(_)) => Entry::Dead,
        // What a power failure leaves.
        (false, None) if text.iter().all(|byte| *byte == 0) => Entry::Dead,
        (_, None) => Entry::Strange,
    }
}

/// The names that [`QueueEntry::join`] gives, sorted.
fn entries(folder: &OwnFolder) -> Result<Vec<OsString>, FileError> {
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
