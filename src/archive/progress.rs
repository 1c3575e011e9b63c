//! Checkpoints (`sync_progress`): how far each channel has been read, and how its last
//! read ended.

use std::sync::Arc;

use rusqlite::params;

use super::{ArchiveError, ChannelRow, TenantRow, Tx};
use crate::model::{Backfill, ChannelEnd, EndEvidence, LastError, MessageId, ProgressStatus, Timestamp};

/// The progress that a page commits with its messages. The default changes nothing.
#[derive(Debug, Clone, Default)]
pub struct PageProgress {
    /// The new checkpoint: every message up to this one was read.
    pub checkpoint: Option<MessageId>,
    /// When the read began that has now covered the whole refresh window.
    pub refreshed_at: Option<Timestamp>,
    /// The ID of the job that began the full re-read, and its cursor.
    pub full_cursor: Option<(Arc<str>, Option<MessageId>)>,
    /// The cursor of a backfill.
    pub backfill: Option<Backfill>,
}

impl PageProgress {
    /// Writes the progress, in the transaction that stores the page.
    pub(super) fn store(
        &self,
        tx: &mut Tx<'_>,
        channel: ChannelRow,
        now: Timestamp,
    ) -> Result<(), ArchiveError> {
        if let Some(checkpoint) = self.checkpoint {
            advance(tx, channel, checkpoint, now)?;
        }
        if let Some(refreshed_at) = self.refreshed_at {
            set_refreshed_at(tx, channel, refreshed_at, now)?;
        }
        if let Some((job_id, cursor)) = &self.full_cursor {
            advance_full_cursor(tx, channel, job_id, *cursor, now)?;
        }
        if let Some(backfill) = self.backfill {
            advance_backfill_cursor(tx, channel, backfill, now)?;
        }
        Ok(())
    }
}

/// Marks a channel as being read by `worker`. If nothing of it was read before, its
/// archive starts at `since`; `None` is the channel's beginning.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn begin(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    channel: ChannelRow,
    worker: usize,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO sync_progress (channel_id, tenant_id, status, worker_id, started_at, read_from, refreshed_at,
                                        created_at, updated_at)
             VALUES (?1, ?2, 'in_progress', ?3, ?4, ?5, ?4, ?4, ?4)
             ON CONFLICT (channel_id) DO UPDATE
                SET status = 'in_progress', worker_id = excluded.worker_id, started_at = excluded.started_at,
                    read_from = CASE WHEN last_message_id IS NULL AND history_complete = 0 THEN excluded.read_from
                                     ELSE read_from END,
                    refreshed_at = coalesce(refreshed_at, excluded.refreshed_at),
                    retry_count = 0, updated_at = excluded.updated_at",
        )?
        .execute(params![
            channel.0,
            tenant.0,
            i64::try_from(worker).unwrap_or(0),
            now.as_millis(),
            since.map(Timestamp::as_millis),
        ])?;
    Ok(())
}

/// Moves the checkpoint forward to the end of a page, never back. Called in the
/// transaction that stores the page.
pub(super) fn advance(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    to: MessageId,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE sync_progress SET last_message_id = ?2, updated_at = ?3
              WHERE channel_id = ?1 AND coalesce(last_message_id, 0) < ?2",
        )?
        .execute(params![channel.0, to.as_i64(), now.as_millis()])?;
    Ok(())
}

/// SQL assignments that reset a checkpoint, so that the channel is read again from its
/// beginning. The archived messages can't tell where to resume: there may be unread
/// messages before them.
const RESET_CHECKPOINT: &str = "last_message_id = NULL, history_complete = 0, full_cursor = NULL, full_done = 0,
                          end_announced_id = NULL, end_confirmed_at = NULL, end_doubted_at = NULL, end_was_empty = 0";

/// Resets the checkpoint of a channel, because it is no message's ID.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn reset_checkpoint(tx: &mut Tx<'_>, channel: ChannelRow, now: Timestamp) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(&format!(
            "UPDATE sync_progress SET {RESET_CHECKPOINT}, updated_at = ?2 WHERE channel_id = ?1"
        ))?
        .execute(params![channel.0, now.as_millis()])?;
    Ok(())
}

/// Resets the checkpoints of a tenant that are greater than `newest`, the greatest ID
/// a message can have yet: a damaged ID caused them. If more than three and more than
/// half of all checkpoints are, the clock is wrong, and none is reset. Returns the
/// number of channels reset.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn reset_future_checkpoints(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    newest: MessageId,
    now: Timestamp,
) -> Result<usize, ArchiveError> {
    let future_ids = params![tenant.0, newest.as_i64()];
    let count = "SELECT count(*) FILTER (WHERE last_message_id > ?2), count(*) FROM sync_progress
                  WHERE tenant_id = ?1 AND last_message_id IS NOT NULL";
    let counts = |row: &rusqlite::Row<'_>| Ok((row.get::<_, usize>(0)?, row.get::<_, usize>(1)?));
    let (future, all) = tx.connection.prepare_cached(count)?.query_row(future_ids, counts)?;
    if future > 3 && future > all / 2 {
        return Ok(0);
    }
    let update = format!(
        "UPDATE sync_progress SET {RESET_CHECKPOINT}, updated_at = ?3 WHERE tenant_id = ?1 AND last_message_id > ?2"
    );
    let reset_channels = tx.connection.prepare_cached(&update)?.execute(params![
        tenant.0,
        newest.as_i64(),
        now.as_millis()
    ])?;
    Ok(reset_channels)
}

/// Records that a read begun at `began_at` has covered the whole refresh window.
fn set_refreshed_at(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    began_at: Timestamp,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE sync_progress SET refreshed_at = ?2, updated_at = ?3
              WHERE channel_id = ?1 AND refreshed_at IS NOT ?2",
        )?
        .execute(params![channel.0, began_at.as_millis(), now.as_millis()])?;
    Ok(())
}

/// Moves the cursor of a full re-read, which is separate from the checkpoint.
fn advance_full_cursor(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    job_id: &str,
    to: Option<MessageId>,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE sync_progress SET full_job_id = ?2, full_cursor = ?3, full_done = 0, updated_at = ?4
              WHERE channel_id = ?1",
        )?
        .execute(params![channel.0, job_id, to.map(MessageId::as_i64), now.as_millis()])?;
    Ok(())
}

/// Moves the cursor of a backfill, whose `since` is stored as 0 if it is the channel's
/// beginning.
fn advance_backfill_cursor(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    backfill: Backfill,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE sync_progress SET backfill_since = ?2, backfill_cursor = ?3, updated_at = ?4 WHERE channel_id = ?1",
        )?
        .execute(params![
            channel.0,
            backfill.since.map_or(0, Timestamp::as_millis),
            backfill.cursor.map(MessageId::as_i64),
            now.as_millis()
        ])?;
    Ok(())
}

/// Ends a backfill: the archive of the channel now starts at `since`.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn finish_backfill(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE sync_progress SET read_from = ?2, backfill_since = NULL, backfill_cursor = NULL, updated_at = ?3
              WHERE channel_id = ?1",
        )?
        .execute(params![channel.0, since.map(Timestamp::as_millis), now.as_millis()])?;
    Ok(())
}

/// How the read of a channel ended.
#[derive(Debug, Clone)]
pub struct ReadOutcome {
    /// The channel's new status.
    pub status: ProgressStatus,
    /// The proven end of the channel, if the read reached it.
    pub end: Option<ChannelEnd>,
    /// The channel's newest message by the listing.
    pub announced: Option<MessageId>,
    /// Whether the channel seemed to end, but nothing confirmed it.
    pub is_end_unconfirmed: bool,
    /// The ID of the job that began the full re-read, if this read completed it.
    pub completed_full_job_id: Option<String>,
    /// When this read began, if it covered the whole refresh window.
    pub refreshed_at: Option<Timestamp>,
    /// Messages per second.
    pub messages_per_second: f64,
    /// Number of retried requests.
    pub retry_count: u64,
    /// Why the read failed, if it did.
    pub error: Option<LastError>,
    /// Whether the channel itself is the cause; only then does the failure count against
    /// it.
    pub counts_against_channel: bool,
}

/// Records how the read of a channel ended.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn finish(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    outcome: &ReadOutcome,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let retries = i64::try_from(outcome.retry_count).unwrap_or(i64::MAX);
    tx.connection
        .prepare_cached(
            "UPDATE sync_progress
                SET status = ?2, last_sync_at = ?3, last_error = ?4, messages_per_second = ?5, retry_count = ?6,
                    worker_id = NULL, history_complete = max(history_complete, ?7),
                    refreshed_at = coalesce(?8, refreshed_at),
                    full_job_id = coalesce(?9, full_job_id),
                    full_cursor = CASE WHEN ?9 IS NULL THEN full_cursor END,
                    full_done = CASE WHEN ?9 IS NULL THEN full_done ELSE 1 END,
                    full_read_at = CASE WHEN ?9 IS NULL THEN full_read_at ELSE ?3 END,
                    failure_count = CASE WHEN ?10 THEN failure_count + 1 WHEN ?2 = 'completed' THEN 0 ELSE failure_count END,
                    first_failed_at = CASE WHEN ?10 THEN coalesce(first_failed_at, ?3) WHEN ?2 = 'completed' THEN NULL
                                           ELSE first_failed_at END,
                    failed_at = CASE WHEN ?10 THEN ?3 WHEN ?2 = 'completed' THEN NULL ELSE failed_at END,
                    end_announced_id = CASE WHEN ?12 THEN ?13 ELSE end_announced_id END,
                    end_confirmed_at = CASE WHEN ?12 THEN ?3 ELSE end_confirmed_at END,
                    end_was_empty = CASE WHEN ?7 THEN ?15 ELSE end_was_empty END,
                    end_doubted_at = CASE WHEN ?14 THEN coalesce(end_doubted_at, ?3) WHEN ?7 THEN NULL
                                          ELSE end_doubted_at END,
                    last_cause = ?11, updated_at = ?3
              WHERE channel_id = ?1",
        )?
        .execute(params![
            channel.0,
            outcome.status.name(),
            now.as_millis(),
            outcome.error.as_ref().map(|last| &last.error),
            outcome.messages_per_second,
            retries,
            outcome.end.is_some(),
            outcome.refreshed_at.map(Timestamp::as_millis),
            outcome.completed_full_job_id,
            outcome.counts_against_channel,
            outcome.error.as_ref().and_then(LastError::cause_name),
            outcome.end.is_some_and(ChannelEnd::depends_on_announced),
            outcome.announced.map(MessageId::as_i64),
            outcome.is_end_unconfirmed,
            outcome.end.is_some_and(|end| end.evidence() == EndEvidence::EmptyForADay),
        ])?;
    Ok(())
}

/// Clears the unconfirmed end of a channel, because a page brought new messages.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn clear_unconfirmed_end(tx: &mut Tx<'_>, channel: ChannelRow) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE sync_progress SET end_doubted_at = NULL WHERE channel_id = ?1 AND end_doubted_at IS NOT NULL",
        )?
        .execute(params![channel.0])?;
    Ok(())
}

/// Completes channels in which there is nothing to read, if an earlier run left them
/// unfinished or failed.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn finish_skipped(tx: &mut Tx<'_>, channels: &[ChannelRow], now: Timestamp) -> Result<(), ArchiveError> {
    for channel in channels {
        tx.connection
            .prepare_cached(
                "UPDATE sync_progress SET status = 'completed', last_error = NULL, last_cause = NULL, worker_id = NULL,
                        failure_count = 0, first_failed_at = NULL, failed_at = NULL, updated_at = ?2
                  WHERE channel_id = ?1 AND status IN ('in_progress', 'interrupted', 'deferred', 'failed')",
            )?
            .execute(params![channel.0, now.as_millis()])?;
    }
    Ok(())
}

/// Records a listing of a parent channel's archived threads: its new `watermark`, and
/// whether it was complete and reached the oldest thread. A complete listing completes
/// a forum or media channel, which has no messages of its own; any other parent is
/// still pending until it is read.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_thread_listing(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    parent: ChannelRow,
    watermark: Option<Timestamp>,
    is_complete: bool,
    reached_bottom: bool,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO sync_progress (channel_id, tenant_id, status, thread_watermark, threads_listed_at,
                                        threads_incomplete, threads_doubted_at, last_sync_at, created_at, updated_at)
             SELECT id, ?2, iif(is_complete, 'completed', 'pending'), ?3, iif(?6, ?5, NULL), NOT ?4,
                    iif(?4, NULL, ?5), iif(is_complete, ?5, NULL), ?5, ?5
               FROM (SELECT id, ?4 AND kind IN ('forum', 'media') AS is_complete FROM channels WHERE id = ?1)
              WHERE true
             ON CONFLICT (channel_id) DO UPDATE
                SET thread_watermark = CASE WHEN ?4 THEN coalesce(excluded.thread_watermark, thread_watermark)
                                            ELSE thread_watermark END,
                    threads_listed_at = CASE WHEN ?6 THEN ?5 ELSE threads_listed_at END,
                    threads_incomplete = NOT ?4,
                    threads_doubted_at = CASE WHEN ?4 THEN NULL ELSE coalesce(threads_doubted_at, ?5) END, status = iif(excluded.status = 'completed', 'completed', status),
                    last_sync_at = coalesce(excluded.last_sync_at, last_sync_at), updated_at = ?5",
        )?
        .execute(params![
            parent.0,
            tenant.0,
            watermark.map(Timestamp::as_millis),
            is_complete,
            now.as_millis(),
            reached_bottom,
        ])?;
    Ok(())
}
