//! Which file stands at a path: one that was deleted or replaced is another.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{ArchiveError, ArchiveErrorKind};

/// A file at its path, as it was found once.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Placed {
    /// The file that stands at a path now, or that there is none. Asked without
    /// opening it, which would give up the locks that this process has on it.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(std::fs::metadata(path)) }
    }

    /// An open file that was found at a path.
    pub(super) fn opened(file: &File, path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(file.metadata()) }
    }

    /// Whether it still stands there.
    pub(super) fn is_in_place(&self) -> bool {
        identity(std::fs::metadata(&self.path)) == self.identity
    }

    /// Fails if it doesn't stand there any more.
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
