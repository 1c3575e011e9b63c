//! Indexes that are put off until a new archive is filled.

use std::future::pending;
use std::time::Duration;

use tempfile::TempDir;

use super::{ALICE, Shelf, at, file, message};
use crate::archive::indexes::{complete, due, have_room, put_off};
use crate::archive::{ArchiveErrorKind, Lock, Tx, Writer};
use crate::platform::registry::PLATFORMS;

const BY_TABLE: &str = "SELECT group_concat(name || sql) FROM
    (SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name)";

fn tx(shelf: &mut Shelf) -> Tx<'_> {
    Tx::new(&shelf.connection, &mut shelf.interned)
}

#[test]
fn a_new_archive_gets_the_indexes_of_the_migrations_once_it_is_filled() {
    let mut shelf = Shelf::new();
    let of_migrations = shelf.text(BY_TABLE);
    assert_eq!(due(&tx(&mut shelf)).unwrap(), None);
    put_off(&tx(&mut shelf)).unwrap();
    assert!(!shelf.text(BY_TABLE).contains("messages_by_author"));
    shelf.store(vec![message(1, ALICE, "one"), message(2, ALICE, "two")], 0);
    assert_eq!(due(&tx(&mut shelf)).unwrap(), Some(2));
    complete(&tx(&mut shelf)).unwrap();
    assert_eq!(shelf.text(BY_TABLE), of_migrations);
    assert_eq!(due(&tx(&mut shelf)).unwrap(), None);
    assert_eq!(
        shelf.number("SELECT count(*) FROM messages INDEXED BY messages_by_author WHERE author_id = 1"),
        2
    );
    assert_eq!(shelf.number("PRAGMA cache_size"), -8_000, "the connection's own memory came back");
}

#[test]
fn a_disk_that_is_nearly_full_has_no_room_for_indexes() {
    let dir = TempDir::new().unwrap();
    let archive = file(&dir).path;
    assert!(have_room(&archive, 1_000));
    assert!(!have_room(&archive, 1 << 50));
}

#[test]
fn an_archive_with_messages_keeps_its_indexes() {
    let mut shelf = Shelf::new();
    let of_migrations = shelf.text(BY_TABLE);
    shelf.store(vec![message(1, ALICE, "one")], 0);
    put_off(&tx(&mut shelf)).unwrap();
    assert_eq!(shelf.text(BY_TABLE), of_migrations);
}

#[test]
fn without_room_for_them_the_indexes_stay_due() {
    let mut shelf = Shelf::new();
    put_off(&tx(&mut shelf)).unwrap();
    shelf.connection.execute_batch("VACUUM").unwrap();
    shelf.store(vec![message(1, ALICE, "one")], 0);
    let pages = shelf.number("PRAGMA page_count");
    shelf.connection.pragma_update(None, "max_page_count", pages).unwrap();
    assert_eq!(complete(&tx(&mut shelf)).unwrap_err().kind, ArchiveErrorKind::DiskFull);
    assert_eq!(due(&tx(&mut shelf)).unwrap(), Some(1));
    assert_eq!(shelf.number("PRAGMA cache_size"), -8_000);
    shelf.connection.pragma_update(None, "max_page_count", 2 * pages).unwrap();
    complete(&tx(&mut shelf)).unwrap();
    assert_eq!(due(&tx(&mut shelf)).unwrap(), None);
}

#[tokio::test]
async fn what_takes_long_is_undone_when_it_is_to_stop() {
    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                           SELECT count(*) FROM n";
    let dir = TempDir::new().unwrap();
    let lock = Lock::take(&file(&dir), "start", None, at(0)).unwrap();
    let (writer, thread) = Writer::start(file(&dir).open().unwrap(), PLATFORMS, &lock);
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
    assert_eq!(rest.await.unwrap(), 0, "nothing of it stayed, and the writer goes on");
    drop(writer);
    thread.join().unwrap();
}
