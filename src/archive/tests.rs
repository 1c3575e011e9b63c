//! Tests of the archive through its own functions, on real files.

mod changes;
mod indexes;
mod migrations;
mod platforms;
mod query_plans;
mod schema;

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::messages::{PageBatch, PageOutcome, store_page};
use super::reactions::ReactionPolicy;
use super::{
    ArchiveErrorKind, ArchiveFile, ChannelRow, Lock, LockError, LockState, Reader, TenantRow, Tx, Writer,
};
use super::{channels, forget, progress, residual, tenants, tx};
use crate::anonymize::{HashScheme, Rules, Scrubber};
use crate::model::{
    self, AttachmentId, ChannelId, ChannelKind, ChannelState, Emoji, MessageId, MessagePage, ReactionMode,
    Timestamp, User, UserId, WorkspaceId,
};
use crate::platform::discord;
use crate::platform::registry::PLATFORMS;

const SCRUBBER: Scrubber = Scrubber::new(&discord::SPEC, HashScheme::Plain);

const ALICE: u64 = 111_111_111_111_111_111;
const BOB: u64 = 222_222_222_222_222_222;

const COUNTS: ReactionPolicy = ReactionPolicy {
    mode: ReactionMode::Counts,
    began_at: Timestamp::from_millis(0),
    window: Duration::ZERO,
    is_full: false,
};

struct TestArchive {
    dir: TempDir,
    connection: rusqlite::Connection,
    row_cache: tx::RowCache,
    tenant: TenantRow,
    channel: ChannelRow,
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn user(id: u64) -> User {
    User { id: UserId::new(id).unwrap(), is_bot: Some(false) }
}

fn message(id: u64, author: u64, content: &str) -> model::Message {
    model::Message {
        id: MessageId::new(id).unwrap(),
        author: Some(user(author)),
        kind: 0,
        content: content.to_owned(),
        created_at: at(1_000 + i64::try_from(id).unwrap()),
        edited_at: None,
        pinned: false,
        reply: None,
        attachments: Vec::new(),
        reactions: Vec::new(),
        people: Vec::new(),
        is_blank: false,
        named_thread: None,
        malformed_fields: Vec::new(),
        metadata: crate::model::Metadata::default(),
    }
}

fn channel(name: &str) -> model::Channel {
    model::Channel::new(ChannelId::new(50).unwrap(), ChannelKind::Text, name, at(0))
}

impl TestArchive {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let connection = file(&dir).open().unwrap();
        let mut row_cache = tx::RowCache::new(Rules::plain(PLATFORMS));
        let mut tx = Tx::new(&connection, &mut row_cache);
        let workspace = WorkspaceId::new(9).unwrap();
        let tenant = tenants::intern(&mut tx, &discord::SPEC, workspace, "t", at(1)).unwrap();
        let stored = SCRUBBER.channel(channel(&format!("room-{BOB}")), ChannelState::Active);
        let rows = channels::store(&mut tx, tenant, &[stored], at(1)).unwrap();
        let channel = rows[&ChannelId::new(50).unwrap()].0;
        progress::begin(&mut tx, tenant, channel, 0, None, at(1)).unwrap();
        Self { dir, connection, row_cache, tenant, channel }
    }

    fn store(&mut self, messages: Vec<model::Message>, now: i64) -> PageOutcome {
        let page = SCRUBBER.page(MessagePage { messages, ..MessagePage::default() });
        let batch = PageBatch {
            channel: self.channel,
            after: None,
            page,
            read_at: at(now),
            reactions: COUNTS,
            has_gap: false,
            progress: progress::PageProgress::default(),
        };
        store_page(&mut Tx::new(&self.connection, &mut self.row_cache), &batch, at(now)).unwrap()
    }

    fn text(&self, sql: &str) -> String {
        self.query(sql)
    }

    fn number(&self, sql: &str) -> i64 {
        self.query(sql)
    }

    /// Runs a query; one on a view needs another connection, since the archive's own
    /// can't use views.
    fn query<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let answer = self.connection.query_row(sql, [], |row| row.get(0));
        answer.or_else(|_| self.user_connection().query_row(sql, [], |row| row.get(0))).unwrap()
    }

    /// A connection like that of a user's own tool, with SQLite's default settings.
    fn user_connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.dir.path().join("archive.db")).unwrap()
    }
}

fn file(dir: &TempDir) -> ArchiveFile {
    ArchiveFile {
        path: dir.path().join("archive.db"),
        mode: 0o600,
        rules: Rules::plain(PLATFORMS),
        busy_timeout: crate::archive::BUSY_TIMEOUT,
    }
}

fn hash(id: u64) -> String {
    SCRUBBER.hash(UserId::new(id).unwrap()).to_string()
}

#[test]
fn storing_a_page_again_changes_nothing() {
    let mut archive = TestArchive::new();
    let mut full = message(1, ALICE, "hello");
    full.reactions
        .push(model::ReactionCount { emoji: Emoji::Unicode("🎉".into()), burst: false, count: 3 });
    full.attachments.push(model::Attachment {
        id: AttachmentId::new(7).unwrap(),
        filename: "a.png".into(),
        size_bytes: 9,
        content_type: None,
        url: "https://c/a.png".into(),
        url_signature: Some("ex=1".into()),
        metadata: crate::model::Metadata::default(),
    });
    assert_eq!(
        archive.store(vec![full.clone()], 10),
        PageOutcome { new_messages: 1, attachments: 1, reactions: 3, ..PageOutcome::default() }
    );
    full.attachments[0].url_signature = Some("ex=2".into());
    assert_eq!(archive.store(vec![full], 20).new_messages, 0);
    for table in ["messages", "message_attachments", "message_reaction_counts", "users", "channels"] {
        let touched = format!("SELECT count(*) FROM {table} WHERE updated_at > 10");
        assert_eq!(archive.number(&touched), 0, "{table}");
    }
    assert_eq!(archive.number("SELECT message_count FROM channels"), 1);
}

#[test]
fn updates_changed_messages_and_deletes_removed_reactions() {
    let mut archive = TestArchive::new();
    let mut first = message(1, ALICE, "hello");
    first
        .reactions
        .push(model::ReactionCount { emoji: Emoji::Unicode("🎉".into()), burst: false, count: 3 });
    first.reactions.push(model::ReactionCount {
        emoji: Emoji::Custom { id: 5, name: "wave".into() },
        burst: true,
        count: 1,
    });
    archive.store(vec![first.clone()], 10);
    first.content = "bye".into();
    first.edited_at = Some(at(15));
    first.reactions.remove(0);
    first.reactions[0].count = 2;
    archive.store(vec![first], 20);
    assert_eq!(archive.text("SELECT content FROM message_log"), "bye");
    assert_eq!(archive.text("SELECT edited_at FROM message_log"), "1970-01-01T00:00:00.015Z");
    assert_eq!(
        archive.text("SELECT emoji || ' ' || burst || ' ' || count FROM reaction_count_log"),
        "wave:5 1 2"
    );
    assert_eq!(archive.number("SELECT reactions FROM message_log"), 2);
}

#[test]
fn keeps_a_known_reply_author_if_the_page_names_none() {
    let mut archive = TestArchive::new();
    let mut answer = message(2, ALICE, "yes");
    let reply = model::Reply {
        message_id: MessageId::new(1).unwrap(),
        channel_id: ChannelId::new(50).unwrap(),
        author: Some(user(BOB)),
    };
    answer.reply = Some(reply);
    archive.store(vec![answer.clone()], 10);
    answer.reply = Some(model::Reply { author: None, ..reply });
    archive.store(vec![answer], 20);
    assert_eq!(archive.text("SELECT reply_to_author FROM reply_log"), hash(BOB));
    assert_eq!(archive.number("SELECT count(*) FROM messages WHERE updated_at > 10"), 0);
}

#[test]
fn scrubs_a_newly_known_user_from_stored_texts() {
    let mut archive = TestArchive::new();
    assert_eq!(
        archive.text("SELECT name FROM channels"),
        format!("room-{BOB}"),
        "the archive doesn't know Bob yet"
    );
    let mut early = message(1, ALICE, &format!("ask {BOB}"));
    early.metadata = early.metadata.with("embeds", serde_json::json!([{ "title": BOB.to_string() }]));
    early.attachments.push(model::Attachment {
        id: AttachmentId::new(7).unwrap(),
        filename: format!("{BOB}.png"),
        size_bytes: 9,
        content_type: None,
        url: format!("https://c/{BOB}.png"),
        url_signature: None,
        metadata: crate::model::Metadata::default(),
    });
    archive.store(vec![early], 10);
    assert!(archive.text("SELECT content FROM messages").contains(&BOB.to_string()));
    archive.store(vec![message(2, BOB, "here I am")], 20);
    let bob = hash(BOB);
    assert_eq!(archive.text("SELECT content FROM messages WHERE platform_id = 1"), format!("ask {bob}"));
    assert_eq!(
        archive.text("SELECT metadata FROM messages WHERE platform_id = 1"),
        format!("{{\"embeds\":[{{\"title\":\"{bob}\"}}]}}")
    );
    assert_eq!(
        archive.text("SELECT filename || url FROM message_attachments"),
        format!("{bob}.pnghttps://c/{bob}.png")
    );
    assert_eq!(archive.text("SELECT name FROM channels"), format!("room-{bob}"));
    assert_eq!(archive.number("SELECT count(*) FROM suspect_digits"), 0);
}

#[test]
fn checkpoint_never_moves_back() {
    let archive = TestArchive::new();
    let mut row_cache = tx::RowCache::new(Rules::plain(PLATFORMS));
    let mut tx = Tx::new(&archive.connection, &mut row_cache);
    for id in [5, 3] {
        progress::advance(&mut tx, archive.channel, MessageId::new(id).unwrap(), at(2)).unwrap();
    }
    assert_eq!(archive.number("SELECT last_message_id FROM sync_progress"), 5);
    let known = Reader::open(&archive.dir.path().join("archive.db"))
        .unwrap()
        .known_channels("discord", WorkspaceId::new(9).unwrap())
        .unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(archive.tenant, TenantRow(1));
}

#[tokio::test]
async fn only_the_failed_change_is_rolled_back() {
    let dir = TempDir::new().unwrap();
    let lock = Lock::take(&file(&dir), "start", None, at(1)).unwrap();
    let (writer, thread) = Writer::start(file(&dir).open().unwrap(), Rules::plain(PLATFORMS), &lock);
    let insert = |name: &'static str| {
        writer.run(move |tx| {
            let workspace = WorkspaceId::new(name.len() as u64).unwrap();
            tenants::intern(tx, &discord::SPEC, workspace, name, at(1))?;
            if name == "bad" {
                tx.connection.execute("INSERT INTO nowhere VALUES (1)", [])?;
            }
            Ok(())
        })
    };
    // The first change blocks the writer until the others are queued, so that they commit
    // as one group.
    let (block, unblocked) = std::sync::mpsc::channel::<()>();
    let slow = writer.run(move |_| {
        unblocked.recv().ok();
        Ok(())
    });
    let unblock = async move { drop(block) };
    let (slow, good, bad, better, ()) =
        tokio::join!(slow, insert("a"), insert("bad"), insert("better"), unblock);
    assert!(slow.is_ok() && good.is_ok() && better.is_ok());
    assert!(bad.unwrap_err().to_string().contains("nowhere"));
    let panicked = writer.run(|_| -> Result<(), super::ArchiveError> { panic!("on purpose") }).await;
    assert!(panicked.is_err());
    assert!(insert("after the panic").await.is_ok());
    drop(writer);
    thread.join().unwrap();
    let names: Vec<String> = Reader::open(&file(&dir).path)
        .unwrap()
        .tenants()
        .unwrap()
        .into_iter()
        .map(|tenant| tenant.name)
        .collect();
    assert_eq!(names, ["a", "after the panic", "better"]);
}

#[test]
fn rejects_foreign_and_newer_files() {
    let dir = TempDir::new().unwrap();
    let kind_of = |path: PathBuf| {
        ArchiveFile {
            path,
            mode: 0o600,
            rules: Rules::plain(PLATFORMS),
            busy_timeout: crate::archive::BUSY_TIMEOUT,
        }
        .open()
        .unwrap_err()
        .kind
    };
    let text = dir.path().join("text.db");
    std::fs::write(&text, "not a database, but long enough").unwrap();
    assert_eq!(kind_of(text), ArchiveErrorKind::NotAnArchive);
    let other = dir.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert_eq!(kind_of(other), ArchiveErrorKind::NotAnArchive);
    assert_eq!(kind_of(dir.path().join("no/where.db")), ArchiveErrorKind::CannotCreate);
    let newer = file(&dir);
    newer.open().unwrap().execute("UPDATE refinery_schema_history SET version = version + 98", []).unwrap();
    assert_eq!(kind_of(newer.path.clone()), ArchiveErrorKind::NewerSchema);
    assert_eq!(Reader::open(&newer.path).unwrap_err().kind, ArchiveErrorKind::NewerSchema);
}

#[test]
fn reading_a_missing_archive_creates_no_file() {
    let dir = TempDir::new().unwrap();
    assert_eq!(Reader::open(&file(&dir).path).unwrap_err().kind, ArchiveErrorKind::Missing);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_dropped_lock_is_free() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("archive.db");
    assert_eq!(Lock::state(&path).unwrap(), LockState::Free);
    let lock = Lock::take(&file(&dir), "start", Some("run"), at(5)).unwrap();
    // POSIX locks don't conflict within one process; the integration tests cover other
    // processes.
    drop(lock);
    assert_eq!(Lock::state(&path).unwrap(), LockState::Free);
    let nowhere = ArchiveFile {
        path: dir.path().join("no/archive.db"),
        mode: 0o600,
        rules: Rules::plain(PLATFORMS),
        busy_timeout: crate::archive::BUSY_TIMEOUT,
    };
    assert!(matches!(Lock::take(&nowhere, "start", None, at(5)), Err(LockError::File(_))));
}

#[test]
fn vacuum_stays_due_while_a_reader_holds_the_write_ahead_log() {
    let mut archive = TestArchive::new();
    archive.store(vec![message(1, ALICE, "a secret")], 10);
    let bytes = |name: &str| std::fs::read(archive.dir.path().join(name)).unwrap();
    let has_residual_data = || {
        ["archive.db", "archive.db-wal"]
            .iter()
            .any(|name| memchr::memmem::find(&bytes(name), b"a secret").is_some())
    };
    let reader = rusqlite::Connection::open(file(&archive.dir).path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM messages").unwrap();
    let mut tx = Tx::new(&archive.connection, &mut archive.row_cache);
    let alice = SCRUBBER.hash(UserId::new(ALICE).unwrap());
    forget::forget(&mut tx, &alice, at(20)).unwrap();
    // Otherwise it would wait half a minute for the reader.
    archive.connection.busy_timeout(Duration::ZERO).unwrap();
    residual::vacuum_if_due(&archive.connection).unwrap();
    assert!(has_residual_data(), "the reader still sees it");
    assert!(residual::is_vacuum_due(&archive.connection).unwrap());
    drop(reader);
    residual::vacuum_if_due(&archive.connection).unwrap();
    assert!(!residual::is_vacuum_due(&archive.connection).unwrap());
    assert!(!has_residual_data());
}

#[tokio::test]
async fn writes_fail_once_the_lock_file_is_deleted_or_replaced() {
    let dir = TempDir::new().unwrap();
    let lock = Lock::take(&file(&dir), "start", None, at(1)).unwrap();
    let (writer, thread) = Writer::start(file(&dir).open().unwrap(), Rules::plain(PLATFORMS), &lock);
    let intern = |id: u64| {
        writer.run(move |tx| tenants::intern(tx, &discord::SPEC, WorkspaceId::new(id).unwrap(), "t", at(1)))
    };
    intern(1).await.unwrap();
    let path = dir.path().join("archive.db.lock");
    std::fs::remove_file(&path).unwrap();
    let error = intern(2).await.unwrap_err();
    assert_eq!(error.kind, ArchiveErrorKind::Replaced);
    assert!(error.to_string().contains("archive.db.lock was deleted or replaced"), "{error}");
    let _other = Lock::take(&file(&dir), "start", None, at(2)).unwrap();
    assert_eq!(intern(3).await.unwrap_err().kind, ArchiveErrorKind::Replaced, "a new lock file doesn't help");
    drop(writer);
    thread.join().unwrap();
    assert_eq!(Reader::open(&file(&dir).path).unwrap().tenants().unwrap().len(), 1);
}

#[test]
fn thread_listing_completes_only_channels_without_messages_of_their_own() {
    let mut archive = TestArchive::new();
    let kinds = [ChannelKind::Text, ChannelKind::Announcement, ChannelKind::Forum, ChannelKind::Media];
    let parents: Vec<_> = (60..)
        .zip(kinds)
        .map(|(id, kind)| {
            let parent = model::Channel { id: ChannelId::new(id).unwrap(), kind, ..channel("parent") };
            SCRUBBER.channel(parent, ChannelState::Active)
        })
        .collect();
    let mut tx = Tx::new(&archive.connection, &mut archive.row_cache);
    let rows = channels::store(&mut tx, archive.tenant, &parents, at(1)).unwrap();
    for (row, _) in rows.values() {
        progress::record_thread_listing(&mut tx, archive.tenant, *row, None, true, true, at(2)).unwrap();
    }
    let completed =
        "SELECT group_concat(kind, ' ') FROM (SELECT kind FROM channels JOIN sync_progress ON channel_id = id
                      WHERE status = 'completed' ORDER BY kind)";
    assert_eq!(archive.text(completed), "forum media");
    let done = archive.number("SELECT count(*) FROM sync_progress WHERE last_sync_at IS NOT NULL");
    assert_eq!(done, 2);
    // After a failed listing the next one completes the channels.
    archive
        .connection
        .execute("UPDATE sync_progress SET status = 'pending', last_sync_at = NULL", [])
        .unwrap();
    let mut tx = Tx::new(&archive.connection, &mut archive.row_cache);
    for (row, _) in rows.values() {
        progress::record_thread_listing(&mut tx, archive.tenant, *row, None, true, true, at(3)).unwrap();
    }
    assert_eq!(archive.text(completed), "forum media");
}
