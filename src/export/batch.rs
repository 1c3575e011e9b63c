//! Rows on their way from the archive into a file, column by column.

use super::tables::{Column, ColumnType};
use crate::archive::view_rows::Cell;

/// Bytes of a batch from which on it is written.
const FULL_BYTES: usize = 8 << 20;
/// Rows of a batch at most.
const MAX_ROWS: usize = 100_000;

/// The values of a column; those of rows without a value are left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Texts after each other, and where each ends.
    Text { bytes: Vec<u8>, ends: Vec<usize> },
    /// Numbers, also times in milliseconds since 1970 UTC.
    Integer(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
    /// Lists of texts.
    List(Vec<Vec<String>>),
}

/// A column of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnValues {
    /// Whether each row has a value.
    pub is_set: Vec<bool>,
    /// The values of those that have one.
    pub values: Values,
}

/// Rows of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The columns, as many as the table has.
    pub columns: Vec<ColumnValues>,
    bytes: usize,
}

impl Batch {
    /// An empty batch.
    pub fn new(columns: &[Column]) -> Self {
        let empty = |column: &Column| ColumnValues {
            is_set: Vec::new(),
            values: match column.kind {
                ColumnType::Text => Values::Text { bytes: Vec::new(), ends: Vec::new() },
                ColumnType::Integer | ColumnType::Time => Values::Integer(Vec::new()),
                ColumnType::Bool => Values::Bool(Vec::new()),
                ColumnType::List => Values::List(Vec::new()),
            },
        };
        Self { columns: columns.iter().map(empty).collect(), bytes: 0 }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.is_set.len())
    }

    /// Whether it is large enough to be written.
    pub fn is_full(&self) -> bool {
        self.bytes >= FULL_BYTES || self.rows() >= MAX_ROWS
    }

    /// Adds the next row's value of a column.
    pub fn push(&mut self, column: usize, cell: Cell<'_>) {
        let ColumnValues { is_set, values } = &mut self.columns[column];
        let is_some = match (values, cell) {
            (Values::Text { bytes, ends }, Cell::Text(text)) => {
                bytes.extend_from_slice(text.as_bytes());
                ends.push(bytes.len());
                self.bytes += text.len();
                true
            }
            (Values::Text { bytes, ends }, Cell::Integer(number)) => {
                bytes.extend_from_slice(number.to_string().as_bytes());
                ends.push(bytes.len());
                true
            }
            (Values::Integer(numbers), Cell::Integer(number)) => {
                numbers.push(number);
                true
            }
            (Values::Bool(flags), Cell::Integer(number)) => {
                flags.push(number != 0);
                true
            }
            (Values::List(lists), Cell::Text(text)) => {
                lists.push(serde_json::from_str(text).unwrap_or_default());
                self.bytes += text.len();
                true
            }
            _ => false,
        };
        is_set.push(is_some);
        self.bytes += 8;
    }
}
