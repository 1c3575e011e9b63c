//! Rows on their way from the archive into a file, column by column.

use std::fmt::Write as _;
use std::ops::Range;

use hashbrown::HashMap;

use super::tables::{Column, ColumnType, Derived};
use crate::archive::view_rows::Cell;

/// Bytes of a batch from which on it is written.
const FULL_BYTES: usize = 6 << 20;
/// What a value takes, besides the bytes of a text.
const BYTES_PER_CELL: usize = 5;
/// What a text that is kept once takes besides its bytes.
const BYTES_PER_SHARED: usize = 32;
/// Rows of a batch at most.
const MAX_ROWS: usize = 100_000;

/// Texts after each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Texts {
    /// All of them.
    pub bytes: Vec<u8>,
    /// Where each ends.
    pub ends: Vec<u32>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        // A batch is full long before.
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    /// One of them.
    pub fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        std::str::from_utf8(&self.bytes[start..self.ends[index] as usize]).unwrap_or_default()
    }

    /// Where each text is in the bytes.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let ends = self.ends.iter().map(|end| *end as usize);
        std::iter::once(0).chain(ends.clone()).zip(ends).map(|(start, end)| start..end)
    }
}

/// Texts that are kept once each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SharedTexts {
    /// The texts.
    pub texts: Texts,
    /// The number of each row's text.
    pub numbers: Vec<u32>,
    by_key: HashMap<i64, u32>,
    /// The last key, with its number.
    last: Option<(i64, u32)>,
}

impl SharedTexts {
    /// The text of a row that has one.
    pub fn get(&self, index: usize) -> &str {
        self.texts.get(self.numbers[index] as usize)
    }

    /// Adds a text; returns how many bytes that takes.
    fn push(&mut self, key: i64, text: &str) -> usize {
        let mut bytes = 0;
        let number = match self.last {
            Some((last, number)) if last == key => number,
            _ => *self.by_key.entry(key).or_insert_with(|| {
                bytes = text.len() + BYTES_PER_SHARED;
                self.texts.push(text);
                u32::try_from(self.texts.ends.len()).unwrap_or(u32::MAX) - 1
            }),
        };
        self.last = Some((key, number));
        self.numbers.push(number);
        bytes
    }
}

/// The values of a column. Those of rows without a value are left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Texts.
    Text(Texts),
    /// Texts that several rows have.
    Shared(SharedTexts),
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
    /// The values that columns have of their own; see [`Column::derived`].
    pub columns: Vec<ColumnValues>,
    /// Complete rows.
    rows: usize,
    bytes: usize,
    bytes_per_row: usize,
}

impl Batch {
    /// An empty batch.
    pub fn new(columns: &[Column]) -> Self {
        let empty = |column: &Column| ColumnValues {
            is_set: Vec::new(),
            values: match column.kind {
                ColumnType::Text => Values::Text(Texts::default()),
                ColumnType::Integer | ColumnType::Time => Values::Integer(Vec::new()),
                ColumnType::Bool => Values::Bool(Vec::new()),
                ColumnType::List => Values::List(Vec::new()),
            },
        };
        let own = columns.iter().filter(|column| column.has_own_values()).count();
        Self {
            columns: columns.iter().map(empty).collect(),
            rows: 0,
            bytes: 0,
            bytes_per_row: own * BYTES_PER_CELL,
        }
    }

    /// The values of a column that follow from those of another one by decimal numbers; `None` for other
    /// columns.
    pub fn decimals(&self, index: usize, derived: Option<Derived>) -> Option<ColumnValues> {
        let (before, numbers) = match derived? {
            Derived::SameAs(_) => return None,
            Derived::DecimalOf(numbers) => (None, numbers),
            Derived::BeforeDecimalOf(numbers) => (Some(&self.columns[index].values), numbers),
        };
        let ColumnValues { is_set, values: Values::Integer(numbers) } = &self.columns[numbers] else {
            return None;
        };
        let mut texts = Texts::default();
        let mut text = String::new();
        for (row, number) in numbers.iter().enumerate() {
            text.clear();
            match before {
                Some(Values::Shared(before)) => text.push_str(before.get(row)),
                Some(Values::Text(before)) => text.push_str(before.get(row)),
                _ => {}
            }
            write!(text, "{number}").ok();
            texts.push(&text);
        }
        Some(ColumnValues { is_set: is_set.clone(), values: Values::Text(texts) })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether it is large enough to be written.
    pub fn is_full(&self) -> bool {
        self.bytes >= FULL_BYTES || self.rows >= MAX_ROWS
    }

    /// Ends a row.
    pub fn end_row(&mut self) {
        self.rows += 1;
        self.bytes += self.bytes_per_row;
    }

    /// Adds the current row's value of a column.
    pub fn push(&mut self, column: usize, cell: Cell<'_>) {
        let ColumnValues { is_set, values } = &mut self.columns[column];
        if let (Values::Text(texts), Cell::Shared(..)) = (&*values, cell)
            && texts.ends.is_empty()
        {
            *values = Values::Shared(SharedTexts::default());
        }
        let is_some = match (values, cell) {
            (Values::Text(texts), Cell::Text(text) | Cell::Shared(_, text)) => {
                texts.push(text);
                self.bytes += text.len();
                true
            }
            (Values::Text(texts), Cell::Integer(number)) => {
                texts.push(&number.to_string());
                true
            }
            (Values::Shared(texts), Cell::Shared(key, text)) => {
                self.bytes += texts.push(key, text);
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
    }

    /// Gives all complete rows that have no value of a column yet the same one.
    pub fn fill(&mut self, column: usize, cell: Cell<'_>) {
        let missing = self.rows - self.columns[column].is_set.len();
        if missing == 0 {
            return;
        }
        self.push(column, cell);
        let ColumnValues { is_set, values } = &mut self.columns[column];
        let is_some = is_set.last().copied().unwrap_or_default();
        is_set.resize(self.rows, is_some);
        if is_some {
            values.repeat_last(missing - 1);
        }
    }
}

impl Values {
    /// Repeats the last value.
    fn repeat_last(&mut self, times: usize) {
        fn resize<T: Clone>(values: &mut Vec<T>, times: usize) {
            if let Some(last) = values.last().cloned() {
                values.resize(values.len() + times, last);
            }
        }
        match self {
            Self::Shared(texts) => resize(&mut texts.numbers, times),
            Self::Integer(numbers) => resize(numbers, times),
            Self::Bool(flags) => resize(flags, times),
            Self::List(lists) => resize(lists, times),
            Self::Text(texts) => {
                let last = texts.ends.len().checked_sub(1).map(|last| texts.get(last).to_owned());
                last.iter().cycle().take(times).for_each(|text| texts.push(text));
            }
        }
    }
}
