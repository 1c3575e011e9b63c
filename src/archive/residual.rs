//! Residual data: what SQLite leaves in the file of texts that were scrubbed or
//! erased, and how it is removed.
//!
//! Deleted rows lie in free pages and in the write-ahead log until the file is made
//! anew (VACUUM). `secure_delete` overwrites what is deleted where it stands; but
//! where a page was rebuilt before, an older copy of a row can lie in the page's
//! unused middle, and nobody overwrites that: measured on random histories, once in
//! some thousand scrubbed texts. So after stored texts were scrubbed again, the file
//! is searched for the digits of known users when the writer ends, and made anew if
//! it shows any.

use std::io::{self, Read};
use std::path::Path;

use hashbrown::HashSet;
use rusqlite::{Connection, params};

use super::connection::{reopen, truncate_log};
use super::platforms::ScrubberByChannel;
use super::{ArchiveError, ArchiveErrorKind, info};
use crate::anonymize::{Scrubber, UserHash};
use crate::files::Named;
use crate::model::Platforms;

/// Set from the transaction that erases somebody until nothing of them is left
/// in free space.
const VACUUM_DUE: &str = "vacuum_due";

/// Set from the transaction that scrubs a stored text until the file was
/// searched.
const SEARCH_DUE: &str = "search_due";
/// The value of these two.
const DUE: &str = "1";

/// Bytes searched at once.
const CHUNK: usize = 1 << 20;
/// Bytes searched again with the next chunk: room for an ID in disguise.
const OVERLAP: usize = 1 << 10;

/// Notes that a stored text was scrubbed.
pub(super) fn demand_search(connection: &Connection) -> Result<(), ArchiveError> {
    info::set(connection, SEARCH_DUE, DUE)
}

/// Notes that the file is to be made anew: what was removed must not stay in
/// free space, even if the process dies now.
pub(super) fn demand_vacuum(connection: &Connection) -> Result<(), ArchiveError> {
    info::set(connection, VACUUM_DUE, DUE)
}

/// Whether something of what was erased may still be in free space or in the
/// write-ahead log.
///
/// # Errors
/// When the archive can't be read.
pub fn is_vacuum_due(connection: &Connection) -> Result<bool, ArchiveError> {
    info::is_set(connection, VACUUM_DUE)
}

/// Leaves nothing of what was erased in free space or in the write-ahead log,
/// if that is due. Whoever takes the lock does it before anything else. While a
/// reader is in the middle of the file, it stays due.
///
/// # Errors
/// When there isn't enough space for the copy that SQLite makes.
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

/// Searches the file if that is due. Its write-ahead log must be empty. Takes
/// the connection, because closing a file gives up every lock that the process
/// has on it: nothing else may have it open here.
pub(super) fn search_if_due(connection: Connection, platforms: Platforms) -> Result<(), ArchiveError> {
    // A file that is to be made anew anyway needs no search.
    let is_due = info::is_set(&connection, SEARCH_DUE)? && !is_vacuum_due(&connection)?;
    let Some(path) = connection.path().filter(|_| is_due).map(str::to_owned) else {
        return Ok(());
    };
    let known = known_users(&connection)?;
    let scrubbers = ScrubberByChannel::new(platforms).all(&connection)?;
    drop(connection);
    let path = Path::new(&path);
    let failed = |error: &dyn std::fmt::Display| {
        ArchiveError::new(ArchiveErrorKind::Io, format!("{} can't be searched: {error}", path.display()))
    };
    let file = Named::open(path).map_err(|error| failed(&error))?.into_file();
    let shows_any = shows_any(file, &scrubbers, &known).map_err(|error| failed(&error))?;
    let connection = reopen(path)?;
    if shows_any {
        connection.execute_batch("VACUUM")?;
        if !truncate_log(&connection)? {
            return Ok(());
        }
    }
    connection.execute("DELETE FROM archive_info WHERE key = ?1", params![SEARCH_DUE])?;
    truncate_log(&connection)?;
    Ok(())
}

/// By the first eight bytes of their hash.
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

fn shows_any(mut file: impl Read, scrubbers: &[Scrubber], known: &HashSet<i64>) -> io::Result<bool> {
    let mut buffer = vec![0; CHUNK];
    let mut kept = 0;
    loop {
        let read = file.read(&mut buffer[kept..])?;
        if read == 0 {
            return Ok(false);
        }
        let filled = kept + read;
        let shows = |hash: &UserHash| known.contains(&hash.prefix());
        if scrubbers.iter().any(|scrubber| scrubber.ids_in(&buffer[..filled]).iter().any(shows)) {
            return Ok(true);
        }
        let rest = filled.saturating_sub(OVERLAP);
        buffer.copy_within(rest..filled, 0);
        kept = filled - rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::discord::SPEC;

    /// Gives one byte after the other, however many are asked for.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(7);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn digits_are_found_wherever_a_chunk_ends() {
        let scrubber = Scrubber::new(&SPEC);
        let known = HashSet::from([scrubber.parse_user("123456789012345678").unwrap().prefix()]);
        for padding in 0..40 {
            let bytes = [&b"\0\xff".repeat(padding)[..], b"\x80123456789012345678\x01"].concat();
            assert!(shows_any(Slow(&bytes), &[scrubber], &known).unwrap(), "{padding}");
            assert!(!shows_any(Slow(&bytes), &[scrubber], &HashSet::new()).unwrap(), "{padding}");
        }
        let split = [vec![b' '; CHUNK - 9], b"123456789012345678".to_vec()].concat();
        assert!(shows_any(&split[..], &[scrubber], &known).unwrap());
    }
}
