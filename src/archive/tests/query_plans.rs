//! Query plans: no statement that `start` or `status` runs may scan a large table.

use crate::anonymize::Rules;
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::file;
use crate::archive::Tx;
use crate::archive::indexes::{defer, messages_to_index};
use crate::archive::status::{OF_RUN, UNFINISHED, select_jobs};
use crate::archive::tx::RowCache;
use crate::platform::registry::PLATFORMS;

/// Tables that grow with the number of messages or runs.
const LARGE: [&str; 5] = [
    "messages",
    "message_attachments",
    "message_reaction_counts",
    "message_emoji_reactions",
    "channel_sync_jobs",
];

/// Files whose statements scan whole tables on purpose: `forget`, `reset --purge`,
/// `check --privacy`, the first command after an upgrade, `start --full`, `search` and `export`.
const FULL_SCAN_FILES: [&str; 9] = [
    "change_scope.rs",
    "copy.rs",
    "forget.rs",
    "health.rs",
    "mentioned.rs",
    "message_scan.rs",
    "reset.rs",
    "scratch.rs",
    "sweep.rs",
];

/// Rows of `sqlite_stat1` that `PRAGMA optimize` writes for an archive of ten million
/// messages: table, index, statistics.
const STATISTICS: [(&str, &str, &str); 14] = [
    ("messages", "messages", "10000000 20000 1"),
    ("messages", "messages_by_author", "10000000 2000"),
    ("messages", "messages_by_reply_author", "1500000 400"),
    ("message_attachments", "message_attachments", "1000000 2000 2 1"),
    ("message_reaction_counts", "message_reaction_counts", "1500000 3000 2 1 1"),
    ("message_reaction_counts", "message_reaction_counts_by_emoji", "1500000 30000"),
    ("message_reaction_counts", "reaction_queue", "15000 200 2"),
    ("message_emoji_reactions", "message_emoji_reactions", "5000000 10000 6 3 3 1"),
    ("message_emoji_reactions", "message_emoji_reactions_by_emoji", "5000000 100000"),
    ("message_emoji_reactions", "message_emoji_reactions_by_user", "5000000 1000"),
    ("channels", "channels_by_platform_id", "500 1"),
    ("channels", "sqlite_autoindex_channels_1", "500 500 1"),
    ("users", "sqlite_autoindex_users_1", "5000 1"),
    ("sync_progress", "sync_progress_by_tenant", "500 500"),
];

#[test]
fn no_statement_of_start_or_status_scans_a_large_table() {
    let statements = statements();
    assert!(statements.len() > 60, "only {} statements were found", statements.len());
    let dir = TempDir::new().unwrap();
    let connection = file(&dir).open().unwrap();
    check(&connection, &statements);
    connection.execute_batch("ANALYZE; DELETE FROM sqlite_stat1").unwrap();
    for (table, index, figures) in STATISTICS {
        let sql = "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?1, ?2, ?3)";
        connection.execute(sql, [table, index, figures]).unwrap();
    }
    connection.execute_batch("ANALYZE sqlite_schema").unwrap();
    check(&connection, &statements);
    // A new archive is without these until it is filled.
    let mut row_cache = RowCache::new(Rules::plain(PLATFORMS));
    let tx = Tx::new(&connection, &mut row_cache);
    defer(&tx).unwrap();
    assert_eq!(messages_to_index(&tx).unwrap(), Some(0));
    check(&connection, &statements);
}

#[test]
fn the_jobs_of_a_run_are_found_through_an_index() {
    let dir = TempDir::new().unwrap();
    let connection = file(&dir).open().unwrap();
    for condition in [OF_RUN, UNFINISHED] {
        let steps = plan(&connection, &format!("{} {condition}", select_jobs()));
        assert!(steps.iter().any(|step| step.starts_with("SEARCH j ")), "{steps:?}");
    }
}

#[test]
fn a_scan_is_detected_under_any_alias() {
    assert!(is_scan("SCAN k", "SELECT count(*) FROM message_reaction_counts k WHERE count > 1"));
    assert!(is_scan("SCAN m USING INDEX messages_by_author", "SELECT 1 FROM messages AS m"));
    assert!(is_scan("SCAN messages", "SELECT 1 FROM messages"));
    assert!(!is_scan("SEARCH m USING PRIMARY KEY (channel_id=?)", "SELECT 1 FROM messages m"));
    assert!(!is_scan("SCAN k USING INDEX reaction_queue", "SELECT 1 FROM message_reaction_counts k"));
    assert!(!is_scan("SCAN c", "SELECT 1 FROM channels c JOIN messages m ON m.channel_id = c.id"));
}

fn check(connection: &Connection, statements: &[String]) {
    for sql in statements {
        for detail in plan(connection, sql) {
            assert!(!is_scan(&detail, sql), "{detail}: {sql}");
        }
    }
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect(sql);
    let nothing = vec![None::<i64>; explain.parameter_count()];
    let rows = explain.query_map(rusqlite::params_from_iter(nothing), |row| row.get(3));
    rows.expect(sql).collect::<Result<_, _>>().expect(sql)
}

/// Whether a step of a query plan scans a large table. A scan of the index
/// `reaction_queue` is fine: it contains only pending reactor lists.
fn is_scan(detail: &str, sql: &str) -> bool {
    let Some(scanned) = detail.strip_prefix("SCAN ") else { return false };
    let name = scanned.split(' ').next().unwrap_or_default();
    !scanned.ends_with("INDEX reaction_queue")
        && LARGE.iter().any(|table| name == *table || aliases(sql, table).contains(&name))
}

fn aliases<'a>(sql: &'a str, table: &str) -> Vec<&'a str> {
    let words: Vec<&str> = sql.split(|char: char| !char.is_alphanumeric() && char != '_').collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty() && *word != "AS").collect();
    words.windows(2).filter(|pair| pair[0] == table).map(|pair| pair[1]).collect()
}

/// Every complete statement in the sources of the archive. Those assembled at run time
/// are left out: they look up rows by message key.
fn statements() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/archive");
    let mut statements = Vec::new();
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    for file in entries.filter(|entry| entry.path().is_file()) {
        let name = file.file_name().into_string().unwrap();
        if !FULL_SCAN_FILES.contains(&name.as_str()) && name != "tests.rs" {
            statements.extend(literals(&fs::read_to_string(file.path()).unwrap()));
        }
    }
    let is_whole = |text: &String| {
        let verb = text.split_whitespace().next().unwrap_or_default();
        matches!(verb, "SELECT" | "INSERT" | "UPDATE" | "DELETE") && !text.contains('{')
    };
    statements.into_iter().filter(is_whole).collect()
}

/// The contents of the string literals of a source file.
fn literals(source: &str) -> Vec<String> {
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    let code: Vec<&str> = source.lines().filter(|line| !is_comment(line)).collect();
    let code = code.join("\n").replace("\\\n", "").replace("\\\"", "'").replace("'\"'", "''");
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
