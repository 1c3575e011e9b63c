//! Unresolved ID candidates (`suspect_digits`): digits in stored texts that may turn out
//! to be a user's ID, and the messages or channels whose texts hold them.

use rusqlite::params;

use super::schema::{CandidateLocation, TEXT_TABLES};
use super::{ArchiveError, ChannelRow, Tx, emoji, residual};
use crate::anonymize::UserHash;
use crate::model::Timestamp;

/// Records that the texts of a message hold an ID candidate; `message_id` is 0 for those
/// of the channel itself.
pub(super) fn record(
    tx: &mut Tx<'_>,
    hash: &UserHash,
    channel: ChannelRow,
    message_id: i64,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO suspect_digits (hash_prefix, channel_id, message_id) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![hash.prefix(), channel.0, message_id])?;
    Ok(())
}

/// Scrubs a newly known user from every text recorded as holding their ID, and from the
/// names of all emoji.
pub(super) fn scrub(tx: &mut Tx<'_>, user: &UserHash, now: Timestamp) -> Result<(), ArchiveError> {
    let locations: Vec<(i64, i64)> = tx
        .connection
        .prepare_cached("SELECT channel_id, message_id FROM suspect_digits WHERE hash_prefix = ?1")?
        .query_map(params![user.prefix()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (channel, message) in &locations {
        for table in &TEXT_TABLES {
            let Some(condition) = location_condition(table.candidate_location) else { continue };
            for column in table.columns {
                scrub_column(tx, user, (table.name, &condition, column.name), (*channel, *message), now)?;
            }
        }
    }
    emoji::rescrub(tx, user, now)?;
    if !locations.is_empty() {
        tx.connection
            .prepare_cached("DELETE FROM suspect_digits WHERE hash_prefix = ?1")?
            .execute(params![user.prefix()])?;
    }
    Ok(())
}

/// SQL condition for the rows of a location: `?1` is the channel's row ID, `?2` the
/// message ID, or 0 for the channel itself. `None` if the table records no candidates.
fn location_condition(location: CandidateLocation) -> Option<String> {
    match location {
        CandidateLocation::Message { id } => Some(format!("channel_id = ?1 AND {id} = ?2")),
        CandidateLocation::Channel => Some("id = ?1 AND ?2 = 0".to_owned()),
        CandidateLocation::Unrecorded => None,
    }
}

fn scrub_column(
    tx: &mut Tx<'_>,
    user: &UserHash,
    (table, condition, column): (&str, &str, &str),
    (channel, message): (i64, i64),
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let select = format!("SELECT DISTINCT {column} FROM {table} WHERE {condition} AND {column} IS NOT NULL");
    let texts: Vec<String> = tx
        .connection
        .prepare_cached(&select)?
        .query_map(params![channel, message], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for text in texts {
        let scrubbed = tx.rescrub(&text, Some(channel), user)?;
        if scrubbed != text {
            residual::request_residual_search(tx.connection)?;
            let update = format!(
                "UPDATE {table} SET {column} = ?3, updated_at = ?4 WHERE {condition} AND {column} = ?5"
            );
            tx.connection.prepare_cached(&update)?.execute(params![
                channel,
                message,
                scrubbed,
                now.as_millis(),
                text
            ])?;
        }
    }
    Ok(())
}
