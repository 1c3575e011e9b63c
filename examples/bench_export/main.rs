//! Measures `export`: time, memory and size of each format, and of a rerun after a day.
//!
//! `cargo run --release --example bench_export [-- MESSAGES [FOLDER]]` writes an archive of
//! MESSAGES (default: a million) invented messages into FOLDER (default: a temporary folder)
//! unless it is there, and exports it; only the Parquet files stay. Each export runs in a process of its own, so that the
//! memory is its own. `questions.py` beside this file compares questions to the archive with the
//! same ones to the Parquet files; `compare.py` holds the content of both against each other.

#[path = "../bench_search/large.rs"]
mod large;

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rusqlite::{Connection, params};
use verta_sync::archive::Reader;
use verta_sync::archive::copy::CopyScope;
use verta_sync::export::{
    CopyTarget, Exported, Filter, Format, Memory, Request, Table, Target, run, run_dce,
};

use self::large::{LargeArchive, memory_mb};

/// Any error ends the benchmark.
type BenchResult<T> = Result<T, Box<dyn Error>>;

/// First argument of the process that makes one export.
const ONE: &str = "--one";
const SUBSCRIBER: &str = "export:benchmark";
const MODE: u32 = 0o600;
/// Days from the oldest to the newest message of the world.
const DAYS: i64 = 900;
const HOUR_MS: i64 = 3_600_000;
/// Messages that are edited on the day that is measured.
const EDITS: i64 = 200;

fn main() -> BenchResult<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [one, format, archive, out] = &arguments[..]
        && one == ONE
    {
        return export_one(format, Path::new(archive), Path::new(out));
    }
    let LargeArchive { messages, path: archive, .. } =
        &LargeArchive::of_arguments(std::env::args_os().skip(1))?;
    let folder = archive.parent().ok_or("the archive has no folder")?;
    let size = archive.metadata()?.len();
    println!("{messages} messages, {} MB", size / 1_000_000);
    subscribe(archive)?;
    for format in Format::ALL {
        let out = folder.join(format!("exported-{}", format.name()));
        std::fs::remove_dir_all(&out).or_else(|_| std::fs::remove_file(&out)).ok();
        measure(format, archive, &out, size)?;
        if format.name() != "parquet" {
            std::fs::remove_dir_all(&out).or_else(|_| std::fs::remove_file(&out))?;
        }
    }
    let parquet = folder.join("exported-parquet");
    let format = Format::ALL.into_iter().find(|format| format.name() == "parquet").ok_or("no Parquet")?;
    print!("again, nothing changed: ");
    measure(format, archive, &parquet, size)?;
    print!("again, after {} messages and {EDITS} edits of a day: ", a_day(archive, *messages)?);
    measure(format, archive, &parquet, size)
}

/// Makes an export in a process of its own, which prints its figures.
fn measure(format: Format, archive: &Path, out: &Path, size: u64) -> BenchResult<()> {
    let begin = Instant::now();
    let ran =
        Command::new(std::env::current_exe()?).args([ONE, format.name()]).args([archive, out]).output()?;
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into());
    }
    let seconds = begin.elapsed().as_secs_f64();
    let of_export = folder_size(out)?;
    println!(
        "{}: {seconds:.1} s, {}, {} MB = {} % of the archive",
        format.name(),
        String::from_utf8_lossy(&ran.stdout).trim(),
        of_export / 1_000_000,
        of_export * 100 / size
    );
    Ok(())
}

fn export_one(format: &str, archive: &Path, out: &Path) -> BenchResult<()> {
    let format = Format::ALL.into_iter().find(|one| one.name() == format).ok_or("unknown format")?;
    let request = Request {
        tables: Table::ALL.to_vec(),
        filter: Filter::default(),
        format,
        memory: Some(Memory { subscriber: SUBSCRIBER.to_owned(), history: "benchmark".to_owned() }),
    };
    let reader = Reader::open(archive)?;
    let mut on_progress = |_| true;
    let exported = match format {
        Format::Tables(tables) => {
            run(&reader, &request, tables, Target::Folder(out.to_owned(), MODE), &mut on_progress)?
        }
        Format::DceJson => run_dce(&reader, &request, out, MODE, &mut on_progress)?,
        Format::Sqlite => {
            let copy = CopyTarget::new(out, archive, MODE)?;
            copy.export(archive, &CopyScope::default(), &mut on_progress)?
        }
    };
    drop(reader);
    let Exported { rows, files, written, state, .. } = exported;
    // Only the state of the Parquet files is used again.
    if let (Some(state), "parquet") = (state, format.name()) {
        Connection::open(archive)?.execute(
            "UPDATE change_subscribers SET position = ?2, token = ?3 WHERE name = ?1",
            params![SUBSCRIBER, state.position, state.token],
        )?;
    }
    println!("{rows} rows, {written} of {files} files written, {} MB of memory", memory_mb());
    Ok(())
}

/// Lets the change log count for the exports. What happens in it is written by [`a_day`].
fn subscribe(archive: &Path) -> BenchResult<()> {
    Connection::open(archive)?.execute(
        "INSERT OR REPLACE INTO change_subscribers (name, position, token, created_at, updated_at)
         SELECT ?1, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0), '', 0, 0",
        [SUBSCRIBER],
    )?;
    Ok(())
}

/// Adds the messages of a day, edits some of the last week, and logs both as a sync would.
/// Returns how many were added.
fn a_day(archive: &Path, messages: i64) -> BenchResult<i64> {
    let connection = Connection::open(archive)?;
    let mut select = connection.prepare("SELECT id FROM channels WHERE message_count > 0 ORDER BY id")?;
    let channels: Vec<i64> = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    drop(select);
    let per_channel = (messages / DAYS / i64::try_from(channels.len())?).max(1);
    connection.execute_batch("BEGIN")?;
    for channel in &channels {
        // Copies of the channel's last messages, each an hour's share later.
        connection.execute(
            "INSERT INTO messages (channel_id, platform_id, author_id, kind, content, created_at, pinned, updated_at)
             SELECT ?1, c.last_message_id + row_number() OVER (ORDER BY m.platform_id) * 4194304000, m.author_id, 0,
                    m.content, c.last_message_at + row_number() OVER (ORDER BY m.platform_id) * 1000, 0, c.last_message_at
               FROM channels c JOIN (SELECT * FROM messages WHERE channel_id = ?1 ORDER BY platform_id DESC LIMIT ?2) m
              WHERE c.id = ?1",
            params![channel, per_channel],
        )?;
        connection.execute(
            "INSERT INTO changes (kind, channel_id, first_message_id, last_message_id, first_at, last_at)
             SELECT 'added', m.channel_id, min(m.platform_id), max(m.platform_id), min(m.created_at), max(m.created_at)
               FROM messages m JOIN channels c ON c.id = m.channel_id
              WHERE m.channel_id = ?1 AND m.platform_id > c.last_message_id",
            [channel],
        )?;
        connection.execute(
            "UPDATE channels SET message_count = message_count + ?2,
                    (last_message_id, last_message_at) = (SELECT platform_id, created_at FROM messages
                       WHERE channel_id = ?1 ORDER BY platform_id DESC LIMIT 1) WHERE id = ?1",
            params![channel, per_channel],
        )?;
    }
    let edits = EDITS / i64::try_from(channels.len())? + 1;
    for channel in &channels {
        connection.execute(
            "UPDATE messages SET content = content || '.' WHERE channel_id = ?1 AND platform_id IN
                (SELECT platform_id FROM messages WHERE channel_id = ?1
                    AND created_at < (SELECT last_message_at FROM channels WHERE id = ?1) - ?3
                  ORDER BY platform_id DESC LIMIT ?2)",
            params![channel, edits, 12 * HOUR_MS],
        )?;
        connection.execute(
            "INSERT INTO changes (kind, channel_id, first_message_id, last_message_id, first_at, last_at)
             SELECT 'changed', channel_id, platform_id, platform_id, created_at, created_at FROM messages
              WHERE channel_id = ?1 AND created_at < (SELECT last_message_at FROM channels WHERE id = ?1) - ?3
              ORDER BY platform_id DESC LIMIT ?2",
            params![channel, edits, 12 * HOUR_MS],
        )?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(per_channel * i64::try_from(channels.len())?)
}

/// Bytes of a file, or of all files below a folder.
fn folder_size(path: &Path) -> BenchResult<u64> {
    if path.is_file() {
        return Ok(path.metadata()?.len());
    }
    std::fs::read_dir(path)?.try_fold(0, |total, entry| Ok(total + folder_size(&entry?.path())?))
}
