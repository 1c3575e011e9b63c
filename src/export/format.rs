//! The formats of files.

use std::io::Write;

use super::ExportError;
use super::batch::Batch;
use super::parquet::ParquetFile;
use super::tables::Column;
use super::text::{CsvFile, JsonLines};

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON Lines.
    JsonLines,
    /// CSV with a header.
    Csv,
    /// Parquet.
    Parquet,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::JsonLines, Self::Csv, Self::Parquet];

    /// Its name, also the extension of its files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
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
    pub fn new(format: Format, file: W, columns: &[Column]) -> Result<Self, ExportError> {
        Ok(match format {
            Format::JsonLines => Self::JsonLines(JsonLines::new(file, columns)),
            Format::Csv => Self::Csv(Box::new(CsvFile::new(file, columns)?)),
            Format::Parquet => Self::Parquet(Box::new(ParquetFile::new(file, columns)?)),
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
