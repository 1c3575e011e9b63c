//! How much work queries are, in steps of SQLite's virtual machine. Unlike time, that is
//! the same on every machine.

use rusqlite::{Connection, StatementStatus};
use tempfile::TempDir;

use super::world::{self, Shape};
use super::{QUERIES, queries, rows};

/// Many channels and many people, so that a loop over both is far more work than a loop
/// over the messages.
const SHAPE: Shape = Shape { messages: 6_000, channels: 40, threads: 1_500, people: 2_500, vocabulary: 0 };

/// Steps of a query, relative to those of reading its whole view.
const MAX_FACTOR: i32 = 3;
/// Steps that are always allowed: those of channels, people and sorting.
const FREE_STEPS: i32 = 400_000;
/// Steps of a query of the cookbook, per message.
const MAX_STEPS_PER_MESSAGE: i32 = 400;

/// What the planner may know about the tables.
const STATISTICS: [&str; 3] =
    ["SELECT 1", "DELETE FROM sqlite_stat1 WHERE tbl <> 'messages'", "DELETE FROM sqlite_stat1"];

struct Archive {
    connection: Connection,
    _folder: TempDir,
}

/// An archive of [`SHAPE`], once for each of [`STATISTICS`].
fn archives() -> Vec<Archive> {
    let folder = TempDir::new().unwrap();
    let original = folder.path().join("archive.db");
    world::create(&original, SHAPE).unwrap();
    let copy = |statistics: &str| {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("archive.db");
        std::fs::copy(&original, &path).unwrap();
        Connection::open(&path).unwrap().execute_batch(statistics).unwrap();
        Archive { connection: Connection::open(&path).unwrap(), _folder: folder }
    };
    STATISTICS.map(copy).into()
}

/// Runs a query to its end and returns its steps.
fn steps(archive: &Connection, sql: &str) -> i32 {
    let mut statement = archive.prepare(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    let mut rows = statement.query([]).unwrap();
    while rows.next().unwrap_or_else(|error| panic!("{error}: {sql}")).is_some() {}
    drop(rows);
    statement.get_status(StatementStatus::VmStep)
}

fn first_column(archive: &Connection, sql: &str) -> Vec<String> {
    rows(archive, sql).into_iter().map(|mut row| row.swap_remove(0)).collect()
}

fn views(archive: &Connection) -> Vec<String> {
    first_column(archive, "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")
}

fn columns(archive: &Connection, view: &str) -> Vec<String> {
    first_column(archive, &format!("SELECT name FROM pragma_table_info('{view}')"))
}

/// Conditions, groups and orders that people write, with a column.
fn questions(view: &str, columns: &[String], column: &str) -> Vec<String> {
    let sample = format!("(SELECT {column} FROM {view} LIMIT 1 OFFSET 20)");
    let mut questions = vec![
        format!("SELECT count(*) FROM {view} WHERE {column} = {sample}"),
        format!("SELECT count(*) FROM {view} WHERE {column} <> 'x'"),
        format!(
            "SELECT {}, {column}, count(*) FROM {view} WHERE {column} IS NOT NULL GROUP BY 1, 2",
            columns[0]
        ),
        format!("SELECT * FROM {view} ORDER BY {column} DESC LIMIT 10"),
    ];
    if columns.iter().any(|name| name == "author_is_bot") {
        questions.push(format!(
            "SELECT {column}, count(DISTINCT author) FROM {view} WHERE author_is_bot = 0 GROUP BY 1"
        ));
    }
    questions
}

#[test]
fn no_column_of_a_view_leads_to_much_more_work_than_reading_the_view() {
    let mut asked = 0;
    for archive in archives() {
        let archive = &archive.connection;
        for view in views(archive) {
            let columns = columns(archive, &view);
            let whole = steps(archive, &format!("SELECT * FROM {view}"));
            for column in &columns {
                for sql in questions(&view, &columns, column) {
                    let steps = steps(archive, &sql);
                    assert!(
                        steps <= MAX_FACTOR * whole + FREE_STEPS,
                        "{steps} steps, {whole} for all of it: {sql}"
                    );
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 3000, "only {asked} questions were asked");
}

#[test]
fn no_query_of_the_cookbook_reads_messages_once_per_row() {
    let allowed = MAX_STEPS_PER_MESSAGE * i32::try_from(SHAPE.messages).unwrap() + FREE_STEPS;
    for archive in archives() {
        for (title, sql) in queries() {
            let steps = steps(&archive.connection, sql);
            assert!(steps <= allowed, "{title}: {steps} steps, {allowed} are allowed");
            let plan = rows(&archive.connection, &format!("EXPLAIN QUERY PLAN {sql}"));
            let indexes_messages = |row: &Vec<String>| row[3].starts_with("SEARCH m USING AUTOMATIC");
            assert!(!plan.iter().any(indexes_messages), "{title} indexes messages: {plan:?}");
        }
    }
}

/// The limits would notice the faults that they are there for.
#[test]
fn a_join_on_text_ids_and_a_loop_over_people_exceed_the_limits() {
    let archive = &archives()[0].connection;
    let allowed = MAX_STEPS_PER_MESSAGE * i32::try_from(SHAPE.messages).unwrap() + FREE_STEPS;
    for sql in [
        "SELECT count(*) FROM reaction_count_log r JOIN message_log m ON m.message_id = r.message_id",
        "SELECT count(*) FROM channels c CROSS JOIN users u
           JOIN messages m INDEXED BY messages_by_author ON m.channel_id = c.id AND m.author_id = u.id",
    ] {
        assert!(steps(archive, sql) > allowed, "{sql}");
    }
}

#[test]
fn joins_on_keys_are_no_more_work_than_on_tables() {
    for archive in archives() {
        let archive = &archive.connection;
        for (views, tables) in [
            ("reaction_count_log a JOIN message_log m", "message_reaction_counts a JOIN messages m"),
            ("message_log m JOIN reaction_log a", "messages m JOIN message_emoji_reactions a"),
            ("message_log m JOIN attachment_log a", "messages m JOIN message_attachments a"),
        ] {
            let of_views =
                steps(archive, &format!("SELECT m.created_ms FROM {views} USING (channel_key, message_key)"));
            let on = "m.channel_id = a.channel_id AND m.platform_id = a.message_id";
            let of_tables = steps(archive, &format!("SELECT m.created_at FROM {tables} ON {on}"));
            let shape = i32::try_from(SHAPE.channels + SHAPE.threads).unwrap();
            assert!(of_views <= 3 * of_tables + 40 * shape, "{views}: {of_views} steps, tables {of_tables}");
        }
    }
}

/// A page of a channel, and a range of times by the IDs that contain them.
#[test]
fn key_ranges_read_nothing_else() {
    for archive in archives() {
        let archive = &archive.connection;
        for sql in [
            "SELECT * FROM message_log WHERE channel_key = 3 AND message_key > 4 ORDER BY message_key LIMIT 10",
            "SELECT * FROM message_log WHERE channel_key = 3 ORDER BY message_key DESC LIMIT 10",
            "SELECT * FROM message_log WHERE channel_key = 3 AND message_key = 4",
            "SELECT * FROM message_log WHERE author_key = 1500 LIMIT 5",
            "SELECT * FROM message_log WHERE author = (SELECT person FROM person_log LIMIT 1 OFFSET 1500) LIMIT 5",
            "SELECT * FROM person_log WHERE person = (SELECT person FROM person_log LIMIT 1 OFFSET 1500)",
        ] {
            let steps = steps(archive, sql);
            assert!(steps < 12_000, "{steps} steps: {sql}");
        }
    }
    // With the statistics that every run leaves.
    let since = "SELECT count(*) FROM message_log
                  WHERE message_key >= (strftime('%s', '2026-10-30') * 1000 - 1420070400000) * 4194304";
    let plan = rows(&archives()[0].connection, &format!("EXPLAIN QUERY PLAN {since}"));
    assert!(plan.iter().any(|row| row[3].contains("(channel_id=? AND platform_id>?)")), "{plan:?}");
}

#[test]
fn the_cookbook_joins_views_on_keys_only() {
    for line in QUERIES.lines().filter(|line| !line.starts_with("--") && line.contains(" JOIN ")) {
        assert!(!line.contains("_id = ") && !line.contains("message_id"), "{line}");
    }
}
