//! The formats of files.

use std::io::Write;
use std::sync::Arc;

use super::ExportError;
use super::batch::Batch;
use super::parquet::ParquetFile;
use super::tables::Column;
use super::text::{CsvFile, JsonLines};

/// A format of exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Files of tables.
    Tables(TableFormat),
    /// A JSON file per channel, as DiscordChatExporter writes it.
    DceJson,
    /// An archive of its own.
    Sqlite,
}

/// A format of files of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// JSON Lines.
    JsonLines,
    /// CSV with a header.
    Csv,
    /// Parquet.
    Parquet,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [
        Self::Tables(TableFormat::JsonLines),
        Self::Tables(TableFormat::Csv),
        Self::Tables(TableFormat::Parquet),
        Self::Sqlite,
        Self::DceJson,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tables(TableFormat::JsonLines) => "jsonl",
            Self::Tables(TableFormat::Csv) => "csv",
            Self::Tables(TableFormat::Parquet) => "parquet",
            Self::DceJson => "dce-json",
            Self::Sqlite => "sqlite",
        }
    }

    /// The extension of its files.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Tables(_) => self.name(),
            Self::DceJson => "json",
            Self::Sqlite => "db",
        }
    }
}

/// A file that is being written.
pub enum FormatFile<W: Write + Send> {
    JsonLines(JsonLines<W>),
    Csv(Box<CsvFile<W>>),
    Parquet(Box<ParquetFile<W>>),
}

impl<W: Write + Send> FormatFile<W> {
    /// Begins a file.
    pub fn new(format: TableFormat, file: W, columns: Arc<[Column]>) -> Result<Self, ExportError> {
        Ok(match format {
            TableFormat::JsonLines => Self::JsonLines(JsonLines::new(file, columns)),
            TableFormat::Csv => Self::Csv(Box::new(CsvFile::new(file, columns)?)),
            TableFormat::Parquet => Self::Parquet(Box::new(ParquetFile::new(file, columns)?)),
        })
    }

    /// Appends rows.
    pub fn write(&mut self, batch: Batch) -> Result<(), ExportError> {
        match self {
            Self::JsonLines(file) => file.write(&batch),
            Self::Csv(file) => file.write(&batch),
            Self::Parquet(file) => file.write(batch),
        }
    }

    /// Ends the file.
    pub fn finish(self) -> Result<W, ExportError> {
        match self {
            Self::JsonLines(file) => file.finish(),
            Self::Csv(file) => file.finish(),
            Self::Parquet(file) => file.finish(),
        }
    }
}
