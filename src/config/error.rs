//! Errors of loading a configuration.

use std::io;
use std::path::{Path, PathBuf};

use crate::files::{FileError, FileKind, ForeignWriter};

/// The configuration can't be loaded. The text completes "cannot …" and lists every
/// problem; it may have several lines and never contains a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no file; lists every searched path.
    #[error(
        "find a configuration file; searched:\n  {}\n\
         copy sync.toml.example to one of these places as sync.toml and fill in your server, \
         or name a file with --config PATH or $VERTA_SYNC_CONFIG",
        .0.join("\n  ")
    )]
    NotFound(Vec<String>),
    /// The file named by this flag or variable does not exist.
    #[error(
        "read the configuration {path}: {1} names it, but it does not exist; \
         correct the path, or copy sync.toml.example there",
        path = .0.display()
    )]
    Missing(PathBuf, &'static str),
    /// The file exists but can't be read.
    #[error("read the configuration {}: {}", .0.display(), describe_read_error(.1))]
    Unreadable(PathBuf, FileError),
    /// Another user can modify the file, and so could redirect the token.
    #[error(
        "read the configuration {}: {}{}",
        .0.display(),
        describe_foreign_writer(*.1, .0, "could send the bot token elsewhere"),
        if let ForeignWriter::Owner(_) = .1 {
            ", or if it is mounted into a container, mount it read-only and name it with --config"
        } else {
            ""
        }
    )]
    ModifiableByOthers(PathBuf, ForeignWriter),
    /// The file is not UTF-8, or far too large to be a configuration.
    #[error("read the configuration {path}: {1}; save it as text in UTF-8", path = .0.display())]
    NotText(PathBuf, String),
    /// The report of every problem in the file, the variables and the flags, each with
    /// location and remedy.
    #[error("{0}")]
    Invalid(String),
}

/// The configuration lacks tenants named on the command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("find the tenants {}; the configuration has {}", unknown.join(", "), known.join(", "))]
pub struct UnknownTenant {
    /// The requested names that are unknown.
    pub unknown: Vec<String>,
    /// The configured names, in the file's order.
    pub known: Vec<String>,
}

/// Why a file can't be read, and the remedy.
pub(super) fn describe_read_error(error: &FileError) -> String {
    match error {
        FileError::NotRegular { kind: FileKind::Folder, .. } => {
            "it is a folder; use the path of the file in it".to_owned()
        }
        FileError::NotRegular { kind, .. } => {
            format!("it is {kind}; use a regular file, not a pipe or device")
        }
        FileError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            "permission denied; change its owner or mode".to_owned()
        }
        FileError::Io { source, .. } => source.to_string(),
        _ => error.to_string(),
    }
}

/// Why a file is rejected that another user can modify, the `harm` that user could do,
/// and the remedy.
pub(super) fn describe_foreign_writer(foreign_writer: ForeignWriter, path: &Path, harm: &str) -> String {
    let path = path.display();
    match foreign_writer {
        ForeignWriter::Everyone => format!(
            "every user of this machine can write it and {harm}; run \"chmod o-w {path}\" (on a file \
             system without permissions, mount it with umask=022)"
        ),
        ForeignWriter::Group(group) => format!(
            "the group with ID {group} can write it and {harm}; run \"chmod g-w {path}\", or give it \
             to this user's primary group"
        ),
        ForeignWriter::AccessList => format!(
            "its access control list lets other users write it, who {harm}; run \"setfacl -b {path}\""
        ),
        ForeignWriter::Owner(owner) => {
            format!("it belongs to user ID {owner}, who {harm}; give it to this user or to root")
        }
    }
}
