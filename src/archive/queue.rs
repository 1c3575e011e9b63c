//! Those who wait for the lock: a folder beside the archive with a locked file
//! for each. A dead process holds no lock, so its file is known to be a ghost.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::process::{Flock, FlockType};
use serde::{Deserialize, Serialize};

use super::{ArchiveFile, LockError, beside};
use crate::model::Timestamp;

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

/// A place in the queue; it ends with the value, or with the process.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    name: OsString,
    #[allow(dead_code, reason = "holds the lock")]
    file: File,
}

impl Place {
    /// Joins the end of an archive's queue.
    ///
    /// # Errors
    /// When the folder or the file in it can't be made.
    pub fn join(
        archive: &ArchiveFile,
        run_id: &str,
        tenants: Vec<String>,
        now: Timestamp,
    ) -> Result<Self, LockError> {
        let folder = folder_of(&archive.path);
        let process = rustix::process::getpid().as_raw_nonzero().get();
        let name = format!("{:020}-{process}", now.as_millis());
        let path = folder.join(&name);
        let waiter = Waiter { run_id: run_id.to_owned(), tenants, process, since: now.as_millis() };
        let make = || create(&folder, &path, archive.mode, &waiter);
        // The last one to leave removes the folder, perhaps just now.
        let file =
            make().or_else(|_| make()).map_err(|source| LockError::File { path: path.clone(), source })?;
        Ok(Self { path, name: name.into(), file })
    }

    /// How many are before this one. Ghosts are removed on the way.
    pub fn ahead(&self) -> usize {
        let folder = self.path.parent().unwrap_or(&self.path);
        let before = names(folder).into_iter().filter(|name| *name < self.name);
        before
            .filter(|name| {
                let path = folder.join(name);
                let is_alive = waiter(&path).is_some();
                if !is_alive {
                    // Whoever else saw it may have been faster.
                    fs::remove_file(&path).ok();
                }
                is_alive
            })
            .count()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
        // Refused while others wait.
        self.path.parent().map(fs::remove_dir);
    }
}

/// Locked before it has its name, so that nobody takes it for a ghost.
fn create(folder: &Path, path: &Path, mode: u32, waiter: &Waiter) -> io::Result<File> {
    // Whoever may read the archive may look into the folder.
    let folder_mode = mode | (mode & 0o444) >> 2 | 0o700;
    DirBuilder::new().recursive(true).mode(folder_mode).create(folder)?;
    let unnamed = folder.join(format!(".{}", waiter.process));
    let mut file = File::options().write(true).create(true).truncate(true).mode(mode).open(&unnamed)?;
    rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive)?;
    file.write_all(&serde_json::to_vec(waiter)?)?;
    fs::rename(&unnamed, path)?;
    Ok(file)
}

/// Everybody who waits for an archive, the first one first.
pub fn waiting(archive: &Path) -> Vec<Waiter> {
    let folder = folder_of(archive);
    names(&folder).into_iter().filter_map(|name| waiter(&folder.join(name))).collect()
}

/// Who waits by a file; `None` if nobody holds its lock.
fn waiter(path: &Path) -> Option<Waiter> {
    let mut file = File::open(path).ok()?;
    let question = Flock { typ: FlockType::WriteLock, ..Flock::from(FlockType::WriteLock) };
    rustix::process::fcntl_getlk(&file, &question).ok()??;
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn names(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
    names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
    names.sort();
    names
}

fn folder_of(archive: &Path) -> PathBuf {
    beside(archive, ".queue")
}
