//! Resets a tenant's or channel's progress, and deletes messages on request.

use rusqlite::{OptionalExtension as _, params};

use super::{ArchiveError, Reader, TenantRow, Tx, indexes, mentioned, residual, word_index};
use crate::model::{ChannelId, WorkspaceId};

/// What a reset or purge would delete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResetScope {
    /// Channels and threads whose progress a reset deletes.
    pub channels: u64,
    /// Jobs that a reset deletes; 0 if channels are named.
    pub jobs: u64,
    /// Messages that a purge deletes.
    pub messages: u64,
}

/// SQL for the row IDs of the given channels and their threads; a category stands for its
/// channels. `?1` is the tenant's row, `?2` a JSON list of platform IDs, or NULL for all
/// channels.
const CHANNELS: &str = "
    SELECT c.id FROM channels c
      LEFT JOIN channels p ON p.id = c.parent_id
      LEFT JOIN channels g ON g.id = p.parent_id
     WHERE c.tenant_id = ?1
       AND (?2 IS NULL OR EXISTS (SELECT 1 FROM json_each(?2)
                                   WHERE value IN (c.platform_id, p.platform_id, g.platform_id)))";

/// The `?2` of [`CHANNELS`].
fn platform_ids(channels: &[ChannelId]) -> Option<String> {
    let ids: Vec<i64> = channels.iter().map(|id| id.as_i64()).collect();
    (!ids.is_empty()).then(|| serde_json::Value::from(ids).to_string())
}

impl Reader {
    /// The row of the tenant with this name, and its platform's name; `None` if it isn't
    /// in the archive.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn tenant_row(&self, name: &str) -> Result<Option<(TenantRow, String)>, ArchiveError> {
        let mut select =
            self.connection.prepare_cached("SELECT id, platform FROM tenants WHERE name = ?1")?;
        Ok(select.query_row(params![name], |row| Ok((TenantRow(row.get(0)?), row.get(1)?))).optional()?)
    }

    /// The row of the tenant with this workspace; `None` if it isn't in the archive.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn tenant_row_of(
        &self,
        platform: &str,
        workspace: WorkspaceId,
    ) -> Result<Option<TenantRow>, ArchiveError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT id FROM tenants WHERE platform = ?1 AND platform_id = ?2")?;
        let row = select.query_row(params![platform, workspace.as_i64()], |row| row.get(0)).optional()?;
        Ok(row.map(TenantRow))
    }

    /// What [`reset`] and [`purge`] would delete. No `channels` means all.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn reset_scope(&self, tenant: TenantRow, channels: &[ChannelId]) -> Result<ResetScope, ArchiveError> {
        let ids = platform_ids(channels);
        let count = |sql: &str| {
            self.connection
                .query_row(sql, params![tenant.0, ids], |row| row.get(0))
                .map_err(ArchiveError::from)
        };
        let jobs = "SELECT count(*) FROM sync_jobs WHERE tenant_id = ?1 AND ?2 IS NULL";
        Ok(ResetScope {
            channels: count(&format!("SELECT count(*) FROM sync_progress WHERE channel_id IN ({CHANNELS})"))?,
            messages: count(&format!(
                "SELECT coalesce(sum(message_count), 0) FROM channels WHERE id IN ({CHANNELS})"
            ))?,
            jobs: count(jobs)?,
        })
    }
}

/// Deletes the progress and jobs of a tenant, or of the given channels and their threads;
/// no `channels` means all. Pending reactor lists and named threads count as progress.
/// Channels, messages, the audit log and the last success stay.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn reset(tx: &mut Tx<'_>, tenant: TenantRow, channels: &[ChannelId]) -> Result<(), ArchiveError> {
    let ids = platform_ids(channels);
    for sql in [
        format!("DELETE FROM channel_sync_jobs WHERE channel_id IN ({CHANNELS})"),
        format!("DELETE FROM sync_progress WHERE channel_id IN ({CHANNELS})"),
        format!("DELETE FROM reaction_attempts WHERE channel_id IN ({CHANNELS})"),
        format!("DELETE FROM named_threads WHERE channel_id IN ({CHANNELS})"),
        format!("UPDATE channels SET asked_at = NULL, vanished_at = NULL WHERE id IN ({CHANNELS})"),
        format!(
            "UPDATE message_reaction_counts SET users_count = NULL, users_due = 0 WHERE channel_id IN ({CHANNELS})"
        ),
    ] {
        tx.connection.execute(&sql, params![tenant.0, ids])?;
    }
    tx.connection
        .execute("UPDATE tenants SET threads_known_until = NULL WHERE id = ?1", params![tenant.0])?;
    if channels.is_empty() {
        tx.connection.execute("DELETE FROM sync_jobs WHERE tenant_id = ?1", params![tenant.0])?;
        tx.connection.execute(
            "UPDATE tenants SET status = 'pending', last_error = NULL, last_cause = NULL, full_job_id = NULL,
                    empty_since = NULL, last_channels = NULL, last_selection = NULL
              WHERE id = ?1",
            params![tenant.0],
        )?;
    }
    Ok(())
}

/// Deletes the messages of a tenant, or of the given channels and their threads, and the
/// emoji and users that are no longer referenced. Free pages still hold the data until
/// [`residual::vacuum_if_due`].
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn purge(tx: &mut Tx<'_>, tenant: TenantRow, channels: &[ChannelId]) -> Result<(), ArchiveError> {
    let ids = platform_ids(channels);
    for table in [
        "message_emoji_reactions",
        "message_reaction_counts",
        "message_attachments",
        "broken_messages",
        "reaction_attempts",
        "suspect_digits",
        "missing_messages",
        "messages",
    ] {
        // ID candidates of the channel's own texts have message 0.
        let keep_channel_texts = if table == "suspect_digits" { " AND message_id <> 0" } else { "" };
        let sql = format!("DELETE FROM {table} WHERE channel_id IN ({CHANNELS}){keep_channel_texts}");
        tx.connection.execute(&sql, params![tenant.0, ids])?;
    }
    let counters = format!(
        "UPDATE channels SET message_count = 0, first_message_id = NULL, first_message_at = NULL,
                last_message_id = NULL, last_message_at = NULL
          WHERE id IN ({CHANNELS})"
    );
    tx.connection.execute(&counters, params![tenant.0, ids])?;
    // Searching for the remaining references needs the deferred indexes.
    indexes::build_all(tx)?;
    tx.connection.execute(
        "DELETE FROM emoji
          WHERE NOT EXISTS (SELECT 1 FROM message_reaction_counts WHERE emoji_id = emoji.id)
            AND NOT EXISTS (SELECT 1 FROM message_emoji_reactions WHERE emoji_id = emoji.id)
            AND NOT EXISTS (SELECT 1 FROM reaction_attempts WHERE emoji_id = emoji.id)",
        [],
    )?;
    delete_unreferenced_users(tx)?;
    // Also returns the free space to the file system.
    residual::request_vacuum(tx.connection)?;
    word_index::request_erasure(tx.connection)?;
    tx.cache.clear();
    Ok(())
}

/// Deletes users that nothing refers to. A user mentioned in a remaining text is kept,
/// because only the IDs of known users are told apart from other digits.
pub(super) fn delete_unreferenced_users(tx: &Tx<'_>) -> Result<(), ArchiveError> {
    let connection = tx.connection;
    mentioned::find(connection)?;
    connection.execute(
        "DELETE FROM users
          WHERE anonymized_id NOT IN (SELECT anonymized_id FROM temp.mentioned)
            AND NOT EXISTS (SELECT 1 FROM messages WHERE author_id = users.id)
            AND NOT EXISTS (SELECT 1 FROM messages WHERE reply_to_author_id = users.id)
            AND NOT EXISTS (SELECT 1 FROM message_emoji_reactions WHERE user_id = users.id)
            AND NOT EXISTS (SELECT 1 FROM channels WHERE owner_id = users.id)",
        [],
    )?;
    connection.execute_batch("DROP TABLE temp.mentioned")?;
    Ok(())
}
