//! What an index knows about itself.

use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::archive::{ArchiveError, ArchiveErrorKind};

/// What the index knows about itself.
///
/// Before the index is changed, it stores the next token, then the archive stores it as the
/// token of its subscription to the change log, then the index commits its changes with it.
/// So an index whose token, or next token, is the archive's was made from this very archive and
/// holds its changes up to `position`; a restored or replaced file has another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The rules by which words were cut.
    pub format: String,
    /// The token of its last change.
    pub token: String,
    /// The token announced for its next change.
    pub next_token: Option<String>,
    /// The last change of the archive that it holds.
    pub position: i64,
    /// Since when words of removed documents may still be in the file.
    pub residue_since: Option<i64>,
}

impl State {
    /// Whether it belongs to an archive whose subscription has this token.
    pub fn belongs_to(&self, token: &str) -> bool {
        self.token == token || self.next_token.as_deref() == Some(token)
    }
}

pub(super) fn read_state(connection: &Connection) -> Result<State, ArchiveError> {
    let select = "SELECT format, token, next_token, position, residue_since FROM state WHERE id = 1";
    let read = |row: &Row<'_>| {
        Ok(State {
            format: row.get(0)?,
            token: row.get(1)?,
            next_token: row.get(2)?,
            position: row.get(3)?,
            residue_since: row.get(4)?,
        })
    };
    connection
        .query_row(select, [], read)
        .optional()?
        .ok_or_else(|| ArchiveError::new(ArchiveErrorKind::Corrupt, "the index has no state"))
}
