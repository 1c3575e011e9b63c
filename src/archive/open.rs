//! Opens and creates the archive file, and checks it before use: file type, links,
//! owner (`application_id`), schema version and definitions, anonymization scheme.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use refinery::Migration;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::connection::{APPLICATION_ID, BUSY_TIMEOUT, configure, harden, keep_side_files};
use super::migrations::{bundled, migrate, newest_version, schema_version, target_version};
use super::{ArchiveError, ArchiveErrorKind, definitions};
use crate::anonymize::{HashKey, HashScheme, Rules};
use crate::files::{self, FileError, NamedFile};

/// The path of an archive, and how to create and open it.
#[derive(Debug, Clone)]
pub struct ArchiveFile {
    /// Path of the database file.
    pub path: PathBuf,
    /// Unix permission bits of a new file.
    pub mode: u32,
    /// How its texts are scrubbed and its users hashed.
    pub rules: Rules,
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
    /// Opens the archive for writing and migrates it to the schema that `migrations` produce.
    /// Creates it if there is none. The caller holds the lock.
    ///
    /// # Errors
    /// As [`ArchiveFile::open`].
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
        // Before anything is written.
        if !is_unused(&connection)? {
            check_scheme(&connection, &self.path, self.rules.scheme)?;
        }
        configure(&connection, self.busy_timeout)?;
        migrate(&mut connection, migrations)?;
        definitions::restore_views(&connection, migrations)?;
        forget_copy(&connection)?;
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
    open_current(path, OpenFlags::SQLITE_OPEN_READ_ONLY, BUSY_TIMEOUT)
}

/// Like [`open_beside_writer`], to write something that is no content.
pub(super) fn open_to_annotate(path: &Path, busy_timeout: Duration) -> Result<Connection, ArchiveError> {
    let connection = open_current(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)?;
    keep_side_files(&connection)?;
    Ok(connection)
}

/// Opens an archive of this version's schema.
fn open_current(path: &Path, access: OpenFlags, busy_timeout: Duration) -> Result<Connection, ArchiveError> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(busy_timeout)?;
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
    check_known_scheme(&connection, path)?;
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

/// Key in `archive_info`: how users are hashed.
pub(super) const SCHEME_KEY: &str = "anonymization";
/// Key in `archive_info`: the fingerprint of a keyed archive's key.
pub(super) const KEY_FINGERPRINT_KEY: &str = "hash_key_fingerprint";

fn recorded(connection: &Connection, key: &str) -> Result<Option<String>, ArchiveError> {
    let query = "SELECT value FROM archive_info WHERE key = ?1";
    Ok(connection.query_row(query, [key], |row| row.get(0)).optional()?)
}

/// Fails unless the archive hashes users by a scheme that this version knows.
fn check_known_scheme(connection: &Connection, path: &Path) -> Result<(), ArchiveError> {
    let scheme = recorded(connection, SCHEME_KEY)?.unwrap_or_default();
    let known = [HashScheme::PLAIN_NAME, HashScheme::KEYED_NAME];
    if known.contains(&scheme.as_str()) {
        return Ok(());
    }
    let message = format!(
        "{} anonymizes users with {scheme:?}; this version supports only {:?} and {:?}",
        path.display(),
        known[0],
        known[1]
    );
    Err(ArchiveError::new(ArchiveErrorKind::UnsupportedScheme, message))
}

/// Fails unless the archive hashes users by `scheme`.
pub(super) fn check_scheme(
    connection: &Connection,
    path: &Path,
    scheme: HashScheme,
) -> Result<(), ArchiveError> {
    check_known_scheme(connection, path)?;
    let (shown, is_keyed) =
        (path.display(), recorded(connection, SCHEME_KEY)?.as_deref() == Some(HashScheme::KEYED_NAME));
    let (kind, message) = match scheme.key() {
        None if !is_keyed => return Ok(()),
        None => (ArchiveErrorKind::KeyMissing, format!("{shown} is keyed, and no key is configured")),
        Some(_) if !is_keyed => {
            (ArchiveErrorKind::NotKeyed, format!("{shown} has plain hashes, but a key is configured"))
        }
        Some(key) if recorded(connection, KEY_FINGERPRINT_KEY)? == Some(key.fingerprint()) => return Ok(()),
        Some(_) => (ArchiveErrorKind::WrongKey, format!("the configured key is not the key of {shown}")),
    };
    Err(ArchiveError::new(kind, message))
}

/// Whether the archive has no tables yet, or no hash.
fn is_unused(connection: &Connection) -> Result<bool, ArchiveError> {
    let query = "SELECT NOT EXISTS (SELECT 1 FROM users) AND NOT EXISTS (SELECT 1 FROM forgotten)
                    AND NOT EXISTS (SELECT 1 FROM suspect_digits)
                    AND NOT EXISTS (SELECT 1 FROM archive_info WHERE key = ?1)";
    Ok(schema_version(connection)? == 0
        || connection.query_row(query, [KEY_FINGERPRINT_KEY], |row| row.get(0))?)
}

/// Key in `archive_info` of a copy that nothing was written to since.
pub(super) const COPY_KEY: &str = "is_copy";

/// Removes the mark of an untouched copy. Called before anything is written to an archive.
pub(super) fn forget_copy(connection: &Connection) -> Result<(), ArchiveError> {
    connection.execute("DELETE FROM archive_info WHERE key = ?1", [COPY_KEY])?;
    Ok(())
}

/// Records the key of an archive that has no hash yet.
pub(super) fn adopt_key(connection: &Connection, scheme: HashScheme) -> Result<(), ArchiveError> {
    match scheme.key() {
        Some(key) if is_unused(connection)? => record_key(connection, key),
        _ => Ok(()),
    }
}

/// Records that the archive hashes users with this key.
pub(super) fn record_key(connection: &Connection, key: HashKey) -> Result<(), ArchiveError> {
    connection.execute(
        "INSERT INTO archive_info (key, value) VALUES (?1, ?2), (?3, ?4)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![SCHEME_KEY, HashScheme::KEYED_NAME, KEY_FINGERPRINT_KEY, key.fingerprint()],
    )?;
    Ok(())
}
