//! Opens files safely by path.
//!
//! A path says nothing about the file behind it. Every file that the program opens is of
//! one of two kinds:
//!
//! - *Named* files are named by the user (configuration, token, archive). Symbolic links
//!   are followed, because dotfiles and mounted secrets need it; the target must be a
//!   regular file, and the archive must have only one hard link. See [`resolve`] and
//!   [`NamedFile`].
//! - *Own* files are kept by the program beside the archive (lock, queue, SQLite's
//!   files). Symbolic links, files with several hard links and anything but a regular
//!   file are rejected, so that nobody can redirect a write or deletion to another file.
//!   See [`open_own_file`], [`create_own_file`] and [`OwnFolder`].
//!
//! Nothing here blocks: named pipes and devices are rejected without being read. The
//! permissions of an existing file are never changed.

mod acl;
mod folder;
mod named;
mod own;
mod trust;

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

pub use folder::OwnFolder;
pub use named::{NamedFile, resolve};
pub use own::{check_own_file, create_own_file, open_own_file, replace_file};
pub use trust::{ForeignWriter, PathOrigin};

/// The type of a file that isn't a regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A folder.
    Folder,
    /// A named pipe (FIFO).
    Pipe,
    /// A socket.
    Socket,
    /// A character or block device.
    Device,
    /// A symbolic link.
    SymbolicLink,
    /// Any other type.
    Other,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder => "a folder",
            Self::Pipe => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::SymbolicLink => "a symbolic link",
            Self::Other => "a special file",
        })
    }
}

/// Why a file or folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not a regular file.
    #[error("{} is {kind}, not a regular file", path.display())]
    NotRegular {
        /// Its path.
        path: PathBuf,
        /// What it is instead.
        kind: FileKind,
    },
    /// It is not a folder.
    #[error("{} is not a folder", path.display())]
    NotFolder {
        /// Its path.
        path: PathBuf,
    },
    /// The file has several hard links.
    #[error("{} has {links} hard links", path.display())]
    HardLinked {
        /// Its path.
        path: PathBuf,
        /// The number of hard links.
        links: u64,
    },
    /// The content of the file was not written by this program.
    #[error("{} has contents that verta-sync did not write", path.display())]
    Foreign {
        /// Its path.
        path: PathBuf,
    },
    /// The file is larger than the limit.
    #[error("{} is larger than {max_bytes} bytes", path.display())]
    TooLarge {
        /// Its path.
        path: PathBuf,
        /// The limit in bytes.
        max_bytes: u64,
    },
    /// The operating system reported an error.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path of the file or folder.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

impl FileError {
    fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { path: path.to_owned(), source: source.into() }
    }

    /// The kind of the operating system's error, if it is one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// Whether permissions or a read-only file system deny access.
    pub fn is_denied(&self) -> bool {
        matches!(self.io_kind(), Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem))
    }
}

/// Returns [`FileError::NotRegular`] unless the metadata is that of a regular file.
fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    let file_type = metadata.file_type();
    let kind = if file_type.is_file() {
        return Ok(());
    } else if file_type.is_dir() {
        FileKind::Folder
    } else if file_type.is_symlink() {
        FileKind::SymbolicLink
    } else if file_type.is_fifo() {
        FileKind::Pipe
    } else if file_type.is_socket() {
        FileKind::Socket
    } else if file_type.is_char_device() || file_type.is_block_device() {
        FileKind::Device
    } else {
        FileKind::Other
    };
    Err(FileError::NotRegular { path: path.to_owned(), kind })
}

/// Returns [`FileError::HardLinked`] if the file has several hard links.
fn check_links(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    match metadata.nlink() {
        0 | 1 => Ok(()),
        links => Err(FileError::HardLinked { path: path.to_owned(), links }),
    }
}

#[cfg(test)]
mod tests;
