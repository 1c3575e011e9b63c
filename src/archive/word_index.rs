//! The search index: an SQLite file of its own beside the archive that lists, for each word,
//! the messages that have it.
//!
//! It can be deleted at any time. What a word is, and which messages match, is decided by
//! `search`; this module stores the words it is given (FTS5, without texts and positions),
//! and returns candidates. Documents are numbered by run: within a run their numbers
//! ascend with message ID and time, so that the newest candidates are read first and a message is
//! found without an index by message.
//!
//! The index and the archive can't commit together. A token connects them: see [`State`].

mod build;
mod feed;
mod reading;
mod runs;
mod state;
mod writing;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::connection::harden;
use super::{ArchiveError, ArchiveErrorKind, Reader, Tx, beside, info};
use crate::files;

pub use build::{Build, discard_builds, has_live_build};
pub use feed::IndexedChannel;
pub use reading::{Bounds, Candidate, WordIndex};
pub use runs::Run;
pub use state::State;
use state::read_state;
pub use writing::{Document, IndexTx, WordIndexWriter};

/// Name of the index among the subscribers of the change log.
pub const SUBSCRIBER: &str = "search";
/// Stored in the header of the file: "vers".
const APPLICATION_ID: i32 = 0x7665_7273;
/// Version of the tables below.
const SCHEMA_VERSION: i32 = 1;

/// `columnsize` must stay on for `contentless_delete`.
const SCHEMA: &str = "
CREATE TABLE state (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    format     TEXT    NOT NULL,
    token      TEXT    NOT NULL,
    next_token TEXT,
    position   INTEGER NOT NULL,
    residue_since INTEGER
) STRICT;
CREATE TABLE runs (
    id           INTEGER PRIMARY KEY,
    platform     TEXT    NOT NULL,
    next         INTEGER NOT NULL,
    documents    INTEGER NOT NULL,
    last_message INTEGER NOT NULL,
    last_sent_at INTEGER NOT NULL,
    is_ordered   INTEGER NOT NULL
) STRICT;
CREATE TABLE documents (
    id      INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    message INTEGER NOT NULL
) STRICT;
CREATE VIRTUAL TABLE words USING fts5(
    list, content='', contentless_delete=1, detail=none, tokenize=ascii
);
";

/// The path of the index of an archive: `archive.search.db` for `archive.db`.
pub fn path_of(archive: &Path) -> PathBuf {
    if archive.extension() == Some(OsStr::new("db")) {
        archive.with_extension("search.db")
    } else {
        beside(archive, ".search.db")
    }
}

/// Key in `archive_info`. Set by the transaction that erases data, until the index holds
/// nothing of it any more.
const ERASURE_DUE: &str = "index_erasure_due";

/// Requests that the index be cleaned of what was removed.
pub(super) fn request_erasure(connection: &Connection) -> Result<(), ArchiveError> {
    info::set(connection, ERASURE_DUE, "1")
}

/// Records that the index holds nothing any more of what was removed.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_erasure(tx: &mut Tx<'_>) -> Result<(), ArchiveError> {
    tx.connection.execute("DELETE FROM archive_info WHERE key = ?1", [ERASURE_DUE])?;
    Ok(())
}

impl Reader {
    /// Whether data was erased that the index may still hold.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn is_index_erasure_due(&self) -> Result<bool, ArchiveError> {
        info::is_set(&self.connection, ERASURE_DUE)
    }
}

/// Whether there is an index file, of any kind.
pub fn exists(index: &Path) -> bool {
    index.symlink_metadata().is_ok()
}

/// Takes permissions from an index that its archive doesn't have.
///
/// # Errors
/// Returns [`ArchiveError`] if the permissions can't be read or changed.
pub fn restrict(index: &Path, archive: &Path) -> Result<(), ArchiveError> {
    let mode = |path: &Path| Ok::<_, std::io::Error>(path.metadata()?.permissions().mode() & 0o777);
    let restrict = || {
        let (mode, allowed) = (mode(index)?, mode(archive)?);
        if mode & !allowed == 0 {
            return Ok(());
        }
        std::fs::set_permissions(index, std::fs::Permissions::from_mode(mode & allowed))
    };
    restrict().map_err(|error| io_error("change the permissions of", index, &error))
}

/// Deletes an index. A journal left by a killed process goes after it: applied to a new
/// file, it would damage that.
///
/// # Errors
/// Returns [`ArchiveError`] if a file can't be removed.
pub fn remove(index: &Path) -> Result<(), ArchiveError> {
    for path in [index.to_owned(), beside(index, "-journal")] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io_error("remove", &path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn io_error(verb: &str, path: &Path, error: &std::io::Error) -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::of_io(error), format!("cannot {verb} {}: {error}", path.display()))
}

/// Opens an index and checks what it is. A connection that only reads may still have to undo
/// the change of a killed process, so it asks for writing as well.
fn open(path: &Path, busy_timeout: Duration) -> Result<Connection, ArchiveError> {
    for file in [path.to_owned(), beside(path, "-journal")] {
        files::check_own_file(&file)
            .map_err(|error| ArchiveError::new(ArchiveErrorKind::NotAFile, error.to_string()))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy_timeout)?;
    harden(&connection)?;
    let header = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0));
    if (header("application_id")?, header("user_version")?) != (APPLICATION_ID, SCHEMA_VERSION) {
        let message = format!("{} is not an index of this version", path.display());
        return Err(ArchiveError::new(ArchiveErrorKind::NotAnArchive, message));
    }
    Ok(connection)
}
