//! Residual data: copies of scrubbed or erased texts that SQLite leaves in the file, and
//! their removal.
//!
//! Deleted rows stay in free pages and in the write-ahead log until VACUUM rebuilds the
//! file. `secure_delete` overwrites a deleted row in place. But after a page was
//! rebuilt, an older copy of a row can remain in the page's unused middle, which SQLite
//! doesn't overwrite: on random histories, about once in some thousand scrubbed texts.
//! So the residual check follows: after stored texts were scrubbed again, the writer
//! thread searches the file for IDs of known users when it ends, and runs VACUUM if it
//! contains any.

use std::io::{self, Read};
use std::path::Path;

use hashbrown::HashSet;
use rusqlite::{Connection, params};

use super::connection::{busy_timeout, reopen, truncate_log};
use super::scrubbers::ScrubberByChannel;
use super::{ArchiveError, ArchiveErrorKind, info};
use crate::anonymize::{Rules, Scrubber, UserHash};
use crate::files::NamedFile;

/// Key in `archive_info`. Set by the transaction that erases data, until VACUUM has
/// removed it from free pages.
const VACUUM_DUE: &str = "vacuum_due";

/// Key in `archive_info`. Set by the transaction that scrubs a stored text, until the
/// file was searched.
const SEARCH_DUE: &str = "search_due";
/// The value of both keys.
const DUE: &str = "1";

/// Bytes searched at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes of a chunk that are searched again with the next one: room for an ID in disguise
/// that the boundary splits.
const OVERLAP_BYTES: usize = 1 << 10;

/// Requests a search of the file, because a stored text was scrubbed.
pub(super) fn request_residual_search(connection: &Connection) -> Result<(), ArchiveError> {
    info::set(connection, SEARCH_DUE, DUE)
}

/// Requests a VACUUM, because deleted data must not stay in free pages. The request
/// survives the end of the process.
pub(super) fn request_vacuum(connection: &Connection) -> Result<(), ArchiveError> {
    info::set(connection, VACUUM_DUE, DUE)
}

/// Whether erased data may still be in free pages or in the write-ahead log.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn is_vacuum_due(connection: &Connection) -> Result<bool, ArchiveError> {
    info::is_set(connection, VACUUM_DUE)
}

/// Removes erased data from free pages and the write-ahead log, if a VACUUM is due.
/// Opening the archive for writing does this too. It stays due while a reader keeps the
/// write-ahead log in use.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails, for example without disk space for the copy
/// that VACUUM makes.
pub fn vacuum_if_due(connection: &Connection) -> Result<(), ArchiveError> {
    if !is_vacuum_due(connection)? {
        return Ok(());
    }
    connection.execute_batch("VACUUM")?;
    if truncate_log(connection)? {
        let done = "DELETE FROM archive_info WHERE key IN (?1, ?2)";
        connection.execute(done, params![VACUUM_DUE, SEARCH_DUE])?;
        truncate_log(connection)?;
    }
    Ok(())
}

/// Searches the file for IDs of known users, if that is due, and runs VACUUM if it
/// contains any. The write-ahead log must be empty. Takes the connection to close it:
/// the search opens and closes the file, which releases all POSIX locks of the process
/// on it, so no connection of this process may be open.
pub(super) fn search_if_due(connection: Connection, rules: Rules) -> Result<(), ArchiveError> {
    // A due VACUUM makes the search unnecessary.
    let is_due = info::is_set(&connection, SEARCH_DUE)? && !is_vacuum_due(&connection)?;
    let Some(path) = connection.path().filter(|_| is_due).map(str::to_owned) else {
        return Ok(());
    };
    let known = known_users(&connection)?;
    let scrubbers = ScrubberByChannel::new(rules).all(&connection)?;
    let busy_timeout = busy_timeout(&connection)?;
    drop(connection);
    let path = Path::new(&path);
    let failed = |error: &dyn std::fmt::Display| {
        ArchiveError::new(
            ArchiveErrorKind::Io,
            format!("cannot search {} for residual data: {error}", path.display()),
        )
    };
    let file = NamedFile::open(path).map_err(|error| failed(&error))?.into_file();
    let contains_known_id = contains_known_id(file, &scrubbers, &known).map_err(|error| failed(&error))?;
    let connection = reopen(path, busy_timeout)?;
    if contains_known_id {
        connection.execute_batch("VACUUM")?;
        if !truncate_log(&connection)? {
            return Ok(());
        }
    }
    connection.execute("DELETE FROM archive_info WHERE key = ?1", params![SEARCH_DUE])?;
    truncate_log(&connection)?;
    Ok(())
}

/// The known users, by the first eight bytes of their hash.
fn known_users(connection: &Connection) -> Result<HashSet<i64>, ArchiveError> {
    let mut select = connection.prepare("SELECT anonymized_id FROM users")?;
    let mut rows = select.query([])?;
    let mut known = HashSet::new();
    while let Some(row) = rows.next()? {
        let hash = row.get_ref(0)?.as_str().ok().and_then(UserHash::from_hex);
        known.extend(hash.map(|hash| hash.prefix()));
    }
    Ok(known)
}

/// Whether the bytes contain the ID of a known user, in plain digits or in disguise.
fn contains_known_id(mut file: impl Read, scrubbers: &[Scrubber], known: &HashSet<i64>) -> io::Result<bool> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut carried = 0;
    loop {
        let read = file.read(&mut buffer[carried..])?;
        if read == 0 {
            return Ok(false);
        }
        let filled = carried + read;
        let is_known = |hash: &UserHash| known.contains(&hash.prefix());
        if scrubbers.iter().any(|scrubber| scrubber.user_ids_in(&buffer[..filled]).iter().any(is_known)) {
            return Ok(true);
        }
        let rest = filled.saturating_sub(OVERLAP_BYTES);
        buffer.copy_within(rest..filled, 0);
        carried = filled - rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::HashScheme;
    use crate::platform::discord::SPEC;

    /// Returns at most 7 bytes per read.
    struct ShortReads<'a>(&'a [u8]);

    impl Read for ShortReads<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(7);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn finds_ids_across_reads_and_chunk_boundaries() {
        let scrubber = Scrubber::new(&SPEC, HashScheme::Plain);
        let known = HashSet::from([scrubber.parse_user("123456789012345678").unwrap().prefix()]);
        for padding in 0..40 {
            let bytes = [&b"\0\xff".repeat(padding)[..], b"\x80123456789012345678\x01"].concat();
            assert!(contains_known_id(ShortReads(&bytes), &[scrubber], &known).unwrap(), "{padding}");
            assert!(
                !contains_known_id(ShortReads(&bytes), &[scrubber], &HashSet::new()).unwrap(),
                "{padding}"
            );
        }
        let split = [vec![b' '; CHUNK_BYTES - 9], b"123456789012345678".to_vec()].concat();
        assert!(contains_known_id(&split[..], &[scrubber], &known).unwrap());
    }
}
