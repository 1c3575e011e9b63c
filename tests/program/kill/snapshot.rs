//! Compares the content of archives and checks their integrity.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::util::Sandbox;

/// Views and columns to compare. Left out because they differ from run to run: the times
/// of recording, the time of a deletion, the signature of a URL, and the keys, which follow
/// the order of writing.
const CONTENT: [(&str, &str); 8] = [
    (
        "message_log",
        "tenant, guild_id, channel_id, channel, channel_type, channel_state, parent_channel_id, parent_channel,
         message_id, author, author_is_bot, type, content, created_at, edited_at, deleted_at IS NOT NULL,
         reply_to_message_id, reply_to_channel_id, reply_to_author, attachments, reactions, url, metadata,
         message_key, reply_to_message_key, pinned, is_system",
    ),
    (
        "reaction_log",
        "tenant, guild_id, channel_id, channel, message_id, emoji, emoji_kind, burst, user, message_created_at,
         user_is_bot, message_author, message_author_is_bot",
    ),
    (
        "reaction_count_log",
        "tenant, guild_id, channel_id, channel, message_id, emoji, emoji_kind, burst, count, users_read_at IS NOT NULL",
    ),
    (
        "attachment_log",
        "tenant, guild_id, channel_id, channel, message_id, attachment_id, filename, file_size, content_type,
         substr(url, 1, instr(url || '?', '?') - 1), created_at",
    ),
    (
        "reply_log",
        "tenant, guild_id, channel_id, message_id, author, reply_to_message_id, reply_to_author, created_at,
         original_archived, author_is_bot, reply_to_channel_id, reply_to_channel_key IS NULL",
    ),
    (
        "thread_log",
        "tenant, guild_id, thread_id, thread, parent_channel_id, parent_channel, starter_message_id, owner, state,
         archived, locked, created_at, messages, starter_message_key, archived_at, last_message_key, tags",
    ),
    (
        "channel_log",
        "tenant, guild_id, channel_id, channel, type, parent_channel_id, state, messages, first_message_at,
         last_message_at, last_sync_at IS NOT NULL, sync_status, last_error",
    ),
    ("users", "anonymized_id, is_bot"),
];

/// The archive's content, one line per row.
pub fn content(sandbox: &Sandbox) -> Vec<String> {
    let mut lines = Vec::new();
    for (table, columns) in CONTENT {
        let mut rows = sandbox.rows(&format!("SELECT {columns} FROM {table}"));
        rows.sort();
        lines.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
    }
    lines
}

/// Asserts that the first archive is sound and that both have the same content.
#[track_caller]
pub fn assert_same(disturbed: &Sandbox, undisturbed: &Sandbox, seed: u64) {
    assert_sound(&disturbed.archive(), seed);
    let unfinished = "SELECT count(*) FROM sync_jobs WHERE status IN ('queued', 'running')";
    assert_eq!(disturbed.count(unfinished), 0, "seed {seed}: a job is left");
    let unfinished = "SELECT count(*) FROM channel_sync_jobs WHERE status IN ('pending', 'in_progress')";
    assert_eq!(disturbed.count(unfinished), 0, "seed {seed}: a channel's job is left");
    let wrong_counters = "SELECT count(*) FROM channels c WHERE message_count <>
                   (SELECT count(*) FROM messages m WHERE m.channel_id = c.id)";
    assert_eq!(disturbed.count(wrong_counters), 0, "seed {seed}: a counter is wrong");
    for index in migration_indexes() {
        let query = format!("SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = '{index}'");
        assert_eq!(disturbed.count(&query), 1, "seed {seed}: {index} is missing");
    }
    let (actual, expected) = (content(disturbed), content(undisturbed));
    let sets = [&actual, &expected].map(|lines| lines.iter().collect::<BTreeSet<_>>());
    let missing: Vec<_> = sets[1].difference(&sets[0]).collect();
    let unexpected: Vec<_> = sets[0].difference(&sets[1]).collect();
    assert!(
        missing.is_empty() && unexpected.is_empty(),
        "seed {seed}: missing: {missing:#?}, strange: {unexpected:#?}"
    );
    assert_eq!(actual.len(), expected.len(), "seed {seed}: something is there twice");
}

fn migration_indexes() -> Vec<&'static str> {
    let schema = include_str!("../../../migrations/V1__archive.sql");
    let words: Vec<&str> = schema.split_whitespace().collect();
    let names: Vec<&str> = words.windows(2).filter(|pair| pair[0] == "INDEX").map(|pair| pair[1]).collect();
    assert!(names.contains(&"messages_by_author"), "{names:?}");
    names
}

/// Asserts that the integrity and foreign key checks of SQLite pass.
#[track_caller]
pub fn assert_sound(archive: &Connection, seed: u64) {
    let verdict: String = archive.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok", "seed {seed}");
    let mut orphans = archive.prepare("PRAGMA foreign_key_check").unwrap();
    assert!(!orphans.exists([]).unwrap(), "seed {seed}: a row refers to nothing");
}

/// A copy of an archive as a kill left it. Opening the copy leaves the recovery of the
/// original write-ahead log to the next run.
pub struct Copy {
    #[allow(dead_code, reason = "keeps the folder alive")]
    dir: TempDir,
    pub archive: Connection,
}

impl Copy {
    /// `None` if there is no archive yet.
    pub fn of(sandbox: &Sandbox) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        copy(sandbox.dir.path(), dir.path());
        let path = dir.path().join("archive.db");
        if fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
            return None;
        }
        let archive = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        Some(Self { dir, archive })
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.archive.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// Copies an archive with its write-ahead log from folder to folder.
pub fn copy(from: &Path, to: &Path) {
    for name in ["archive.db", "archive.db-wal", "archive.db-shm"] {
        fs::remove_file(to.join(name)).ok();
        // SQLite rebuilds the index of the log from the log.
        if name != "archive.db-shm" && from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}
