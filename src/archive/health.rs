//! How the file and its surroundings are.

use std::path::Path;

use super::migrations::schema_version;
use super::platforms::ScrubberByChannel;
use super::schema::{TEXT_TABLES, TextColumn, TextTable};
use super::{ArchiveError, Reader, sweep};
use crate::anonymize::Exposure;
use crate::model::Platforms;

/// Most faults that are listed.
const FAULTS: u32 = 10;

/// Where the archive is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that this user can still write.
    pub free_bytes: u64,
    /// Whether it is reached over a network, where SQLite's locks can't be
    /// relied upon. <https://www.sqlite.org/howtocorrupt.html>
    pub is_remote: bool,
}

/// Types of file systems behind a network: NFS, SMB, CIFS, SMB2, AFS, FUSE is
/// none. <https://man7.org/linux/man-pages/man2/statfs.2.html>
const REMOTE: [u64; 5] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x5346_414f];

/// Looks at the disk that a folder is on; `None` where that can't be told.
pub fn disk(folder: &Path) -> Option<Disk> {
    let told = rustix::fs::statfs(folder).ok()?;
    let space = rustix::fs::statvfs(folder).ok()?;
    let kind = u64::try_from(told.f_type).ok()? & 0xffff_ffff;
    Some(Disk {
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        is_remote: REMOTE.contains(&kind),
    })
}

/// A text that shows somebody's ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key, readable.
    pub place: String,
    /// How.
    pub exposure: Exposure,
}

impl Reader {
    /// Whether the next command that opens the archive for writing scrubs every
    /// text again, because an older version wrote it.
    ///
    /// # Errors
    /// When the archive can't be read.
    pub fn awaits_sweep(&self) -> Result<bool, ArchiveError> {
        sweep::is_due(&self.connection)
    }

    /// What SQLite finds wrong with the file: nothing, if all is well.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn faults(&self) -> Result<Vec<String>, ArchiveError> {
        let mut select = self.connection.prepare(&format!("PRAGMA quick_check({FAULTS})"))?;
        let faults: Vec<String> = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(faults.into_iter().filter(|fault| fault != "ok").collect())
    }

    /// The version of the schema.
    ///
    /// # Errors
    /// When the archive can't be read.
    pub fn schema_version(&self) -> Result<i64, ArchiveError> {
        schema_version(&self.connection)
    }

    /// Goes through every text of the archive and tells of each that shows a
    /// raw user ID. Returns how many texts that were.
    ///
    /// # Errors
    /// When the archive can't be read.
    pub fn sweep(&self, platforms: Platforms, mut found: impl FnMut(Leak)) -> Result<u64, ArchiveError> {
        let mut scrubbers = ScrubberByChannel::new(platforms);
        let mut texts = 0;
        for table in &TEXT_TABLES {
            for column in table.columns {
                texts += self.sweep_column(table, column, &mut scrubbers, &mut found)?;
            }
        }
        Ok(texts)
    }

    fn sweep_column(
        &self,
        table: &'static TextTable,
        column: &'static TextColumn,
        scrubbers: &mut ScrubberByChannel,
        found: &mut impl FnMut(Leak),
    ) -> Result<u64, ArchiveError> {
        // Nobody who was erased is to be seen either.
        let mut known = self.connection.prepare(
            "SELECT 1 FROM users WHERE anonymized_id = ?1 UNION ALL SELECT 1 FROM forgotten WHERE marker = ?2",
        )?;
        let (name, shown, channel) = (column.name, table.shown_place, table.place.channel());
        let sql = format!("SELECT {name}, {shown}, {channel} FROM {} WHERE {name} <> ''", table.name);
        let mut select = self.connection.prepare(&sql)?;
        let mut rows = select.query([])?;
        let mut texts = 0;
        while let Some(row) = rows.next()? {
            texts += 1;
            let text = row.get_ref(0)?.as_str().unwrap_or_default();
            let mut scrubbers = scrubbers.of(&self.connection, row.get(2)?)?.into_iter();
            let exposure = scrubbers.find_map(|scrubber| {
                scrubber.exposure(text, column.syntax, |hash| {
                    known.exists([hash.to_string(), hash.forget_marker()]).unwrap_or(true)
                })
            });
            if let Some(exposure) = exposure {
                found(Leak { table: table.name, column: name, place: row.get(1)?, exposure });
            }
        }
        Ok(texts)
    }
}
