//! The lock that admits one writer per archive: a POSIX lock on a file beside the
//! archive, which the operating system releases when its process dies.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::process::{Flock, FlockType};
use serde::{Deserialize, Serialize};

use super::identity::FileIdentity;
use super::{ArchiveFile, beside};
use crate::files::{self, FileError};
use crate::model::Timestamp;

/// Maximum size of a lock or queue file that is read; a hundred tenants' names take a
/// tenth of it.
pub(super) const MAX_FILE_BYTES: u64 = 64 << 10;

/// The process that holds an archive's lock, as it describes itself in the lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The command, such as `start` or `reset`.
    pub command: String,
    /// The run ID, if the command has one.
    pub run_id: Option<String>,
    /// The process ID.
    pub process: i32,
    /// When it took the lock, in milliseconds since 1970 UTC.
    pub since: i64,
}

/// The content of a lock file.
#[derive(Debug, Serialize, Deserialize)]
struct LockFile {
    #[serde(flatten)]
    holder: Holder,
    /// See [`Lock::history`].
    #[serde(default)]
    history: String,
    /// What the archive was when the lock was released. `None` while it is held, and after a crash.
    #[serde(default)]
    seal: Option<Seal>,
}

/// The state of an archive's files, as the file system tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seal {
    archive: FileState,
    /// The write-ahead log, unless it is empty.
    log: Option<FileState>,
}

/// Device, inode, size in bytes, and time of the last change, in seconds and nanoseconds.
type FileState = (u64, u64, u64, i64, i64);

impl Seal {
    /// `None` if there is no archive.
    fn of(archive: &Path) -> Option<Self> {
        let state = |path: &Path| {
            let metadata = std::fs::metadata(path).ok().filter(|metadata| metadata.len() > 0)?;
            Some((metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
        };
        Some(Self { archive: state(archive)?, log: state(&beside(archive, "-wal")) })
    }
}

/// Why the lock can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it; `None` if the lock file doesn't describe it yet.
    #[error("another process has locked the archive")]
    Held(Option<Holder>),
    /// The lock file or a queue file can't be used.
    #[error("cannot lock the archive: {0}")]
    File(#[from] FileError),
}

/// Whether an archive is locked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockState {
    /// No process holds it.
    Free,
    /// A process holds it; `None` if the lock file doesn't describe it yet.
    Held(Option<Holder>),
    /// This user may not read the lock file.
    Unknown,
}

impl LockState {
    /// The process that holds the archive, if known.
    pub fn holder(self) -> Option<Holder> {
        match self {
            Self::Held(holder) => holder,
            Self::Free | Self::Unknown => None,
        }
    }

    /// The ID of the run that holds the archive, if known.
    pub fn run_id(&self) -> Option<&str> {
        match self {
            Self::Held(Some(holder)) => holder.run_id.as_deref(),
            _ => None,
        }
    }
}

/// A held lock; it is released when the value is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    identity: FileIdentity,
    archive: PathBuf,
    content: Option<Box<LockFile>>,
}

impl Lock {
    /// Tries to take the lock of an archive, without waiting.
    ///
    /// # Errors
    /// Returns [`LockError::Held`] if another process holds it, [`LockError::File`] if
    /// the lock file can't be used.
    pub fn take(
        archive: &ArchiveFile,
        command: &str,
        run_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, LockError> {
        let path = lock_path(&archive.path);
        let mut lock = loop {
            let lock = Self::try_lock_file(&path, archive)?;
            // A lock on a file deleted between open and lock excludes no other process.
            if lock.identity.is_in_place() {
                break lock;
            }
        };
        let holder = Holder {
            command: command.to_owned(),
            run_id: run_id.map(str::to_owned),
            process: rustix::process::getpid().as_raw_nonzero().get(),
            since: now.as_millis(),
        };
        let history = lock.unbroken_history().unwrap_or_else(|| {
            let (since, process) = (holder.since, holder.process);
            format!("{since:x}-{process:x}")
        });
        let content = LockFile { holder, history, seal: None };
        lock.write(&content).map_err(|source| FileError::Io { path, source })?;
        lock.content = Some(Box::new(content));
        Ok(lock)
    }

    /// The history that goes on; `None` if another program has changed the archive since the lock
    /// was last released, or the process that held it has crashed.
    fn unbroken_history(&self) -> Option<String> {
        let LockFile { history, seal, .. } = serde_json::from_slice(&read_bounded(&self.file).ok()?).ok()?;
        (seal.is_some() && seal == Seal::of(&self.archive)).then_some(history).filter(|it| !it.is_empty())
    }

    /// Identifies the changes since another program last changed the archive, or a process that held
    /// the lock crashed. What was derived from the archive with the change log holds within one history.
    pub fn history(&self) -> &str {
        self.content.as_ref().map_or("", |content| &content.history)
    }

    /// The history of an archive that another process is changing, or has last changed.
    pub fn history_of(archive: &Path) -> Option<String> {
        let file = files::open_own_file(&lock_path(archive), false).ok()??;
        let LockFile { history, seal, .. } = serde_json::from_slice(&read_bounded(&file).ok()?).ok()?;
        let is_unbroken = is_locked(&file) || seal.is_some() && seal == Seal::of(archive);
        is_unbroken.then_some(history).filter(|history| !history.is_empty())
    }

    fn try_lock_file(path: &Path, archive: &ArchiveFile) -> Result<Self, LockError> {
        let io_error = |source: io::Error| FileError::Io { path: path.to_owned(), source };
        let file = loop {
            if let Some(file) = files::open_own_file(path, true)? {
                break file;
            }
            // The archive's mode: users who can read it may know which process writes it.
            if let Some(file) = files::create_own_file(path, archive.mode).map_err(io_error)? {
                break file;
            }
        };
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if !is_lock_content(&read_bounded(&file).map_err(io_error)?) => {
                Err(FileError::Foreign { path: path.to_owned() }.into())
            }
            Ok(()) => Ok(Self {
                identity: FileIdentity::opened(&file, path),
                file,
                archive: archive.path.clone(),
                content: None,
            }),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
                Err(LockError::Held(holder_of(&file)))
            }
            Err(errno) => Err(io_error(errno.into()).into()),
        }
    }

    /// The lock file's identity: the lock excludes other processes only while its path
    /// leads to this file.
    pub(super) fn identity(&self) -> &FileIdentity {
        &self.identity
    }

    fn write(&self, content: &LockFile) -> io::Result<()> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(content)?)
    }

    /// Whether an archive is locked, determined without taking the lock.
    ///
    /// # Errors
    /// Returns [`LockError::File`] if the lock file can't be used or isn't one.
    pub fn state(archive: &Path) -> Result<LockState, LockError> {
        let file = match files::open_own_file(&lock_path(archive), false) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(LockState::Free),
            Err(error) if error.is_denied() => return Ok(LockState::Unknown),
            Err(error) => return Err(error.into()),
        };
        if is_locked(&file) {
            return Ok(LockState::Held(holder_of(&file)));
        }
        match read_bounded(&file) {
            Ok(text) if !is_lock_content(&text) => {
                Err(FileError::Foreign { path: lock_path(archive) }.into())
            }
            _ => Ok(LockState::Free),
        }
    }
}

impl Drop for Lock {
    /// Seals the archive. Nothing is written to it after this.
    fn drop(&mut self) {
        if let Some(content) = self.content.take()
            && self.identity.is_in_place()
        {
            self.write(&LockFile { seal: Seal::of(&self.archive), ..*content }).ok();
        }
    }
}

/// Whether another process holds a lock on a file.
pub(super) fn is_locked(file: &File) -> bool {
    let probe = Flock { typ: FlockType::WriteLock, ..Flock::from(FlockType::WriteLock) };
    rustix::process::fcntl_getlk(file, &probe).is_ok_and(|lock| lock.is_some())
}

fn lock_path(archive: &Path) -> PathBuf {
    beside(archive, ".lock")
}

fn holder_of(file: &File) -> Option<Holder> {
    serde_json::from_slice(&read_bounded(file).ok()?).ok()
}

/// The content of a file, up to [`MAX_FILE_BYTES`].
pub(super) fn read_bounded(mut file: &File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(MAX_FILE_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

/// Whether the content is that of a lock file: a [`Holder`], nothing, or the zeros that a
/// power failure can leave.
fn is_lock_content(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte == 0) || serde_json::from_slice::<Holder>(text).is_ok()
}
