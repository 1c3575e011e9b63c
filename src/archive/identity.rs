//! Identity of files (device and inode): detects that the file at a path was deleted or
//! replaced.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{ArchiveError, ArchiveErrorKind};

/// A path and the identity of the file that was found there; `None` if there was none.
#[derive(Debug, Clone)]
pub(super) struct FileIdentity {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl FileIdentity {
    /// The file that is at a path now. The file isn't opened: closing it again would
    /// release every POSIX lock that this process holds on it.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(std::fs::metadata(path)) }
    }

    /// An open file and the path that it was opened at.
    pub(super) fn opened(file: &File, path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(file.metadata()) }
    }

    /// Whether the path still leads to the same file.
    pub(super) fn is_in_place(&self) -> bool {
        identity(std::fs::metadata(&self.path)) == self.identity
    }

    /// Fails with [`ArchiveErrorKind::Replaced`] if the path leads to another file or to
    /// none.
    pub(super) fn check(&self) -> Result<(), ArchiveError> {
        if self.is_in_place() {
            return Ok(());
        }
        let shown = self.path.display();
        let message = format!("{shown} was deleted or replaced while the archive was being written");
        Err(ArchiveError::new(ArchiveErrorKind::Replaced, message))
    }
}

fn identity(metadata: io::Result<Metadata>) -> Option<(u64, u64)> {
    metadata.ok().map(|metadata| (metadata.dev(), metadata.ino()))
}
