//! Why the archive can't be used.

use rusqlite::ErrorCode;

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveErrorKind {
    /// There is no archive yet.
    Missing,
    /// The folder doesn't exist or doesn't let the file be made.
    CannotCreate,
    /// Not a SQLite file, or one of another program.
    NotAnArchive,
    /// A folder, a device or the like stands in the place of the archive or of a
    /// file beside it.
    NotAFile,
    /// The archive, or a file beside it, has further hard links.
    Linked,
    /// A trigger on a table of the archive, or a table or view that is not what
    /// its name promises.
    ForeignSchema,
    /// Made by a newer version of verta-sync.
    NewerSchema,
    /// People are anonymized in a way this version doesn't know.
    OtherScheme,
    /// Needs a migration, which only commands that hold the lock do.
    OlderSchema,
    /// The file or its folder can't be written.
    ReadOnly,
    /// No space is left.
    DiskFull,
    /// The file is damaged.
    Corrupt,
    /// The file, or the lock beside it, was deleted or replaced while the
    /// archive was being written.
    Replaced,
    /// The operating system failed to read or write the file.
    Io,
    /// Another program holds the database for long.
    Busy,
    /// It was given up on purpose.
    Interrupted,
    /// Anything else.
    Other,
}

/// The archive can't be used; nothing of the failed change is in it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ArchiveError {
    /// What follows from it.
    pub kind: ArchiveErrorKind,
    message: String,
}

impl ArchiveError {
    /// An error of this kind.
    pub fn new(kind: ArchiveErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// An error of another library: what SQLite says at its bottom, if it does.
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
