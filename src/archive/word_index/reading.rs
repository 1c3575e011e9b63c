//! Questions to the index.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::runs::{self, Run};
use super::{State, open, read_state};
use crate::archive::{ArchiveError, ChannelRow};

/// How long a question waits for a change of the index to be committed.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection that reads one state of an index.
#[derive(Debug)]
pub struct WordIndex {
    connection: Connection,
    state: State,
    runs: Vec<Run>,
}

/// A message that may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its document.
    pub document: i64,
    /// Its channel.
    pub channel: ChannelRow,
    /// Its ID.
    pub message: i64,
}

/// Documents of a run: from the first to the one before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first document.
    pub first: i64,
    /// The document after the last.
    pub end: i64,
}

impl WordIndex {
    /// Opens an index. What is read is its state at this moment.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if there is none, or if it can't be used.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let connection = open(path, BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.execute_batch("BEGIN")?;
        let (state, runs) = (read_state(&connection)?, runs::read_all(&connection)?);
        Ok(Self { connection, state, runs })
    }

    /// What it knows about itself.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Its runs.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The number of documents.
    pub fn documents(&self) -> u64 {
        runs::documents(&self.runs)
    }

    /// All documents of a run.
    pub fn bounds(&self, run: &Run) -> Bounds {
        Bounds { first: run.document(0), end: run.end() }
    }

    /// The first document of an ordered run for which `is_before` (channel, message) is false. `None`
    /// means that it can't be told for this document.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails, and that of `is_before`.
    pub fn first_where_not(
        &self,
        run: &Run,
        mut is_before: impl FnMut(ChannelRow, i64) -> Result<Option<bool>, ArchiveError>,
    ) -> Result<i64, ArchiveError> {
        run.partition_point(&self.connection, |channel, message| is_before(ChannelRow(channel), message))
    }

    /// At most `limit` candidates of an FTS5 expression, in the order of their documents, or
    /// the reverse of it.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn candidates(
        &self,
        expression: &str,
        bounds: Bounds,
        is_ascending: bool,
        limit: usize,
    ) -> Result<Vec<Candidate>, ArchiveError> {
        let order = if is_ascending { "" } else { "DESC" };
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT d.id, d.channel, d.message FROM words w JOIN documents d ON d.id = w.rowid
              WHERE words MATCH ?1 AND w.rowid >= ?2 AND w.rowid < ?3 ORDER BY w.rowid {order} LIMIT ?4"
        ))?;
        let rows = select.query_map(params![expression, bounds.first, bounds.end, limit], |row| {
            Ok(Candidate { document: row.get(0)?, channel: ChannelRow(row.get(1)?), message: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
