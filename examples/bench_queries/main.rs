//! Measures reading: scans and joins of the views beside the same on the tables, and every
//! query of `examples/queries.sql`.
//!
//! `cargo run --release --example bench_queries [-- FOLDER]` writes two archives into
//! FOLDER (default: a temporary folder) unless they are there: 332,000 messages in 11,000
//! channels and threads of 20,000 people, and a million messages in 120 channels. Each
//! figure is the best of three.

mod world;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::{Connection, OpenFlags};

use self::world::Shape;

/// Any error ends the benchmark.
type BenchResult<T> = Result<T, Box<dyn Error>>;

/// Names of the archives, and their sizes.
const SHAPES: [(&str, Shape); 2] = [
    ("threads", Shape { messages: 332_000, channels: 200, threads: 10_800, people: 20_000, vocabulary: 0 }),
    ("million", Shape { messages: 1_000_000, channels: 120, threads: 0, people: 20_000, vocabulary: 0 }),
];
const ROUNDS: u32 = 3;

/// Columns of `message_log` to scan, and what they are.
const SCANS: [(&str, &str); 4] = [
    ("the columns that questions use", "created_ms, author, channel, type, content"),
    ("the same with the time as text", "created_at, author, channel, type, content"),
    ("what people wrote", "created_ms, author_key, author_is_bot, is_system"),
    ("all columns", "*"),
];

/// The columns of the table that correspond to the first scan.
const TABLE_SCAN: &str = "SELECT created_at, author_id, channel_id, kind, content FROM messages";

/// A join of two views, the columns to select, and the same on the tables.
struct Join {
    views: &'static str,
    tables: &'static str,
}

const JOINS: [Join; 8] = [
    Join {
        views: "SELECT r.count, m.created_ms FROM reaction_count_log r JOIN message_log m USING (channel_key, message_key)",
        tables: "SELECT r.count, m.created_at FROM message_reaction_counts r
                   JOIN messages m ON m.channel_id = r.channel_id AND m.platform_id = r.message_id",
    },
    Join {
        views: "SELECT r.user_key, m.created_ms FROM reaction_log r JOIN message_log m USING (channel_key, message_key)",
        tables: "SELECT r.user_id, m.created_at FROM message_emoji_reactions r
                   JOIN messages m ON m.channel_id = r.channel_id AND m.platform_id = r.message_id",
    },
    Join {
        views: "SELECT a.file_size, m.created_ms FROM attachment_log a JOIN message_log m USING (channel_key, message_key)",
        tables: "SELECT a.file_size, m.created_at FROM message_attachments a
                   JOIN messages m ON m.channel_id = a.channel_id AND m.platform_id = a.message_id",
    },
    Join {
        views: "SELECT r.created_ms, m.created_ms FROM reply_log r
                  JOIN message_log m ON m.channel_key = r.reply_to_channel_key AND m.message_key = r.reply_to_message_key",
        tables: "SELECT r.created_at, m.created_at FROM messages r
                   JOIN channels c ON c.id = r.channel_id
                   JOIN channels o ON o.tenant_id = c.tenant_id AND o.platform_id = r.reply_to_channel_id
                   JOIN messages m ON m.channel_id = o.id AND m.platform_id = r.reply_to_message_id",
    },
    Join {
        views: "SELECT m.created_ms, c.messages FROM message_log m JOIN channel_log c USING (channel_key)",
        tables: "SELECT m.created_at, c.message_count FROM messages m JOIN channels c ON c.id = m.channel_id",
    },
    Join {
        views: "SELECT m.created_ms, p.person FROM message_log m JOIN person_log p ON p.person_key = m.author_key",
        tables: "SELECT m.created_at, p.anonymized_id FROM messages m JOIN users p ON p.id = m.author_id",
    },
    Join {
        views: "SELECT r.burst, k.count FROM reaction_log r
                  JOIN reaction_count_log k USING (channel_key, message_key, emoji_key, burst)",
        tables: "SELECT r.burst, k.count FROM message_emoji_reactions r
                   JOIN message_reaction_counts k USING (channel_id, message_id, emoji_id, burst)",
    },
    Join {
        views: "SELECT a.file_size, k.count FROM attachment_log a JOIN reaction_count_log k USING (channel_key, message_key)",
        tables: "SELECT a.file_size, k.count FROM message_attachments a
                   JOIN message_reaction_counts k USING (channel_id, message_id)",
    },
];

fn main() -> BenchResult<()> {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    for (name, shape) in SHAPES {
        let path = folder.join(format!("{name}.db"));
        if !path.exists() {
            world::create(&path, shape)?;
        }
        measure(name, &path)?;
    }
    Ok(())
}

fn measure(name: &str, path: &Path) -> BenchResult<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let archive = Connection::open_with_flags(path, flags)?;
    let (messages, seconds) = time(&archive, TABLE_SCAN)?;
    println!("{name}: {messages} messages; scan of the table: {} per second", rate(messages, seconds));
    for (what, columns) in SCANS {
        let (rows, seconds) = time(&archive, &format!("SELECT {columns} FROM message_log"))?;
        println!("  scan of message_log, {what}: {} per second", rate(rows, seconds));
    }
    for join in &JOINS {
        let (of_views, of_tables) = (time(&archive, join.views)?, time(&archive, join.tables)?);
        if of_views.0 != of_tables.0 {
            return Err(format!("{} and {} rows: {}", of_views.0, of_tables.0, join.views).into());
        }
        let text = join.views.split_whitespace().collect::<Vec<_>>().join(" ");
        println!("  {:5.2} times the tables' time ({:.3} s): {text}", of_views.1 / of_tables.1, of_views.1);
    }
    for block in include_str!("../queries.sql").split("\n\n").filter(|block| is_query(block)) {
        let (rows, seconds) = time(&archive, block)?;
        println!("  {seconds:6.2} s {rows:4} rows  {}", block.lines().next().unwrap_or_default());
    }
    Ok(())
}

/// Whether a block of the cookbook is a numbered query.
fn is_query(block: &str) -> bool {
    block.strip_prefix("-- ").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// Number of rows and the least time of a query, in seconds. Reads every column.
fn time(archive: &Connection, sql: &str) -> BenchResult<(u32, f64)> {
    let mut best = (0, f64::MAX);
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let mut statement = archive.prepare(sql)?;
        let columns = statement.column_count();
        let (mut rows, mut count) = (statement.query([])?, 0);
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                std::hint::black_box(row.get_ref(column)?);
            }
            count += 1;
        }
        best = (count, begin.elapsed().as_secs_f64().min(best.1));
    }
    Ok(best)
}

fn rate(rows: u32, seconds: f64) -> String {
    format!("{:.2} million rows", f64::from(rows) / seconds / 1e6)
}
