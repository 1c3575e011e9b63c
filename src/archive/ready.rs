//! Makes an archive ready for a command that writes: migrated, with its list of erased
//! people, scrubbed by the rules of this version, and without residual data.

use std::path::Path;

use rusqlite::Connection;

use super::connection::truncate_log;
use super::migrations::bundled;
use super::open::{adopt_key, check_scheme, forget_copy, open_to_annotate};
use super::tx::in_transaction;
use super::{ArchiveError, ArchiveFile, Lock, Tx, beside, forgotten_list, residual, sweep};
use crate::model::Timestamp;

impl ArchiveFile {
    /// Opens the archive for writing, creates it if there is none, and migrates it to
    /// this version's schema. The caller holds the lock.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if the file isn't an archive, has a newer schema, is
    /// damaged, or can't be written.
    pub fn open(&self) -> Result<Connection, ArchiveError> {
        let mut connection = self.open_with(&bundled())?;
        // Before the key is recorded: the list may be of another one.
        let list = forgotten_list::read(&self.path, self.rules.scheme)?;
        adopt_key(&connection, self.rules.scheme)?;
        check_scheme(&connection, &self.path, self.rules.scheme)?;
        forgotten_list::merge(&mut connection, &self.path, self.mode, self.rules, list)?;
        self.clean(connection)
    }

    /// Like [`ArchiveFile::open`], without the list of erased people, which may be of the
    /// archive's future key.
    ///
    /// # Errors
    /// As [`ArchiveFile::open`].
    pub fn open_for_rekey(&self) -> Result<Connection, ArchiveError> {
        self.clean(self.open_with(&bundled())?)
    }

    /// Makes a small change and nothing else: no text is scrubbed and no file rewritten, even if
    /// that is due. The caller holds the lock, and has no other connection to the archive.
    ///
    /// # Errors
    /// As [`ArchiveFile::open`], and that of the change.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Tx<'_>, Timestamp) -> Result<T, ArchiveError>,
    ) -> Result<T, ArchiveError> {
        let mut connection = self.open_with(&bundled())?;
        let result = in_transaction(&mut connection, self.rules, change)?;
        truncate_log(&connection)?;
        share_side_files(&self.path);
        Ok(result)
    }

    /// Makes a small change that is no content, such as a note of what was done with the archive,
    /// also while another process writes the archive. Nothing is created or migrated. The lock is given
    /// if the caller holds it.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if the archive can't be opened or written, and that of the change.
    pub fn annotate<T>(
        &self,
        lock: Option<&Lock>,
        change: impl FnOnce(&mut Tx<'_>, Timestamp) -> Result<T, ArchiveError>,
    ) -> Result<T, ArchiveError> {
        let mut connection = open_to_annotate(&self.path, self.busy_timeout)?;
        let result = in_transaction(&mut connection, self.rules, |tx, now| {
            forget_copy(tx.connection)?;
            change(tx, now)
        })?;
        if lock.is_some() {
            truncate_log(&connection)?;
        }
        Ok(result)
    }

    /// Brings the texts up to date and removes residual data.
    fn clean(&self, mut connection: Connection) -> Result<Connection, ArchiveError> {
        sweep::bring_up_to_date(&mut connection, self.rules)?;
        residual::vacuum_if_due(&connection)?;
        share_side_files(&self.path);
        Ok(connection)
    }
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
