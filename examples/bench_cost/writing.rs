//! Compares storing pages in the archive with plain SQLite: the same rows in the same
//! order into the same schema, with the indexes built at the end.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use verta_sync::anonymize::{HashScheme, Rules, Scrubber};
use verta_sync::archive::messages::{PageBatch, store_page};
use verta_sync::archive::progress::PageProgress;
use verta_sync::archive::reactions::ReactionPolicy;
use verta_sync::archive::{
    ArchiveFile, ChannelRow, Lock, Writer, WriterThread, changes, channels, indexes, progress, tenants,
};
use verta_sync::model::{
    Channel, ChannelId, ChannelKind, ChannelState, MessageId, ReactionMode, Timestamp, WorkspaceId,
};

use verta_sync::platform::discord::SPEC;
use verta_sync::platform::registry::PLATFORMS;

use crate::measure::{Cost, ResourceSnapshot};
use crate::pages::{self, RawPage};
use crate::{BenchResult, GUILD, equal, folder};

const SCRUBBER: Scrubber = Scrubber::new(&SPEC, HashScheme::Plain);

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
/// Concurrent workers: as many pages wait for the writer as in a sync.
const WORKERS: usize = 80;
const ROUNDS: u32 = 3;
/// Pages in one transaction of plain SQLite.
const GROUP_PAGES: usize = 32;

pub fn measure() -> BenchResult<()> {
    let pages = pages::of(&equal(400))?;
    let messages: usize = pages.iter().map(|page| page.parse().messages.len()).sum();
    let folder = folder("writing")?;
    let (mut stored, mut logged, mut plain) = (f64::MAX, f64::MAX, f64::MAX);
    let mut sizes = [0; 2];
    for round in 0..ROUNDS {
        let archive = folder.path().join(format!("stored-{round}.db"));
        let [plain_size, logged_size] = &mut sizes;
        for (subscribes, least, size) in [(false, &mut stored, plain_size), (true, &mut logged, logged_size)]
        {
            let path =
                if subscribes { folder.path().join(format!("logged-{round}.db")) } else { archive.clone() };
            let prepared = Prepared::of(&path, &pages)?;
            if subscribes {
                prepared.subscribe()?;
            }
            let begin = ResourceSnapshot::now()?;
            prepared.store()?;
            *least = least.min(begin.cost_until_now()?.cpu_seconds);
            *size = std::fs::metadata(&path)?.len();
        }
        let rows = Rows::of(&archive, &pages)?;
        plain = plain.min(rows.insert(&folder.path().join(format!("plain-{round}.db")))?.cpu_seconds);
    }
    println!(
        "writing        {messages} messages stored in {stored:.2} CPU s, inserted with plain SQLite in {plain:.2}: \
         {:.0} % of plain SQLite's speed",
        100.0 * plain / stored
    );
    println!(
        "change log     {logged:.2} CPU s with a subscriber, {:.3} times as much as without; file size {:.3} times as large",
        logged / stored,
        as_float(sizes[1]) / as_float(sizes[0])
    );
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a ratio")]
fn as_float(bytes: u64) -> f64 {
    bytes as f64
}

fn open(path: &Path) -> BenchResult<Connection> {
    Ok(file(path).open()?)
}

fn file(path: &Path) -> ArchiveFile {
    ArchiveFile {
        path: path.to_owned(),
        mode: 0o600,
        rules: Rules::plain(PLATFORMS),
        busy_timeout: verta_sync::archive::BUSY_TIMEOUT,
    }
}

/// A new archive, and scrubbed pages to store in it.
pub struct Prepared {
    runtime: Runtime,
    writer: Writer,
    thread: WriterThread,
    batches: VecDeque<PageBatch>,
    /// The archive's lock, held until the pages are stored.
    _lock: Lock,
}

impl Prepared {
    pub fn of(path: &Path, pages: &[RawPage]) -> BenchResult<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let lock = Lock::take(&file(path), "start", None, NOW)?;
        let (writer, thread) = Writer::start(open(path)?, Rules::plain(PLATFORMS), &lock);
        let batches = runtime.block_on(async {
            writer.run(|tx| indexes::defer(tx)).await?;
            batches(&writer, pages).await
        })?;
        Ok(Self { runtime, writer, thread, batches, _lock: lock })
    }

    /// Adds a subscriber to the change log.
    pub fn subscribe(&self) -> BenchResult<()> {
        let subscribed = self.writer.run(|tx| changes::subscribe(tx, "bench", "token", NOW));
        self.runtime.block_on(subscribed)?;
        Ok(())
    }

    /// Stores the pages through the writer, as a sync does.
    pub fn store(self) -> BenchResult<()> {
        let Self { runtime, writer, thread, batches, _lock } = self;
        let pending = Arc::new(Mutex::new(batches));
        runtime.block_on(async {
            let mut workers = JoinSet::new();
            for _ in 0..WORKERS {
                workers.spawn(store_pending(writer.clone(), Arc::clone(&pending)));
            }
            workers.join_all().await;
            writer.run(|tx| indexes::build_all(tx)).await
        })?;
        drop(writer);
        Ok(thread.join()?)
    }
}

async fn store_pending(writer: Writer, pending: Arc<Mutex<VecDeque<PageBatch>>>) {
    let next = || pending.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    while let Some(batch) = next() {
        let change = writer.run(move |tx| store_page(tx, &batch, NOW));
        change.await.expect("the writer stores the page");
    }
}

async fn batches(writer: &Writer, pages: &[RawPage]) -> BenchResult<VecDeque<PageBatch>> {
    let mut rows: Vec<(ChannelId, ChannelRow)> = Vec::new();
    let mut batches = VecDeque::new();
    for raw in pages {
        let row = match rows.iter().find(|(id, _)| *id == raw.channel) {
            Some((_, row)) => *row,
            None => begin_channel(writer, raw.channel).await?,
        };
        if rows.iter().all(|(id, _)| *id != raw.channel) {
            rows.push((raw.channel, row));
        }
        batches.push_back(batch(row, raw));
    }
    Ok(batches)
}

async fn begin_channel(writer: &Writer, id: ChannelId) -> BenchResult<ChannelRow> {
    let channel = Channel::new(id, ChannelKind::Text, "bench", NOW);
    let channel = SCRUBBER.channel(channel, ChannelState::Active);
    let workspace = WorkspaceId::new(GUILD).ok_or("a guild has an ID")?;
    let change = writer.run(move |tx| {
        let tenant = tenants::intern(tx, &SPEC, workspace, "bench", NOW)?;
        let rows = channels::store(tx, tenant, std::slice::from_ref(&channel), NOW)?;
        let row = rows.into_values().next().map(|(row, _)| row);
        row.map_or(Ok(None), |row| progress::begin(tx, tenant, row, 0, None, NOW).map(|()| Some(row)))
    });
    Ok(change.await?.ok_or("the channel was stored")?)
}

fn batch(channel: ChannelRow, raw: &RawPage) -> PageBatch {
    let page = SCRUBBER.page(raw.parse());
    let progress = PageProgress { checkpoint: page.last_id, ..PageProgress::default() };
    PageBatch {
        channel,
        after: raw.after,
        page,
        read_at: NOW,
        reactions: ReactionPolicy {
            mode: ReactionMode::Counts,
            began_at: NOW,
            window: Duration::from_hours(24),
            is_full: false,
        },
        has_gap: false,
        progress,
    }
}

/// The tables of a page's rows, each with its column of message IDs.
const PAGE_TABLES: [(&str, &str); 3] = [
    ("messages", "platform_id"),
    ("message_attachments", "message_id"),
    ("message_reaction_counts", "message_id"),
];
/// Small tables that the page tables refer to; they are written first.
const SMALL_TABLES: [&str; 4] = ["tenants", "users", "channels", "emoji"];

type Row = Vec<Value>;

/// The rows of a finished archive, in memory.
struct Rows {
    small: Vec<(String, Vec<Row>)>,
    pages: Vec<[Vec<Row>; 3]>,
    inserts: Vec<String>,
}

impl Rows {
    fn of(archive: &Path, pages: &[RawPage]) -> BenchResult<Self> {
        let connection = Connection::open(archive)?;
        let mut small = Vec::new();
        for table in SMALL_TABLES {
            let rows = select(&connection, &format!("SELECT * FROM {table}"), &[])?;
            small.push((insert(&connection, table)?, rows));
        }
        let inserts = PAGE_TABLES
            .iter()
            .map(|(table, _)| insert(&connection, table))
            .collect::<BenchResult<Vec<_>>>()?;
        let pages = pages.iter().map(|page| page_rows(&connection, page)).collect::<BenchResult<Vec<_>>>()?;
        Ok(Self { small, pages, inserts })
    }

    fn insert(&self, path: &Path) -> BenchResult<Cost> {
        let mut connection = open(path)?;
        let indexes = deferred_indexes(&connection)?;
        for (name, _) in &indexes {
            connection.execute(&format!("DROP INDEX {name}"), [])?;
        }
        let begin = ResourceSnapshot::now()?;
        let transaction = connection.transaction()?;
        for (sql, rows) in &self.small {
            write(&transaction, sql, rows)?;
        }
        transaction.commit()?;
        for group in self.pages.chunks(GROUP_PAGES) {
            let transaction = connection.transaction()?;
            for page in group {
                for (sql, rows) in self.inserts.iter().zip(page) {
                    write(&transaction, sql, rows)?;
                }
            }
            transaction.commit()?;
        }
        for (_, sql) in &indexes {
            connection.execute(sql, [])?;
        }
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        begin.cost_until_now()
    }
}

/// Names and CREATE statements of the deferred indexes (by user and by emoji), which a
/// new archive gets once it is filled.
pub fn deferred_indexes(connection: &Connection) -> BenchResult<Vec<(String, String)>> {
    let mut select = connection.prepare(
        r"SELECT name, sql FROM sqlite_schema
          WHERE type = 'index' AND tbl_name LIKE 'message%' AND name LIKE '%\_by\_%' ESCAPE '\'",
    )?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn write(connection: &Connection, sql: &str, rows: &[Row]) -> BenchResult<()> {
    let mut statement = connection.prepare_cached(sql)?;
    for row in rows {
        statement.execute(params_from_iter(row))?;
    }
    Ok(())
}

fn page_rows(connection: &Connection, raw: &RawPage) -> BenchResult<[Vec<Row>; 3]> {
    let channel: i64 = connection
        .prepare_cached("SELECT id FROM channels WHERE platform_id = ?1")?
        .query_row(params![raw.channel.as_i64()], |row| row.get(0))?;
    let last = raw.parse().last_id().map_or(0, MessageId::as_i64);
    let range = [channel, raw.after.map_or(0, MessageId::as_i64), last].map(Value::Integer);
    let mut rows = [const { Vec::new() }; 3];
    for (rows, (table, key)) in rows.iter_mut().zip(PAGE_TABLES) {
        let sql = format!("SELECT * FROM {table} WHERE channel_id = ?1 AND {key} > ?2 AND {key} <= ?3");
        *rows = select(connection, &sql, &range)?;
    }
    Ok(rows)
}

fn select(connection: &Connection, sql: &str, parameters: &[Value]) -> BenchResult<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let rows = statement.query_map(params_from_iter(parameters), |row| {
        (0..columns).map(|column| row.get(column)).collect::<Result<Row, _>>()
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert(connection: &Connection, table: &str) -> BenchResult<String> {
    let columns = connection.prepare(&format!("SELECT * FROM {table}"))?.column_count();
    Ok(format!("INSERT INTO {table} VALUES ({})", vec!["?"; columns].join(", ")))
}
