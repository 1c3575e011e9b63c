//! Why an export failed.

use std::io;
use std::path::{Path, PathBuf};

use crate::archive::ArchiveError;

/// Why an export failed. What was written before is complete.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The archive can't be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The archive can't be copied.
    #[error("cannot write {}: {source}", path.display())]
    Copy {
        /// The copy.
        path: PathBuf,
        /// The error, of either file.
        source: ArchiveError,
    },
    /// A file or folder can't be read or written.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The output can't be written.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// The folder or file to export to can't be used.
    #[error("{0}")]
    Target(String),
    /// It was asked to stop.
    #[error("the export was stopped")]
    Stopped,
    /// The format's library failed.
    #[error("cannot encode a file: {0}")]
    Other(String),
}

impl ExportError {
    /// An error of the file that is being written; its path is added by [`Self::at`].
    pub fn io_of_file(source: io::Error) -> Self {
        Self::Output(source)
    }

    /// Names the file.
    #[must_use]
    pub fn at(self, path: &Path) -> Self {
        match self {
            Self::Output(source) => Self::Io { path: path.to_owned(), source },
            other => other,
        }
    }
}
