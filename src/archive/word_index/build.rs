//! Building an index in a file beside its future place.
//!
//! A build holds a lock on its file, so that one of a killed process is recognized. An
//! erasure removes also the files of builds that go on: they may hold what was erased, and can't
//! be put in place any more.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};
use rustix::fs::{FlockOperation, Gid, fchown, flock};

use super::{
    APPLICATION_ID, ArchiveError, ArchiveErrorKind, SCHEMA, SCHEMA_VERSION, WordIndexWriter, io_error, remove,
};
use crate::archive::identity::FileIdentity;
use crate::files::{create_own_file, open_own_file};

/// Ends the names of files that are being built.
const BUILD_SUFFIX: &str = ".new";

/// Settings of FTS5 while an index is built: lists are merged once, at the end.
const BUILDING: [(&str, i64); 3] = [("hashsize", 1 << 20), ("automerge", 0), ("crisismerge", 1999)];
/// Its defaults.
const UPDATING: [(&str, i64); 3] = [("hashsize", 1 << 20), ("automerge", 4), ("crisismerge", 16)];

/// An index that is being built.
#[derive(Debug)]
pub struct Build {
    path: PathBuf,
    target: PathBuf,
    /// Holds the lock.
    file: File,
    is_finished: bool,
}

impl Build {
    /// Starts a build for an archive, with the archive's permissions; `None` if another process has one
    /// going on. `name` is random.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if the file can't be created.
    pub fn start(archive: &Path, name: &str) -> Result<Option<Self>, ArchiveError> {
        let target = &super::path_of(archive);
        if has_live_build(target) {
            return Ok(None);
        }
        for path in builds(target) {
            fs::remove_file(path).ok();
        }
        let path = build_path(target, name);
        let failed = |error: &std::io::Error| io_error("create", &path, error);
        let like = fs::metadata(archive).map_err(|error| io_error("read", archive, &error))?;
        let file = create_own_file(&path, like.mode() & 0o777).map_err(|error| failed(&error))?;
        let file = file.ok_or_else(|| failed(&std::io::ErrorKind::AlreadyExists.into()))?;
        // The owner of a file may only choose a group that it belongs to.
        if fchown(&file, None, Some(Gid::from_raw(like.gid()))).is_err() {
            let private = fs::Permissions::from_mode(like.mode() & 0o700);
            file.set_permissions(private).map_err(|error| failed(&error))?;
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| failed(&error.into()))?;
        Ok(Some(Self { path, target: target.to_owned(), file, is_finished: false }))
    }

    /// Creates the tables of an index without documents.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn writer(&self, format: &str, token: &str, position: i64) -> Result<WordIndexWriter, ArchiveError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        // A build that fails is removed as a whole, and one that succeeds is rewritten. Not
        // hardened, which would not allow this; the file is new.
        connection.pragma_update(None, "journal_mode", "OFF")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "cache_size", -8_000)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        connection.execute_batch(SCHEMA)?;
        configure(&connection, &BUILDING)?;
        connection.execute(
            "INSERT INTO state (id, format, token, position) VALUES (1, ?1, ?2, ?3)",
            params![format, token, position],
        )?;
        Ok(WordIndexWriter { connection })
    }

    /// Merges all lists and frees what is not needed any more, after the last document.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn complete(&self, mut writer: WordIndexWriter) -> Result<(), ArchiveError> {
        writer.drop_residue()?;
        configure(&writer.connection, &UPDATING)?;
        writer.vacuum()
    }

    /// Puts the index in its place. Every connection to it must be closed.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if it can't be put there, for example because an erasure removed
    /// it.
    pub fn finish(mut self) -> Result<(), ArchiveError> {
        self.file.sync_all().map_err(|error| io_error("write", &self.path, &error))?;
        if !FileIdentity::opened(&self.file, &self.path).is_in_place() {
            let message = "data was erased from the archive meanwhile; search again";
            return Err(ArchiveError::new(ArchiveErrorKind::Replaced, message));
        }
        remove(&self.target)?;
        fs::rename(&self.path, &self.target).map_err(|error| io_error("create", &self.target, &error))?;
        self.is_finished = true;
        Ok(())
    }
}

/// Changes settings of FTS5.
/// <https://www.sqlite.org/fts5.html#special_insert_commands>
fn configure(connection: &Connection, settings: &[(&str, i64)]) -> Result<(), ArchiveError> {
    for (name, value) in settings {
        connection.execute("INSERT INTO words (words, rank) VALUES (?1, ?2)", params![name, value])?;
    }
    Ok(())
}

impl Drop for Build {
    fn drop(&mut self) {
        if !self.is_finished {
            fs::remove_file(&self.path).ok();
        }
    }
}

fn build_path(target: &Path, name: &str) -> PathBuf {
    super::beside(target, &format!(".{name}{BUILD_SUFFIX}"))
}

/// The files of builds, also of killed processes.
fn builds(target: &Path) -> Vec<PathBuf> {
    let Some((folder, name)) = target.parent().zip(target.file_name()) else { return Vec::new() };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let prefix = [name.as_encoded_bytes(), b"."].concat();
    let is_build = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        name.starts_with(&prefix) && name.ends_with(BUILD_SUFFIX.as_bytes())
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_build).collect()
}

/// Whether a process is building an index.
pub fn has_live_build(target: &Path) -> bool {
    builds(target).iter().any(|path| match open_own_file(path, false) {
        Ok(Some(file)) => flock(&file, FlockOperation::NonBlockingLockShared).is_err(),
        Ok(None) => false,
        // Of another user.
        Err(_) => true,
    })
}

/// Removes the files of all builds, also of those that go on.
///
/// # Errors
/// Returns [`ArchiveError`] if a file can't be removed.
pub fn discard_builds(target: &Path) -> Result<(), ArchiveError> {
    for path in builds(target) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io_error("remove", &path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}
