//! Reads rows of the views, column by column.
//!
//! A connection runs no view of the file ([`super::connection`]), so the program's own
//! definitions are created as temporary views, which hide those of the file.

use rusqlite::types::ValueRef;
use rusqlite::{Row, params_from_iter};

use super::message_filter::{MessageFilter, conditions};
use super::reader::time;
use super::{ArchiveError, ChannelRow, Reader, TenantRow, definitions};
use crate::model::{ChannelId, Timestamp};

/// A value of a view.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'r> {
    /// No value.
    Null,
    /// A number, truth value or time.
    Integer(i64),
    /// A text.
    Text(&'r str),
    /// A text that other rows have as well. Of one column, equal keys mean equal texts.
    Shared(i64, &'r str),
}

/// A [`Cell`] that owns its text.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnedCell {
    /// See [`Cell::Null`].
    Null,
    /// See [`Cell::Integer`].
    Integer(i64),
    /// See [`Cell::Text`].
    Text(String),
    /// See [`Cell::Shared`].
    Shared(i64, String),
}

impl OwnedCell {
    /// Copies a cell.
    pub fn of(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Integer(number) => Self::Integer(number),
            Cell::Text(text) => Self::Text(text.to_owned()),
            Cell::Shared(key, text) => Self::Shared(key, text.to_owned()),
        }
    }

    /// The cell.
    pub fn as_cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Integer(number) => Cell::Integer(*number),
            Self::Text(text) => Cell::Text(text),
            Self::Shared(key, text) => Cell::Shared(*key, text),
        }
    }
}

/// What receives rows.
pub trait RowSink {
    /// A value of all rows that follow, until the next one for the same column.
    fn constant(&mut self, column: usize, value: Cell<'_>);
    /// A value of the current row.
    fn cell(&mut self, column: usize, value: Cell<'_>);
    /// Ends a row.
    fn end_row(&mut self);
}

/// A channel with those above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelLineage {
    /// Its row.
    pub row: ChannelRow,
    /// IDs and names of the channel, its parent, and the parent's category.
    pub lineage: Vec<(ChannelId, String)>,
}

/// A channel whose rows can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewChannel {
    /// Its row.
    pub row: ChannelRow,
    /// Its ID as its platform writes it.
    pub id: String,
    /// When its oldest and newest archived messages were sent, if it has any.
    pub sent: Option<(Timestamp, Timestamp)>,
}

impl Reader {
    /// Makes the views readable on this connection.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn open_views(&self) -> Result<(), ArchiveError> {
        definitions::create_temporary_views(&self.connection)
    }

    /// The columns of a view.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn view_columns(&self, view: &str) -> Result<Vec<String>, ArchiveError> {
        let mut select =
            self.connection.prepare("SELECT name FROM pragma_table_info(?1, 'temp') ORDER BY cid")?;
        Ok(select.query_map([view], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The channels of a tenant, each with those above it.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn channel_lineages(&self, tenant: TenantRow) -> Result<Vec<ChannelLineage>, ArchiveError> {
        let mut select = self.connection.prepare(
            "SELECT c.id, c.platform_id, c.name, p.platform_id, p.name, g.platform_id, g.name
               FROM channels c LEFT JOIN channels p ON p.id = c.parent_id LEFT JOIN channels g ON g.id = p.parent_id
              WHERE c.tenant_id = ?1",
        )?;
        let rows = select.query_map([tenant.0], |row| {
            let mut lineage = Vec::new();
            for column in [1, 3, 5] {
                let id = row.get::<_, Option<i64>>(column)?.and_then(ChannelId::from_i64);
                lineage.extend(id.zip(row.get::<_, Option<String>>(column + 1)?));
            }
            Ok(ChannelLineage { row: ChannelRow(row.get(0)?), lineage })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The names of these tenants, of all if none is given, in order and each once: two servers may have
    /// one name.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn tenant_names(&self, wanted: &[String]) -> Result<Vec<String>, ArchiveError> {
        let mut select = self.connection.prepare("SELECT DISTINCT name FROM tenants ORDER BY name")?;
        let names: Vec<String> = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(names.into_iter().filter(|name| wanted.is_empty() || wanted.contains(name)).collect())
    }

    /// The rows of the tenants with these names.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn tenant_rows(&self, names: &[String]) -> Result<Vec<TenantRow>, ArchiveError> {
        let mut select = self.connection.prepare("SELECT id, name FROM tenants ORDER BY id")?;
        let rows = select.query_map([], |row| Ok((TenantRow(row.get(0)?), row.get::<_, String>(1)?)))?;
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        Ok(rows.into_iter().filter(|(_, name)| names.contains(name)).map(|(row, _)| row).collect())
    }

    /// The channels that are hidden or unreadable, with all that is below them.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn closed_channels(&self) -> Result<Vec<ChannelRow>, ArchiveError> {
        let mut select = self.connection.prepare(
            "WITH RECURSIVE closed (id) AS (SELECT id FROM channels WHERE state IN ('hidden', 'unreadable')
                 UNION SELECT c.id FROM channels c JOIN closed o ON c.parent_id = o.id)
             SELECT id FROM closed ORDER BY id",
        )?;
        let rows = select.query_map([], |row| Ok(ChannelRow(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The channels of a tenant that a filter selects, by row. Closed ones are hidden or
    /// unreadable.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn view_channels(
        &self,
        tenant: &str,
        channels: &[String],
        includes_closed: bool,
    ) -> Result<Vec<ViewChannel>, ArchiveError> {
        let filter = MessageFilter {
            tenants: vec![tenant.to_owned()],
            channels: channels.to_vec(),
            ..MessageFilter::all()
        };
        let (conditions, parameters) = conditions(&filter);
        let closed = if includes_closed { "" } else { "AND c.state NOT IN ('hidden', 'unreadable')" };
        let mut select = self.connection.prepare(&format!(
            "SELECT c.id, c.id_text, c.first_message_at, c.last_message_at FROM channels c JOIN tenants t ON t.id = c.tenant_id
              WHERE {conditions} {closed} ORDER BY c.id"
        ))?;
        let rows = select.query_map(params_from_iter(parameters), |row| {
            Ok(ViewChannel {
                row: ChannelRow(row.get(0)?),
                id: row.get(1)?,
                sent: time(row, 2)?.zip(time(row, 3)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Reads these columns of a channel's or thread's own row, if the view has one for it.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn own_row(
        &self,
        view: &str,
        columns: &[(usize, &str)],
        channel: ChannelRow,
        sink: &mut impl RowSink,
    ) -> Result<(), ArchiveError> {
        let names: Vec<String> = columns.iter().map(|(_, name)| format!("v.\"{name}\"")).collect();
        let sql = format!("SELECT {} FROM temp.{view} v WHERE v.channel_key = ?1", names.join(", "));
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut rows = select.query([channel.0])?;
        while let Some(row) = rows.next()? {
            for (index, (number, _)) in columns.iter().enumerate() {
                sink.cell(*number, cell(row, index)?);
            }
            sink.end_row();
        }
        Ok(())
    }
}

/// A column of a row.
pub(super) fn cell<'r>(row: &'r Row<'_>, index: usize) -> rusqlite::Result<Cell<'r>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Cell::Null, Cell::Text),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Cell::Null,
    })
}
