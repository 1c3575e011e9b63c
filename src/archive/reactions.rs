//! Reactions: counts that come with a page, and the queue of those whose users
//! are to be read.

use std::time::Duration;

use rusqlite::{Row, params};

use super::{ArchiveError, ChannelRow, Reader, TenantRow, Tx, emoji, users};
use crate::anonymize::{Message, Person, ReactionCount, Scrubber};
use crate::model::{ChannelId, Emoji, MessageId, ReactionMode, Timestamp, User, UserId};

/// What a reading keeps of reactions.
#[derive(Debug, Clone, Copy)]
pub struct KeptReactions {
    /// How much.
    pub mode: ReactionMode,
    /// When the reading began.
    pub began_at: Timestamp,
    /// A message is read again while it is younger than this.
    pub window: Duration,
    /// Whether the reading reads everything again.
    pub is_full: bool,
}

impl KeptReactions {
    /// Users who were read before this are to be read again: a message that
    /// leaves the window is not looked at for long.
    fn stale_before(&self, message: &Message) -> Option<Timestamp> {
        let leaves_at = message.created_at.later(self.window);
        if self.is_full { Some(self.began_at) } else { (leaves_at <= self.began_at).then_some(leaves_at) }
    }
}

/// One emoji of a message, normal or burst, whose users are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueReaction {
    /// The message.
    pub message_id: MessageId,
    /// With what.
    pub emoji: Emoji,
    /// In a burst.
    pub burst: bool,
    /// How many reacted, by the message.
    pub count: u64,
    /// How often reading its reactors has failed in a row.
    pub attempts: u32,
    emoji_row: i64,
}

/// How often a reaction that fails is tried by the next runs,
const EAGER_ATTEMPTS: u32 = 5;
/// and how often from then on.
const PATIENT_INTERVAL: Duration = Duration::from_hours(24);

/// The reactors of a reaction that were read. Many of them are stored on the way:
/// what was stored is kept as row numbers alone.
#[derive(Debug, Default)]
pub struct Reactors {
    /// Those that are not stored yet.
    pub people: Vec<Person>,
    /// The rows of those that are; people who were erased have none.
    pub stored: Vec<i64>,
    /// How many were read.
    pub count: u64,
}

impl Reactors {
    /// Adds those of a page whose IDs are greater than the last of the page before, as
    /// the platform lists them.
    pub fn add(&mut self, mut users: Vec<User>, after: Option<UserId>, scrubber: Scrubber) {
        users.retain(|user| Some(user.id) > after);
        users.sort_unstable_by_key(|user| user.id);
        users.dedup_by_key(|user| user.id);
        self.count += users.len() as u64;
        self.people.extend(users.into_iter().map(|user| scrubber.person(user)));
    }
}

/// A channel with reactions in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueChannel {
    /// Its row.
    pub row: ChannelRow,
    /// Itself.
    pub id: ChannelId,
    /// The channel that its rights come from.
    pub root: ChannelId,
    /// The category that one stands in.
    pub category: Option<ChannelId>,
    /// How many there are.
    pub reactions: u64,
}

/// Stores a message's counts, and queues those whose users aren't known as the
/// count says.
pub(super) fn store(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    message: &Message,
    kept: &KeptReactions,
    is_new: bool,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let mut current = Vec::with_capacity(message.reactions.len());
    for reaction in &message.reactions {
        let emoji = store_count(tx, channel, message, reaction, kept, now)?;
        current.push(emoji << 1 | i64::from(reaction.burst));
    }
    // What is malformed may be one of those that are archived.
    if !is_new && !message.has_malformed("reactions") {
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
    kept: &KeptReactions,
    now: Timestamp,
) -> Result<i64, ArchiveError> {
    let name = tx.settle(&reaction.name, channel, message.id.as_i64())?;
    let emoji = emoji::intern(tx, reaction.custom_id, &name, now)?;
    let stale_before = kept.stale_before(message).map_or(i64::MIN, Timestamp::as_millis);
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
            kept.mode == ReactionMode::Users && reaction.can_be_asked(),
            stale_before,
        ])?;
    Ok(emoji)
}

/// Reactions of a channel in the queue that have not failed, the newest message
/// first, behind `after`.
///
/// # Errors
/// When the archive can't be read.
pub fn due(
    tx: &Tx<'_>,
    channel: ChannelRow,
    after: Option<&DueReaction>,
    limit: u32,
) -> Result<Vec<DueReaction>, ArchiveError> {
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

/// Reactions of a channel in the queue that failed and are tried again by now, those that failed least often first.
///
/// # Errors
/// When the archive can't be read.
pub fn due_again(
    tx: &Tx<'_>,
    channel: ChannelRow,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<DueReaction>, ArchiveError> {
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
    let long_ago = now.earlier(PATIENT_INTERVAL).as_millis();
    let keys = params![channel.0, EAGER_ATTEMPTS, long_ago, limit];
    let rows = select.query_map(keys, due_reaction)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Reading the reactors of a reaction failed: it goes behind the others.
///
/// # Errors
/// When the archive can't be written.
pub fn failed(
    tx: &Tx<'_>,
    channel: ChannelRow,
    reaction: &DueReaction,
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

fn due_reaction(row: &Row<'_>) -> rusqlite::Result<Option<DueReaction>> {
    let Some(message_id) = MessageId::from_i64(row.get(0)?) else { return Ok(None) };
    let name: String = row.get(5)?;
    let custom: Option<i64> = row.get(4)?;
    Ok(Some(DueReaction {
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

/// Stores the reactors of a reaction, whose count is `count` now, if that is known.
/// A list as long as that is complete: it replaces the reactors that are archived
/// and takes the reaction from the queue, unless its count has changed meanwhile.
/// Another list only adds to them, and the reaction stays queued, behind the others.
/// Returns whether the list was complete.
///
/// # Errors
/// When the archive can't be written.
pub fn store_reactors(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    reaction: &DueReaction,
    (reactors, count): (&Reactors, Option<u64>),
    now: Timestamp,
) -> Result<bool, ArchiveError> {
    let Some(count) = count.filter(|count| *count == reactors.count) else {
        add_reactors(tx, channel, reaction, &reactors.people, now)?;
        failed(tx, channel, reaction, now)?;
        return Ok(false);
    };
    if settle(tx, channel, reaction, count, Some(now))? {
        let mut rows = add_reactors(tx, channel, reaction, &reactors.people, now)?;
        rows.extend(&reactors.stored);
        rows.sort_unstable();
        remove_others(tx, channel, reaction, &rows)?;
    }
    Ok(true)
}

/// Stores people who reacted, before all of them are known. Returns their rows.
///
/// # Errors
/// When the archive can't be written.
pub fn add_reactors(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    reaction: &DueReaction,
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

/// Removes the reactors of a reaction whose rows are not among these, ascending.
fn remove_others(
    tx: &Tx<'_>,
    channel: ChannelRow,
    reaction: &DueReaction,
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

/// The reactors can't be read: the emoji or the message is gone. They are asked
/// for again when the count changes.
///
/// # Errors
/// When the archive can't be written.
pub fn give_up(tx: &mut Tx<'_>, channel: ChannelRow, reaction: &DueReaction) -> Result<(), ArchiveError> {
    settle(tx, channel, reaction, reaction.count, None).map(|_| ())
}

/// Takes a reaction from the queue, whose count is `count` now. One that has
/// another count than the queue said has changed meanwhile, and stays. Returns
/// whether it is still there.
fn settle(
    tx: &Tx<'_>,
    channel: ChannelRow,
    reaction: &DueReaction,
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

/// Empties a tenant's queue: who reacted isn't wanted any more.
///
/// # Errors
/// When the archive can't be written.
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
    /// A tenant's channels that can be read and have reactions in the queue,
    /// those with the most first.
    ///
    /// # Errors
    /// When the archive can't be read.
    pub fn due_channels(&self, tenant: TenantRow) -> Result<Vec<DueChannel>, ArchiveError> {
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
            let row_category: Option<i64> = row.get(4)?;
            let (reactions, row) = (row.get(3)?, ChannelRow(row.get(0)?));
            let category = row_category.and_then(ChannelId::from_i64);
            Ok(id.map(|id| DueChannel { row, id, root: root.unwrap_or(id), category, reactions }))
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Reactions of a tenant whose users are to be read.
    ///
    /// # Errors
    /// When the archive can't be read.
    pub fn reactions_pending(&self, tenant: TenantRow) -> Result<u64, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT count(*) FROM message_reaction_counts
              WHERE users_due = 1 AND channel_id IN (SELECT id FROM channels WHERE tenant_id = ?1)",
        )?;
        Ok(select.query_row(params![tenant.0], |row| row.get(0))?)
    }
}
