//! Brings an archive of an older version to this one, for commands that read it
//! before they ask and take the lock.

use super::{Failure, Surroundings};
use crate::archive::{ArchiveErrorKind, ArchiveFile, Lock, Reader};

/// Migrates the archive if it is an older one. Whatever else is the matter with
/// it shows when it is read.
///
/// # Errors
/// When somebody else holds the archive, or it can't be migrated.
pub fn migrate(file: &ArchiveFile, command: &str) -> Result<(), Failure> {
    match Reader::open(&file.path) {
        Err(error) if error.kind == ArchiveErrorKind::OlderSchema => {}
        _ => return Ok(()),
    }
    let lock = Lock::take(file, command, None, Surroundings::now());
    let _lock = lock.map_err(|error| Failure::lock(error, &file.path))?;
    file.open().map_err(|error| Failure::archive(&error, &file.path))?;
    Ok(())
}
