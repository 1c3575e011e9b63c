//! An archive of fifty million messages: a sync that finds nothing new, `status`, and
//! queries on the views.
//!
//! It is made from a synced archive of one million messages by inserting forty-nine
//! copies of each message into its channel with SQL.

use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, OpenFlags, params};

use crate::writing::deferred_indexes;
use crate::{BenchResult, Case, SimulatorProcess, command, configure, folder};

const COPIES: i64 = 49;

/// Queries on single channels and users, and on the counters.
const QUERIES: [(&str, &str); 6] = [
    ("channels by size", "SELECT channel, messages FROM channel_log ORDER BY messages DESC LIMIT 10"),
    (
        "a channel's last messages",
        "SELECT content FROM message_log WHERE channel_key = (SELECT channel_key FROM channel_log LIMIT 1 OFFSET 70)
          ORDER BY message_key DESC LIMIT 20",
    ),
    (
        "one message with its numbers",
        "SELECT * FROM message_log
          WHERE channel_key = (SELECT channel_key FROM attachment_log LIMIT 1)
            AND message_key = (SELECT message_key FROM attachment_log LIMIT 1)",
    ),
    (
        "the first messages of a person",
        "SELECT content FROM message_log WHERE author = (SELECT anonymized_id FROM users LIMIT 1 OFFSET 7) LIMIT 100",
    ),
    (
        "reactions in a channel",
        "SELECT emoji, sum(count) FROM reaction_count_log
          WHERE channel_key = (SELECT channel_key FROM channel_log LIMIT 1 OFFSET 70) GROUP BY emoji",
    ),
    (
        "a channel, day by day",
        "SELECT substr(created_at, 1, 10) AS day, count(*) FROM message_log
          WHERE channel_key = (SELECT channel_key FROM channel_log LIMIT 1 OFFSET 70) GROUP BY day",
    ),
];

pub fn measure(case: &Case) -> BenchResult<()> {
    let folder = folder("grown")?;
    let folder = folder.path();
    let archive = folder.join("archive.db");
    let simulator = SimulatorProcess::start(case.name)?;
    configure(folder, &simulator)?;
    command(folder, &["start"])?;
    let messages = grow(&archive)?;
    let again = command(folder, &["start"])?;
    let status = command(folder, &["status"])?;
    println!(
        "grown          {messages} messages: nothing new: {:.2} s, {:.2} CPU s, {:.1} MiB; status: {:.0} ms, {:.1} MiB",
        again.wall_seconds,
        again.cpu_seconds,
        again.peak_mebibytes,
        status.wall_seconds * 1000.0,
        status.peak_mebibytes
    );
    for (name, sql) in QUERIES {
        println!("{:<14} {:5.0} ms  {name}", "", 1000.0 * time_query(&archive, sql)?);
    }
    Ok(())
}

/// Inserts the copies, one transaction per channel, and updates the counters. Returns the
/// number of messages.
fn grow(archive: &Path) -> BenchResult<i64> {
    let mut connection = Connection::open(archive)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -64000")?;
    let channels: Vec<i64> = connection
        .prepare("SELECT id FROM channels WHERE message_count > 0")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let indexes = deferred_indexes(&connection)?;
    for (name, _) in &indexes {
        connection.execute(&format!("DROP INDEX {name}"), [])?;
    }
    for channel in channels {
        let transaction = connection.transaction()?;
        for sql in [COPY, RECOUNT] {
            transaction.execute(sql, params![channel, COPIES])?;
        }
        transaction.commit()?;
    }
    for (_, sql) in &indexes {
        connection.execute(sql, [])?;
    }
    connection.execute_batch("PRAGMA optimize = 0x10002")?;
    Ok(connection.query_row("SELECT sum(message_count) FROM channels", [], |row| row.get(0))?)
}

/// Copy n is n milliseconds older. A snowflake's time starts above its lowest 22 bits.
const COPY: &str = "
    WITH RECURSIVE copy (n) AS (SELECT ?2 UNION ALL SELECT n - 1 FROM copy WHERE n > 1)
    INSERT INTO messages (channel_id, platform_id, author_id, kind, content, created_at, edited_at, pinned,
                          reply_to_message_id, reply_to_channel_id, reply_to_author_id, metadata, updated_at)
    SELECT channel_id, platform_id - (n << 22), author_id, kind, content, created_at - n, edited_at, pinned,
           reply_to_message_id, reply_to_channel_id, reply_to_author_id, metadata, updated_at
      FROM messages CROSS JOIN copy
     WHERE channel_id = ?1";

const RECOUNT: &str = "
    UPDATE channels
       SET message_count = message_count * (?2 + 1),
           (first_message_id, first_message_at) =
               (SELECT platform_id, created_at FROM messages WHERE channel_id = ?1 ORDER BY platform_id LIMIT 1)
     WHERE id = ?1";

/// Time of a query on a newly opened connection, in seconds.
fn time_query(archive: &Path, sql: &str) -> BenchResult<f64> {
    let begin = Instant::now();
    let connection = Connection::open_with_flags(archive, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    if count == 0 {
        return Err(format!("the query returned no rows: {sql}").into());
    }
    Ok(begin.elapsed().as_secs_f64())
}
