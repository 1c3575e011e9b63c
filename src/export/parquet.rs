//! Parquet files, zstd-compressed.

use std::fmt::Write as _;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::ExportError;
use super::batch::{Batch, ColumnValues, Texts, Values};
use super::tables::{Column, ColumnType, Derived};

/// Bytes of different values of a column up to which each is written once.
const DICTIONARY_BYTES: usize = 8 << 20;

/// Writes a Parquet file; a batch is a row group.
pub struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Arc<[Column]>,
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file.
    pub fn new(file: W, columns: Arc<[Column]>) -> Result<Self, ExportError> {
        let schema = parse_message_type(&schema(&columns)).map_err(failed)?;
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).map_err(failed)?))
            // The same archive gives the same bytes, whatever the version of the crate says.
            .set_created_by("verta-sync".to_owned())
            // Room for the hashes of 100,000 people.
            .set_dictionary_page_size_limit(DICTIONARY_BYTES);
        for column in columns.iter() {
            if let Some(encoding) = encoding(column) {
                let path = ColumnPath::from(column.name.as_str());
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, encoding);
            }
        }
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()));
        Ok(Self { writer: writer.map_err(failed)?, columns })
    }

    /// Appends rows.
    pub fn write(&mut self, mut batch: Batch) -> Result<(), ExportError> {
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for (index, column) in self.columns.iter().enumerate() {
            let mut writer =
                group.next_column().map_err(failed)?.expect("the schema has as many columns as the batch");
            let mut decimals = batch.decimals(index, column.derived);
            let values = match (&mut decimals, column.derived) {
                (Some(decimals), _) => decimals,
                (None, Some(Derived::SameAs(other))) => &mut batch.columns[other],
                (None, _) => &mut batch.columns[index],
            };
            write_column(&mut writer, values).map_err(failed)?;
            writer.close().map_err(failed)?;
        }
        group.close().map(drop).map_err(failed)
    }

    /// Ends the file.
    pub fn finish(self) -> Result<W, ExportError> {
        self.writer.into_inner().map_err(failed)
    }
}

/// How the values of a column are encoded; `None` for a dictionary, which suits what repeats. Rows
/// are sorted by message, so numbers and addresses of messages differ little from those before.
fn encoding(column: &Column) -> Option<Encoding> {
    match column.kind {
        ColumnType::Time => Some(Encoding::DELTA_BINARY_PACKED),
        ColumnType::Integer if column.name.ends_with("_ms") || column.name.ends_with("message_key") => {
            Some(Encoding::DELTA_BINARY_PACKED)
        }
        ColumnType::Text if column.name == "url" || column.name.ends_with("message_id") => {
            Some(Encoding::DELTA_BYTE_ARRAY)
        }
        _ => None,
    }
}

/// All columns are optional, so that one that gets a first NULL keeps its type.
fn schema(columns: &[Column]) -> String {
    let mut schema = "message row {\n".to_owned();
    for Column { name, kind, .. } in columns {
        match kind {
            ColumnType::Text => writeln!(schema, "optional binary {name} (STRING);"),
            ColumnType::Integer => writeln!(schema, "optional int64 {name};"),
            ColumnType::Bool => writeln!(schema, "optional boolean {name};"),
            ColumnType::Time => writeln!(schema, "optional int64 {name} (TIMESTAMP(MILLIS,true));"),
            ColumnType::List => writeln!(
                schema,
                "optional group {name} (LIST) {{ repeated group list {{ optional binary element (STRING); }} }}"
            ),
        }
        .ok();
    }
    schema + "}"
}

/// Takes texts out of the column, which nobody needs again.
fn write_column(
    writer: &mut SerializedColumnWriter<'_>,
    column: &mut ColumnValues,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = column.is_set.iter().map(|is_set| i16::from(*is_set)).collect();
    match &mut column.values {
        Values::Text(texts) => {
            writer.typed::<ByteArrayType>().write_batch(
                &byte_arrays(std::mem::take(texts)),
                Some(&levels),
                None,
            )?;
        }
        Values::Shared(shared) => {
            let texts = byte_arrays(std::mem::take(&mut shared.texts));
            let rows: Vec<ByteArray> =
                shared.numbers.iter().map(|number| texts[*number as usize].clone()).collect();
            writer.typed::<ByteArrayType>().write_batch(&rows, Some(&levels), None)?;
        }
        Values::Integer(numbers) => {
            writer.typed::<Int64Type>().write_batch(numbers, Some(&levels), None)?;
        }
        Values::Bool(flags) => {
            writer.typed::<BoolType>().write_batch(flags, Some(&levels), None)?;
        }
        Values::List(lists) => write_lists(writer, &column.is_set, std::mem::take(lists))?,
    }
    Ok(())
}

fn byte_arrays(texts: Texts) -> Vec<ByteArray> {
    let ranges: Vec<Range<usize>> = texts.ranges().collect();
    let bytes = Bytes::from(texts.bytes);
    ranges.into_iter().map(|range| ByteArray::from(bytes.slice(range))).collect()
}

/// Definition levels: 0 no list, 1 an empty one, 3 an element. Repetition levels: 0 begins a
/// row, 1 goes on.
fn write_lists(
    writer: &mut SerializedColumnWriter<'_>,
    is_set: &[bool],
    lists: Vec<Vec<String>>,
) -> Result<(), ParquetError> {
    let (mut texts, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    let mut lists = lists.into_iter();
    for is_set in is_set {
        let list = if *is_set { lists.next() } else { None };
        match list {
            Some(list) if !list.is_empty() => {
                for (index, text) in list.into_iter().enumerate() {
                    definitions.push(3);
                    repetitions.push(i16::from(index > 0));
                    texts.push(ByteArray::from(text.into_bytes()));
                }
            }
            other => {
                definitions.push(i16::from(other.is_some()));
                repetitions.push(0);
            }
        }
    }
    writer.typed::<ByteArrayType>().write_batch(&texts, Some(&definitions), Some(&repetitions))?;
    Ok(())
}

fn failed(error: ParquetError) -> ExportError {
    match error {
        ParquetError::External(error) => match error.downcast::<std::io::Error>() {
            Ok(error) => ExportError::io_of_file(*error),
            Err(error) => ExportError::Other(error.to_string()),
        },
        other => ExportError::Other(other.to_string()),
    }
}
