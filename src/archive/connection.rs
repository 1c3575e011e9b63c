//! Settings of every connection to an archive, and truncation of its write-ahead log.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::ArchiveError;

/// `application_id` that marks a SQLite file as an archive: "vert" in ASCII.
/// <https://www.sqlite.org/pragma.html#pragma_application_id>
pub(super) const APPLICATION_ID: i32 = 0x7665_7274;
/// How long the program waits for another process that holds the database.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Busy timeout at shutdown: how long readers can delay the end of the process.
pub(super) const SHUTDOWN_BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// Capacity of the prepared-statement cache.
const CACHED_STATEMENTS: usize = 64;

/// Maximum size of a text or row. A message takes at most 1 MiB.
const MAX_VALUE_BYTES: i32 = 64 << 20;

/// Keeps a connection from running code that the file's schema defines: triggers, views
/// and untrusted functions.
pub(super) fn harden(connection: &Connection) -> Result<(), ArchiveError> {
    for (setting, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(setting, is_on)?;
    }
    // An expression in the schema can request more memory than the machine has.
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
    Ok(())
}

/// Applies the settings of a connection that writes.
///
/// WAL lets readers continue during writes. `synchronous = NORMAL` is enough because a
/// checkpoint commits with its page: if the last commits are lost, both are.
/// `secure_delete` overwrites deleted rows with zeros (for its limits see `residual.rs`).
pub(super) fn configure(connection: &Connection, busy_timeout: Duration) -> Result<(), ArchiveError> {
    connection.busy_timeout(busy_timeout)?;
    keep_side_files(connection)?;
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

/// Keeps the -wal and -shm files when the connection is closed: a reader without write
/// permission on the folder needs them, and another user's reader would create them as its own.
pub(super) fn keep_side_files(connection: &Connection) -> Result<(), ArchiveError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(())
}

/// Reopens an archive that this process has just closed.
pub(super) fn reopen(path: &Path, busy_timeout: Duration) -> Result<Connection, ArchiveError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    harden(&connection)?;
    configure(&connection, busy_timeout)?;
    Ok(connection)
}

/// Checkpoints the write-ahead log and truncates it. Returns `false` if a reader still
/// uses the log after [`SHUTDOWN_BUSY_TIMEOUT`].
pub(super) fn truncate_log(connection: &Connection) -> Result<bool, ArchiveError> {
    let busy_timeout = busy_timeout(connection)?;
    connection.busy_timeout(SHUTDOWN_BUSY_TIMEOUT)?;
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_busy: bool = connection.query_row(checkpoint, [], |row| row.get(0))?;
    connection.busy_timeout(busy_timeout)?;
    Ok(!is_busy)
}

/// The busy timeout that the connection has now.
pub(super) fn busy_timeout(connection: &Connection) -> Result<Duration, ArchiveError> {
    Ok(Duration::from_millis(connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0))?))
}
