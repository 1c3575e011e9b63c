//! Runs an export.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use hashbrown::HashSet;

use super::batch::Batch;
use super::folder::{Folder, Partition};
use super::format::FormatFile;
use super::manifest::Contents;
use super::months::Month;
use super::tables::{Column, Table};
use super::{ExportError, Format};
use crate::archive::view_rows::{ViewChannel, ViewSelection};
use crate::archive::{ChannelRow, Reader};
use crate::model::Timestamp;

/// Batches that wait to be written.
const BATCHES_AHEAD: usize = 1;

/// Which rows to export.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Names of tenants; all if empty.
    pub tenants: Vec<String>,
    /// IDs or names of channels, with their threads; all if empty.
    pub channels: Vec<String>,
    /// Rows of messages sent then or later.
    pub since: Option<Timestamp>,
    /// Rows of messages sent before.
    pub until: Option<Timestamp>,
    /// Whether rows of deleted messages are exported.
    pub includes_deleted: bool,
    /// Whether channels that are hidden or can't be read any more are exported.
    pub includes_closed: bool,
    /// Channels that are left out.
    pub excluded: HashSet<ChannelRow>,
}

/// Where to export to.
pub enum Target {
    /// A folder, with files of this mode.
    Folder(PathBuf, u32),
    /// One table into one stream.
    Stream(Box<dyn Write + Send>),
}

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Rows of all tables.
    pub rows: u64,
    /// Files of the export.
    pub files: u64,
    /// Files that are new or have changed.
    pub written: u64,
    /// Files of an earlier export whose rows are gone.
    pub removed: u64,
}

/// What the reading thread sends to the writing one.
enum Step {
    Begin(Partition, Vec<Column>),
    Rows(Batch),
    End,
}

/// Exports tables of one state of the archive. `on_rows` is called now and then with the number
/// of rows read.
///
/// # Errors
/// Returns [`ExportError`] if the archive can't be read or a file not be written.
pub fn run(
    reader: &Reader,
    tables: &[Table],
    filter: &Filter,
    format: Format,
    target: Target,
    on_rows: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    reader.open_views()?;
    let _snapshot = reader.snapshot()?;
    let (steps, received) = mpsc::sync_channel(BATCHES_AHEAD);
    thread::scope(|scope| {
        let writing = scope.spawn(move || match target {
            Target::Folder(path, mode) => write_folder(Folder::open(&path, format, mode)?, received),
            Target::Stream(stream) => write_stream(stream, format, received),
        });
        let mut export = Export { reader, filter, steps, rows: 0, on_rows };
        let read = tables.iter().try_for_each(|table| export.table(*table));
        let rows = export.rows;
        if read.is_ok() {
            // Without it, the last file isn't put in place. Fails if the writing thread has failed.
            export.steps.send(Step::End).ok();
        }
        drop(export);
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (read, written) {
            // The reading thread stops when the other one does.
            (Ok(()) | Err(Stopped::ByWriter), Err(error)) | (Err(Stopped::Failed(error)), _) => Err(error),
            (_, Ok(exported)) => Ok(Exported { rows, ..exported }),
        }
    })
}

/// Why reading ended early.
enum Stopped {
    /// The other thread has failed.
    ByWriter,
    Failed(ExportError),
}

impl<E: Into<ExportError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

struct Export<'e> {
    reader: &'e Reader,
    filter: &'e Filter,
    steps: SyncSender<Step>,
    rows: u64,
    on_rows: &'e mut dyn FnMut(u64),
}

/// A channel of which rows are left.
struct Cursor {
    channel: ChannelRow,
    /// The message from which on rows are read.
    from: i64,
    /// When it was sent, or an earlier time.
    next_at: Timestamp,
}

impl Export<'_> {
    fn table(&mut self, table: Table) -> Result<(), Stopped> {
        let columns = table.columns(self.reader)?;
        let selection = table.selection(&columns, self.filter.includes_deleted);
        let mut tenants: Vec<String> = self.reader.tenants()?.into_iter().map(|tenant| tenant.name).collect();
        tenants.retain(|name| self.filter.tenants.is_empty() || self.filter.tenants.contains(name));
        tenants.sort();
        for tenant in tenants {
            let mut channels =
                self.reader.view_channels(&tenant, &self.filter.channels, self.filter.includes_closed)?;
            channels.retain(|channel| !self.filter.excluded.contains(&channel.row));
            let part = Part { table, tenant, columns: &columns, selection: &selection };
            if table.has_months() {
                self.months(&part, &channels)?;
            } else {
                self.own_rows(&part, &channels)?;
            }
        }
        Ok(())
    }

    /// Exports a table that is divided by month.
    fn months(&mut self, part: &Part<'_>, channels: &[ViewChannel]) -> Result<(), Stopped> {
        let last = self.filter.until.unwrap_or(Timestamp::from_millis(i64::MAX));
        let mut cursors = Vec::new();
        for ViewChannel { row, first_sent } in channels {
            let Some(first) = first_sent else { continue };
            let start = Cursor { channel: *row, from: i64::MIN, next_at: *first };
            cursors.extend(self.start_since(start)?);
        }
        while let Some(next) = cursors.iter().map(|cursor| cursor.next_at).min().filter(|next| *next < last) {
            let month = Month::of(next);
            let mut rows = Rows { part, month: Some(month), batch: None };
            let end = month.end().min(last);
            let mut left = Vec::new();
            for mut cursor in cursors {
                if cursor.next_at < end {
                    match self.channel(&mut rows, &cursor, end)? {
                        Some((from, next_at)) => (cursor.from, cursor.next_at) = (from, next_at),
                        None => continue,
                    }
                }
                left.push(cursor);
            }
            cursors = left;
            self.send(&mut rows)?;
        }
        Ok(())
    }

    /// The cursor behind all messages that were sent before the filter's time; `None` if none
    /// is left.
    fn start_since(&self, cursor: Cursor) -> Result<Option<Cursor>, Stopped> {
        let Some(since) = self.filter.since.filter(|since| *since > cursor.next_at) else {
            return Ok(Some(cursor));
        };
        let next = self.reader.first_message_since(cursor.channel, since)?;
        Ok(next.map(|(from, next_at)| Cursor { from, next_at, ..cursor }))
    }

    /// Reads the rows of a channel up to a time. Returns the next row's message and time.
    fn channel(
        &mut self,
        rows: &mut Rows<'_>,
        cursor: &Cursor,
        end: Timestamp,
    ) -> Result<Option<(i64, Timestamp)>, Stopped> {
        let (selection, columns) = (rows.part.selection, rows.part.columns);
        let mut sent = Ok(());
        let next =
            self.reader.channel_rows(selection, cursor.channel, cursor.from, end, |column, cell| {
                let batch = rows.batch.get_or_insert_with(|| (Batch::new(columns), false));
                batch.0.push(column, cell);
                if column + 1 == columns.len() && batch.0.is_full() && sent.is_ok() {
                    sent = self.send(rows);
                }
            })?;
        sent?;
        Ok(next)
    }

    /// Exports a table that has a row per channel or thread.
    fn own_rows(&mut self, part: &Part<'_>, channels: &[ViewChannel]) -> Result<(), Stopped> {
        let mut rows = Rows { part, month: None, batch: None };
        for channel in channels {
            self.reader.own_row(part.selection, channel.row, |column, cell| {
                let batch = rows.batch.get_or_insert_with(|| (Batch::new(part.columns), false));
                batch.0.push(column, cell);
            })?;
            if rows.batch.as_ref().is_some_and(|(batch, _)| batch.is_full()) {
                self.send(&mut rows)?;
            }
        }
        self.send(&mut rows)
    }

    /// Sends the rows read so far; begins the file first, if this is the first time.
    fn send(&mut self, rows: &mut Rows<'_>) -> Result<(), Stopped> {
        let Some((batch, has_begun)) = &mut rows.batch else { return Ok(()) };
        let columns = rows.part.columns;
        let batch = std::mem::replace(batch, Batch::new(columns));
        self.rows += batch.rows() as u64;
        if !std::mem::replace(has_begun, true) {
            let begin = Step::Begin(rows.part.partition(rows.month), columns.to_vec());
            self.steps.send(begin).map_err(|_| Stopped::ByWriter)?;
        }
        self.steps.send(Step::Rows(batch)).map_err(|_| Stopped::ByWriter)?;
        (self.on_rows)(self.rows);
        Ok(())
    }
}

/// A tenant's part of a table.
struct Part<'p> {
    table: Table,
    tenant: String,
    columns: &'p [Column],
    selection: &'p ViewSelection,
}

impl Part<'_> {
    /// The file of a month, without its extension.
    fn partition(&self, month: Option<Month>) -> Partition {
        let month = month.map(Month::name);
        let in_month = month.as_ref().map(|month| format!("/month={month}")).unwrap_or_default();
        let path = format!("{}/tenant={}{in_month}/part-0", self.table.name(), encoded(&self.tenant));
        let contents =
            Contents { table: self.table.name().to_owned(), tenant: self.tenant.clone(), month, rows: None };
        Partition { path, contents }
    }
}

/// Rows of a file that were not sent yet.
struct Rows<'p> {
    part: &'p Part<'p>,
    month: Option<Month>,
    /// The rows, and whether the file has begun. `None` before the first row.
    batch: Option<(Batch, bool)>,
}

/// A name as part of a path: other characters than letters, digits, `-`, `_` and `.` are
/// percent-encoded, as programs that read partitions expect.
fn encoded(name: &str) -> String {
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

fn write_folder(mut folder: Folder, steps: Receiver<Step>) -> Result<Exported, ExportError> {
    for step in steps {
        match step {
            Step::Begin(partition, columns) => {
                folder.end()?;
                folder.begin(partition, &columns)?;
            }
            Step::Rows(batch) => folder.write(batch)?,
            Step::End => {
                folder.end()?;
                let written = folder.written;
                let (files, removed) = folder.finish()?;
                return Ok(Exported { rows: 0, files, written, removed });
            }
        }
    }
    // The reading thread has failed.
    Ok(Exported::default())
}

fn write_stream(
    stream: Box<dyn Write + Send>,
    format: Format,
    steps: Receiver<Step>,
) -> Result<Exported, ExportError> {
    let mut stream = Some(io::BufWriter::new(stream));
    let mut file = None;
    for step in steps {
        match step {
            // All files of a table have the same columns, and go into the same stream.
            Step::Begin(_, columns) => {
                if let Some(stream) = stream.take() {
                    file = Some(FormatFile::new(format, stream, &columns)?);
                }
            }
            Step::Rows(batch) => {
                if let Some(file) = &mut file {
                    file.write(batch)?;
                }
            }
            Step::End => break,
        }
    }
    if let Some(file) = file {
        file.finish()?.flush().map_err(ExportError::Output)?;
    }
    Ok(Exported { files: 1, written: 1, ..Exported::default() })
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
