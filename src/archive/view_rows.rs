//! Reads rows of the views, column by column.
//!
//! A connection runs no view of the file ([`super::connection`]), so the program's own
//! definitions are created as temporary views, which hide those of the file.

use rusqlite::types::ValueRef;
use rusqlite::{Row, params, params_from_iter};

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
}

/// What to read of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewSelection {
    /// The view.
    pub view: &'static str,
    /// SQL expressions over the view `v`, one for each column that is read.
    pub columns: Vec<String>,
    /// The columns that rows are sorted by.
    pub order: &'static str,
    /// The column with the time of a row, in milliseconds since 1970 UTC, if rows belong to a message.
    pub time: Option<&'static str>,
    /// Whether rows of deleted messages are read.
    pub includes_deleted: bool,
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
    /// When its oldest archived message was sent, if it has any.
    pub first_sent: Option<Timestamp>,
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
            "SELECT c.id, c.first_message_at FROM channels c JOIN tenants t ON t.id = c.tenant_id
              WHERE {conditions} {closed} ORDER BY c.id"
        ))?;
        let rows = select.query_map(params_from_iter(parameters), |row| {
            Ok(ViewChannel { row: ChannelRow(row.get(0)?), first_sent: time(row, 1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Reads the rows of a channel that belong to the message `from` or later ones, up to the first that
    /// was sent at `end` or later. Returns that one's message and time.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn channel_rows(
        &self,
        selection: &ViewSelection,
        channel: ChannelRow,
        from: i64,
        end: Timestamp,
        mut on_cell: impl FnMut(usize, Cell<'_>),
    ) -> Result<Option<(i64, Timestamp)>, ArchiveError> {
        let Some(time_column) = selection.time else { return Ok(None) };
        let ViewSelection { view, order, .. } = selection;
        let live = if selection.includes_deleted {
            ""
        } else {
            "AND NOT EXISTS (SELECT 1 FROM main.messages o WHERE o.channel_id = v.channel_key
                                AND o.platform_id = v.message_key AND o.deleted_at IS NOT NULL)"
        };
        let columns = selection.columns.join(", ");
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT v.message_key, v.{time_column}, {columns} FROM temp.{view} v
              WHERE v.channel_key = ?1 AND v.message_key >= ?2 {live} ORDER BY v.message_key, {order}"
        ))?;
        let mut rows = select.query(params![channel.0, from])?;
        while let Some(row) = rows.next()? {
            let sent_at = Timestamp::from_millis(row.get::<_, Option<i64>>(1)?.unwrap_or(i64::MIN));
            if sent_at >= end {
                return Ok(Some((row.get(0)?, sent_at)));
            }
            cells(row, 2, selection.columns.len(), &mut on_cell)?;
        }
        Ok(None)
    }

    /// Reads the row of a channel or thread itself, if the view has one for it.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn own_row(
        &self,
        selection: &ViewSelection,
        channel: ChannelRow,
        mut on_cell: impl FnMut(usize, Cell<'_>),
    ) -> Result<(), ArchiveError> {
        let (view, columns) = (selection.view, selection.columns.join(", "));
        let sql = format!("SELECT {columns} FROM temp.{view} v WHERE v.channel_key = ?1");
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut rows = select.query([channel.0])?;
        while let Some(row) = rows.next()? {
            cells(row, 0, selection.columns.len(), &mut on_cell)?;
        }
        Ok(())
    }
}

/// Passes the values of a row from a column on.
fn cells(
    row: &Row<'_>,
    first: usize,
    count: usize,
    on_cell: &mut impl FnMut(usize, Cell<'_>),
) -> Result<(), ArchiveError> {
    for column in 0..count {
        on_cell(
            column,
            match row.get_ref(first + column)? {
                ValueRef::Integer(number) => Cell::Integer(number),
                ValueRef::Text(text) => std::str::from_utf8(text).map_or(Cell::Null, Cell::Text),
                ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Cell::Null,
            },
        );
    }
    Ok(())
}
