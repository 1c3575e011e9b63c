//! Health checks for `check`: the disk, the integrity of the file, and its texts. They
//! never write to the archive.

use std::path::Path;

use super::definitions::foreign_tables;
use super::migrations::{bundled, schema_version};
use super::open::folder_of;
use super::schema::{TEXT_TABLES, TextColumn, TextTable};
use super::scrubbers::ScrubberByChannel;
use super::{ArchiveError, Reader, sweep};
use crate::anonymize::{Exposure, Rules, UserHash, hashes_alone_in};

/// Maximum number of faults that are listed.
const MAX_FAULTS: u32 = 10;

/// The file system that the archive is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSystemInfo {
    /// Free space for this user, in bytes.
    pub free_bytes: u64,
    /// Whether it is a network file system, whose locks SQLite can't rely on.
    /// <https://www.sqlite.org/howtocorrupt.html>
    pub is_network_file_system: bool,
}

/// `f_type` of network file systems: NFS, SMB, CIFS, SMB2, AFS. FUSE is not included.
/// <https://man7.org/linux/man-pages/man2/statfs.2.html>
const NETWORK_FS_TYPES: [u64; 5] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x5346_414f];

/// Inspects the file system of a folder; `None` if the system calls fail.
pub fn file_system(folder: &Path) -> Option<FileSystemInfo> {
    let stat = rustix::fs::statfs(folder).ok()?;
    let space = rustix::fs::statvfs(folder).ok()?;
    let kind = u64::try_from(stat.f_type).ok()? & 0xffff_ffff;
    Some(FileSystemInfo {
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        is_network_file_system: NETWORK_FS_TYPES.contains(&kind),
    })
}

/// Whether the archive's disk has this much free space. `true` if that is unknown.
pub fn has_free_space(archive: &Path, bytes: u64) -> bool {
    file_system(folder_of(archive)).is_none_or(|disk| disk.free_bytes >= bytes)
}

/// A stored text that exposes a user's ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row, described for users, such as `message 1 of channel 2`.
    pub location: String,
    /// How it exposes the ID.
    pub exposure: Exposure,
}

impl Reader {
    /// Whether the next command that opens the archive for writing scrubs every text
    /// again, because they were scrubbed by the rules of an older version.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn is_sweep_due(&self) -> Result<bool, ArchiveError> {
        sweep::is_due(&self.connection)
    }

    /// Faults that SQLite's `quick_check` finds in the file, at most ten; empty if
    /// the file is sound.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn faults(&self) -> Result<Vec<String>, ArchiveError> {
        let mut select = self.connection.prepare(&format!("PRAGMA quick_check({MAX_FAULTS})"))?;
        let faults: Vec<String> = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(faults.into_iter().filter(|fault| fault != "ok").collect())
    }

    /// The tables that the archive doesn't define, sorted by name: those that the operator or
    /// another program added. Neither `forget` nor `reset --purge` reaches what they hold.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn foreign_tables(&self) -> Result<Vec<String>, ArchiveError> {
        foreign_tables(&self.connection, schema_version(&self.connection)?, &bundled())
    }

    /// The schema version of the file.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn schema_version(&self) -> Result<i64, ArchiveError> {
        schema_version(&self.connection)
    }

    /// Scans every text of the archive and calls `on_leak` for each that exposes a raw
    /// user ID. Returns the number of texts scanned.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn find_leaks(&self, rules: Rules, mut on_leak: impl FnMut(Leak)) -> Result<u64, ArchiveError> {
        let mut scrubbers = ScrubberByChannel::new(rules);
        let mut texts = 0;
        for table in &TEXT_TABLES {
            for column in table.columns {
                texts += self.find_leaks_in_column(table, column, &mut scrubbers, &mut on_leak)?;
            }
        }
        Ok(texts)
    }

    fn find_leaks_in_column(
        &self,
        table: &'static TextTable,
        column: &'static TextColumn,
        scrubbers: &mut ScrubberByChannel,
        on_leak: &mut impl FnMut(Leak),
    ) -> Result<u64, ArchiveError> {
        // The IDs of erased users must not appear either.
        let mut known_user = self.connection.prepare("SELECT 1 FROM users WHERE anonymized_id = ?1")?;
        let mut forgotten = self.connection.prepare("SELECT 1 FROM forgotten WHERE marker = ?1")?;
        let scheme = scrubbers.scheme();
        let (name, label, channel) = (column.name, table.row_label_sql, table.candidate_location.channel());
        let sql = format!("SELECT {name}, {label}, {channel} FROM {} WHERE {name} <> ''", table.name);
        let mut select = self.connection.prepare(&sql)?;
        let mut rows = select.query([])?;
        let mut texts = 0;
        while let Some(row) = rows.next()? {
            texts += 1;
            let text = row.get_ref(0)?.as_str().unwrap_or_default();
            let mut scrubbers = scrubbers.of(&self.connection, row.get(2)?)?.into_iter();
            let exposure = scrubbers.find_map(|scrubber| {
                scrubber.exposure(text, column.syntax, |hash| {
                    let mut markers = scheme.forget_markers(hash);
                    known_user.exists([hash.to_string()]).unwrap_or(true)
                        || markers.any(|marker| forgotten.exists([marker]).unwrap_or(true))
                })
            });
            let is_plain_hash = |hash: UserHash| {
                scheme
                    .key()
                    .is_some_and(|key| known_user.exists([key.hash(&hash).to_string()]).unwrap_or(true))
            };
            let exposure =
                exposure.or_else(|| hashes_alone_in(text).any(is_plain_hash).then_some(Exposure::PlainHash));
            if let Some(exposure) = exposure {
                on_leak(Leak { table: table.name, column: name, location: row.get(1)?, exposure });
            }
        }
        Ok(texts)
    }
}
