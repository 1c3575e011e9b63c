//! JSON Lines and CSV.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use super::ExportError;
use super::batch::{Batch, ColumnValues, Values};
use super::tables::{Column, ColumnType, Derived};

/// Writes JSON Lines: an object per row, its fields in the order of the columns.
pub struct JsonLines<W: Write> {
    file: W,
    /// `"name":`, after a comma from the second on.
    keys: Vec<String>,
    columns: Arc<[Column]>,
}

impl<W: Write> JsonLines<W> {
    /// Begins a file.
    pub fn new(file: W, columns: Arc<[Column]>) -> Self {
        let key = |(index, column): (usize, &Column)| {
            format!("{}{}:", if index == 0 { "" } else { "," }, serde_json::Value::from(column.name.as_str()))
        };
        let keys = columns.iter().enumerate().map(key).collect();
        Self { file, keys, columns }
    }

    /// Appends rows.
    pub fn write(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let values: Vec<Cow<'_, ColumnValues>> = column_values(batch, &self.columns);
        let mut readers: Vec<ColumnReader<'_>> =
            values.iter().map(|column| ColumnReader::of(column)).collect();
        for row in 0..batch.rows() {
            let mut line = || -> io::Result<()> {
                self.file.write_all(b"{")?;
                for (index, reader) in readers.iter_mut().enumerate() {
                    self.file.write_all(self.keys[index].as_bytes())?;
                    match reader.next(row) {
                        None => self.file.write_all(b"null")?,
                        Some(Value::Text(text)) => serde_json::to_writer(&mut self.file, text)?,
                        Some(Value::Integer(time)) if self.columns[index].kind == ColumnType::Time => {
                            write!(self.file, "\"{}\"", millis_text(time))?;
                        }
                        Some(Value::Integer(number)) => write!(self.file, "{number}")?,
                        Some(Value::Bool(flag)) => write!(self.file, "{flag}")?,
                        Some(Value::List(list)) => serde_json::to_writer(&mut self.file, list)?,
                    }
                }
                self.file.write_all(b"}\n")
            };
            line().map_err(ExportError::io_of_file)?;
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<W, ExportError> {
        self.file.flush().map_err(ExportError::io_of_file)?;
        Ok(self.file)
    }
}

/// Writes CSV (RFC 4180) with a header. No value is an empty field, a list is JSON.
pub struct CsvFile<W: Write> {
    writer: csv::Writer<W>,
    columns: Arc<[Column]>,
}

impl<W: Write> CsvFile<W> {
    /// Begins a file.
    pub fn new(file: W, columns: Arc<[Column]>) -> Result<Self, ExportError> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
        writer.write_record(columns.iter().map(|column| &column.name)).map_err(csv_failed)?;
        Ok(Self { writer, columns })
    }

    /// Appends rows.
    pub fn write(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let values: Vec<Cow<'_, ColumnValues>> = column_values(batch, &self.columns);
        let mut readers: Vec<ColumnReader<'_>> =
            values.iter().map(|column| ColumnReader::of(column)).collect();
        for row in 0..batch.rows() {
            for (index, reader) in readers.iter_mut().enumerate() {
                let field = match reader.next(row) {
                    None => self.writer.write_field(""),
                    Some(Value::Text(text)) => self.writer.write_field(text),
                    Some(Value::Integer(time)) if self.columns[index].kind == ColumnType::Time => {
                        self.writer.write_field(millis_text(time))
                    }
                    Some(Value::Integer(number)) => self.writer.write_field(number.to_string()),
                    Some(Value::Bool(flag)) => self.writer.write_field(if flag { "true" } else { "false" }),
                    Some(Value::List(list)) => {
                        self.writer.write_field(serde_json::Value::from(list).to_string())
                    }
                };
                field.map_err(csv_failed)?;
            }
            self.writer.write_record(None::<&[u8]>).map_err(csv_failed)?;
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(self) -> Result<W, ExportError> {
        self.writer.into_inner().map_err(|error| ExportError::io_of_file(error.into_error()))
    }
}

fn csv_failed(error: csv::Error) -> ExportError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ExportError::io_of_file(error),
        other => ExportError::Other(format!("{other:?}")),
    }
}

/// A time in milliseconds since 1970 UTC, as the views show it.
pub fn millis_text(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A value of a row.
enum Value<'b> {
    Text(&'b str),
    Integer(i64),
    Bool(bool),
    List(&'b [String]),
}

/// The values of all columns.
fn column_values<'b>(batch: &'b Batch, columns: &[Column]) -> Vec<Cow<'b, ColumnValues>> {
    let values =
        |(index, column): (usize, &Column)| match (batch.decimals(index, column.derived), column.derived) {
            (Some(decimals), _) => Cow::Owned(decimals),
            (None, Some(Derived::SameAs(other))) => Cow::Borrowed(&batch.columns[other]),
            (None, _) => Cow::Borrowed(&batch.columns[index]),
        };
    columns.iter().enumerate().map(values).collect()
}

/// Reads the values of a column, row after row.
struct ColumnReader<'b> {
    column: &'b ColumnValues,
    /// Values read so far.
    read: usize,
}

impl<'b> ColumnReader<'b> {
    fn of(column: &'b ColumnValues) -> Self {
        Self { column, read: 0 }
    }

    /// The value of the next row, which has this number.
    fn next(&mut self, row: usize) -> Option<Value<'b>> {
        if !self.column.is_set[row] {
            return None;
        }
        let index = self.read;
        self.read += 1;
        Some(match &self.column.values {
            Values::Text(texts) => Value::Text(texts.get(index)),
            Values::Shared(texts) => Value::Text(texts.get(index)),
            Values::Integer(numbers) => Value::Integer(numbers[index]),
            Values::Bool(flags) => Value::Bool(flags[index]),
            Values::List(lists) => Value::List(&lists[index]),
        })
    }
}
