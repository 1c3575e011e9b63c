//! Opening and making the file: checks, settings, migrations.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use refinery::{Migration, Runner};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{ArchiveError, ArchiveErrorKind, forget, schema, sweep};
use crate::anonymize;
use crate::files::{self, FileError, Named};

#[allow(missing_docs, clippy::pedantic, reason = "made by refinery")]
mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Marks a SQLite file as an archive of ours: "vert".
/// <https://www.sqlite.org/pragma.html#pragma_application_id>
const APPLICATION_ID: i32 = 0x7665_7274;
/// How long another program may hold the database.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long readers may hold up the end.
pub(super) const END_TIMEOUT: Duration = Duration::from_secs(1);
/// Kept between statements.
const CACHED_STATEMENTS: usize = 64;

/// Where the archive is, and how a new one is made.
#[derive(Debug, Clone)]
pub struct ArchiveFile {
    /// The file.
    pub path: PathBuf,
    /// Its permissions when it is made.
    pub mode: u32,
}

/// Looks at the file without changing anything: is it there, and ours?
///
/// # Errors
/// [`ArchiveErrorKind::Missing`] if there is none and one can be made;
/// otherwise what stands in the way.
pub fn inspect(path: &Path) -> Result<(), ArchiveError> {
    let shown = path.display();
    let head = Named::open(path).and_then(|file| {
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
        Err(FileError::Io { source, .. }) => Err(ArchiveError::new(
            ArchiveErrorKind::CannotCreate,
            format!("{shown} can't be opened: {source}"),
        )),
        Err(error) => Err(not_trusted(&error)),
    }
}

/// The files that SQLite keeps beside the archive. It follows no symbolic link
/// there, but writes through a hard link.
fn check_side_files(path: &Path) -> Result<(), ArchiveError> {
    for end in ["-wal", "-shm", "-journal"] {
        match files::check_own(&beside(path, end)) {
            Ok(_) => {}
            // SQLite says what it lacks.
            Err(error) if error.is_denied() => {}
            Err(error) => return Err(not_trusted(&error)),
        }
    }
    Ok(())
}

fn not_trusted(error: &FileError) -> ArchiveError {
    let kind = match error {
        FileError::Linked { .. } => ArchiveErrorKind::Linked,
        _ => ArchiveErrorKind::NotAFile,
    };
    ArchiveError::new(kind, error.to_string())
}

fn missing(path: &Path) -> ArchiveError {
    ArchiveError::new(ArchiveErrorKind::Missing, format!("there is no archive at {} yet", path.display()))
}

fn check_folder(path: &Path) -> Result<(), ArchiveError> {
    let folder = folder_of(path);
    let shown = folder.display();
    if !folder.is_dir() {
        return Err(ArchiveError::new(
            ArchiveErrorKind::CannotCreate,
            format!("the folder {shown} for the archive doesn't exist"),
        ));
    }
    let writable = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    writable.map_err(|error| {
        ArchiveError::new(ArchiveErrorKind::ReadOnly, format!("the folder {shown} can't be written: {error}"))
    })
}

impl ArchiveFile {
    /// Opens the archive for writing, makes it if there is none, and brings it
    /// to this version's schema. The caller holds the lock.
    ///
    /// # Errors
    /// When the file is not ours, newer, damaged, or can't be written.
    pub fn open(&self) -> Result<Connection, ArchiveError> {
        self.open_with(&released())
    }

    /// Like [`ArchiveFile::open`], for the schema that `migrations` lead to.
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
        schema::distrust(&connection)?;
        check_owner(&connection, &self.path)?;
        check_version(&connection, &self.path, newest(migrations))?;
        schema::check(&connection, &self.path, schema_version(&connection)?, migrations)?;
        configure(&connection)?;
        migrate(&mut connection, migrations)?;
        schema::restore_views(&connection, migrations)?;
        check_scheme(&connection, &self.path)?;
        sweep::bring_up_to_date(&mut connection)?;
        forget::finish(&connection)?;
        Ok(connection)
    }

    /// An empty file that stands there already becomes the archive as it is.
    fn create(&self) -> Result<(), ArchiveError> {
        check_side_files(&self.path)?;
        files::create_own(&self.path, self.mode).map(drop).map_err(|error| {
            let kind = ArchiveErrorKind::CannotCreate;
            ArchiveError::new(kind, format!("{} can't be made: {error}", self.path.display()))
        })
    }
}

/// Opens an archive for reading only; it must be there, ours, and of this
/// version's schema.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, ArchiveError> {
    inspect(path)?;
    let connection = open_beside_writer(path)?;
    schema::check(&connection, path, newest_version(), &released())?;
    Ok(connection)
}

/// Like [`open_read_only`], for a process that has the archive open already, and has
/// checked its schema then.
/// Nothing but SQLite may open and close the file then: closing any handle of a
/// file gives up all locks that the process holds on it.
/// <https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>
pub(super) fn open_beside_writer(path: &Path) -> Result<Connection, ArchiveError> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    schema::distrust(&connection)?;
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

/// Opens once more an archive that this process has just closed.
pub(super) fn reopen(path: &Path) -> Result<Connection, ArchiveError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    schema::distrust(&connection)?;
    configure(&connection)?;
    Ok(connection)
}

/// Merges the write-ahead log into the file and empties it. Returns whether
/// that was possible: a reader in the middle of the file isn't waited for long.
pub(super) fn truncate_log(connection: &Connection) -> Result<bool, ArchiveError> {
    connection.busy_timeout(END_TIMEOUT)?;
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_busy: bool = connection.query_row(checkpoint, [], |row| row.get(0))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(!is_busy)
}

/// A file without tables counts as ours: it was made, and then the power went.
fn check_owner(connection: &Connection, path: &Path) -> Result<(), ArchiveError> {
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        return Ok(());
    }
    let message = format!("{} is a SQLite database of another program", path.display());
    Err(ArchiveError::new(ArchiveErrorKind::NotAnArchive, message))
}

fn check_version(connection: &Connection, path: &Path, ours: i64) -> Result<(), ArchiveError> {
    let theirs = schema_version(connection)?;
    if theirs <= ours {
        return Ok(());
    }
    let message = format!(
        "{} was made by a newer version of verta-sync (schema {theirs}; this version knows {ours})",
        path.display()
    );
    Err(ArchiveError::new(ArchiveErrorKind::NewerSchema, message))
}

pub(super) fn schema_version(connection: &Connection) -> Result<i64, ArchiveError> {
    let known: i64 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'",
        [],
        |row| row.get(0),
    )?;
    if known == 0 {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    Ok(connection.query_row(newest, [], |row| row.get(0))?)
}

fn newest_version() -> i64 {
    newest(&released())
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file that belongs to the archive, by the end of its name.
pub fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// The migrations of this version.
pub(super) fn released() -> Vec<Migration> {
    embedded::migrations::runner().get_migrations().clone()
}

pub(super) fn newest(migrations: &[Migration]) -> i64 {
    migrations.iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// Settings are explained in the design: WAL lets readers go on; NORMAL is
/// enough because a checkpoint commits with its page; `secure_delete` leaves
/// nothing of what was scrubbed or erased in free space.
fn configure(connection: &Connection) -> Result<(), ArchiveError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // The files beside the archive stay, empty: a reader who may not write the
    // folder needs them, and one who may would make them in its own name.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 10_000)?;
    connection.pragma_update(None, "cache_size", -8_000)?;
    Ok(())
}

/// In one transaction: whatever fails or ends the process on the way, the file
/// is of its old schema.
fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<(), ArchiveError> {
    Runner::new(migrations).set_grouped(true).run(connection).map_err(|error| {
        ArchiveError::of(&error, format!("the archive can't be brought to this version: {error}"))
    })?;
    record_migrations(connection)
}

/// Also those that a process applied which ended before it recorded them.
fn record_migrations(connection: &Connection) -> Result<(), ArchiveError> {
    connection.execute(
        "INSERT INTO audit_log (action, details, created_at, updated_at)
         SELECT 'migration', json_object('version', h.version, 'name', h.name),
                unixepoch('subsec') * 1000, unixepoch('subsec') * 1000
           FROM refinery_schema_history h
          WHERE NOT EXISTS (SELECT 1 FROM audit_log
                             WHERE action = 'migration' AND json_extract(details, '$.version') = h.version)
          ORDER BY h.version",
        [],
    )?;
    Ok(())
}

fn check_scheme(connection: &Connection, path: &Path) -> Result<(), ArchiveError> {
    let query = "SELECT value FROM archive_info WHERE key = 'anonymization'";
    let scheme: String = connection.query_row(query, [], |row| row.get(0))?;
    if scheme == anonymize::SCHEME {
        return Ok(());
    }
    let message = format!(
        "{} anonymizes users by {scheme:?}; this version knows {:?} only",
        path.display(),
        anonymize::SCHEME
    );
    Err(ArchiveError::new(ArchiveErrorKind::OtherScheme, message))
}
