//! Files that are opened by path.
//!
//! A path proves nothing about what stands there. Every file that the program
//! opens belongs to one of two kinds:
//!
//! - *Named* files: the user names them (configuration, token, archive).
//!   Symbolic links are followed, because dotfiles and mounted secrets need it;
//!   at the end there must be a regular file, and of the archive only one hard
//!   link. See [`resolve`] and [`Named`].
//! - *Own* files: the program keeps them beside the archive (lock, queue, the
//!   files of SQLite). A symbolic link, a second hard link or anything but a regular file is
//!   refused, so that nobody can direct a write or a deletion at another file.
//!   See [`open_own`], [`create_own`] and [`OwnFolder`].
//!
//! Nothing here waits: named pipes and devices are refused without reading.
//! The permissions of an existing file are never changed.

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
pub use named::{Named, resolve};
pub use own::{check_own, create_own, open_own};
pub use trust::{Control, Relation};

/// What stands at a path instead of a regular file.
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
    Link,
    /// None of those.
    Other,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder => "a folder",
            Self::Pipe => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Link => "a symbolic link",
            Self::Other => "a special file",
        })
    }
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Something else stands there.
    #[error("{} is {kind}, not a regular file", path.display())]
    NotRegular {
        /// Where.
        path: PathBuf,
        /// What.
        kind: FileKind,
    },
    /// A file stands in the place of a folder.
    #[error("{} is not a folder", path.display())]
    NotFolder {
        /// Where.
        path: PathBuf,
    },
    /// Other names lead to the same file.
    #[error("{} has {links} names (hard links)", path.display())]
    Linked {
        /// One of the names.
        path: PathBuf,
        /// How many there are.
        links: u64,
    },
    /// The file holds something that this program did not write.
    #[error("{} holds something that verta-sync did not write", path.display())]
    Foreign {
        /// Where.
        path: PathBuf,
    },
    /// The file is larger than any of its kind.
    #[error("{} is larger than {most_bytes} bytes", path.display())]
    TooLarge {
        /// Where.
        path: PathBuf,
        /// The limit.
        most_bytes: u64,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FileError {
    fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { path: path.to_owned(), source: source.into() }
    }

    /// The operating system's reason, if it was that which refused.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// Whether this user lacks a right.
    pub fn is_denied(&self) -> bool {
        matches!(self.io_kind(), Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem))
    }
}

/// Fails unless the metadata is that of a regular file.
fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    let file_type = metadata.file_type();
    let kind = if file_type.is_file() {
        return Ok(());
    } else if file_type.is_dir() {
        FileKind::Folder
    } else if file_type.is_symlink() {
        FileKind::Link
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

/// Fails if the file has further names.
fn check_links(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    match metadata.nlink() {
        0 | 1 => Ok(()),
        links => Err(FileError::Linked { path: path.to_owned(), links }),
    }
}

#[cfg(test)]
mod tests;
