//! The error type of the archive, and its mapping from SQLite's error codes.

use std::io;

use rusqlite::ErrorCode;

/// Kind of an [`ArchiveError`]: callers decide by it, never by the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveErrorKind {
    /// There is no archive yet.
    Missing,
    /// The folder doesn't exist, or the file can't be created in it.
    CannotCreate,
    /// Not a SQLite file, or another program's.
    NotAnArchive,
    /// The path of the archive, or of a file beside it, leads to a folder, a device or
    /// the like.
    NotAFile,
    /// The archive, or a file beside it, has further hard links.
    HardLinked,
    /// A table of the archive has a trigger, or a table, view or index has another
    /// definition than the migrations give it.
    ModifiedSchema,
    /// Written by a newer version of verta-sync.
    NewerSchema,
    /// Users are anonymized by a scheme that this version doesn't support.
    UnsupportedScheme,
    /// The archive is keyed, and no key is configured.
    KeyMissing,
    /// A key is configured, and the archive has plain hashes.
    NotKeyed,
    /// The configured key is not the archive's.
    WrongKey,
    /// The list of erased people beside the archive is damaged.
    DamagedList,
    /// Needs a migration, which only commands that hold the lock run.
    OlderSchema,
    /// The file or its folder isn't writable.
    ReadOnly,
    /// No space is left.
    DiskFull,
    /// The file is damaged.
    Corrupt,
    /// The archive or its lock file was deleted or replaced while the archive was being
    /// written.
    Replaced,
    /// The operating system failed to read or write the file.
    Io,
    /// Another process held the database for longer than the busy timeout.
    Busy,
    /// The statement was interrupted on purpose.
    Interrupted,
    /// Anything else.
    Other,
}

impl ArchiveErrorKind {
    /// The kind of an error of the operating system on a file of the archive or beside it.
    pub fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::DiskFull
            }
            _ => Self::Io,
        }
    }
}

/// An operation on the archive failed; nothing of a failed change is stored.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ArchiveError {
    /// What kind of error it is.
    pub kind: ArchiveErrorKind,
    message: String,
}

impl ArchiveError {
    /// Makes an error of this kind.
    pub fn new(kind: ArchiveErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A bug ended `what`, such as "comparing a page".
    pub fn unexpected(what: &str) -> Self {
        let message = format!("{what} failed unexpectedly (this is a bug, please report it)");
        Self::new(ArchiveErrorKind::Other, message)
    }

    /// Wraps another library's error. The kind is that of the SQLite error in its chain
    /// of sources, or [`ArchiveErrorKind::Other`] if there is none.
    pub(super) fn of(error: &(dyn std::error::Error + 'static), message: String) -> Self {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        let sqlite = causes.find_map(|cause| cause.downcast_ref::<rusqlite::Error>());
        Self::new(sqlite.map_or(ArchiveErrorKind::Other, kind), message)
    }
}

impl From<rusqlite::Error> for ArchiveError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(kind(&error), error.to_string())
    }
}

fn kind(error: &rusqlite::Error) -> ArchiveErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => ArchiveErrorKind::NotAnArchive,
        Some(ErrorCode::DatabaseCorrupt) => ArchiveErrorKind::Corrupt,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => ArchiveErrorKind::ReadOnly,
        Some(ErrorCode::DiskFull) => ArchiveErrorKind::DiskFull,
        Some(ErrorCode::SystemIoFailure) => ArchiveErrorKind::Io,
        Some(ErrorCode::CannotOpen) => ArchiveErrorKind::CannotCreate,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ArchiveErrorKind::Busy,
        Some(ErrorCode::OperationInterrupted) => ArchiveErrorKind::Interrupted,
        _ => ArchiveErrorKind::Other,
    }
}
