//! Migrates an archive of an older version, for commands that read the archive before
//! they prompt the user and take the lock.

use super::{CommandContext, Failure};
use crate::archive::{ArchiveErrorKind, ArchiveFile, Lock, Reader};

/// Migrates the archive if its schema is older. Ignores any other error on opening it:
/// the caller meets it again when it reads the archive.
///
/// # Errors
/// Returns a [`Failure`] if another process holds the archive or the migration fails.
pub fn migrate(file: &ArchiveFile, command: &str) -> Result<(), Failure> {
    match Reader::open(&file.path) {
        Err(error) if error.kind == ArchiveErrorKind::OlderSchema => {}
        _ => return Ok(()),
    }
    let lock = Lock::take(file, command, None, CommandContext::now());
    let _lock = lock.map_err(|error| Failure::lock(error, &file.path))?;
    file.open().map_err(|error| Failure::archive(&error, &file.path))?;
    Ok(())
}
