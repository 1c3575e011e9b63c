//! Measures `search`: building the index, its size, and queries, beside a plain FTS5 table of
//! the same texts and a scan with LIKE.
//!
//! `cargo run --release --example bench_search [-- MESSAGES [FOLDER]]` writes an archive of
//! MESSAGES (default: a million) invented messages in several scripts into FOLDER (default: a
//! temporary folder) unless it is there. Times of queries are the best of five, warm.

mod large;

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;
use verta_sync::archive::Reader;
use verta_sync::archive::message_scan::MessageFilter;
use verta_sync::archive::word_index::{self, Build, SUBSCRIBER, WordIndex};
use verta_sync::search::index::{self, CurrentIndex};
use verta_sync::search::{Query, Request, run};

use self::large::{LargeArchive, memory_mb};

/// Any error ends the benchmark.
type BenchResult<T> = Result<T, Box<dyn Error>>;

const TOKEN: &str = "benchmark";
const ROUNDS: u32 = 5;

/// What to search for: a name, the query, FTS5's query if it has one, and the author's hash if one is asked
/// for.
const QUERIES: [(&str, &str, Option<&str>); 11] = [
    ("rare word", "drinasopakolu", Some("drinasopakolu")),
    ("common word", "ko", Some("ko")),
    ("two words", "ko lu", Some("ko lu")),
    ("three words", "rere minta soko", Some("rere minta soko")),
    ("phrase", "\"minta soko\"", Some("\"minta soko\"")),
    ("phrase of common words", "\"ko lu re\"", Some("\"ko lu re\"")),
    ("prefix of three letters", "lum*", Some("lum*")),
    ("without", "minta -ko", Some("minta NOT ko")),
    ("either", "minta OR soko", Some("minta OR soko")),
    ("two Chinese characters", "\u{4e05}\u{4e0a}", None),
    ("two Korean syllables", "\u{ac05}\u{ac0a}", None),
];

fn main() -> BenchResult<()> {
    let LargeArchive { messages, path: archive, .. } =
        &LargeArchive::of_arguments(std::env::args_os().skip(1))?;
    let folder = archive.parent().ok_or("the archive has no folder")?;
    let size = size(archive);
    println!("{messages} messages, {} MB", size / 1_000_000);
    let build = build(archive)?;
    let of_index = self::size(&word_index::path_of(archive));
    println!(
        "index: built in {build:.1} s, {} MB, {:.2} of the archive",
        of_index / 1_000_000,
        ratio(of_index, size)
    );
    let plain_path = folder.join("plain.db");
    let plain = plain(archive, &plain_path)?;
    println!(
        "FTS5 unicode61: built in {plain:.1} s, {} MB; the index took {:.2} of its time",
        self::size(&plain_path) / 1_000_000,
        build / plain
    );
    println!("resident memory at most so far: {} MB", memory_mb());
    queries(archive, &plain_path)?;
    std::fs::remove_file(plain_path)?;
    Ok(())
}

/// Builds the index anew. Returns the seconds.
fn build(archive: &Path) -> BenchResult<f64> {
    let connection = Connection::open(archive)?;
    connection.execute("DELETE FROM change_subscribers", [])?;
    connection.execute(
        "INSERT INTO change_subscribers (name, position, token, created_at, updated_at) VALUES (?1, 0, ?2, 0, 0)",
        [SUBSCRIBER, TOKEN],
    )?;
    connection.close().map_err(|(_, error)| error)?;
    let start = Instant::now();
    let reader = Reader::open(archive)?;
    let build = Build::start(archive, "bench")?.ok_or("another build is going on")?;
    index::build(&reader, &build, TOKEN, |_| ())?;
    build.finish()?;
    Ok(start.elapsed().as_secs_f64())
}

/// Builds a plain FTS5 table of the texts. Returns the seconds.
fn plain(archive: &Path, path: &Path) -> BenchResult<f64> {
    std::fs::remove_file(path).ok();
    let connection = Connection::open(path)?;
    connection
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000")?;
    connection.execute("ATTACH ?1 AS archive", [archive.to_string_lossy()])?;
    let start = Instant::now();
    connection.execute_batch(
        "CREATE VIRTUAL TABLE plain USING fts5(content, tokenize='unicode61');
         BEGIN;
         INSERT INTO plain (rowid, content) SELECT row_number() OVER (), content FROM archive.messages;
         COMMIT;",
    )?;
    Ok(start.elapsed().as_secs_f64())
}

fn queries(archive: &Path, plain: &Path) -> BenchResult<()> {
    let reader = Reader::open(archive)?;
    let plain = Connection::open(plain)?;
    let of_archive = Connection::open(archive)?;
    let author: String =
        of_archive.query_row("SELECT anonymized_id FROM users WHERE id = 777", [], |row| row.get(0))?;
    println!("{:26} {:>9} {:>9} {:>9} {:>9}  hits", "newest 20 hits, ms", "index", "scan", "FTS5", "LIKE");
    for (name, text, for_plain) in QUERIES {
        let like = format!("%{}%", text.trim_matches(['"', '*']));
        let like = time(|| {
            let mut select = of_archive.prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM messages WHERE content LIKE ?1 ORDER BY created_at DESC LIMIT 20)",
            )?;
            Ok(select.query_row([&like], |row| row.get::<_, u64>(0))?)
        })?;
        let for_plain = for_plain.map(|query| {
            time(|| {
                let mut select = plain.prepare_cached(
                    "SELECT count(*) FROM (SELECT 1 FROM plain WHERE plain MATCH ?1 ORDER BY rowid DESC LIMIT 20)",
                )?;
                Ok(select.query_row([query], |row| row.get::<_, u64>(0))?)
            })
        });
        let for_plain = for_plain.transpose()?.map_or("-".to_owned(), |(ms, _)| format!("{ms:.2}"));
        let (with_index, hits) = search(archive, &reader, text, MessageFilter::default(), true)?;
        let (scanned, expected) = search(archive, &reader, text, MessageFilter::default(), false)?;
        if hits != expected {
            return Err(format!("{text}: the index and the scan differ").into());
        }
        println!("{name:26} {with_index:9.2} {scanned:9.1} {for_plain:>9} {:9.1}  {}", like.0, hits.len());
    }
    let filters = [
        ("common word of an author", MessageFilter { author: Some(author), ..MessageFilter::default() }),
        (
            "common word in a channel",
            MessageFilter { channels: vec!["channel-99".to_owned()], ..MessageFilter::default() },
        ),
    ];
    for (name, filter) in filters {
        let (with_index, hits) = search(archive, &reader, "ko", filter.clone(), true)?;
        let (scanned, expected) = search(archive, &reader, "ko", filter, false)?;
        if hits != expected {
            return Err(format!("{name}: the index and the scan differ").into());
        }
        println!("{name:26} {with_index:9.2} {scanned:9.1} {:>9} {:>9}  {}", "-", "-", hits.len());
    }
    println!("resident memory at most: {} MB", memory_mb());
    Ok(())
}

/// Searches for the newest 20 hits. Returns the milliseconds and the messages.
fn search(
    archive: &Path,
    reader: &Reader,
    text: &str,
    filter: MessageFilter,
    uses_index: bool,
) -> BenchResult<(f64, Vec<String>)> {
    let query = Query::parse(text)?;
    let request = Request { query, filter, is_oldest_first: false, limit: 20, context: 0, counts: false };
    let once = || -> BenchResult<Vec<String>> {
        let opened = uses_index.then(|| WordIndex::open(&word_index::path_of(archive))).transpose()?;
        let _snapshot = reader.snapshot()?;
        let current = match opened {
            Some(opened) => Some(CurrentIndex::of(opened, reader)?.ok_or("the index is not usable")?),
            None => None,
        };
        let found = run(reader, current, &request, |_| ())?;
        Ok(found.hits.into_iter().map(|hit| hit.message.message_id).collect())
    };
    if uses_index { time(once) } else { time_once(once) }
}

/// The least milliseconds of several rounds, and the result.
fn time<T>(mut work: impl FnMut() -> BenchResult<T>) -> BenchResult<(f64, T)> {
    let (mut best, mut result) = time_once(&mut work)?;
    for _ in 1..ROUNDS {
        let (ms, again) = time_once(&mut work)?;
        (best, result) = (best.min(ms), again);
    }
    Ok((best, result))
}

fn time_once<T>(mut work: impl FnMut() -> BenchResult<T>) -> BenchResult<(f64, T)> {
    let start = Instant::now();
    let result = work()?;
    Ok((start.elapsed().as_secs_f64() * 1000.0, result))
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

#[allow(clippy::cast_precision_loss, reason = "sizes of files")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
