//! Reactions: the counts that come with a page, the queue of pending reactor lists, and
//! the reactors. Never requests anything: the sync reads the lists.

use std::time::Duration;

use rusqlite::{Row, params};

use super::{ArchiveError, ChannelRow, Reader, TenantRow, Tx, emoji, users};
use crate::anonymize::{Message, Person, ReactionCount, Scrubber};
use crate::model::{ChannelId, Emoji, MessageId, ReactionMode, Timestamp, User, UserId};

/// What a channel's read archives of reactions, and when reactor lists are stale.
#[derive(Debug, Clone, Copy)]
pub struct ReactionPolicy {
    /// Counts only, or counts and reactors.
    pub mode: ReactionMode,
    /// When the read began.
    pub began_at: Timestamp,
    /// The refresh window: messages younger than this are re-read.
    pub window: Duration,
    /// Whether this is a full re-read.
    pub is_full: bool,
}

impl ReactionPolicy {
    /// Reactor lists read before this time are stale. A message that has left the refresh
    /// window gets one last refresh, because later runs rarely re-read it.
    fn stale_before(&self, message: &Message) -> Option<Timestamp> {
        let leaves_at = message.created_at.later(self.window);
        if self.is_full { Some(self.began_at) } else { (leaves_at <= self.began_at).then_some(leaves_at) }
    }
}

/// A reaction (one emoji of a message, normal or burst) whose reactor list is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingReaction {
    /// The message.
    pub message_id: MessageId,
    /// The emoji reacted with.
    pub emoji: Emoji,
    /// Whether it is a burst reaction.
    pub burst: bool,
    /// Number of reactors by the message's count.
    pub count: u64,
    /// Consecutive failed reads of its reactor list.
    pub attempts: u32,
    emoji_row: i64,
}

/// A pending reactor list is retried by every run until it has failed this often,
const ATTEMPTS_BEFORE_DEAD_LETTER: u32 = 5;
/// and once per this interval from then on.
const DEAD_LETTER_INTERVAL: Duration = Duration::from_hours(24);

/// The reactors read so far. A long list is stored in parts; of the stored parts only
/// the row IDs are kept.
#[derive(Debug, Default)]
pub struct Reactors {
    /// Reactors that are not stored yet.
    pub unstored: Vec<Person>,
    /// Row IDs of the stored ones; erased users have none.
    pub stored_rows: Vec<i64>,
    /// Number of reactors read.
    pub count: u64,
}

impl Reactors {
    /// Adds the users of a page, without those up to `after`, the last ID of the page
    /// before: the platform lists them by ascending ID.
    pub fn add(&mut self, mut users: Vec<User>, after: Option<UserId>, scrubber: Scrubber) {
        users.retain(|user| Some(user.id) > after);
        users.sort_unstable_by_key(|user| user.id);
        users.dedup_by_key(|user| user.id);
        self.count += users.len() as u64;
        self.unstored.extend(users.into_iter().map(|user| scrubber.person(user)));
    }
}

/// A channel with pending reactor lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingReactorChannel {
    /// Its row.
    pub row: ChannelRow,
    /// Its ID.
    pub id: ChannelId,
    /// The channel whose permissions apply: a thread's parent, else the channel itself.
    pub root: ChannelId,
    /// The category of that channel.
    pub category: Option<ChannelId>,
    /// Number of pending reactor lists.
    pub reactions: u64,
}

/// Stores a message's reaction counts. If reactors are archived too, queues the reactions
/// whose reactor list is stale or differs from the count.
pub(super) fn store(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    message: &Message,
    policy: &ReactionPolicy,
    is_new: bool,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let mut current = Vec::with_capacity(message.reactions.len());
    for reaction in &message.reactions {
        let emoji = store_count(tx, channel, message, reaction, policy, now)?;
        current.push(emoji << 1 | i64::from(reaction.burst));
    }
    // Delete nothing if an entry was malformed: it may be one of the archived reactions.
    if !is_new && !message.has_malformed_field("reactions") {
        for table in ["message_reaction_counts", "message_emoji_reactions"] {
            tx.delete_others(table, "(emoji_id << 1 | burst)", channel, message.id, &current)?;
        }
    }
    Ok(())
}

fn store_count(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    message: &Message,
    reaction: &ReactionCount,
    policy: &ReactionPolicy,
    now: Timestamp,
) -> Result<i64, ArchiveError> {
    let name = tx.resolve_text(&reaction.name, channel, message.id.as_i64())?;
    let emoji = emoji::intern(tx, reaction.custom_id, &name, now)?;
    let stale_before = policy.stale_before(message).map_or(i64::MIN, Timestamp::as_millis);
    tx.connection
        .prepare_cached(
            "INSERT INTO message_reaction_counts (channel_id, message_id, emoji_id, burst, count, users_due, created_at,
                                                  updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?7, ?6, ?6)
             ON CONFLICT (channel_id, message_id, emoji_id, burst) DO UPDATE
                SET count = excluded.count,
                    users_due = max(users_due, ?7 AND (users_count IS NOT excluded.count OR coalesce(users_read_at < ?8, 0))),
                    updated_at = iif(excluded.count <> count, excluded.updated_at, updated_at)
              WHERE excluded.count <> count
                 OR (?7 AND users_due = 0
                     AND (users_count IS NOT excluded.count OR coalesce(users_read_at < ?8, 0)))",
        )?
        .execute(params![
            channel.0,
            message.id.as_i64(),
            emoji,
            reaction.burst,
            reaction.count,
            now.as_millis(),
            policy.mode == ReactionMode::Users && reaction.has_readable_reactors(),
            stale_before,
        ])?;
    Ok(emoji)
}

/// A channel's pending reactor lists that never failed, newest message first, starting
/// after `after`.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn pending(
    tx: &Tx<'_>,
    channel: ChannelRow,
    after: Option<&PendingReaction>,
    limit: u32,
) -> Result<Vec<PendingReaction>, ArchiveError> {
    let (message, emoji, burst) = after.map_or((i64::MAX, i64::MAX, 1), |after| {
        (after.message_id.as_i64(), after.emoji_row, i64::from(after.burst))
    });
    let mut select = tx.connection.prepare_cached(
        "SELECT r.message_id, r.emoji_id, r.burst, r.count, e.platform_id, e.name, 0
           FROM message_reaction_counts r JOIN emoji e ON e.id = r.emoji_id
          WHERE r.channel_id = ?1 AND r.users_due = 1 AND r.message_id <= ?2
            AND (r.message_id, r.emoji_id, r.burst) < (?2, ?3, ?4)
            AND NOT EXISTS (SELECT 1 FROM reaction_attempts a
                             WHERE a.channel_id = ?1 AND a.message_id = r.message_id AND a.emoji_id = r.emoji_id
                               AND a.burst = r.burst)
          ORDER BY r.message_id DESC, r.emoji_id DESC, r.burst DESC LIMIT ?5",
    )?;
    let rows = select.query_map(params![channel.0, message, emoji, burst, limit], due_reaction)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// A channel's pending reactor lists that failed before and are due for a retry, fewest
/// attempts first.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn pending_retries(
    tx: &Tx<'_>,
    channel: ChannelRow,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<PendingReaction>, ArchiveError> {
    let mut select = tx.connection.prepare_cached(
        "SELECT r.message_id, r.emoji_id, r.burst, r.count, e.platform_id, e.name, a.attempts
           FROM reaction_attempts a
           JOIN message_reaction_counts r ON r.channel_id = a.channel_id AND r.message_id = a.message_id
                                         AND r.emoji_id = a.emoji_id AND r.burst = a.burst
           JOIN emoji e ON e.id = r.emoji_id
          WHERE a.channel_id = ?1 AND r.users_due = 1
            AND (a.attempts < ?2 OR a.updated_at <= ?3)
          ORDER BY a.attempts, a.updated_at LIMIT ?4",
    )?;
    let retry_before = now.earlier(DEAD_LETTER_INTERVAL).as_millis();
    let keys = params![channel.0, ATTEMPTS_BEFORE_DEAD_LETTER, retry_before, limit];
    let rows = select.query_map(keys, due_reaction)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Records a failed read of a reactor list; it moves to the end of the queue.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_failure(
    tx: &Tx<'_>,
    channel: ChannelRow,
    reaction: &PendingReaction,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO reaction_attempts (channel_id, message_id, emoji_id, burst, created_at, updated_at)
             SELECT ?1, ?2, ?3, ?4, ?5, ?5 FROM message_reaction_counts
              WHERE channel_id = ?1 AND message_id = ?2 AND emoji_id = ?3 AND burst = ?4
             ON CONFLICT DO UPDATE SET attempts = attempts + 1, updated_at = excluded.updated_at",
        )?
        .execute(params![
            channel.0,
            reaction.message_id.as_i64(),
            reaction.emoji_row,
            reaction.burst,
            now.as_millis()
        ])?;
    Ok(())
}

fn due_reaction(row: &Row<'_>) -> rusqlite::Result<Option<PendingReaction>> {
    let Some(message_id) = MessageId::from_i64(row.get(0)?) else { return Ok(None) };
    let name: String = row.get(5)?;
    let custom: Option<i64> = row.get(4)?;
    Ok(Some(PendingReaction {
        message_id,
        emoji_row: row.get(1)?,
        burst: row.get(2)?,
        count: row.get(3)?,
        attempts: row.get(6)?,
        emoji: match custom.and_then(|id| u64::try_from(id).ok()) {
            Some(id) => Emoji::Custom { id, name },
            None => Emoji::Unicode(name),
        },
    }))
}

/// Stores the reactors of a reaction; `count` is the message's current count, if known.
/// A list of that length is complete: it replaces the archived reactors and is taken
/// from the queue, unless the archived count has changed meanwhile. Any other list only
/// adds reactors, and counts as a failed attempt. Returns whether the list was complete.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn store_reactors(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    reaction: &PendingReaction,
    (reactors, count): (&Reactors, Option<u64>),
    now: Timestamp,
) -> Result<bool, ArchiveError> {
    let Some(count) = count.filter(|count| *count == reactors.count) else {
        add_reactors(tx, channel, reaction, &reactors.unstored, now)?;
        record_failure(tx, channel, reaction, now)?;
        return Ok(false);
    };
    if dequeue(tx, channel, reaction, count, Some(now))? {
        let mut rows = add_reactors(tx, channel, reaction, &reactors.unstored, now)?;
        rows.extend(&reactors.stored_rows);
        rows.sort_unstable();
        remove_others(tx, channel, reaction, &rows)?;
    }
    Ok(true)
}

/// Stores part of a reactor list. Returns the rows of the users that aren't erased.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn add_reactors(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    reaction: &PendingReaction,
    people: &[Person],
    now: Timestamp,
) -> Result<Vec<i64>, ArchiveError> {
    let mut rows = Vec::with_capacity(people.len());
    for person in people {
        rows.extend(users::intern(tx, person, now)?);
    }
    for row in &rows {
        tx.connection
            .prepare_cached(
                "INSERT INTO message_emoji_reactions (channel_id, message_id, emoji_id, burst, user_id, created_at,
                                                      updated_at)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6 FROM messages WHERE channel_id = ?1 AND platform_id = ?2
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                channel.0,
                reaction.message_id.as_i64(),
                reaction.emoji_row,
                reaction.burst,
                row,
                now.as_millis()
            ])?;
    }
    Ok(rows)
}

/// Removes the archived reactors of a reaction that are not in `rows` (ascending).
fn remove_others(
    tx: &Tx<'_>,
    channel: ChannelRow,
    reaction: &PendingReaction,
    rows: &[i64],
) -> Result<(), ArchiveError> {
    let (message, emoji, burst) = (reaction.message_id.as_i64(), reaction.emoji_row, reaction.burst);
    let mut select = tx.connection.prepare_cached(
        "SELECT user_id FROM message_emoji_reactions
          WHERE channel_id = ?1 AND message_id = ?2 AND emoji_id = ?3 AND burst = ?4",
    )?;
    let archived = select.query_map(params![channel.0, message, emoji, burst], |row| row.get::<_, i64>(0))?;
    let is_other =
        |row: &rusqlite::Result<i64>| row.as_ref().map_or(true, |row| rows.binary_search(row).is_err());
    let others = archived.filter(is_other).collect::<Result<Vec<i64>, _>>()?;
    let mut delete = tx.connection.prepare_cached(
        "DELETE FROM message_emoji_reactions
          WHERE channel_id = ?1 AND message_id = ?2 AND emoji_id = ?3 AND burst = ?4 AND user_id = ?5",
    )?;
    for other in others {
        delete.execute(params![channel.0, message, emoji, burst, other])?;
    }
    Ok(())
}

/// Takes a reaction from the queue whose reactors can't be read because the emoji or
/// the message is gone. A changed count queues it again.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn dequeue_unreadable(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    reaction: &PendingReaction,
) -> Result<(), ArchiveError> {
    dequeue(tx, channel, reaction, reaction.count, None).map(|_| ())
}

/// Takes a reaction from the queue, now that its current count is `count`. If the
/// archived count has changed since the reaction was taken up, it stays queued. Returns
/// whether the reaction still exists.
fn dequeue(
    tx: &Tx<'_>,
    channel: ChannelRow,
    reaction: &PendingReaction,
    count: u64,
    read_at: Option<Timestamp>,
) -> Result<bool, ArchiveError> {
    let (message, queued) = (reaction.message_id.as_i64(), i64::try_from(reaction.count).unwrap_or(i64::MAX));
    let updated = tx
        .connection
        .prepare_cached(
            "UPDATE message_reaction_counts
                SET count = iif(count = ?7, ?5, count), users_count = ?5, users_read_at = coalesce(?6, users_read_at),
                    users_due = (iif(count = ?7, ?5, count) <> ?5)
              WHERE channel_id = ?1 AND message_id = ?2 AND emoji_id = ?3 AND burst = ?4",
        )?
        .execute(params![
            channel.0,
            message,
            reaction.emoji_row,
            reaction.burst,
            i64::try_from(count).unwrap_or(i64::MAX),
            read_at.map(Timestamp::as_millis),
            queued,
        ])?;
    if reaction.attempts > 0 {
        tx.connection
            .prepare_cached(
                "DELETE FROM reaction_attempts
                  WHERE channel_id = ?1 AND message_id = ?2 AND emoji_id = ?3 AND burst = ?4",
            )?
            .execute(params![channel.0, message, reaction.emoji_row, reaction.burst])?;
    }
    Ok(updated > 0)
}

/// Empties a tenant's queue, for a configuration that no longer asks for reactors.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn clear_queue(tx: &mut Tx<'_>, tenant: TenantRow) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE message_reaction_counts SET users_due = 0
              WHERE users_due = 1 AND channel_id IN (SELECT id FROM channels WHERE tenant_id = ?1)",
        )?
        .execute(params![tenant.0])?;
    Ok(())
}

impl Reader {
    /// A tenant's readable channels with pending reactor lists, most lists first.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn channels_with_pending_reactors(
        &self,
        tenant: TenantRow,
    ) -> Result<Vec<PendingReactorChannel>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT c.id, c.platform_id, CASE WHEN c.kind LIKE '%thread' THEN p.platform_id ELSE c.platform_id END,
                    q.due, CASE WHEN c.kind LIKE '%thread' THEN g.platform_id ELSE p.platform_id END
               FROM (SELECT channel_id, count(*) AS due FROM message_reaction_counts
                      WHERE users_due = 1 GROUP BY channel_id) AS q
               JOIN channels c ON c.id = q.channel_id
               LEFT JOIN channels p ON p.id = c.parent_id
               LEFT JOIN channels g ON g.id = p.parent_id
              WHERE c.tenant_id = ?1 AND c.state = 'active'
              ORDER BY q.due DESC, c.id",
        )?;
        let rows = select.query_map(params![tenant.0], |row| {
            let id = ChannelId::from_i64(row.get(1)?);
            let root = row.get::<_, Option<i64>>(2)?.and_then(ChannelId::from_i64);
            let category: Option<i64> = row.get(4)?;
            let (reactions, row) = (row.get(3)?, ChannelRow(row.get(0)?));
            let category = category.and_then(ChannelId::from_i64);
            Ok(id.map(|id| PendingReactorChannel { row, id, root: root.unwrap_or(id), category, reactions }))
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Number of a tenant's pending reactor lists.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn pending_reactor_lists(&self, tenant: TenantRow) -> Result<u64, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT count(*) FROM message_reaction_counts
              WHERE users_due = 1 AND channel_id IN (SELECT id FROM channels WHERE tenant_id = ?1)",
        )?;
        Ok(select.query_row(params![tenant.0], |row| row.get(0))?)
    }
}
