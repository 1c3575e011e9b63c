//! Tests of the change log: a subscriber keeps a copy that must always equal the archive.

use crate::anonymize::Rules;
use std::collections::BTreeMap;

use super::super::changes::{Change, MessageRange, RangeChange, advance, subscribe, trim_to, unsubscribe};
use super::super::reactions::{PendingReaction, Reactors, pending, store_reactors};
use super::super::recorder::Recorder;
use super::super::reset::purge;
use super::super::{ArchiveError, deletions, sweep};
use super::*;
use crate::model::{Attachment, ConfirmedRights, ReactionCount};

/// The copy: a JSON text per message, by channel row and message ID.
type Rows = BTreeMap<(i64, i64), String>;

/// Selects messages with everything that a subscriber may derive data from.
const MESSAGE: &str = "
    SELECT m.channel_id, m.platform_id,
           json_array(m.content, m.metadata, m.created_at, m.edited_at, m.deleted_at, m.pinned, u.anonymized_id, u.is_bot,
                      r.anonymized_id, c.name, c.state, t.name,
                      (SELECT json_group_array(a.filename || a.url) FROM message_attachments a
                        WHERE a.channel_id = m.channel_id AND a.message_id = m.platform_id),
                      (SELECT json_group_array(e.name || k.count) FROM message_reaction_counts k
                         JOIN emoji e ON e.id = k.emoji_id
                        WHERE k.channel_id = m.channel_id AND k.message_id = m.platform_id),
                      (SELECT json_group_array(p.anonymized_id || p.is_bot) FROM message_emoji_reactions x
                         JOIN users p ON p.id = x.user_id
                        WHERE x.channel_id = m.channel_id AND x.message_id = m.platform_id))
      FROM messages m JOIN channels c ON c.id = m.channel_id JOIN tenants t ON t.id = c.tenant_id
      LEFT JOIN users u ON u.id = m.author_id LEFT JOIN users r ON r.id = m.reply_to_author_id";

struct Follower {
    archive: TestArchive,
    recorder: Recorder,
    rows: Rows,
    position: i64,
}

impl Follower {
    fn new(archive: TestArchive) -> Self {
        let recorder = Recorder::new(&archive.connection).unwrap();
        let mut follower = Self { archive, recorder, rows: Rows::new(), position: 0 };
        let log = follower.transaction(|tx, _| subscribe(tx, "copy", "first", at(1)).map(drop));
        assert_eq!(log, [], "nobody subscribed before");
        follower.rows = follower.read("TRUE");
        follower
    }

    /// Applies a change in a transaction, follows the log, and compares the copy with the
    /// archive. Returns the logged changes.
    fn transaction(
        &mut self,
        change: impl FnOnce(&mut Tx<'_>, (TenantRow, ChannelRow)) -> Result<(), ArchiveError>,
    ) -> Vec<Change> {
        let TestArchive { connection, row_cache, tenant, channel, .. } = &mut self.archive;
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        self.recorder.begin(connection).unwrap();
        change(&mut Tx::new(connection, row_cache), (*tenant, *channel)).unwrap();
        self.recorder.finish(connection).unwrap();
        connection.execute_batch("COMMIT").unwrap();
        self.follow()
    }

    fn store(&mut self, messages: Vec<model::Message>) -> Vec<Change> {
        self.transaction(|tx, (_, channel)| {
            let after = messages.first().and_then(|first| MessageId::new(first.id.get() - 1));
            let page = SCRUBBER.page(MessagePage { messages, ..MessagePage::default() });
            let batch = PageBatch {
                channel,
                after,
                page,
                read_at: at(1_000_000),
                reactions: COUNTS,
                has_gap: false,
                progress: progress::PageProgress::default(),
            };
            store_page(tx, &batch, at(1_000_000)).map(drop)
        })
    }

    fn follow(&mut self) -> Vec<Change> {
        let reader = Reader::open_beside_writer(&file(&self.archive.dir).path).unwrap();
        let log = reader.changes_after(self.position, 1000).unwrap().expect("nothing is dropped");
        for (position, change) in &log {
            self.position = *position;
            match change {
                Change::Messages(change, MessageRange { channel, first, last, .. }) => {
                    let range = (channel.0, *first)..=(channel.0, *last);
                    if *change == RangeChange::Added {
                        assert_eq!(self.rows.range(range.clone()).next(), None, "{change:?}");
                    }
                    self.rows.retain(|key, _| !range.contains(key));
                    let there =
                        format!("m.channel_id = {} AND m.platform_id BETWEEN {first} AND {last}", channel.0);
                    let there = self.read(&there);
                    assert!(*change != RangeChange::Removed || there.is_empty());
                    self.rows.extend(there);
                }
                Change::Channel(row) => self.reread(&format!("c.id = {}", row.0)),
                Change::Tenant(row) => self.reread(&format!("t.id = {row}")),
                Change::Author(row) => self.reread(&format!(
                    "{row} IN (m.author_id, m.reply_to_author_id)
                     OR EXISTS (SELECT 1 FROM message_emoji_reactions o WHERE o.channel_id = m.channel_id
                                   AND o.message_id = m.platform_id AND o.user_id = {row})"
                )),
                Change::Emoji(row) => self.reread(&format!(
                    "EXISTS (SELECT 1 FROM message_reaction_counts o WHERE o.channel_id = m.channel_id
                                AND o.message_id = m.platform_id AND o.emoji_id = {row})"
                )),
            }
        }
        assert_eq!(self.rows, self.read("TRUE"), "after {log:?}");
        log.into_iter().map(|(_, change)| change).collect()
    }

    fn reread(&mut self, condition: &str) {
        let there = self.read(condition);
        self.rows.extend(there);
    }

    fn read(&self, condition: &str) -> Rows {
        let mut select = self.archive.connection.prepare(&format!("{MESSAGE} WHERE {condition}")).unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get(2)?));
        select.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    fn range(&self, first: i64, last: i64) -> MessageRange {
        MessageRange {
            channel: self.archive.channel,
            first,
            last,
            sent: Some((at(1_000 + first), at(1_000 + last))),
        }
    }
}

fn full(id: u64) -> model::Message {
    let mut full = message(id, ALICE, &format!("about {BOB}"));
    full.reactions = vec![ReactionCount { emoji: Emoji::Unicode("🦀".into()), burst: false, count: 1 }];
    full.attachments = vec![Attachment {
        id: AttachmentId::new(7).unwrap(),
        filename: format!("{BOB}.txt"),
        size_bytes: 1,
        content_type: None,
        url: "https://example.org/a".into(),
        url_signature: Some(id.to_string()),
        metadata: model::Metadata::default(),
    }];
    full
}

#[test]
fn a_copy_that_follows_the_log_equals_the_archive() {
    use RangeChange::{Added, Changed, Removed};
    let mut follower = Follower::new(TestArchive::new());
    let pages: Vec<model::Message> = (1..=100).map(|id| message(id * 10, ALICE, "hi")).collect();
    assert_eq!(follower.store(pages.clone()), [Change::Messages(Added, follower.range(10, 1000))]);
    assert_eq!(follower.store(pages), [], "nothing has changed");
    let edited = follower.store(vec![message(10, ALICE, "hi"), message(20, ALICE, "edited")]);
    assert_eq!(edited, [Change::Messages(Changed, follower.range(20, 20))]);
    // Between archived messages: the range doesn't contain new ones only.
    let between = follower.store(vec![message(15, ALICE, "a"), message(25, ALICE, "b")]);
    assert_eq!(between, [Change::Messages(Changed, follower.range(15, 25))]);
    follower.store(vec![full(2000)]);
    let mut signed = full(2000);
    signed.attachments[0].url_signature = Some("other".into());
    assert_eq!(follower.store(vec![signed]), [], "a signature is no change");
    let mut counted = full(2000);
    counted.reactions[0].count = 5;
    assert_eq!(follower.store(vec![counted]), [Change::Messages(Changed, follower.range(2000, 2000))]);

    // A newly known user: texts, file names and the channel's name are scrubbed.
    let late = follower.store(vec![message(3000, BOB, "here I am")]);
    assert!(late.contains(&Change::Channel(follower.archive.channel)), "{late:?}");
    assert!(late.contains(&Change::Messages(Changed, follower.range(2000, 2000))), "{late:?}");

    // Deletions, then a message that is there again.
    follower.transaction(|tx, (tenant, channel)| {
        let public = model::Channel {
            visibility: model::Visibility {
                everyone_sees: true,
                everyone_reads_history: true,
                ..Default::default()
            },
            ..super::channel("room")
        };
        deletions::record_absent(tx, channel, (10, 30), &[15, 25], at(900_000))?;
        deletions::confirm(
            tx,
            tenant,
            &ConfirmedRights::from_listing(&[public], at(2_000_000)),
            at(2_000_000),
        )
        .map(drop)
    });
    assert_eq!(follower.archive.number("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL"), 2);
    assert_eq!(
        follower.store(vec![message(15, ALICE, "a")]),
        [Change::Messages(Changed, follower.range(15, 15))]
    );

    // Reactors, then whether one of them is a bot.
    follower.transaction(|tx, (_, channel)| {
        tx.connection.execute("UPDATE message_reaction_counts SET users_due = 1", [])?;
        let queue: Vec<PendingReaction> = pending(tx, channel, None, 10)?;
        let mut reactors = Reactors::default();
        reactors.add(
            (1..=5).map(|id| User { id: UserId::new(id).unwrap(), is_bot: None }).collect(),
            None,
            SCRUBBER,
        );
        assert!(store_reactors(tx, channel, &queue[0], (&reactors, Some(5)), at(5))?);
        Ok(())
    });
    let known = follower.store(vec![model::Message {
        author: Some(User { id: UserId::new(3).unwrap(), is_bot: Some(true) }),
        ..message(4000, 3, "beep")
    }]);
    assert!(matches!(known[..], [Change::Messages(Added, _), Change::Author(_)]), "{known:?}");

    // A renamed and unreadable channel, a renamed tenant.
    let renamed = follower.transaction(|tx, (tenant, _)| {
        let stored = SCRUBBER.channel(super::channel("other"), ChannelState::Unreadable);
        channels::store(tx, tenant, &[stored], at(6))?;
        tenants::intern(tx, &discord::SPEC, WorkspaceId::new(9).unwrap(), "other", at(6)).map(drop)
    });
    assert_eq!(
        renamed,
        [Change::Channel(follower.archive.channel), Change::Tenant(follower.archive.tenant.0)]
    );

    // Erasure of one person, then a purge.
    let hash = SCRUBBER.hash(UserId::new(ALICE).unwrap());
    let erased = follower.transaction(|tx, _| forget::forget(tx, &hash, at(7)));
    assert!(erased.len() < 10, "many messages are one range: {erased:?}");
    let purged = follower.transaction(|tx, (tenant, _)| purge(tx, tenant, &[]));
    assert!(purged.iter().any(|change| matches!(change, Change::Messages(Removed, _))), "{purged:?}");
    assert!(follower.rows.is_empty());
}

#[test]
fn logs_a_sweep_but_no_rolled_back_transaction() {
    let mut follower = Follower::new(TestArchive::new());
    follower.store(vec![message(10, ALICE, "hi"), message(20, BOB, "ho")]);
    let raw = "UPDATE messages SET content = 'so says 222222222222222222' WHERE platform_id = 10";
    follower.archive.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    follower.recorder.begin(&follower.archive.connection).unwrap();
    follower.archive.connection.execute(raw, []).unwrap();
    follower.archive.connection.execute_batch("ROLLBACK").unwrap();
    follower.recorder.discard();
    assert_eq!(follower.follow(), []);
    follower.transaction(|tx, _| Ok(tx.connection.execute(raw, []).map(drop)?));
    sweep::sweep(&mut follower.archive.connection, Rules::plain(PLATFORMS)).unwrap();
    assert_eq!(follower.follow(), [Change::Messages(RangeChange::Changed, follower.range(10, 10))]);
}

#[test]
fn changes_beyond_the_recorders_limit_become_one_range() {
    let mut follower = Follower::new(TestArchive::new());
    let insert = "INSERT INTO messages (channel_id, platform_id, kind, content, created_at, updated_at)
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000)
                  SELECT ?1, i, 0, 'x', 1000 + i, 1 FROM n";
    let log =
        follower.transaction(|tx, (_, channel)| Ok(tx.connection.execute(insert, [channel.0]).map(drop)?));
    assert_eq!(log, [Change::Messages(RangeChange::Changed, follower.range(1, 100_000))]);
    let log =
        follower.transaction(|tx, _| Ok(tx.connection.execute("DELETE FROM messages", []).map(drop)?));
    let [Change::Messages(RangeChange::Removed, range)] = log[..] else { panic!("{log:?}") };
    assert_eq!((range.first, range.last, range.sent), (1, 100_000, None));
}

#[test]
fn changes_far_apart_are_logged_one_by_one() {
    let mut follower = Follower::new(TestArchive::new());
    let insert = "INSERT INTO messages (channel_id, platform_id, kind, content, created_at, updated_at)
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
                  SELECT ?1, i, 0, 'x', 1000 + i, 1 FROM n";
    follower.transaction(|tx, (_, channel)| Ok(tx.connection.execute(insert, [channel.0]).map(drop)?));
    let update = |every: u32| format!("UPDATE messages SET content = 'y' WHERE platform_id % {every} = 0");
    let dense = follower.transaction(|tx, _| Ok(tx.connection.execute(&update(2), []).map(drop)?));
    assert_eq!(dense, [Change::Messages(RangeChange::Changed, follower.range(2, 2000))]);
    let sparse = follower.transaction(|tx, _| Ok(tx.connection.execute(&update(20), []).map(drop)?));
    assert_eq!(sparse.len(), 100);
    assert_eq!(sparse[0], Change::Messages(RangeChange::Changed, follower.range(20, 20)));
}

#[test]
fn trims_what_every_subscriber_has_processed_and_what_exceeds_the_limit() {
    let mut follower = Follower::new(TestArchive::new());
    follower.transaction(|tx, _| subscribe(tx, "slow", "a", at(1)).map(drop));
    for id in 1..=5 {
        follower.store(vec![message(id, ALICE, "hi")]);
    }
    let count = |follower: &Follower| follower.archive.number("SELECT count(*) FROM changes");
    let subscription = |follower: &Follower, name: &str| {
        Reader::open_beside_writer(&file(&follower.archive.dir).path).unwrap().subscription(name).unwrap()
    };
    assert_eq!(count(&follower), 5);
    follower.transaction(|tx, _| {
        advance(tx, "copy", 5, "second", at(2))?;
        advance(tx, "slow", 2, "b", at(2))?;
        trim_to(tx, 1000)
    });
    assert_eq!(count(&follower), 3, "the slow subscriber hasn't processed them");
    let slow = subscription(&follower, "slow").unwrap();
    assert_eq!((slow.position, slow.token.as_str(), slow.is_lost), (2, "b", false));
    follower.transaction(|tx, _| trim_to(tx, 2));
    assert_eq!(count(&follower), 2);
    assert!(subscription(&follower, "slow").unwrap().is_lost);
    assert!(!subscription(&follower, "copy").unwrap().is_lost);
    let after = |position| {
        let reader = Reader::open_beside_writer(&file(&follower.archive.dir).path).unwrap();
        reader.changes_after(position, 10).unwrap().map(|changes| changes.len())
    };
    assert_eq!([after(2), after(3), after(5)], [None, Some(2), Some(0)], "a gap is never skipped");
    // Without the slow subscriber everything is trimmed; IDs are never reused.
    follower.transaction(|tx, _| {
        unsubscribe(tx, "slow")?;
        trim_to(tx, 1000)
    });
    assert_eq!((count(&follower), subscription(&follower, "slow")), (0, None));
    follower.store(vec![message(6, ALICE, "hi")]);
    assert_eq!(follower.position, 6);
    follower.transaction(|tx, _| unsubscribe(tx, "copy"));
    follower.archive.store(vec![message(7, ALICE, "hi")], 9);
    assert_eq!(count(&follower), 1, "nobody subscribes any more");
}

#[test]
fn logs_one_range_per_thread_and_drops_triggers_after_a_rollback() {
    let mut follower = Follower::new(TestArchive::new());
    let threads = "INSERT INTO channels (tenant_id, platform_id, kind, name, opened_at, created_at, updated_at, id_text)
                     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300)
                   SELECT ?1, 1000 + i, 'public_thread', 'x', 1, 1, 1, 1000 + i FROM n";
    let messages = "INSERT INTO messages (channel_id, platform_id, kind, content, created_at, updated_at)
                      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100)
                    SELECT c.id, i, 0, 'x', 1000 + i, 1 FROM channels c, n WHERE c.kind = 'public_thread'";
    follower.transaction(|tx, (tenant, _)| {
        tx.connection.execute(threads, [tenant.0])?;
        tx.connection.execute(messages, []).map(drop)?;
        Ok(())
    });
    assert_eq!(follower.rows.len(), 30_000);
    let log =
        follower.transaction(|tx, _| Ok(tx.connection.execute("DELETE FROM messages", []).map(drop)?));
    assert_eq!(log.len(), 300, "a range for each thread");
    // The last subscriber unsubscribes, and the transaction that drops the triggers is
    // rolled back.
    follower.transaction(|tx, _| unsubscribe(tx, "copy"));
    let connection = &follower.archive.connection;
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    follower.recorder.begin(connection).unwrap();
    connection.execute_batch("ROLLBACK").unwrap();
    follower.recorder.discard();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    follower.recorder.begin(connection).unwrap();
    let triggers = "SELECT count(*) FROM temp.sqlite_schema WHERE type = 'trigger'";
    assert_eq!(connection.query_row(triggers, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    connection.execute_batch("COMMIT").unwrap();
}

/// Columns whose updates don't change anything that a subscriber derives data from.
const BOOKKEEPING: [(&str, &[&str]); 4] = [
    ("message_reaction_counts", &["users_count", "users_due", "updated_at"]),
    (
        "channels",
        &[
            "message_count",
            "first_message_id",
            "first_message_at",
            "last_message_id",
            "last_message_at",
            "vanished_at",
            "asked_at",
            "updated_at",
        ],
    ),
    ("users", &["updated_at"]),
    ("emoji", &["updated_at"]),
];

#[test]
fn every_mutable_column_is_watched_or_bookkeeping() {
    let mut follower = Follower::new(TestArchive::new());
    follower.store(vec![full(1)]);
    for (table, bookkeeping) in BOOKKEEPING {
        let columns: Vec<String> = follower
            .archive
            .connection
            .prepare(
                "SELECT name FROM pragma_table_info(?1) WHERE name NOT IN ('id', 'tenant_id', 'created_at')",
            )
            .unwrap()
            .query_map([table], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .filter(|column: &String| {
                !["channel_id", "message_id", "emoji_id", "burst"].contains(&column.as_str())
            })
            .collect();
        for column in columns {
            let update = format!("UPDATE {table} SET {column} = {column}");
            let log = follower.transaction(|tx, _| Ok(tx.connection.execute(&update, []).map(drop)?));
            assert_eq!(log.is_empty(), bookkeeping.contains(&column.as_str()), "{table}.{column}: {log:?}");
        }
    }
}
