//! What can go wrong with a configuration as a whole.

use std::io;
use std::path::PathBuf;

use super::problem::Problems;

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
        cause: io::Error,
    },
    /// The file is no text, or far too large to be a configuration.
    #[error("read the configuration {}: {what}; save it as text in UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// What is written in the file, a variable or a flag can't be used.
    #[error("{0}")]
    Invalid(Problems),
}

/// Why a file can't be read, and what to do.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "this user may not read it; change its owner or mode".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder; name the file in it".to_owned(),
        _ => error.to_string(),
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
