//! The tables that can be exported: which view each is made from, and the types of its
//! columns.

use crate::archive::{ArchiveError, Reader};

/// A table that can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// A row per message.
    Messages,
    /// A row per channel or thread.
    Channels,
    /// A row per thread.
    Threads,
    /// A row per reply.
    Replies,
    /// A row per person's reaction.
    Reactions,
    /// A row per emoji on a message.
    ReactionCounts,
    /// A row per file.
    Attachments,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// A text.
    Text,
    /// A 64-bit number.
    Integer,
    /// True or false.
    Bool,
    /// A time in UTC, in milliseconds.
    Time,
    /// A list of texts.
    List,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// How its values follow from those of another column.
    pub derived: Option<Derived>,
}

impl Column {
    /// Whether values of it are read.
    pub fn has_own_values(&self) -> bool {
        matches!(self.derived, None | Some(Derived::BeforeDecimalOf(_)))
    }
}

/// How values follow from those of another column, which is given by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derived {
    /// They are the same: those of a time in milliseconds.
    SameAs(usize),
    /// They are its numbers in decimal.
    DecimalOf(usize),
    /// The column's own values come before its numbers in decimal.
    BeforeDecimalOf(usize),
}

/// Columns that are true or false; the views show 0 and 1.
const BOOLS: [&str; 10] = [
    "author_is_bot",
    "message_author_is_bot",
    "user_is_bot",
    "owner_is_bot",
    "original_archived",
    "burst",
    "archived",
    "locked",
    "pinned",
    "is_system",
];
/// Columns with numbers, besides those whose names end with `_key` or `_ms`. A channel's
/// `type` is a text, a message's a number.
const INTEGERS: [&str; 5] = ["attachments", "reactions", "messages", "count", "file_size"];
/// Columns with a list of texts, as JSON.
const LISTS: [&str; 1] = ["tags"];

impl Table {
    /// All tables, in the order in which they are exported.
    pub const ALL: [Self; 7] = [
        Self::Messages,
        Self::Channels,
        Self::Threads,
        Self::Replies,
        Self::Reactions,
        Self::ReactionCounts,
        Self::Attachments,
    ];

    /// Its name, also that of its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Channels => "channels",
            Self::Threads => "threads",
            Self::Replies => "replies",
            Self::Reactions => "reactions",
            Self::ReactionCounts => "reaction_counts",
            Self::Attachments => "attachments",
        }
    }

    /// Its view.
    pub const fn view(self) -> &'static str {
        match self {
            Self::Messages => "message_log",
            Self::Channels => "channel_log",
            Self::Threads => "thread_log",
            Self::Replies => "reply_log",
            Self::Reactions => "reaction_log",
            Self::ReactionCounts => "reaction_count_log",
            Self::Attachments => "attachment_log",
        }
    }

    /// About how long it takes to export it; all messages take 100.
    pub const fn weight(self) -> u64 {
        match self {
            Self::Messages => 100,
            Self::Channels | Self::Threads => 1,
            Self::Replies => 30,
            Self::Reactions => 40,
            Self::ReactionCounts => 20,
            Self::Attachments => 10,
        }
    }

    /// Whether it is divided by month: that of the message that a row belongs to.
    pub const fn has_months(self) -> bool {
        !matches!(self, Self::Channels | Self::Threads)
    }

    /// Its columns: those of the view.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn columns(self, reader: &Reader) -> Result<Vec<Column>, ArchiveError> {
        let names = reader.view_columns(self.view())?;
        let twin = |name: &str| {
            let twin = format!("{}_ms", name.strip_suffix("_at")?);
            names.iter().position(|name| *name == twin)
        };
        let column = |name: &String| Column {
            kind: self.type_of(name),
            derived: twin(name).map(Derived::SameAs),
            name: name.clone(),
        };
        Ok(names.iter().map(column).collect())
    }

    /// The columns for a tenant whose messages have decimal IDs, which the addresses of messages end with.
    pub fn with_derived_ids(self, columns: &[Column]) -> Vec<Column> {
        let number = |name: &str| columns.iter().position(|column| column.name == name);
        let derived = |column: &Column| match column.name.as_str() {
            "message_id" => number("message_key").map(Derived::DecimalOf),
            "reply_to_message_id" => number("reply_to_message_key").map(Derived::DecimalOf),
            "url" if self == Self::Messages => number("message_key").map(Derived::BeforeDecimalOf),
            _ => column.derived,
        };
        columns.iter().map(|column| Column { derived: derived(column), ..column.clone() }).collect()
    }

    fn type_of(self, column: &str) -> ColumnType {
        if column.ends_with("_at") {
            ColumnType::Time
        } else if BOOLS.contains(&column) {
            ColumnType::Bool
        } else if LISTS.contains(&column) {
            ColumnType::List
        } else if column.ends_with("_key")
            || column.ends_with("_ms")
            || INTEGERS.contains(&column)
            || (column == "type" && self == Self::Messages)
        {
            ColumnType::Integer
        } else {
            ColumnType::Text
        }
    }
}
