//! Read-only access to the archive, also while a sync writes it.

use std::path::Path;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use rusqlite::{Connection, Row, params};

use super::{ArchiveError, TenantRow, open};
use crate::anonymize::{HashScheme, text_hash};
use crate::model::{
    Backfill, ChannelId, ChannelKind, ChannelState, Checkpoint, EndRecord, KnownChannel, KnownChannels,
    KnownListing, MessageId, Timestamp, UnconfirmedEmptyPage, WorkspaceId,
};

/// SQLite virtual machine instructions between two checks of the time budget; they take
/// some milliseconds.
const STEPS_PER_CHECK: i32 = 100_000;

/// Upper bound of the time between two checks of one query.
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A read-only connection to the archive.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
}

impl Reader {
    /// Opens an archive without changing anything, not even the schema.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if there is no archive or its schema isn't current.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        Ok(Self { connection: open::open_read_only(path)? })
    }

    /// Like [`Reader::open`], with a time budget for all queries together. When it is
    /// used up, they fail with [`super::ArchiveErrorKind::Interrupted`].
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_with_budget(path: &Path, budget: Duration) -> Result<Self, ArchiveError> {
        let mut reader = Self::open(path)?;
        let (mut last, mut used) = (Instant::now(), Duration::ZERO);
        let is_exhausted = move || {
            let now = Instant::now();
            // A longer interval includes idle time between two queries.
            used += now.duration_since(last).min(MAX_CHECK_INTERVAL);
            last = now;
            used > budget
        };
        reader.connection.progress_handler(STEPS_PER_CHECK, Some(is_exhausted))?;
        Ok(reader)
    }

    /// Fails unless the archive hashes users by `scheme`.
    ///
    /// # Errors
    /// Returns an [`ArchiveError`] that tells whether a key is missing, wrong or not wanted.
    pub fn check_scheme(&self, path: &Path, scheme: HashScheme) -> Result<(), ArchiveError> {
        open::check_scheme(&self.connection, path, scheme)
    }

    /// Opens an archive that this process is writing.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if the archive can't be opened.
    pub fn open_beside_writer(path: &Path) -> Result<Self, ArchiveError> {
        Ok(Self { connection: open::open_beside_writer(path)? })
    }

    /// Until the returned value is dropped, everything that is read is of one state of the
    /// archive.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, ArchiveError> {
        self.connection.execute_batch("BEGIN; SELECT 1 FROM archive_info")?;
        Ok(Snapshot(self))
    }

    /// The time before which every message in a thread of a tenant is known from a listing or
    /// a search of the last run, which read what they found; `None` if it didn't, or if it
    /// selected other channels than those of this fingerprint.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn threads_known_until(
        &self,
        tenant: TenantRow,
        fingerprint: &str,
    ) -> Result<Option<Timestamp>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT CASE WHEN last_selection IS ?2 THEN threads_known_until END FROM tenants WHERE id = ?1",
        )?;
        Ok(select.query_row(params![tenant.0, text_hash(fingerprint)], |row| time(row, 0))?)
    }

    /// Every archived channel and thread of a tenant, with its checkpoint.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn known_channels(
        &self,
        platform: &str,
        workspace: WorkspaceId,
    ) -> Result<KnownChannels, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT c.platform_id, p.platform_id, c.kind, s.last_message_id, s.history_complete, s.read_from,
                    s.refreshed_at, s.full_job_id, s.full_cursor, s.failure_count, s.failed_at, s.thread_watermark,
                    s.threads_listed_at, c.state, c.archived,
                    c.name, c.opened_at, s.full_done, s.backfill_since, s.backfill_cursor, s.empty_after, t.id,
                    s.end_announced_id, s.end_confirmed_at, s.end_doubted_at, c.asked_at,
                    c.message_count,
                    EXISTS (SELECT 1 FROM named_threads n
                             WHERE n.channel_id = c.parent_id AND n.platform_id = c.platform_id
                               AND n.asked_at IS NOT NULL),
                    s.end_was_empty, s.threads_incomplete
               FROM tenants t
               JOIN channels c ON c.tenant_id = t.id
               LEFT JOIN channels p ON p.id = c.parent_id
               LEFT JOIN sync_progress s ON s.channel_id = c.id
              WHERE t.platform = ?1 AND t.platform_id = ?2",
        )?;
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(21)?, known_channel(row)?));
        let rows = select.query_map(params![platform, workspace.as_i64()], row)?;
        let (mut channels, mut tenant) = (HashMap::new(), None);
        for row in rows {
            let (row, channel) = row?;
            tenant = Some(row);
            channels.extend(channel.map(|channel| (channel.id, Box::new(channel))));
        }
        for (channel, malformed_message) in
            tenant.map_or_else(|| Ok(Vec::new()), |row| self.malformed_ranges(row))?
        {
            if let Some(channel) = channels.get_mut(&channel) {
                channel.checkpoint.malformed_ranges.push(malformed_message);
            }
        }
        Ok(channels)
    }
}

/// Keeps a [`Reader`] at one state of the archive.
#[derive(Debug)]
pub struct Snapshot<'r>(&'r Reader);

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Nothing was written.
        self.0.connection.execute_batch("ROLLBACK").ok();
    }
}

/// A nullable time, in milliseconds since 1970 UTC.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// A text, borrowed from the row.
pub(super) fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// A nullable text, borrowed from the row.
pub(super) fn optional_text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<Option<&'r str>> {
    Ok(row.get_ref(column)?.as_str_or_null()?)
}

/// A backfill; `since` is stored as 0 if it is the channel's beginning.
fn backfill(since: i64, cursor: rusqlite::Result<Option<MessageId>>) -> rusqlite::Result<Backfill> {
    Ok(Backfill { since: (since != 0).then_some(Timestamp::from_millis(since)), cursor: cursor? })
}

fn known_channel(row: &Row<'_>) -> rusqlite::Result<Option<KnownChannel>> {
    let time = |column| time(row, column);
    let message =
        |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.and_then(MessageId::from_i64));
    let Some(id) = ChannelId::from_i64(row.get(0)?) else {
        return Ok(None);
    };
    let listing = KnownListing {
        watermark: time(11)?,
        listed_at: time(12)?,
        is_incomplete: row.get::<_, Option<bool>>(29)?.unwrap_or(false),
    };
    let end = EndRecord {
        announced: message(22)?,
        confirmed_at: time(23)?,
        unconfirmed_since: time(24)?,
        was_empty_for_a_day: row.get::<_, Option<bool>>(28)?.unwrap_or(false),
    };
    Ok(Some(KnownChannel {
        id,
        parent_id: row.get::<_, Option<i64>>(1)?.and_then(ChannelId::from_i64),
        kind: ChannelKind::from_name(row.get_ref(2)?.as_str()?),
        state: ChannelState::from_name(row.get_ref(13)?.as_str()?),
        archived: row.get(14)?,
        name: row.get(15)?,
        opened_at: Timestamp::from_millis(row.get(16)?),
        checkpoint: Checkpoint {
            last_message_id: message(3)?,
            history_complete: row.get::<_, Option<bool>>(4)?.unwrap_or(false),
            since: time(5)?,
            refreshed_at: time(6)?,
            backfill: row
                .get::<_, Option<i64>>(18)?
                .map(|since| backfill(since, message(19)).map(Box::new))
                .transpose()?,
            unconfirmed_empty_page: row
                .get::<_, Option<i64>>(20)?
                .map(|after| UnconfirmedEmptyPage { after: MessageId::from_i64(after) }),
            end: (end != EndRecord::default()).then(|| Box::new(end)),
            malformed_ranges: Vec::new(),
            full_job_id: row.get(7)?,
            full_cursor: message(8)?,
            full_done: row.get::<_, Option<bool>>(17)?.unwrap_or(false),
            failure_count: row.get::<_, Option<u32>>(9)?.unwrap_or(0),
            failed_at: time(10)?,
        },
        listing: (listing != KnownListing::default()).then(|| Box::new(listing)),
        requested_at: time(25)?,
        has_messages: row.get::<_, i64>(26)? > 0,
        was_named_by_message: row.get(27)?,
    }))
}
