//! Scrubs every stored text once more: after the rules of `anonymize` have become
//! stricter, and whenever everything is read again.

use std::borrow::Cow;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, TransactionBehavior};

use super::recorder::Recorder;
use super::schema::{Place, TEXT_TABLES, TextTable};
use super::tx::Interned;
use super::{ArchiveError, ChannelRow, Tx, audit, emoji, info, residual, users};
use crate::model::markup::Syntax;
use crate::model::{Platforms, Timestamp};

/// The rules that the stored texts were last scrubbed by, a number; absent: 1.
const RULES: &str = "scrub_rules";

/// The rules of this version. 2: digits in disguise, pictures, names of emoji.
const CURRENT_RULES: i64 = 2;

/// Rows read at once.
const BATCH: usize = 1000;

/// Whether older rules wrote the stored texts.
pub(super) fn is_due(connection: &Connection) -> Result<bool, ArchiveError> {
    Ok(info::number(connection, RULES)?.unwrap_or(1) < CURRENT_RULES)
}

/// Scrubs what older rules left, if that wasn't done yet.
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    platforms: Platforms,
) -> Result<(), ArchiveError> {
    if !is_due(connection)? {
        return Ok(());
    }
    let has_texts: bool =
        connection.query_row("SELECT EXISTS (SELECT 1 FROM messages)", [], |row| row.get(0))?;
    if has_texts {
        tracing::warn!(
            "scrubbing every stored text once, by the rules of this version: this takes a few seconds per million messages"
        );
    }
    sweep(connection, platforms)
}

/// Scrubs every text in one transaction, and leaves nothing of what it removed in
/// free space. The caller holds the lock.
///
/// # Errors
/// When the archive can't be written; then it is as it was.
pub fn sweep(connection: &mut Connection, platforms: Platforms) -> Result<(), ArchiveError> {
    let mut recorder = Recorder::new(connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    recorder.begin(&transaction)?;
    let mut interned = Interned::new(platforms);
    let mut tx = Tx::new(&transaction, &mut interned);
    let now = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    let now = Timestamp::from_millis(transaction.query_row(now, [], |row| row.get(0))?);
    let mut changed = 0_u64;
    for table in &TEXT_TABLES {
        changed += sweep_table(&mut tx, table, now)?;
    }
    if changed > 0 {
        let details = serde_json::json!({"texts": changed, "rules": CURRENT_RULES});
        audit::record(&mut tx, "scrub", None, None, Some(&details), now)?;
        residual::demand_vacuum(&transaction)?;
    }
    info::set(&transaction, RULES, &CURRENT_RULES.to_string())?;
    recorder.finish(&transaction)?;
    transaction.commit()?;
    residual::vacuum_if_due(connection)
}

/// A row of it: its key, then its texts.
type TextRow = (Vec<Value>, Vec<Option<String>>);

impl TextTable {
    /// The next rows behind a key.
    fn batch(&self, connection: &Connection, after: &[Value]) -> Result<Vec<TextRow>, ArchiveError> {
        let key = self.key.join(", ");
        let places = vec!["?"; self.key.len()].join(", ");
        let behind = if after.is_empty() { String::new() } else { format!("WHERE ({key}) > ({places})") };
        let sql = format!(
            "SELECT {key}, {} FROM {} {behind} ORDER BY {key} LIMIT {BATCH}",
            self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", "),
            self.name
        );
        let split = self.key.len();
        let read = |row: &Row<'_>| {
            let key = (0..split).map(|index| row.get(index)).collect::<Result<_, _>>()?;
            let texts = (split..split + self.columns.len()).map(|index| text(row, index));
            Ok((key, texts.collect::<Result<_, _>>()?))
        };
        let mut select = connection.prepare_cached(&sql)?;
        let rows = select.query_map(rusqlite::params_from_iter(after), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Where ID candidates of a row are remembered.
    fn place_of(&self, key: &[Value]) -> Option<(ChannelRow, i64)> {
        match (self.place, key) {
            (Place::Message { .. }, [Value::Integer(channel), Value::Integer(message), ..]) => {
                Some((ChannelRow(*channel), *message))
            }
            (Place::Channel, [Value::Integer(channel)]) => Some((ChannelRow(*channel), 0)),
            _ => None,
        }
    }

    fn store(
        &self,
        tx: &mut Tx<'_>,
        column: &str,
        key: &[Value],
        text: &str,
        now: Timestamp,
    ) -> Result<(), ArchiveError> {
        if let ("emoji", [Value::Integer(row)]) = (self.name, key) {
            return emoji::rename(tx, *row, text, now);
        }
        let mut parameters = vec![Value::Text(text.to_owned()), Value::Integer(now.as_millis())];
        parameters.extend_from_slice(key);
        let key: Vec<String> = self.key.iter().map(|column| format!("{column} = ?")).collect();
        let update =
            format!("UPDATE {} SET {column} = ?, updated_at = ? WHERE {}", self.name, key.join(" AND "));
        tx.connection.prepare_cached(&update)?.execute(rusqlite::params_from_iter(parameters))?;
        Ok(())
    }
}

/// A text; `None` for what is none, such as bytes that are no UTF-8.
fn text(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<String>> {
    Ok(row.get_ref(index)?.as_str().ok().map(ToOwned::to_owned))
}

fn sweep_table(tx: &mut Tx<'_>, table: &TextTable, now: Timestamp) -> Result<u64, ArchiveError> {
    let (mut changed, mut after) = (0, Vec::new());
    loop {
        let rows = table.batch(tx.connection, &after)?;
        let Some((last, _)) = rows.last() else { return Ok(changed) };
        after.clone_from(last);
        for (key, stored) in &rows {
            for (column, text) in table.columns.iter().zip(stored) {
                let Some(text) = text else { continue };
                let place = table.place_of(key);
                let swept = sweep_text(tx, text, column.syntax, place, now)?;
                if swept != *text {
                    table.store(tx, column.name, key, &swept, now)?;
                    changed += 1;
                }
            }
        }
    }
}

/// The text as it is to be stored.
fn sweep_text<'t>(
    tx: &mut Tx<'_>,
    stored: &'t str,
    syntax: Syntax,
    place: Option<(ChannelRow, i64)>,
    now: Timestamp,
) -> Result<Cow<'t, str>, ArchiveError> {
    let mut text = Cow::Borrowed(stored);
    for scrubber in tx.interned.scrubbers.of(tx.connection, place.map(|(channel, _)| channel.0))? {
        let mut people = Vec::new();
        let Some(scrubbed) = scrubber.scrub_stored(&text, syntax, &mut people) else { continue };
        for person in &people {
            users::intern(tx, person, now)?;
        }
        text = Cow::Owned(tx.settle_at(&scrubbed, place)?.into_owned());
    }
    Ok(text)
}
