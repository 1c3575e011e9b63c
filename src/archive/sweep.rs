//! Sweep: scrubs all stored texts again, after the rules of `anonymize` have become
//! stricter and with every full re-read.

use std::borrow::Cow;

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::schema::{CandidateLocation, TEXT_TABLES, TextTable};
use super::tx::in_transaction;
use super::{ArchiveError, ChannelRow, Tx, audit, emoji, info, residual, users};
use crate::anonymize::Rules;
use crate::model::Timestamp;
use crate::model::markup::Syntax;

/// Key in `archive_info`: the version of the rules that the stored texts were last
/// scrubbed by; absent means 1.
pub(super) const RULES_KEY: &str = "scrub_rules";

/// Version of the current rules. Version 2 added IDs in disguise, pictures, and emoji
/// names.
const CURRENT_RULES: i64 = 2;

/// Rows read at once.
const BATCH_ROWS: usize = 1000;

/// Whether the stored texts were scrubbed by older rules.
pub(super) fn is_due(connection: &Connection) -> Result<bool, ArchiveError> {
    Ok(info::number(connection, RULES_KEY)?.unwrap_or(1) < CURRENT_RULES)
}

/// Requests a sweep by the next command that opens the archive for writing.
pub(super) fn request(connection: &Connection) -> Result<(), ArchiveError> {
    info::set(connection, RULES_KEY, "0")
}

/// Sweeps the archive if its texts were scrubbed by older rules.
pub(super) fn bring_up_to_date(connection: &mut Connection, rules: Rules) -> Result<(), ArchiveError> {
    if !is_due(connection)? {
        return Ok(());
    }
    let has_texts: bool =
        connection.query_row("SELECT EXISTS (SELECT 1 FROM messages)", [], |row| row.get(0))?;
    if has_texts {
        tracing::warn!(
            "scrubbing all stored texts once, by the rules of this version: takes a few seconds per million messages"
        );
    }
    sweep(connection, rules)
}

/// Scrubs every text in one transaction, then removes the residual data. The caller holds
/// the lock.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails. The texts then change all or not at all.
pub fn sweep(connection: &mut Connection, rules: Rules) -> Result<(), ArchiveError> {
    in_transaction(connection, rules, |tx, now| {
        let mut changed_texts = 0_u64;
        for table in &TEXT_TABLES {
            changed_texts += sweep_table(tx, table, now)?;
        }
        if changed_texts > 0 {
            let details = serde_json::json!({"texts": changed_texts, "rules": CURRENT_RULES});
            audit::record(tx, "scrub", None, None, Some(&details), now)?;
            residual::request_vacuum(tx.connection)?;
        }
        info::set(tx.connection, RULES_KEY, &CURRENT_RULES.to_string())
    })?;
    residual::vacuum_if_due(connection)
}

/// A row of a [`TextTable`]: its key, then its texts.
pub(super) type TextRow = (Vec<Value>, Vec<Option<String>>);

impl TextTable {
    /// The next batch of rows after a key; the first batch if the key is empty.
    pub(super) fn batch(
        &self,
        connection: &Connection,
        after: &[Value],
    ) -> Result<Vec<TextRow>, ArchiveError> {
        let key = self.key.join(", ");
        let parameters = vec!["?"; self.key.len()].join(", ");
        let condition =
            if after.is_empty() { String::new() } else { format!("WHERE ({key}) > ({parameters})") };
        let sql = format!(
            "SELECT {key}, {} FROM {} {condition} ORDER BY {key} LIMIT {BATCH_ROWS}",
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

    /// The channel and message (0: the channel itself) that a row's ID candidates are
    /// recorded with.
    fn candidate_location(&self, key: &[Value]) -> Option<(ChannelRow, i64)> {
        match (self.candidate_location, key) {
            (CandidateLocation::Message { .. }, [Value::Integer(channel), Value::Integer(message), ..]) => {
                Some((ChannelRow(*channel), *message))
            }
            (CandidateLocation::Channel, [Value::Integer(channel)]) => Some((ChannelRow(*channel), 0)),
            _ => None,
        }
    }

    /// Writes a scrubbed text.
    pub(super) fn store(
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

/// The text of a column; `None` if the value isn't valid UTF-8 text.
fn text(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<String>> {
    Ok(row.get_ref(index)?.as_str().ok().map(ToOwned::to_owned))
}

/// Scrubs the texts of a table. Returns the number of texts changed.
fn sweep_table(tx: &mut Tx<'_>, table: &TextTable, now: Timestamp) -> Result<u64, ArchiveError> {
    let (mut changed_texts, mut after) = (0, Vec::new());
    loop {
        let rows = table.batch(tx.connection, &after)?;
        let Some((last, _)) = rows.last() else { return Ok(changed_texts) };
        after.clone_from(last);
        for (key, stored) in &rows {
            for (column, text) in table.columns.iter().zip(stored) {
                let Some(text) = text else { continue };
                let location = table.candidate_location(key);
                let scrubbed = sweep_text(tx, text, column.syntax, location, now)?;
                if scrubbed != *text {
                    table.store(tx, column.name, key, &scrubbed, now)?;
                    changed_texts += 1;
                }
            }
        }
    }
}

/// Scrubs a text by the rules of its platform; of all platforms in turn if it belongs to
/// no channel.
fn sweep_text<'t>(
    tx: &mut Tx<'_>,
    stored: &'t str,
    syntax: Syntax,
    location: Option<(ChannelRow, i64)>,
    now: Timestamp,
) -> Result<Cow<'t, str>, ArchiveError> {
    let mut text = Cow::Borrowed(stored);
    for scrubber in tx.cache.scrubbers.of(tx.connection, location.map(|(channel, _)| channel.0))? {
        let mut people = Vec::new();
        let Some(scrubbed) = scrubber.scrub_stored(&text, syntax, &mut people) else { continue };
        for person in &people {
            users::intern(tx, person, now)?;
        }
        text = Cow::Owned(tx.resolve_text_at(&scrubbed, location)?.into_owned());
    }
    tx.with_keyed_hashes(text, location)
}
