//! One writer per archive: a lock file beside it, held by the operating
//! system, so that a dead process holds none.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::process::{Flock, FlockType};
use serde::{Deserialize, Serialize};

use super::identity::Placed;
use super::{ArchiveFile, beside};
use crate::files::{self, FileError};
use crate::model::Timestamp;

/// Bytes of a lock or queue file at most; a hundred tenants' names take a tenth.
pub(super) const MOST_BYTES: u64 = 64 << 10;

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
    /// The lock file, or a file of the queue, can't be used.
    #[error("the archive can't be locked: {0}")]
    File(#[from] FileError),
}

/// Whether an archive is locked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockState {
    /// No process holds it.
    Free,
    /// A process holds it, which may not have said yet who it is.
    Held(Option<Holder>),
    /// This user may not read the lock file.
    Unknown,
}

impl LockState {
    /// Who holds the archive, as far as that is known.
    pub fn holder(self) -> Option<Holder> {
        match self {
            Self::Held(holder) => holder,
            Self::Free | Self::Unknown => None,
        }
    }

    /// The run that holds the archive, if one is known to.
    pub fn run_id(&self) -> Option<&str> {
        match self {
            Self::Held(Some(holder)) => holder.run_id.as_deref(),
            _ => None,
        }
    }
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
        lock.write(&holder).map_err(|source| FileError::Io { path, source })?;
        Ok(lock)
    }

    fn take_file(path: &Path, mode: u32) -> Result<Self, LockError> {
        let io_error = |source: io::Error| FileError::Io { path: path.to_owned(), source };
        let file = loop {
            if let Some(file) = files::open_own(path, true)? {
                break file;
            }
            // Whoever may read the archive may know who writes it.
            if let Some(file) = files::create_own(path, mode).map_err(io_error)? {
                break file;
            }
        };
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if !is_ours(&text_of(&file).map_err(io_error)?) => {
                Err(FileError::Foreign { path: path.to_owned() }.into())
            }
            Ok(()) => Ok(Self { placed: Placed::opened(&file, path), file }),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
                Err(LockError::Held(holder_of(&file)))
            }
            Err(errno) => Err(io_error(errno.into()).into()),
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

    /// Whether an archive is locked, asked without taking the lock.
    ///
    /// # Errors
    /// When something stands in the lock file's place that is none.
    pub fn state(archive: &Path) -> Result<LockState, LockError> {
        let file = match files::open_own(&path_of(archive), false) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(LockState::Free),
            Err(error) if error.is_denied() => return Ok(LockState::Unknown),
            Err(error) => return Err(error.into()),
        };
        if is_locked(&file) {
            return Ok(LockState::Held(holder_of(&file)));
        }
        match text_of(&file) {
            Ok(text) if !is_ours(&text) => Err(FileError::Foreign { path: path_of(archive) }.into()),
            _ => Ok(LockState::Free),
        }
    }
}

/// Whether another process holds a lock on a file.
pub(super) fn is_locked(file: &File) -> bool {
    let question = Flock { typ: FlockType::WriteLock, ..Flock::from(FlockType::WriteLock) };
    rustix::process::fcntl_getlk(file, &question).is_ok_and(|lock| lock.is_some())
}

fn path_of(archive: &Path) -> PathBuf {
    beside(archive, ".lock")
}

fn holder_of(file: &File) -> Option<Holder> {
    serde_json::from_slice(&text_of(file).ok()?).ok()
}

/// The first [`MOST_BYTES`] of a file.
pub(super) fn text_of(mut file: &File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

/// Whether a lock file's content is what this program writes: a holder, nothing,
/// or the zeros that a power failure leaves.
fn is_ours(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte == 0) || serde_json::from_slice::<Holder>(text).is_ok()
}
