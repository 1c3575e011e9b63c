//! Runs: documents whose numbers ascend with message ID and time.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::archive::ArchiveError;
use crate::model::Timestamp;

/// Bits of a document's number within its run.
const RUN_SHIFT: u32 = 32;

/// A run of documents of one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: i64,
    /// The platform of its messages: IDs of two platforms can't be compared.
    pub platform: String,
    /// The position of the next document to be added.
    pub(super) next: i64,
    /// Documents that were not removed.
    pub documents: u64,
    /// The greatest message ID in it.
    pub(super) last_message: i64,
    /// When the newest of its messages was sent.
    pub(super) last_sent_at: Timestamp,
    /// Whether document numbers ascend with message ID and time.
    pub is_ordered: bool,
}

impl Run {
    /// An empty run.
    pub(super) fn new(id: i64, platform: &str, is_ordered: bool) -> Self {
        Self {
            id,
            platform: platform.to_owned(),
            next: 0,
            documents: 0,
            last_message: i64::MIN,
            last_sent_at: Timestamp::from_millis(i64::MIN),
            is_ordered,
        }
    }

    /// The number of the document at a position.
    pub(super) const fn document(&self, position: i64) -> i64 {
        (self.id << RUN_SHIFT) | position
    }

    /// The position of a document.
    pub(super) const fn position(document: i64) -> i64 {
        document & ((1 << RUN_SHIFT) - 1)
    }

    /// The first document whose message ID is `message` or greater; the end of the run if
    /// there is none. The run is ordered.
    pub(super) fn first_from(&self, connection: &Connection, message: i64) -> Result<i64, ArchiveError> {
        self.partition_point(connection, |_, id| Ok(Some(id < message)))
    }

    /// The first document for which `is_before` (channel, message) is false; the end of the run if there is
    /// none. If `is_before` can't tell (`None`), the document after it decides.
    pub(super) fn partition_point(
        &self,
        connection: &Connection,
        mut is_before: impl FnMut(i64, i64) -> Result<Option<bool>, ArchiveError>,
    ) -> Result<i64, ArchiveError> {
        let mut select = connection.prepare_cached(
            "SELECT id, channel, message FROM documents WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1",
        )?;
        let (mut low, mut high) = (0, self.next);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut from = middle;
            loop {
                let range = [self.document(from), self.document(high)];
                let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
                let Some((document, channel, message)) = select.query_row(range, read).optional()? else {
                    high = middle;
                    break;
                };
                let position = Self::position(document);
                match is_before(channel, message)? {
                    Some(true) => low = position + 1,
                    Some(false) => high = middle,
                    None => {
                        from = position + 1;
                        continue;
                    }
                }
                break;
            }
        }
        Ok(self.document(low))
    }

    /// The document after the last.
    pub(super) const fn end(&self) -> i64 {
        self.document(self.next)
    }

    pub(super) fn store(&self, connection: &Connection) -> Result<(), ArchiveError> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO runs (id, platform, next, documents, last_message, last_sent_at, is_ordered)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                self.id,
                self.platform,
                self.next,
                self.documents,
                self.last_message,
                self.last_sent_at.as_millis(),
                self.is_ordered,
            ])?;
        Ok(())
    }
}

/// The number of documents in runs.
pub(super) fn documents(runs: &[Run]) -> u64 {
    runs.iter().map(|run| run.documents).sum()
}

/// All runs, by number.
pub(super) fn read_all(connection: &Connection) -> Result<Vec<Run>, ArchiveError> {
    let mut select = connection.prepare_cached(
        "SELECT id, platform, next, documents, last_message, last_sent_at, is_ordered FROM runs ORDER BY id",
    )?;
    let rows = select.query_map([], |row| {
        Ok(Run {
            id: row.get(0)?,
            platform: row.get(1)?,
            next: row.get(2)?,
            documents: row.get(3)?,
            last_message: row.get(4)?,
            last_sent_at: Timestamp::from_millis(row.get(5)?),
            is_ordered: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
