//! Notes which rows the transactions of a connection change, and logs them in the
//! change log (see [`super::changes`]).

mod touched;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, params};

use self::touched::{Logged, Operation, Touched};
use super::ArchiveError;

/// The triggers of a table: whose row is noted as what, and which columns count.
struct Watched {
    table: &'static str,
    /// What is noted of a row, `ROW` standing for it before or after the change.
    note: &'static str,
    /// Only updates of these columns count; of all if there are none.
    columns: &'static [&'static str],
    /// Whether a row that is new or gone is a change by itself: messages refer to
    /// others, which change then as well.
    counts_rows: bool,
}

/// The tables that something may be made from.
const WATCHED: [Watched; 8] = [
    Watched {
        table: "messages",
        note: "'message', ROW.channel_id, ROW.platform_id, ROW.created_at",
        columns: &[],
        counts_rows: true,
    },
    Watched { table: "message_attachments", note: CHILD, columns: &[], counts_rows: true },
    Watched { table: "message_reaction_counts", note: CHILD, columns: &["count"], counts_rows: true },
    Watched { table: "message_emoji_reactions", note: CHILD, columns: &[], counts_rows: true },
    Watched {
        table: "channels",
        note: "'channel', ROW.id, 0, NULL",
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
        counts_rows: true,
    },
    Watched {
        table: "users",
        note: "'author', ROW.id, 0, NULL",
        columns: &["anonymized_id", "is_bot"],
        counts_rows: false,
    },
    Watched {
        table: "emoji",
        note: "'emoji', ROW.id, 0, NULL",
        columns: &["platform_id", "name"],
        counts_rows: false,
    },
    Watched {
        table: "tenants",
        note: "'tenant', ROW.id, 0, NULL",
        columns: &["name", "id_text", "message_id_divisor", "message_id_format", "message_url_format"],
        counts_rows: false,
    },
];

/// A row that belongs to a message: the message has changed.
const CHILD: &str = "'child', ROW.channel_id, ROW.message_id, NULL";

/// The function that the triggers call.
const NOTE: &str = "note_change";

/// Notes the changes of one connection.
pub(super) struct Recorder {
    touched: Arc<Mutex<Touched>>,
    /// Whether the triggers are there; `None` after a transaction was undone, and with
    /// it what it did to them.
    is_attached: Option<bool>,
}

impl Recorder {
    /// Of a connection that writes.
    pub fn new(connection: &Connection) -> Result<Self, ArchiveError> {
        let touched = Arc::<Mutex<Touched>>::default();
        let noted = Arc::clone(&touched);
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        connection.create_scalar_function(NOTE, 5, flags, move |context| note(&mut lock(&noted), context))?;
        Ok(Self { touched, is_attached: Some(false) })
    }

    /// Watches a transaction that has just begun, if anybody subscribes.
    pub fn begin(&mut self, connection: &Connection) -> Result<(), ArchiveError> {
        let mut select = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM change_subscribers)")?;
        let is_wanted: bool = select.query_row([], |row| row.get(0))?;
        if self.is_attached != Some(is_wanted) {
            for sql in WATCHED.iter().flat_map(Watched::triggers) {
                connection.execute_batch(if is_wanted { &sql.create } else { &sql.drop })?;
            }
            self.is_attached = Some(is_wanted);
        }
        Ok(())
    }

    /// Logs what the transaction has changed, right before it commits.
    pub fn finish(&mut self, connection: &Connection) -> Result<(), ArchiveError> {
        let touched = std::mem::take(&mut *lock(&self.touched));
        if touched.is_empty() {
            return Ok(());
        }
        let mut insert = connection.prepare_cached(
            "INSERT INTO changes (kind, channel_id, first_message_id, last_message_id, first_at, last_at, row_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for Logged { kind, channel, range, sent, row } in touched.into_log(connection)? {
            let (first, last) = range.unzip();
            let (first_at, last_at) = sent.unzip();
            insert.execute(params![kind, channel, first, last, first_at, last_at, row])?;
        }
        Ok(())
    }

    /// The transaction was undone.
    pub fn discard(&mut self) {
        *lock(&self.touched) = Touched::default();
        self.is_attached = None;
    }
}

fn lock(touched: &Mutex<Touched>) -> MutexGuard<'_, Touched> {
    touched.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(touched: &mut Touched, context: &Context<'_>) -> rusqlite::Result<bool> {
    let operation = match context.get_raw(0).as_str()? {
        "insert" => Operation::Insert,
        "update" => Operation::Update,
        "delete" => Operation::Delete,
        other => return Err(unknown(other)),
    };
    let (row, message): (i64, i64) = (context.get(2)?, context.get(3)?);
    match context.get_raw(1).as_str()? {
        "message" => touched.message(row, message, operation, context.get(4)?),
        "child" => touched.message(row, message, Operation::Update, None),
        "channel" => touched.row("channel", row),
        "author" => touched.row("author", row),
        "emoji" => touched.row("emoji", row),
        "tenant" => touched.row("tenant", row),
        other => return Err(unknown(other)),
    }
    Ok(true)
}

fn unknown(word: &str) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(format!("a trigger of the change log notes {word:?}").into())
}

/// How a trigger is made and dropped.
struct Trigger {
    create: String,
    drop: String,
}

impl Watched {
    fn triggers(&self) -> impl Iterator<Item = Trigger> + '_ {
        let of =
            if self.columns.is_empty() { String::new() } else { format!(" OF {}", self.columns.join(", ")) };
        [("insert", String::new(), "new"), ("update", of, "new"), ("delete", String::new(), "old")]
            .into_iter()
            .filter(|(operation, ..)| self.counts_rows || *operation == "update")
            .map(|(operation, of, row)| {
                let name = format!("note_{}_{operation}", self.table);
                let noted = self.note.replace("ROW", row);
                Trigger {
                    create: format!(
                        "CREATE TEMP TRIGGER IF NOT EXISTS {name} AFTER {operation}{of} ON main.{}
                         BEGIN SELECT {NOTE}('{operation}', {noted}); END",
                        self.table
                    ),
                    drop: format!("DROP TRIGGER IF EXISTS temp.{name}"),
                }
            })
    }
}
