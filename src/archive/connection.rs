//! The settings of every connection to an archive, and its write-ahead log.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::ArchiveError;

/// Marks a SQLite file as an archive of ours: "vert".
/// <https://www.sqlite.org/pragma.html#pragma_application_id>
pub(super) const APPLICATION_ID: i32 = 0x7665_7274;
/// How long another program may hold the database.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long readers may hold up the end.
pub(super) const END_TIMEOUT: Duration = Duration::from_secs(1);
/// Kept between statements.
const CACHED_STATEMENTS: usize = 64;

/// Bytes of a text or row at most. A message has 1 MiB at most.
const MOST_BYTES: i32 = 64 << 20;

/// Keeps a connection from running anything that the file defines.
pub(super) fn distrust(connection: &Connection) -> Result<(), ArchiveError> {
    for (setting, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(setting, is_on)?;
    }
    // An expression in the schema can ask for more than the machine has.
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MOST_BYTES)?;
    Ok(())
}

/// Settings are explained in the design: WAL lets readers go on; NORMAL is
/// enough because a checkpoint commits with its page; `secure_delete` leaves
/// nothing of what was scrubbed or erased in free space.
pub(super) fn configure(connection: &Connection) -> Result<(), ArchiveError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // The files beside the archive stay, empty: a reader who may not write the
    // folder needs them, and one who may would make them in its own name.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 10_000)?;
    connection.pragma_update(None, "cache_size", -8_000)?;
    Ok(())
}

/// Opens once more an archive that this process has just closed.
pub(super) fn reopen(path: &Path) -> Result<Connection, ArchiveError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    distrust(&connection)?;
    configure(&connection)?;
    Ok(connection)
}

/// Merges the write-ahead log into the file and empties it. Returns whether
/// that was possible: a reader in the middle of the file isn't waited for long.
pub(super) fn truncate_log(connection: &Connection) -> Result<bool, ArchiveError> {
    connection.busy_timeout(END_TIMEOUT)?;
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_busy: bool = connection.query_row(checkpoint, [], |row| row.get(0))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(!is_busy)
}
