//! One writer per archive: a lock file beside it, held by the operating
//! system, so that a dead process holds none.

use std::fs::{File, Permissions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::process::{Flock, FlockType};
use serde::{Deserialize, Serialize};

use super::identity::Placed;
use super::{ArchiveFile, beside};
use crate::model::Timestamp;

/// Who holds an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The command: `start`, `reset`.
    pub command: String,
    /// The run, if the command has one.
    pub run_id: Option<String>,
    /// The process.
    pub process: i32,
    /// Since when, milliseconds since 1970 UTC.
    pub since: i64,
}

/// The lock can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("another process holds the archive")]
    Held(Option<Holder>),
    /// The lock file can't be made or opened.
    #[error("the lock file {} can't be opened: {source}", path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A held lock; it ends with the value, or with the process.
#[derive(Debug)]
pub struct Lock {
    file: File,
    placed: Placed,
}

impl Lock {
    /// Takes the lock of an archive at once or not at all.
    ///
    /// # Errors
    /// [`LockError::Held`] with the holder, as far as it is known.
    pub fn take(
        archive: &ArchiveFile,
        command: &str,
        run_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, LockError> {
        let path = path_of(&archive.path);
        let lock = loop {
            let lock = Self::take_file(&path, archive.mode)?;
            // Deleted between being opened and locked, it keeps nobody out.
            if lock.placed.is_in_place() {
                break lock;
            }
        };
        let holder = Holder {
            command: command.to_owned(),
            run_id: run_id.map(str::to_owned),
            process: rustix::process::getpid().as_raw_nonzero().get(),
            since: now.as_millis(),
        };
        lock.write(&holder).map_err(|source| LockError::File { path, source })?;
        Ok(lock)
    }

    fn take_file(path: &Path, mode: u32) -> Result<Self, LockError> {
        let file_error = |source| LockError::File { path: path.to_owned(), source };
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            // Whoever may read the archive may know who writes it.
            .mode(mode)
            .open(path)
            .map_err(file_error)?;
        // Against the umask; somebody else's file keeps its mode.
        file.set_permissions(Permissions::from_mode(mode)).ok();
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { placed: Placed::opened(&file, path), file }),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
                Err(LockError::Held(holder_of(&file)))
            }
            Err(errno) => Err(file_error(errno.into())),
        }
    }

    /// The file that keeps others out, as long as it stands at its path.
    pub(super) fn placed(&self) -> &Placed {
        &self.placed
    }

    fn write(&self, holder: &Holder) -> io::Result<()> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(holder)?)
    }

    /// Who holds the lock of an archive now, asked without taking it. The
    /// outer `None`: nobody. The inner one: somebody who hasn't said who yet.
    pub fn holder(archive: &Path) -> Option<Option<Holder>> {
        let file = File::open(path_of(archive)).ok()?;
        let question = Flock { typ: FlockType::WriteLock, ..Flock::from(FlockType::WriteLock) };
        rustix::process::fcntl_getlk(&file, &question).ok()??;
        Some(holder_of(&file))
    }
}

fn path_of(archive: &Path) -> PathBuf {
    beside(archive, ".lock")
}

fn holder_of(mut file: &File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
