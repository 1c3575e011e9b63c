//! What can go wrong with a configuration as a whole.

use std::io;
use std::path::{Path, PathBuf};

use crate::files::{Control, FileError, FileKind};

/// The configuration can't be used. The text fits after "failed to" and tells
/// all that is wrong; it may have several lines, and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No file in any of the places.
    #[error(
        "find a configuration file; looked for\n  {}\n\
         copy sync.toml.example to one of these places as sync.toml and fill in your server, \
         or name a file with --config PATH or $VERTA_SYNC_CONFIG",
        places.join("\n  ")
    )]
    NotFound {
        /// Each place and what was found there.
        places: Vec<String>,
    },
    /// The file that was asked for does not exist.
    #[error(
        "read the configuration {}: there is no such file, but {named_by} names it; \
         correct the path, or copy sync.toml.example there",
        path.display()
    )]
    Missing {
        /// The path as it was given.
        path: PathBuf,
        /// The flag or variable that named it.
        named_by: &'static str,
    },
    /// The file exists and can't be read.
    #[error("read the configuration {}: {}", path.display(), reason(cause))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: FileError,
    },
    /// Another user could have the token sent elsewhere.
    #[error("read the configuration {}: {}", path.display(), control_reason(*control, path, FileRole::Configuration))]
    Controlled {
        /// The file.
        path: PathBuf,
        /// Who.
        control: Control,
    },
    /// The file is no text, or far too large to be a configuration.
    #[error("read the configuration {}: {what}; save it as text in UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// All that can't be used in the file, the variables and the flags, each with its
    /// place and remedy.
    #[error("{0}")]
    Invalid(String),
}

/// Why a file can't be read, and what to do.
pub(super) fn reason(error: &FileError) -> String {
    match (error, error.io_kind()) {
        (_, Some(io::ErrorKind::PermissionDenied)) => {
            "this user may not read it; change its owner or mode".to_owned()
        }
        (FileError::NotRegular { kind: FileKind::Folder, .. }, _) => {
            "it is a folder; name the file in it".to_owned()
        }
        (FileError::NotRegular { kind, .. }, _) => {
            format!(
                "it is {kind}; write the text into a regular file and name that one, not a pipe or device"
            )
        }
        (FileError::Io { source, .. }, _) => source.to_string(),
        _ => error.to_string(),
    }
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileRole {
    /// It says where the token is sent.
    Configuration,
    /// It holds the token.
    Token,
}

/// Why a file isn't used that someone else controls, and what to do.
pub(super) fn control_reason(control: Control, path: &Path, role: FileRole) -> String {
    let harm = match role {
        FileRole::Configuration => "could send the bot token elsewhere",
        FileRole::Token => "could exchange the bot token",
    };
    let shown = path.display();
    match control {
        Control::Everyone => {
            format!(
                "every user of this machine may write it and {harm}; run \"chmod o-w {shown}\" (on a file \
                 system without permissions, mount it with umask=022)"
            )
        }
        Control::Group(group) => format!(
            "the group with ID {group} may write it and {harm}; run \"chmod g-w {shown}\", or give it \
             to this user's primary group"
        ),
        Control::AccessList => format!(
            "its access control list lets others write it, and they {harm}; run \"setfacl -b {shown}\""
        ),
        Control::Owner(owner) => {
            let or = match role {
                FileRole::Configuration => {
                    ", or if it is mounted into a container, mount it read-only and name it with --config"
                }
                FileRole::Token => ", or mount it read-only",
            };
            format!("it belongs to user ID {owner}, who {harm}; give it to this user or to root{or}")
        }
    }
}

/// Tenants were named that the configuration doesn't have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("find the tenants {}; the configuration has {}", unknown.join(", "), known.join(", "))]
pub struct UnknownTenant {
    /// The names.
    pub unknown: Vec<String>,
    /// All names, in the file's order.
    pub known: Vec<String>,
}
