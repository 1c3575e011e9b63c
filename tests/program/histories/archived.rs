//! Reads the archive, mostly through its views.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

/// A row of `message_log` with its attachments and reaction counts.
#[derive(Debug)]
pub struct ArchivedMessage {
    /// Author, type, text, timestamps, reply target and pin, joined by `|`.
    pub head: String,
    pub attachments: Vec<String>,
    pub reactions: Vec<String>,
    pub reply_author: Option<String>,
    pub created_at: String,
    pub is_deleted: bool,
    /// The attachment and reaction counts that the view shows.
    counts: (i64, i64),
}

/// A row of `channel_log`.
#[derive(Debug)]
pub struct ArchivedChannel {
    pub id: u64,
    pub name: String,
    pub topic: Option<String>,
    pub state: String,
    pub archived: Option<bool>,
    pub messages: u64,
    pub first_message_at: Option<String>,
    pub last_message_at: Option<String>,
}

/// Channel ID and message ID.
pub type Key = (u64, u64);

pub struct Archive {
    pub channels: Vec<ArchivedChannel>,
    pub messages: BTreeMap<Key, ArchivedMessage>,
    /// Hashes of the users in the archive.
    pub known_users: HashSet<String>,
    /// Contradictions within the archive.
    pub problems: Vec<String>,
}

impl Archive {
    pub fn read(archive: &Connection) -> Self {
        let mut problems = Vec::new();
        let mut messages = BTreeMap::new();
        for (key, message) in query_all(archive, MESSAGES, message) {
            if messages.insert(key, message).is_some() {
                problems.push(format!("message {key:?} is in message_log twice"));
            }
        }
        for (key, text) in query_all(archive, ATTACHMENTS, child_row) {
            messages.get_mut(&key).expect("an attachment has its message").attachments.push(text);
        }
        let mut reaction_totals: HashMap<Key, i64> = HashMap::new();
        for (key, (text, count)) in query_all(archive, REACTIONS, reaction_row) {
            *reaction_totals.entry(key).or_default() += count;
            messages.get_mut(&key).expect("a reaction has its message").reactions.push(text);
        }
        for (key, message) in &messages {
            let attachments = i64::try_from(message.attachments.len()).expect("few");
            let counts = (attachments, reaction_totals.get(key).copied().unwrap_or(0));
            if message.counts != counts {
                problems.push(format!("message {key:?} has {counts:?}, message_log {:?}", message.counts));
            }
        }
        let known_users = query_all(archive, "SELECT anonymized_id FROM users", |row| row.get(0));
        Self {
            channels: query_all(archive, CHANNELS, channel),
            messages,
            known_users: known_users.into_iter().collect(),
            problems,
        }
    }
}

/// Malformed messages whose ID is known.
pub fn malformed_messages(archive: &Connection) -> HashSet<Key> {
    let sql = "SELECT CAST(c.platform_id AS TEXT), CAST(b.platform_id AS TEXT)
                 FROM broken_messages b JOIN channels c ON c.id = b.channel_id WHERE b.platform_id > 0";
    query_all(archive, sql, key).into_iter().collect()
}

/// Channels with malformed messages, including messages without an ID.
pub fn channels_with_malformed_messages(archive: &Connection) -> HashSet<u64> {
    let sql =
        "SELECT CAST(c.platform_id AS TEXT) FROM broken_messages b JOIN channels c ON c.id = b.channel_id";
    query_all(archive, sql, |row| id(row, 0)).into_iter().collect()
}

/// Reactors: message, emoji and whether it is a burst reaction, with the hashes of the
/// users.
pub fn reactors(archive: &Connection) -> BTreeMap<(Key, String, bool), Vec<String>> {
    let sql = "SELECT channel_id, message_id, emoji, burst, user FROM reaction_log ORDER BY user";
    let mut reactors: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (reaction, user) in
        query_all(archive, sql, |row| Ok(((key(row)?, row.get(2)?, row.get(3)?), row.get(4)?)))
    {
        reactors.entry(reaction).or_default().push(user);
    }
    reactors
}

/// Every row of the content tables, with its channel and message ID (0 if it has none).
pub fn content(archive: &Connection) -> Vec<(Key, String)> {
    let mut rows = Vec::new();
    for (table, selection) in [
        ("messages", "c.platform_id, x.platform_id FROM messages x JOIN channels c ON c.id = x.channel_id"),
        (
            "message_attachments",
            "c.platform_id, x.message_id FROM message_attachments x JOIN channels c ON c.id = x.channel_id",
        ),
        (
            "message_reaction_counts",
            "c.platform_id, x.message_id FROM message_reaction_counts x JOIN channels c ON c.id = x.channel_id",
        ),
        (
            "message_emoji_reactions",
            "c.platform_id, x.message_id FROM message_emoji_reactions x JOIN channels c ON c.id = x.channel_id",
        ),
        ("channels", "x.platform_id, 0 FROM channels x"),
        ("users", "0, 0 FROM users x"),
        ("emoji", "0, 0 FROM emoji x"),
    ] {
        let mut select = archive.prepare(&format!("SELECT x.*, {selection}")).unwrap();
        let width = select.column_count();
        let read_row = |row: &Row<'_>| {
            let cells: Vec<String> =
                (0..width - 2).map(|cell| format!("{:?}", row.get::<_, Value>(cell).unwrap())).collect();
            Ok(((row.get(width - 2)?, row.get(width - 1)?), format!("{table}: {}", cells.join("|"))))
        };
        rows.extend(select.query_map([], read_row).unwrap().map(Result::unwrap));
    }
    rows.sort();
    rows
}

const MESSAGES: &str = "
    SELECT l.channel_id, l.message_id,
           coalesce(l.author, '-') || '|' || iif(l.author_is_bot, 'bot', 'human') || '|' || l.type || '|' || l.content ||
           '|' || CAST(round(unixepoch(l.created_at, 'subsec') * 1000) AS INTEGER) ||
           '|' || coalesce(CAST(round(unixepoch(l.edited_at, 'subsec') * 1000) AS INTEGER), '-') ||
           '|' || coalesce(l.reply_to_channel_id || '/' || l.reply_to_message_id, '-') ||
           '|' || iif(m.pinned, 'pinned', '-'),
           l.reply_to_author, l.created_at, l.deleted_at IS NOT NULL, l.attachments, l.reactions
      FROM message_log l
      JOIN channels c ON c.platform_id = CAST(l.channel_id AS INTEGER)
      JOIN messages m ON m.channel_id = c.id AND m.platform_id = CAST(l.message_id AS INTEGER)";

const ATTACHMENTS: &str = "
    SELECT channel_id, message_id, attachment_id || ' ' || filename || ' ' || file_size || ' ' ||
           coalesce(content_type, '-') || ' ' || substr(url, 1, instr(url || '?', '?') - 1)
      FROM attachment_log ORDER BY attachment_id";

const REACTIONS: &str = "
    SELECT channel_id, message_id,
           emoji || ' ' || emoji_kind || ' ' || iif(burst, 'burst', 'normal') || ' ' || count, count
      FROM reaction_count_log ORDER BY 3";

const CHANNELS: &str = "
    SELECT l.channel_id, l.channel, c.topic, l.state, t.archived, l.messages, l.first_message_at, l.last_message_at
      FROM channel_log l
      JOIN channels c ON c.platform_id = CAST(l.channel_id AS INTEGER)
      LEFT JOIN thread_log t ON t.thread_id = l.channel_id";

fn query_all<T>(
    archive: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let mut select = archive.prepare(sql).unwrap();
    select.query_map([], read).unwrap().map(Result::unwrap).collect()
}

fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, String>(column)?.parse().expect("an ID is a number"))
}

fn key(row: &Row<'_>) -> rusqlite::Result<Key> {
    Ok((id(row, 0)?, id(row, 1)?))
}

fn message(row: &Row<'_>) -> rusqlite::Result<(Key, ArchivedMessage)> {
    let message = ArchivedMessage {
        head: row.get(2)?,
        attachments: Vec::new(),
        reactions: Vec::new(),
        reply_author: row.get(3)?,
        created_at: row.get(4)?,
        is_deleted: row.get(5)?,
        counts: (row.get(6)?, row.get(7)?),
    };
    Ok((key(row)?, message))
}

fn child_row(row: &Row<'_>) -> rusqlite::Result<(Key, String)> {
    Ok((key(row)?, row.get(2)?))
}

fn reaction_row(row: &Row<'_>) -> rusqlite::Result<(Key, (String, i64))> {
    Ok((key(row)?, (row.get(2)?, row.get(3)?)))
}

fn channel(row: &Row<'_>) -> rusqlite::Result<ArchivedChannel> {
    Ok(ArchivedChannel {
        id: id(row, 0)?,
        name: row.get(1)?,
        topic: row.get(2)?,
        state: row.get(3)?,
        archived: row.get(4)?,
        messages: row.get(5)?,
        first_message_at: row.get(6)?,
        last_message_at: row.get(7)?,
    })
}
