//! Why an export failed.

use std::io;
use std::path::{Path, PathBuf};

use crate::archive::{ArchiveError, word_index};

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

/// Checks that a path is none of the names beside an archive that its own files have, such as
/// `archive.db-wal`.
///
/// # Errors
/// Returns [`ExportError::Target`] if it is.
pub fn check_name(path: &Path, archive: &Path) -> Result<(), ExportError> {
    let folder = |path: &Path| path.parent().map(|folder| folder.canonicalize().unwrap_or(folder.to_owned()));
    let archive = archive.canonicalize().unwrap_or_else(|_| archive.to_owned());
    let name =
        |path: &Path| path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
    let (theirs, own) = (name(path), name(&archive));
    let is_side_file = theirs.len() > own.len() && theirs.starts_with(&own);
    let is_index = path.file_name() == word_index::path_of(&archive).file_name();
    if folder(path) == folder(&archive) && (is_side_file || is_index) {
        let message = format!("{} is a name for a file of the archive itself", path.display());
        return Err(ExportError::Target(message));
    }
    Ok(())
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
