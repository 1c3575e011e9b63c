//! Records which rows a connection's transactions change, and writes them to the change
//! log (see [`super::changes`]). Temporary triggers call a SQL function for each change.

mod touched;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, params};

use self::touched::{ChangeEntry, Operation, TouchedRows};
use super::ArchiveError;

/// A table with triggers: what they record of a row, and which columns they watch.
struct WatchedTable {
    table: &'static str,
    /// Arguments of [`NOTE_FUNCTION`] after the operation: kind, row or channel, message,
    /// time. `ROW` stands for the row before or after the change.
    arguments: &'static str,
    /// The columns whose updates are recorded; empty means all columns.
    columns: &'static [&'static str],
    /// Whether inserts and deletes are recorded too. Not needed for rows that messages
    /// refer to: those messages change along with them.
    records_inserts_and_deletes: bool,
}

/// The tables that a subscriber may derive data from.
const WATCHED_TABLES: [WatchedTable; 8] = [
    WatchedTable {
        table: "messages",
        arguments: "'message', ROW.channel_id, ROW.platform_id, ROW.created_at",
        columns: &[],
        records_inserts_and_deletes: true,
    },
    WatchedTable {
        table: "message_attachments",
        arguments: MESSAGE_CHILD,
        columns: &[],
        records_inserts_and_deletes: true,
    },
    WatchedTable {
        table: "message_reaction_counts",
        arguments: MESSAGE_CHILD,
        columns: &["count", "users_read_at"],
        records_inserts_and_deletes: true,
    },
    WatchedTable {
        table: "message_emoji_reactions",
        arguments: MESSAGE_CHILD,
        columns: &[],
        records_inserts_and_deletes: true,
    },
    WatchedTable {
        table: "channels",
        arguments: "'channel', ROW.id, 0, NULL",
        columns: &[
            "id_text",
            "platform_id",
            "parent_id",
            "kind",
            "opened_at",
            "name",
            "topic",
            "state",
            "owner_id",
            "archived",
            "archived_at",
            "locked",
            "metadata",
        ],
        records_inserts_and_deletes: true,
    },
    WatchedTable {
        table: "users",
        arguments: "'author', ROW.id, 0, NULL",
        columns: &["anonymized_id", "is_bot"],
        records_inserts_and_deletes: false,
    },
    WatchedTable {
        table: "emoji",
        arguments: "'emoji', ROW.id, 0, NULL",
        columns: &["platform_id", "name"],
        records_inserts_and_deletes: false,
    },
    WatchedTable {
        table: "tenants",
        arguments: "'tenant', ROW.id, 0, NULL",
        columns: &[
            "name",
            "id_text",
            "message_id_divisor",
            "message_id_format",
            "message_url_format",
            "written_types",
        ],
        records_inserts_and_deletes: false,
    },
];

/// Arguments for a row that belongs to a message: the message has changed.
const MESSAGE_CHILD: &str = "'child', ROW.channel_id, ROW.message_id, NULL";

/// The SQL function that the triggers call.
const NOTE_FUNCTION: &str = "note_change";

/// Records the changes of one connection.
pub(super) struct Recorder {
    touched: Arc<Mutex<TouchedRows>>,
    /// Whether the triggers exist. `None` means unknown: a rollback may have undone their
    /// creation or removal.
    is_attached: Option<bool>,
}

impl Recorder {
    /// Registers the SQL function on a writing connection.
    pub fn new(connection: &Connection) -> Result<Self, ArchiveError> {
        let touched = Arc::<Mutex<TouchedRows>>::default();
        let shared = Arc::clone(&touched);
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        connection.create_scalar_function(NOTE_FUNCTION, 5, flags, move |context| {
            note(&mut lock(&shared), context)
        })?;
        Ok(Self { touched, is_attached: Some(false) })
    }

    /// Called at the start of a transaction: creates the triggers if the change log has
    /// subscribers, and drops them if it has none.
    pub fn begin(&mut self, connection: &Connection) -> Result<(), ArchiveError> {
        let mut select = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM change_subscribers)")?;
        let is_wanted: bool = select.query_row([], |row| row.get(0))?;
        if self.is_attached != Some(is_wanted) {
            for sql in WATCHED_TABLES.iter().flat_map(WatchedTable::triggers) {
                connection.execute_batch(if is_wanted { &sql.create } else { &sql.drop })?;
            }
            self.is_attached = Some(is_wanted);
        }
        Ok(())
    }

    /// Writes the transaction's changes to the change log, right before it commits.
    pub fn finish(&mut self, connection: &Connection) -> Result<(), ArchiveError> {
        let touched = std::mem::take(&mut *lock(&self.touched));
        if touched.is_empty() {
            return Ok(());
        }
        let mut insert = connection.prepare_cached(
            "INSERT INTO changes (kind, channel_id, first_message_id, last_message_id, first_at, last_at, row_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for ChangeEntry { kind, channel, range, sent, row } in touched.into_log(connection)? {
            let (first, last) = range.unzip();
            let (first_at, last_at) = sent.unzip();
            insert.execute(params![kind, channel, first, last, first_at, last_at, row])?;
        }
        Ok(())
    }

    /// Discards what was recorded, after a rollback.
    pub fn discard(&mut self) {
        *lock(&self.touched) = TouchedRows::default();
        self.is_attached = None;
    }
}

fn lock(touched: &Mutex<TouchedRows>) -> MutexGuard<'_, TouchedRows> {
    touched.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(touched: &mut TouchedRows, context: &Context<'_>) -> rusqlite::Result<bool> {
    let operation = match context.get_raw(0).as_str()? {
        "insert" => Operation::Insert,
        "update" => Operation::Update,
        "delete" => Operation::Delete,
        other => return Err(unknown_word(other)),
    };
    let (row, message): (i64, i64) = (context.get(2)?, context.get(3)?);
    match context.get_raw(1).as_str()? {
        "message" => touched.add_message(row, message, operation, context.get(4)?),
        "child" => touched.add_message(row, message, Operation::Update, None),
        "channel" => touched.add_row("channel", row),
        "author" => touched.add_row("author", row),
        "emoji" => touched.add_row("emoji", row),
        "tenant" => touched.add_row("tenant", row),
        other => return Err(unknown_word(other)),
    }
    Ok(true)
}

fn unknown_word(word: &str) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(
        format!("a change-log trigger passed the unknown word {word:?}").into(),
    )
}

/// The SQL that creates and drops a trigger.
struct Trigger {
    create: String,
    drop: String,
}

impl WatchedTable {
    fn triggers(&self) -> impl Iterator<Item = Trigger> + '_ {
        let of =
            if self.columns.is_empty() { String::new() } else { format!(" OF {}", self.columns.join(", ")) };
        [("insert", String::new(), "new"), ("update", of, "new"), ("delete", String::new(), "old")]
            .into_iter()
            .filter(|(operation, ..)| self.records_inserts_and_deletes || *operation == "update")
            .map(|(operation, of, row)| {
                let name = format!("note_{}_{operation}", self.table);
                let arguments = self.arguments.replace("ROW", row);
                Trigger {
                    create: format!(
                        "CREATE TEMP TRIGGER IF NOT EXISTS {name} AFTER {operation}{of} ON main.{}
                         BEGIN SELECT {NOTE_FUNCTION}('{operation}', {arguments}); END",
                        self.table
                    ),
                    drop: format!("DROP TRIGGER IF EXISTS temp.{name}"),
                }
            })
    }
}
