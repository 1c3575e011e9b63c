//! The thread of an export that reads rows.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::ExportError;
use super::batch::Batch;
use super::folder::Partition;
use super::manifest::Contents;
use super::months::Month;
use super::request::{ALL, OnProgress, Progress, Request};
use super::stale::Stale;
use super::tables::{Column, Derived, Table};
use crate::archive::message_rows::{MessageRows, URL_BEFORE_ID};
use crate::archive::view_rows::{Cell, OwnedCell, RowSink, ViewChannel};
use crate::archive::{ChannelRow, Reader};
use crate::model::Timestamp;

/// What the reading thread sends to the writing one.
pub enum Step {
    /// A file begins, with these columns.
    Begin(Partition, Arc<[Column]>),
    /// Rows of it.
    Rows(Batch),
    /// Everything was read. Without it, the last file isn't put in place.
    End,
}

/// Why reading ended early.
pub enum Stopped {
    /// The other thread has failed.
    ByWriter,
    Failed(ExportError),
}

impl<E: Into<ExportError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Reads rows and sends them.
pub struct Reading<'e> {
    reader: &'e Reader,
    request: &'e Request,
    /// What is read of tables with months; everything if `None`.
    stale: Option<Stale>,
    steps: SyncSender<Step>,
    rows: u64,
    /// The part of the export before the current file, and that of the current table of the current
    /// tenant.
    done: u64,
    share: u64,
    on_progress: &'e mut OnProgress<'e>,
}

/// A channel of which rows are left.
struct Cursor {
    channel: ChannelRow,
    /// The message from which on rows are read.
    from: i64,
    /// When it was sent, or an earlier time.
    next_at: Timestamp,
}

impl<'e> Reading<'e> {
    /// Prepares to read; the other thread has the receiver of `steps`.
    pub fn new(
        reader: &'e Reader,
        request: &'e Request,
        stale: Option<Stale>,
        steps: SyncSender<Step>,
        on_progress: &'e mut OnProgress<'_>,
    ) -> Self {
        Self { reader, request, stale, steps, rows: 0, done: 0, share: 0, on_progress }
    }

    /// Rows read so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Reads everything.
    pub fn run(&mut self) -> Result<(), Stopped> {
        let filter = &self.request.filter;
        let tenants = self.reader.tenant_names(&filter.tenants)?;
        let weights = self.request.tables.iter().map(|table| table.weight()).sum::<u64>();
        for table in &self.request.tables {
            let of_view = table.columns(self.reader)?;
            for tenant in &tenants {
                let columns: Arc<[Column]> = if self.reader.has_decimal_message_ids(tenant)? {
                    table.with_derived_ids(&of_view).into()
                } else {
                    of_view.clone().into()
                };
                self.share = ALL * table.weight() / weights / (tenants.len() as u64).max(1);
                let part = Part { table: *table, tenant, columns: &columns };
                let before = self.done;
                self.table(&part)?;
                self.done = before + self.share;
            }
        }
        self.steps.send(Step::End).map_err(|_| Stopped::ByWriter)
    }

    fn table(&mut self, part: &Part<'_>) -> Result<(), Stopped> {
        let filter = &self.request.filter;
        let mut channels =
            self.reader.view_channels(part.tenant, &filter.channels, filter.includes_closed)?;
        channels.retain(|channel| !filter.excluded.contains(&channel.row));
        if !part.table.has_months() {
            return self.own_rows(part, &channels);
        }
        let stale = self.stale.as_ref().map(|stale| stale.months(part.table, part.tenant));
        let mut source =
            self.reader.message_rows(part.table.view(), &part.own_columns(), filter.includes_deleted)?;
        match stale {
            Some(months) => self.some_months(part, &channels, &months, &mut source),
            None => self.all_months(part, &channels, &mut source),
        }
    }

    /// Exports all months of a table.
    fn all_months(
        &mut self,
        part: &Part<'_>,
        channels: &[ViewChannel],
        source: &mut MessageRows<'_>,
    ) -> Result<(), Stopped> {
        let last = self.request.filter.until.unwrap_or(Timestamp::from_millis(i64::MAX));
        let mut cursors = Vec::new();
        for channel in channels {
            let Some((first, _)) = channel.sent else { continue };
            let start = Cursor { channel: channel.row, from: i64::MIN, next_at: first };
            cursors.extend(self.start_since(start, self.request.filter.since)?);
        }
        let newest = channels.iter().filter_map(|channel| Some(channel.sent?.1)).max();
        let oldest = cursors.iter().map(|cursor| cursor.next_at).min();
        let span = oldest.zip(newest).map_or(0, |(oldest, newest)| millis_between(oldest, newest)).max(1);
        let before = self.done;
        while let Some(next) = cursors.iter().map(|cursor| cursor.next_at).min().filter(|next| *next < last) {
            let passed = oldest.map_or(0, |oldest| millis_between(oldest, next)).min(span);
            // A share is at most a million, so milliseconds of 500 years can be multiplied by it.
            self.done = before + self.share * passed / span;
            cursors = self.month(part, Month::of(next), cursors, source)?;
        }
        self.done = before;
        Ok(())
    }

    /// Exports these months of a table.
    fn some_months(
        &mut self,
        part: &Part<'_>,
        channels: &[ViewChannel],
        months: &BTreeSet<Month>,
        source: &mut MessageRows<'_>,
    ) -> Result<(), Stopped> {
        for month in months {
            let start = self.request.filter.since.map_or(month.start(), |since| since.max(month.start()));
            let mut cursors = Vec::new();
            for channel in channels {
                let Some((first, last)) = channel.sent else { continue };
                if first < month.end() && last >= start {
                    let cursor = Cursor { channel: channel.row, from: i64::MIN, next_at: first };
                    cursors.extend(self.start_since(cursor, Some(start))?);
                }
            }
            self.month(part, *month, cursors, source)?;
        }
        Ok(())
    }

    /// The cursor behind all messages that were sent before a time; `None` if none is left.
    fn start_since(&self, cursor: Cursor, since: Option<Timestamp>) -> Result<Option<Cursor>, Stopped> {
        let Some(since) = since.filter(|since| *since > cursor.next_at) else {
            return Ok(Some(cursor));
        };
        let next = self.reader.first_message_since(cursor.channel, since)?;
        Ok(next.map(|(from, next_at)| Cursor { from, next_at, ..cursor }))
    }

    /// Exports a month of a table. Returns the cursors that are left.
    fn month(
        &mut self,
        part: &Part<'_>,
        month: Month,
        cursors: Vec<Cursor>,
        source: &mut MessageRows<'_>,
    ) -> Result<Vec<Cursor>, Stopped> {
        let last = self.request.filter.until.unwrap_or(Timestamp::from_millis(i64::MAX));
        let end = month.end().min(last);
        let mut rows = FileRows::new(self, part, Some(month));
        let mut left = Vec::new();
        for mut cursor in cursors {
            if cursor.next_at < end {
                let next = source.read(cursor.channel, cursor.from, end, &mut rows)?;
                rows.end_channel()?;
                match next {
                    Some((from, next_at)) => (cursor.from, cursor.next_at) = (from, next_at),
                    None => continue,
                }
            }
            left.push(cursor);
        }
        rows.finish()?;
        Ok(left)
    }

    /// Exports a table that has a row per channel or thread.
    fn own_rows(&mut self, part: &Part<'_>, channels: &[ViewChannel]) -> Result<(), Stopped> {
        let (reader, columns) = (self.reader, part.own_columns());
        let mut rows = FileRows::new(self, part, None);
        for channel in channels {
            reader.own_row(part.table.view(), &columns, channel.row, &mut rows)?;
            rows.end_channel()?;
        }
        rows.finish()
    }
}

/// The time between two times, 0 if the second is the earlier one.
fn millis_between(first: Timestamp, second: Timestamp) -> u64 {
    u64::try_from(second.as_millis() - first.as_millis()).unwrap_or(0)
}

/// A tenant's part of a table.
struct Part<'p> {
    table: Table,
    tenant: &'p str,
    columns: &'p Arc<[Column]>,
}

impl Part<'_> {
    /// The columns that have values of their own, with their numbers.
    fn own_columns(&self) -> Vec<(usize, &str)> {
        let columns = self.columns.iter().enumerate().filter(|(_, column)| column.has_own_values());
        columns
            .map(|(number, column)| match column.derived {
                Some(Derived::BeforeDecimalOf(_)) => (number, URL_BEFORE_ID),
                _ => (number, column.name.as_str()),
            })
            .collect()
    }

    /// The file of a month.
    fn partition(&self, month: Option<Month>) -> Partition {
        let month = month.map(Month::name);
        let in_month = month.as_ref().map(|month| format!("/month={month}")).unwrap_or_default();
        let path = format!("{}/tenant={}{in_month}/part-0", self.table.name(), encoded(self.tenant));
        let (table, tenant) = (self.table.name().to_owned(), self.tenant.to_owned());
        Partition { path, contents: Contents { table, tenant, month, channel_id: None } }
    }
}

/// Collects the rows of a file and sends them.
struct FileRows<'r, 'e, 'p> {
    reading: &'r mut Reading<'e>,
    part: &'p Part<'p>,
    month: Option<Month>,
    has_begun: bool,
    batch: Batch,
    /// Values of all rows that follow.
    constants: Vec<(usize, OwnedCell)>,
    /// How sending ended.
    sent: Result<(), Stopped>,
}

impl<'r, 'e, 'p> FileRows<'r, 'e, 'p> {
    fn new(reading: &'r mut Reading<'e>, part: &'p Part<'p>, month: Option<Month>) -> Self {
        let batch = Batch::new(part.columns);
        Self { reading, part, month, has_begun: false, batch, constants: Vec::new(), sent: Ok(()) }
    }

    /// Ends the rows of a channel.
    fn end_channel(&mut self) -> Result<(), Stopped> {
        self.fill();
        self.constants.clear();
        std::mem::replace(&mut self.sent, Ok(()))
    }

    fn finish(mut self) -> Result<(), Stopped> {
        self.send()
    }

    /// Gives the rows so far what they have in common.
    fn fill(&mut self) {
        for (column, value) in &self.constants {
            self.batch.fill(*column, value.as_cell());
        }
    }

    /// Sends the rows read so far; begins the file first, if this is the first time.
    fn send(&mut self) -> Result<(), Stopped> {
        if self.batch.rows() == 0 {
            return Ok(());
        }
        let reading = &mut *self.reading;
        let batch = std::mem::replace(&mut self.batch, Batch::new(self.part.columns));
        reading.rows += batch.rows() as u64;
        if !std::mem::replace(&mut self.has_begun, true) {
            let begin = Step::Begin(self.part.partition(self.month), Arc::clone(self.part.columns));
            reading.steps.send(begin).map_err(|_| Stopped::ByWriter)?;
        }
        reading.steps.send(Step::Rows(batch)).map_err(|_| Stopped::ByWriter)?;
        let progress = Progress { rows: reading.rows, done: reading.done };
        if (reading.on_progress)(progress) { Ok(()) } else { Err(ExportError::Stopped.into()) }
    }
}

impl RowSink for FileRows<'_, '_, '_> {
    fn constant(&mut self, column: usize, value: Cell<'_>) {
        self.constants.push((column, OwnedCell::of(value)));
    }

    fn cell(&mut self, column: usize, value: Cell<'_>) {
        self.batch.push(column, value);
    }

    fn end_row(&mut self) {
        self.batch.end_row();
        if self.batch.is_full() && self.sent.is_ok() {
            self.fill();
            self.sent = self.send();
        }
    }
}

/// A name as part of a path: other characters than letters, digits, `-`, `_` and `.` are
/// percent-encoded, as programs that read partitions expect.
pub fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && !text.is_empty()) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").ok();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tenants_are_safe_in_paths() {
        for (name, expected) in [
            ("takaro", "takaro"),
            ("a b/c", "a%20b%2Fc"),
            ("..", "%2E."),
            ("a.b", "a.b"),
            ("é=1", "%C3%A9%3D1"),
        ] {
            assert_eq!(encoded(name), expected);
        }
    }
}
