//! The cookbook `examples/queries.sql` and the views: what they return, and how much work
//! that is.

mod documented;
mod effort;
mod views;
#[path = "../../../examples/bench_queries/world.rs"]
#[allow(unreachable_pub, reason = "shared with the benchmark")]
mod world;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Batch, Connection, params};

const QUERIES: &str = include_str!("../../../examples/queries.sql");
/// Lines of a query at most.
const MAX_LINES: usize = 25;

const DAY: i64 = 86_400_000;
/// 2024-05-01 10:00 UTC.
const MAY: i64 = 1_714_557_600_000;

const ASKER: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const ADVISER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const BOT: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

const GENERAL: i64 = 1;
const FORUM: i64 = 2;
const ANSWERED: i64 = 3;
const UNANSWERED: i64 = 4;

/// Rows of cells, each as text.
type Rows = Vec<Vec<String>>;

/// Title and SQL of each query.
fn queries() -> Vec<(&'static str, &'static str)> {
    QUERIES
        .split("\n\n")
        .filter_map(|block| {
            let (number, rest) = block.strip_prefix("-- ")?.split_once(". ")?;
            number.parse::<u32>().ok()?;
            Some((rest.lines().next()?, block))
        })
        .collect()
}

fn run_query(archive: &Connection, title: &str) -> Rows {
    let queries = queries();
    let (_, sql) = queries
        .iter()
        .find(|(query_title, _)| *query_title == title)
        .expect("the file has a query with this title");
    rows(archive, sql)
}

fn rows(archive: &Connection, sql: &str) -> Rows {
    let mut statement = archive.prepare(sql).expect("the statement is right");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|column| Ok(text(row.get(column)?))).collect());
    rows.expect("the query runs").collect::<Result<_, _>>().expect("every row can be read")
}

fn text(value: Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(_) => "BLOB".to_owned(),
    }
}

/// The SQL of the migrations, in order.
fn migrations() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let files =
        std::fs::read_dir(folder).expect("the folder exists").map(|file| file.expect("it can be read"));
    let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("a migration is text")).collect()
}

/// An archive of a server with a quiet channel and a forum with two posts, one of which
/// only a bot answered.
fn archive() -> Connection {
    let archive = Connection::open_in_memory().expect("an in-memory database opens");
    archive.pragma_update(None, "foreign_keys", true).expect("the pragma is supported");
    for migration in migrations() {
        archive.execute_batch(&migration).expect("the schema is right");
    }
    archive
        .execute_batch(
            "INSERT INTO tenants (id, platform, platform_id, id_text, name, message_url_format, written_types,
                                  created_at, updated_at)
             VALUES (1, 'discord', 100, '100', 'takaro', 'https://discord.com/channels/100/%s/%s', 9961473, 0, 0);
             INSERT INTO emoji (id, platform_id, name, created_at, updated_at)
             VALUES (1, NULL, '👍', 0, 0), (2, 555, 'hype', 0, 0);",
        )
        .expect("the rows fit");
    for (id, hash, is_bot) in [(1, ASKER, false), (2, ADVISER, false), (3, BOT, true)] {
        let sql =
            "INSERT INTO users (id, anonymized_id, is_bot, created_at, updated_at) VALUES (?1, ?2, ?3, 0, 0)";
        archive.execute(sql, params![id, hash, is_bot]).expect("the user fits");
    }
    channel(&archive, (GENERAL, None, "text", "general"), None);
    channel(&archive, (FORUM, None, "forum", "help"), None);
    channel(&archive, (ANSWERED, Some(FORUM), "public_thread", "how to wipe"), Some(1));
    channel(&archive, (UNANSWERED, Some(FORUM), "public_thread", "why lag"), Some(1));
    insert_content(&archive);
    archive
}

fn channel(
    archive: &Connection,
    (id, parent, kind, name): (i64, Option<i64>, &str, &str),
    owner: Option<i64>,
) {
    archive
        .execute(
            "INSERT INTO channels (id, tenant_id, platform_id, id_text, parent_id, kind, name, opened_at, owner_id,
                                   archived, locked, created_at, updated_at)
             VALUES (?1, 1, 1000 + ?1, 1000 + ?1, ?2, ?3, ?4, ?5, ?6, iif(?6 IS NULL, NULL, 0), iif(?6 IS NULL, NULL, 0), 0, 0)",
            params![id, parent, kind, name, MAY, owner],
        )
        .expect("the channel fits");
}

fn insert_content(archive: &Connection) {
    for number in 1..=20 {
        message(archive, GENERAL, number, 1, MAY);
    }
    archive
        .execute_batch(
            "UPDATE messages SET kind = 19, reply_to_message_id = 1, reply_to_channel_id = 1001, reply_to_author_id = 1,
                    author_id = 2 WHERE channel_id = 1 AND platform_id IN (2, 3);
             UPDATE messages SET edited_at = created_at + 1 WHERE channel_id = 1 AND platform_id <= 5;
             UPDATE messages SET metadata = '{\"poll\":{\"question\":{\"text\":\"Next wipe?\"},
                    \"answers\":[{\"answer_id\":1,\"poll_media\":{\"text\":\"Friday\"}},
                                 {\"answer_id\":2,\"poll_media\":{\"text\":\"Sunday\"}}],
                    \"results\":{\"answer_counts\":[{\"id\":2,\"count\":7}]}}}'
              WHERE channel_id = 1 AND platform_id = 9;
             INSERT INTO message_reaction_counts (channel_id, message_id, emoji_id, burst, count, created_at, updated_at)
             VALUES (1, 1, 1, 0, 3, 0, 0), (1, 1, 1, 1, 1, 0, 0), (1, 2, 1, 0, 2, 0, 0), (1, 2, 2, 0, 5, 0, 0);
             INSERT INTO message_attachments (channel_id, message_id, platform_id, filename, file_size, content_type, url,
                                              created_at, updated_at)
             VALUES (1, 4, 70, 'a.png', 1500000, 'image/png', 'https://cdn/a.png', 0, 0),
                    (1, 5, 71, 'b', 200000, NULL, 'https://cdn/b', 0, 0);",
        )
        .expect("the rows fit");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis();
    let yesterday = i64::try_from(now).expect("it is before the year 292 million") - DAY;
    message(archive, ANSWERED, 1003, 1, yesterday);
    message(archive, ANSWERED, 1010, 2, yesterday);
    message(archive, UNANSWERED, 1004, 1, yesterday);
    message(archive, UNANSWERED, 1011, 3, yesterday);
}

/// Inserts a message and updates its channel's count, as a sync does.
fn message(archive: &Connection, channel: i64, id: i64, author: i64, created_at: i64) {
    let insert =
        "INSERT INTO messages (channel_id, platform_id, author_id, kind, content, created_at, updated_at)
                  VALUES (?1, ?2, ?3, 0, 'text', ?4, 0)";
    archive.execute(insert, params![channel, id, author, created_at]).expect("the message fits");
    let count = "UPDATE channels SET message_count = message_count + 1, last_message_at = ?2 WHERE id = ?1";
    archive.execute(count, params![channel, created_at]).expect("the channel is there");
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

#[test]
fn every_statement_is_a_short_read_only_query_with_a_title() {
    let archive = archive();
    let mut statements = Batch::new(&archive, QUERIES);
    let mut count = 0;
    while let Some(statement) = statements.next().expect("the statement is right") {
        assert!(statement.readonly() && statement.column_count() > 0);
        count += 1;
    }
    let queries = queries();
    assert_eq!(count, queries.len());
    assert!(count >= 30);
    for (number, (title, sql)) in (1..).zip(&queries) {
        assert!(sql.starts_with(&format!("-- {number}. {title}")), "the numbers ascend: {title}");
        let lines = sql.lines().filter(|line| !line.starts_with("--")).count();
        assert!(lines <= MAX_LINES, "{title} has {lines} lines");
    }
}

/// SQLite 3.37 is the oldest that must read an archive.
#[test]
fn queries_and_views_use_no_newer_sqlite_functions() {
    let views = rows(&archive(), "SELECT sql FROM sqlite_schema WHERE type = 'view'");
    for sql in views.into_iter().flatten().chain([QUERIES.to_owned()]) {
        for newer in ["unixepoch(", "->", "octet_length", "timediff", "concat(", "string_agg", "subsec"] {
            assert!(!sql.contains(newer), "{newer}: {sql}");
        }
    }
}

/// An older parser has a stack of 100. A view that needs more makes the whole archive
/// unreadable for it ("malformed database schema").
#[test]
fn views_and_queries_fit_the_parser_of_older_sqlite() {
    let (archive, older) = (archive(), Connection::open_in_memory().unwrap());
    let views = rows(&archive, "SELECT sql FROM sqlite_schema WHERE type = 'view'");
    for connection in [&archive, &older] {
        connection.set_limit(Limit::SQLITE_LIMIT_PARSER_DEPTH, 100).unwrap();
    }
    for sql in views.iter().flatten() {
        older.execute_batch(sql).unwrap();
    }
    let mut queries = Batch::new(&archive, QUERIES);
    while queries.next().unwrap().is_some() {}
    let (open, close) = ("abs(".repeat(40), ")".repeat(40));
    older.prepare(&format!("SELECT {open}1{close}")).unwrap_err();
}

#[test]
fn most_queries_return_rows() {
    let archive = archive();
    let titles_without_rows = [
        "Newcomers and retention",
        "Unanswered questions",
        "Threads without answers",
        "Forum posts by tag",
        "Reply rate",
        "Linked sites",
        "Embedded sites",
        "Most mentioned",
        "Tenants with the same people",
        "What changed since",
        "The last runs",
    ];
    for (title, sql) in queries() {
        let has_rows = !rows(&archive, sql).is_empty();
        if title != "Newcomers and retention" {
            assert_eq!(has_rows, !titles_without_rows.contains(&title), "{title}");
        }
    }
}

#[test]
fn queries_use_only_views() {
    let archive = archive();
    let tables = rows(&archive, "SELECT name FROM sqlite_schema WHERE type = 'table'");
    for table in tables.into_iter().flatten() {
        for keyword in ["FROM", "JOIN"] {
            assert!(!QUERIES.contains(&format!("{keyword} {table}\n")), "{table}");
            assert!(!QUERIES.contains(&format!("{keyword} {table} ")), "{table}");
        }
    }
}

#[test]
fn messages_are_counted_by_user_and_channel() {
    let archive = archive();
    let busiest = run_query(&archive, "Busiest channels");
    assert_eq!(busiest[0], row(&["takaro", "general", "text", "20", "2024-05-01"]));
    let per_day = run_query(&archive, "Messages per day");
    assert_eq!(per_day.last(), Some(&row(&["takaro", "2024-05-01", "20", "2"])));
    let replies = run_query(&archive, "Who replies to whom");
    assert_eq!(replies, [row(&["bbbbbbbbbbbb", "aaaaaaaaaaaa", "2"])]);
    let authors = run_query(&archive, "Bots and people");
    assert_eq!(authors, [row(&["takaro", "people", "23", "2"]), row(&["takaro", "bots", "1", "1"])]);
    let growth = run_query(&archive, "Growth");
    assert_eq!(growth.last(), Some(&row(&["takaro", "2024-05", "20", "2", "2"])));
    assert_eq!(growth[0][4], "0");
}

#[test]
fn forum_post_answered_only_by_a_bot_is_unanswered() {
    let unanswered = run_query(&archive(), "Unanswered posts in a forum");
    assert_eq!(unanswered, [row(&["takaro", "help", "why lag", "2024-05-01", "2", "[]"])]);
}

#[test]
fn empty_thread_is_without_answers() {
    let archive = archive();
    channel(&archive, (5, Some(GENERAL), "public_thread", "alone"), Some(2));
    let alone = run_query(&archive, "Threads without answers");
    assert_eq!(alone, [row(&["takaro", "general", "alone", "2024-05-01"])]);
}

#[test]
fn normal_and_burst_reactions_are_summed() {
    let emoji = run_query(&archive(), "Most used emoji");
    assert_eq!(emoji, [row(&["👍", "unicode", "6", "2"]), row(&["hype:555", "custom", "5", "1"])]);
}

#[test]
fn channel_is_quiet_after_a_month_without_messages() {
    let archive = archive();
    assert_eq!(run_query(&archive, "Channels gone quiet")[0][..2], row(&["takaro", "general"]));
    let set_recent = "UPDATE channels SET last_message_at = unixepoch('now') * 1000 WHERE id = ?1";
    archive.execute(set_recent, params![GENERAL]).unwrap();
    assert!(run_query(&archive, "Channels gone quiet").is_empty());
}

#[test]
fn poll_answer_without_votes_counts_zero() {
    let polls = run_query(&archive(), "Polls");
    let votes: Vec<_> = polls.iter().map(|row| (row[3].as_str(), row[4].as_str(), row[5].as_str())).collect();
    assert_eq!(votes, [("Next wipe?", "Sunday", "7"), ("Next wipe?", "Friday", "0")]);
}

#[test]
fn sizes_and_shares_are_rounded() {
    let archive = archive();
    let types = run_query(&archive, "Attachment types");
    assert_eq!(types, [row(&["image/png", "1", "1.5", "1"]), row(&["unknown", "1", "0.2", "1"])]);
    let edited = run_query(&archive, "Edited and deleted");
    assert_eq!(edited.last(), Some(&row(&["takaro", "2024-05", "20", "25", "0"])));
}
