//! Opens and creates the archive file, and checks it before use: file type, links,
//! owner (`application_id`), schema version and definitions, anonymization scheme.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use refinery::Migration;
use rusqlite::{Connection, OpenFlags};

use super::connection::{APPLICATION_ID, BUSY_TIMEOUT, configure, harden};
use super::migrations::{bundled, migrate, newest_version, schema_version, target_version};
use super::{ArchiveError, ArchiveErrorKind, definitions, residual, sweep};
use crate::anonymize;
use crate::files::{self, FileError, NamedFile};
use crate::model::Platforms;

/// The path of an archive, and how to create and open it.
#[derive(Debug, Clone)]
pub struct ArchiveFile {
    /// Path of the database file.
    pub path: PathBuf,
    /// Unix permission bits of a new file.
    pub mode: u32,
    /// The platforms whose texts the archive may hold.
    pub platforms: Platforms,
    /// How long to wait for another process that holds the database.
    pub busy_timeout: Duration,
}

/// Checks, without changing anything, that the archive exists, is a SQLite database, and
/// that no other hard link leads to it.
///
/// # Errors
/// Returns [`ArchiveErrorKind::Missing`] if there is no archive but one can be created,
/// otherwise an [`ArchiveError`] with the obstacle.
pub fn inspect(path: &Path) -> Result<(), ArchiveError> {
    let shown = path.display();
    let head = NamedFile::open(path).and_then(|file| {
        file.check_links()?;
        file.head(16)
    });
    match head {
        Ok(head) if head.is_empty() => Err(missing(path)),
        Ok(head) if head == b"SQLite format 3\0" => check_side_files(path),
        Ok(_) => Err(ArchiveError::new(
            ArchiveErrorKind::NotAnArchive,
            format!("{shown} is not a verta-sync archive (not a SQLite database)"),
        )),
        Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => {
            check_folder(path)?;
            Err(missing(path))
        }
        Err(FileError::Io { source, .. }) => {
            Err(ArchiveError::new(ArchiveErrorKind::CannotCreate, format!("cannot open {shown}: {source}")))
        }
        Err(error) => Err(untrusted_file(&error)),
    }
}

/// Checks the files that SQLite keeps beside the archive. SQLite doesn't follow symbolic
/// links there, but it would write through a hard link.
fn check_side_files(path: &Path) -> Result<(), ArchiveError> {
    for suffix in ["-wal", "-shm", "-journal"] {
        match files::check_own_file(&beside(path, suffix)) {
            Ok(_) => {}
            // SQLite reports the missing permission itself.
            Err(error) if error.is_denied() => {}
            Err(error) => return Err(untrusted_file(&error)),
        }
    }
    Ok(())
}

/// Gives the files beside the archive the group of the archive, so that a group that may
/// read the archive can open it. SQLite gives them its mode, but its group only if root
/// runs it. The files vanish whenever another program closes the archive last.
///
/// By path, because closing any handle of a file releases SQLite's locks on it. Failures are
/// ignored: the owner of a file may only choose a group that it belongs to.
fn share_side_files(path: &Path) {
    let Ok(archive) = rustix::fs::stat(path) else { return };
    for suffix in ["-wal", "-shm", ".lock"] {
        let side = beside(path, suffix);
        let group = rustix::fs::Gid::from_raw(archive.st_gid);
        if rustix::fs::lstat(&side).is_ok_and(|side| side.st_gid != archive.st_gid) {
            let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(rustix::fs::CWD, &side, None, Some(group), flags).ok();
        }
    }
}

fn untrusted_file(error: &FileError) -> ArchiveError {
    let kind = match error {
        FileError::HardLinked { .. } => ArchiveErrorKind::HardLinked,
        _ => ArchiveErrorKind::NotAFile,
    };
    ArchiveError::new(kind, error.to_string())
}

fn missing(path: &Path) -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::Missing, format!("no archive at {} yet", path.display()))
}

fn check_folder(path: &Path) -> Result<(), ArchiveError> {
    let folder = folder_of(path);
    let shown = folder.display();
    if !folder.is_dir() {
        return Err(ArchiveError::new(
            ArchiveErrorKind::CannotCreate,
            format!("the archive's folder {shown} does not exist"),
        ));
    }
    let writable = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    writable.map_err(|error| {
        ArchiveError::new(ArchiveErrorKind::ReadOnly, format!("the folder {shown} is not writable: {error}"))
    })
}

impl ArchiveFile {
    /// Opens the archive for writing, creates it if there is none, and migrates it to
    /// this version's schema. The caller holds the lock.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if the file isn't an archive, has a newer schema, is
    /// damaged, or can't be written.
    pub fn open(&self) -> Result<Connection, ArchiveError> {
        self.open_with(&bundled())
    }

    /// Like [`ArchiveFile::open`], with the schema that `migrations` produce.
    pub(super) fn open_with(&self, migrations: &[Migration]) -> Result<Connection, ArchiveError> {
        match inspect(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind == ArchiveErrorKind::Missing => self.create()?,
            Err(error) => return Err(error),
        }
        let mut connection = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        harden(&connection)?;
        check_owner(&connection, &self.path)?;
        check_version(&connection, &self.path, target_version(migrations))?;
        definitions::check(&connection, &self.path, schema_version(&connection)?, migrations)?;
        configure(&connection, self.busy_timeout)?;
        migrate(&mut connection, migrations)?;
        definitions::restore_views(&connection, migrations)?;
        check_scheme(&connection, &self.path)?;
        sweep::bring_up_to_date(&mut connection, self.platforms)?;
        residual::vacuum_if_due(&connection)?;
        share_side_files(&self.path);
        Ok(connection)
    }

    /// Creates the file. An existing empty file is kept, with its permissions.
    fn create(&self) -> Result<(), ArchiveError> {
        check_side_files(&self.path)?;
        files::create_own_file(&self.path, self.mode).map(drop).map_err(|error| {
            let kind = ArchiveErrorKind::CannotCreate;
            ArchiveError::new(kind, format!("cannot create {}: {error}", self.path.display()))
        })
    }
}

/// Opens an existing archive read-only. Its schema must be this version's.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, ArchiveError> {
    inspect(path)?;
    let connection = open_beside_writer(path)?;
    definitions::check(&connection, path, newest_version(), &bundled())?;
    Ok(connection)
}

/// Like [`open_read_only`], for a process that already has the archive open and has
/// checked its schema definitions.
///
/// Nothing but SQLite may open and close the file in that process: closing any handle
/// of a file releases all POSIX locks that the process holds on it.
/// <https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>
pub(super) fn open_beside_writer(path: &Path) -> Result<Connection, ArchiveError> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    harden(&connection)?;
    check_owner(&connection, path)?;
    check_version(&connection, path, newest_version())?;
    let version = schema_version(&connection)?;
    if version == 0 {
        return Err(missing(path));
    }
    if version < newest_version() {
        let message = format!("{} has an older schema ({version})", path.display());
        return Err(ArchiveError::new(ArchiveErrorKind::OlderSchema, message));
    }
    check_scheme(&connection, path)?;
    Ok(connection)
}

/// Accepts a database without tables: a crash right after the file was created leaves
/// one.
fn check_owner(connection: &Connection, path: &Path) -> Result<(), ArchiveError> {
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        return Ok(());
    }
    let message =
        format!("{} is a SQLite database of another program, not a verta-sync archive", path.display());
    Err(ArchiveError::new(ArchiveErrorKind::NotAnArchive, message))
}

fn check_version(connection: &Connection, path: &Path, ours: i64) -> Result<(), ArchiveError> {
    let theirs = schema_version(connection)?;
    if theirs <= ours {
        return Ok(());
    }
    let message = format!(
        "{} was created by a newer version of verta-sync (schema {theirs}; this version supports {ours})",
        path.display()
    );
    Err(ArchiveError::new(ArchiveErrorKind::NewerSchema, message))
}

/// The parent folder of a path, `.` for a bare file name.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Path of a file beside the archive: the archive's path with a suffix.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn check_scheme(connection: &Connection, path: &Path) -> Result<(), ArchiveError> {
    let query = "SELECT value FROM archive_info WHERE key = 'anonymization'";
    let scheme: String = connection.query_row(query, [], |row| row.get(0))?;
    if scheme == anonymize::SCHEME {
        return Ok(());
    }
    let message = format!(
        "{} anonymizes users with {scheme:?}; this version supports only {:?}",
        path.display(),
        anonymize::SCHEME
    );
    Err(ArchiveError::new(ArchiveErrorKind::UnsupportedScheme, message))
}
