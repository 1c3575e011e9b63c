//! Runs an export of tables.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::folder::{FinishedFolder, Folder, Partition};
use super::format::FormatFile;
use super::months::Month;
use super::request::{Exported, OnProgress, Request};
use super::rows::{Reading, Step, Stopped};
use super::stale::Stale;
use super::tables::Table;
use super::{ExportError, TableFormat};
use crate::archive::Reader;

/// Batches that wait to be written.
const BATCHES_AHEAD: usize = 1;

/// Where to export to.
pub enum Target {
    /// A folder, with files of this mode.
    Folder(PathBuf, u32),
    /// One table into one stream.
    Stream(Box<dyn Write + Send>),
}

/// Exports tables of one state of the archive.
///
/// # Errors
/// Returns [`ExportError`] if the archive can't be read or a file not be written, or if it was
/// stopped.
pub fn run(
    reader: &Reader,
    request: &Request,
    format: TableFormat,
    target: Target,
    on_progress: &mut OnProgress<'_>,
) -> Result<Exported, ExportError> {
    reader.open_views()?;
    let _snapshot = reader.snapshot()?;
    let (target, stale) = match target {
        Target::Folder(path, mode) => {
            let mut folder = Folder::open(&path, request.format, mode)?;
            let stale = request.stale(&folder, reader)?;
            if let Some(stale) = &stale {
                folder.keep(|contents| {
                    !is_stale(stale, contents.table.as_str(), &contents.tenant, contents.month.as_deref())
                });
            }
            (Ok(folder), stale)
        }
        Target::Stream(stream) => (Err(stream), None),
    };
    let position = reader.last_change()?;
    let (steps, received) = mpsc::sync_channel(BATCHES_AHEAD);
    thread::scope(|scope| {
        let write = move || match target {
            Ok(folder) => write_folder(folder, format, received).map(Some),
            Err(stream) => write_stream(stream, format, received).map(|()| None),
        };
        let writing = thread::Builder::new().name("files".to_owned()).spawn_scoped(scope, write);
        let writing = writing.map_err(ExportError::Output)?;
        let mut reading = Reading::new(reader, request, stale, steps, on_progress);
        let read = reading.run();
        let rows = reading.rows();
        drop(reading);
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (read, written) {
            // The reading thread stops when the other one does.
            (Ok(()) | Err(Stopped::ByWriter), Err(error)) | (Err(Stopped::Failed(error)), _) => Err(error),
            (_, Ok(Some(Some(folder)))) => {
                Ok(Exported::of_folder(rows, &folder, request.state(&folder, position)))
            }
            (_, Ok(_)) => Ok(Exported { rows, files: 1, written: 1, ..Exported::default() }),
        }
    })
}

/// Whether a file of a table may differ from the archive. Tables without months always may.
fn is_stale(stale: &Stale, table: &str, tenant: &str, month: Option<&str>) -> bool {
    let table = Table::ALL.into_iter().find(|one| one.name() == table);
    let month = month.and_then(Month::parse);
    table.zip(month).is_none_or(|(table, month)| stale.months(table, tenant).contains(&month))
}

/// Returns `None` if the reading thread has failed.
fn write_folder(
    mut folder: Folder,
    format: TableFormat,
    steps: Receiver<Step>,
) -> Result<Option<FinishedFolder>, ExportError> {
    let mut current: Option<(Partition, u64, FormatFile<_>)> = None;
    let end = |folder: &mut Folder, current: &mut Option<(Partition, u64, FormatFile<_>)>| {
        let Some((partition, rows, file)) = current.take() else { return Ok(()) };
        let path = folder.temporary();
        let file = file.finish().map_err(|error: ExportError| error.at(&path))?;
        folder.end(partition, rows, file)
    };
    for step in steps {
        match step {
            Step::Begin(partition, columns) => {
                end(&mut folder, &mut current)?;
                let file = FormatFile::new(format, folder.begin()?, columns);
                current = Some((partition, 0, file.map_err(|error| error.at(&folder.temporary()))?));
            }
            Step::Rows(batch) => {
                if let Some((_, rows, file)) = &mut current {
                    *rows += batch.rows() as u64;
                    file.write(batch).map_err(|error| error.at(&folder.temporary()))?;
                }
            }
            Step::End => {
                end(&mut folder, &mut current)?;
                return folder.finish().map(Some);
            }
        }
    }
    Ok(None)
}

fn write_stream(
    stream: Box<dyn Write + Send>,
    format: TableFormat,
    steps: Receiver<Step>,
) -> Result<(), ExportError> {
    let mut stream = Some(io::BufWriter::new(stream));
    let mut file = None;
    for step in steps {
        match step {
            // All files of a table have the same columns, and go into the same stream.
            Step::Begin(_, columns) => {
                if let Some(stream) = stream.take() {
                    file = Some(FormatFile::new(format, stream, columns)?);
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
    Ok(())
}
