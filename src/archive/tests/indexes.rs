//! Tests of deferred indexes, and of interrupted writes.

use crate::anonymize::Rules;
use std::future::pending;
use std::time::Duration;

use tempfile::TempDir;

use super::{ALICE, TestArchive, at, file, message};
use crate::archive::indexes::{build_all, defer, has_space_for, messages_to_index};
use crate::archive::{ArchiveErrorKind, Lock, Tx, Writer};
use crate::platform::registry::PLATFORMS;

const INDEX_DEFINITIONS: &str = "SELECT group_concat(name || sql) FROM
    (SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name)";

fn tx(archive: &mut TestArchive) -> Tx<'_> {
    Tx::new(&archive.connection, &mut archive.row_cache)
}

#[test]
fn deferred_indexes_are_built_as_the_migrations_define_them() {
    let mut archive = TestArchive::new();
    let migrated_indexes = archive.text(INDEX_DEFINITIONS);
    assert_eq!(messages_to_index(&tx(&mut archive)).unwrap(), None);
    defer(&tx(&mut archive)).unwrap();
    assert!(!archive.text(INDEX_DEFINITIONS).contains("messages_by_author"));
    archive.store(vec![message(1, ALICE, "one"), message(2, ALICE, "two")], 0);
    assert_eq!(messages_to_index(&tx(&mut archive)).unwrap(), Some(2));
    build_all(&tx(&mut archive)).unwrap();
    assert_eq!(archive.text(INDEX_DEFINITIONS), migrated_indexes);
    assert_eq!(messages_to_index(&tx(&mut archive)).unwrap(), None);
    assert_eq!(
        archive.number("SELECT count(*) FROM messages INDEXED BY messages_by_author WHERE author_id = 1"),
        2
    );
    assert_eq!(archive.number("PRAGMA cache_size"), -8_000, "the connection's cache size is restored");
}

#[test]
fn a_nearly_full_disk_has_no_space_for_indexes() {
    let dir = TempDir::new().unwrap();
    let archive = file(&dir).path;
    assert!(has_space_for(&archive, 1_000));
    assert!(!has_space_for(&archive, 1 << 50));
}

#[test]
fn an_archive_with_messages_keeps_its_indexes() {
    let mut archive = TestArchive::new();
    let migrated_indexes = archive.text(INDEX_DEFINITIONS);
    archive.store(vec![message(1, ALICE, "one")], 0);
    defer(&tx(&mut archive)).unwrap();
    assert_eq!(archive.text(INDEX_DEFINITIONS), migrated_indexes);
}

#[test]
fn indexes_stay_due_if_the_disk_is_full() {
    let mut archive = TestArchive::new();
    defer(&tx(&mut archive)).unwrap();
    archive.connection.execute_batch("VACUUM").unwrap();
    archive.store(vec![message(1, ALICE, "one")], 0);
    let pages = archive.number("PRAGMA page_count");
    archive.connection.pragma_update(None, "max_page_count", pages).unwrap();
    assert_eq!(build_all(&tx(&mut archive)).unwrap_err().kind, ArchiveErrorKind::DiskFull);
    assert_eq!(messages_to_index(&tx(&mut archive)).unwrap(), Some(1));
    assert_eq!(archive.number("PRAGMA cache_size"), -8_000);
    archive.connection.pragma_update(None, "max_page_count", 2 * pages).unwrap();
    build_all(&tx(&mut archive)).unwrap();
    assert_eq!(messages_to_index(&tx(&mut archive)).unwrap(), None);
}

#[tokio::test]
async fn an_interrupted_write_is_rolled_back() {
    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                           SELECT count(*) FROM n";
    let dir = TempDir::new().unwrap();
    let lock = Lock::take(&file(&dir), "start", None, at(0)).unwrap();
    let (writer, thread) = Writer::start(file(&dir).open().unwrap(), Rules::plain(PLATFORMS), &lock);
    let stop = tokio::time::sleep(Duration::from_millis(1));
    let undone = writer.run_until(stop, |tx| {
        tx.connection.execute("INSERT INTO archive_info VALUES ('undone', '')", [])?;
        Ok(tx.connection.query_row(ENDLESS, [], |row| row.get::<_, i64>(0))?)
    });
    let undone = tokio::time::timeout(Duration::from_mins(1), undone).await.expect("it was interrupted");
    assert_eq!(undone.unwrap_err().kind, ArchiveErrorKind::Interrupted);
    let rest = writer.run_until(pending::<()>(), |tx| {
        let count = "SELECT count(*) FROM archive_info WHERE key = 'undone'";
        let rows: i64 = tx.connection.query_row(count, [], |row| row.get(0))?;
        Ok(rows)
    });
    assert_eq!(rest.await.unwrap(), 0, "it was rolled back, and the writer continues");
    drop(writer);
    thread.join().unwrap();
}
