//! An archive of fifty million messages: a start that finds nothing new,
//! `status`, and questions to the views.
//!
//! A synced archive of a million is made larger in the file itself: each
//! message gets forty-nine copies in its channel.

use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, OpenFlags, params};

use crate::writing::put_off;
use crate::{Case, Done, Served, command, configure, folder};

const COPIES: i64 = 49;

/// What people ask of a few channels or one person, and the counters.
const QUESTIONS: [(&str, &str); 6] = [
    ("channels by size", "SELECT channel, messages FROM channel_log ORDER BY messages DESC LIMIT 10"),
    (
        "a channel's last messages",
        "SELECT content FROM message_log WHERE channel_id = (SELECT channel_id FROM channel_log LIMIT 1 OFFSET 70)
          ORDER BY message_id DESC LIMIT 20",
    ),
    (
        "one message with its numbers",
        "SELECT * FROM message_log
          WHERE channel_id = (SELECT channel_id FROM attachment_log LIMIT 1)
            AND message_id = (SELECT message_id FROM attachment_log LIMIT 1)",
    ),
    (
        "the first messages of a person",
        "SELECT content FROM message_log WHERE author = (SELECT anonymized_id FROM users LIMIT 1 OFFSET 7) LIMIT 100",
    ),
    (
        "reactions in a channel",
        "SELECT emoji, sum(count) FROM reaction_count_log
          WHERE channel_id = (SELECT channel_id FROM channel_log LIMIT 1 OFFSET 70) GROUP BY emoji",
    ),
    (
        "a channel, day by day",
        "SELECT substr(created_at, 1, 10) AS day, count(*) FROM message_log
          WHERE channel_id = (SELECT channel_id FROM channel_log LIMIT 1 OFFSET 70) GROUP BY day",
    ),
];

pub fn measure(of: &Case) -> Done<()> {
    let folder = folder("grown")?;
    let folder = folder.path();
    let archive = folder.join("archive.db");
    let served = Served::start(of.name)?;
    configure(folder, &served)?;
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
    for (question, sql) in QUESTIONS {
        println!("{:<14} {:5.0} ms  {question}", "", 1000.0 * ask(&archive, sql)?);
    }
    Ok(())
}

/// Makes the copies, channel by channel, and the counters right. Returns how
/// many messages there are.
fn grow(archive: &Path) -> Done<i64> {
    let mut connection = Connection::open(archive)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -64000")?;
    let channels: Vec<i64> = connection
        .prepare("SELECT id FROM channels WHERE message_count > 0")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let indexes = put_off(&connection)?;
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

/// Copy n is n milliseconds older. A snowflake's lowest 22 bits are no time.
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

/// How long an answer takes, in seconds, to somebody who has just opened the
/// file.
fn ask(archive: &Path, sql: &str) -> Done<f64> {
    let begin = Instant::now();
    let connection = Connection::open_with_flags(archive, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    if count == 0 {
        return Err(format!("no row answers: {sql}").into());
    }
    Ok(begin.elapsed().as_secs_f64())
}
