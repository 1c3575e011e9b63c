//! Copies tenants into an archive of their own.
//!
//! Each table is written anew, row by row, so that no byte of the copy is of another tenant or of
//! something erased. Row IDs stay. What belongs to this file alone is not copied: the change log and
//! its subscribers, the record of exports, and tables that the operator added.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::connection::{APPLICATION_ID, BUSY_TIMEOUT, harden};
use super::definitions::{Definitions, HISTORY_TABLE, NEWEST_VERSION};
use super::migrations::bundled;
use super::open::{COPY_KEY, KEY_FINGERPRINT_KEY, SCHEME_KEY};
use super::sweep::RULES_KEY;
use super::{ArchiveError, ArchiveErrorKind, ChannelRow, TenantRow, info, mentioned};

/// Page cache while copying, in KiB.
const CACHE_KIB: i64 = 16_000;

/// What to copy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopyScope {
    /// The tenants; `None` for all, with what belongs to no tenant.
    pub tenants: Option<Vec<TenantRow>>,
    /// Channels that are left out. Their rows, without messages, stay where others are below them.
    pub left_out: BTreeSet<ChannelRow>,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// Messages copied.
    pub messages: u64,
    /// Messages to copy.
    pub total: u64,
}

/// Which rows of a table are copied. The copy is `main`, the archive `source`; the temporary tables
/// `chosen_tenants`, `chosen_channels`, `channel_rows` (those and what is above them) and `known_users` hold row
/// IDs, `mentioned` hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// Those that the condition names.
    Where(&'static str),
    /// Those of the channel with row ID ?1.
    OfChannel,
    /// All, if all tenants are copied.
    OfAllTenants,
    /// None.
    None,
}

const OF_TENANTS: Rows = Rows::Where("tenant_id IN chosen_tenants");

/// The tables in the order in which they are copied; those that others refer to come later, when it
/// is known which of their rows are needed.
const TABLES: [(&str, Rows); 22] = [
    ("tenants", Rows::Where("id IN chosen_tenants")),
    ("channels", Rows::Where("id IN channel_rows")),
    ("messages", Rows::OfChannel),
    ("message_attachments", Rows::OfChannel),
    ("message_reaction_counts", Rows::OfChannel),
    ("message_emoji_reactions", Rows::OfChannel),
    ("reaction_attempts", Rows::OfChannel),
    ("broken_messages", Rows::OfChannel),
    ("missing_messages", Rows::OfChannel),
    ("suspect_digits", Rows::OfChannel),
    ("named_threads", Rows::OfChannel),
    ("sync_progress", Rows::Where("channel_id IN chosen_channels")),
    ("sync_jobs", OF_TENANTS),
    (
        "channel_sync_jobs",
        Rows::Where("job_id IN (SELECT id FROM main.sync_jobs) AND channel_id IN chosen_channels"),
    ),
    (
        "audit_log",
        Rows::Where("tenant_id IN chosen_tenants OR tenant_id IS NULL AND action <> 'export' AND ?1 IS NULL"),
    ),
    ("excluded_channels", OF_TENANTS),
    ("unknown_fields", Rows::OfAllTenants),
    ("forgotten", Rows::Where("1")),
    (
        "emoji",
        Rows::Where(
            "id IN (SELECT emoji_id FROM main.message_reaction_counts
                    UNION SELECT emoji_id FROM main.message_emoji_reactions
                    UNION SELECT emoji_id FROM main.reaction_attempts)",
        ),
    ),
    ("users", Rows::Where("?1 IS NULL OR id IN known_users OR anonymized_id IN temp.mentioned")),
    ("changes", Rows::None),
    ("change_subscribers", Rows::None),
];

/// Writes a copy of an archive of this version's schema to an empty file. `on_progress` is called now and
/// then; if it returns `false`, the copy is stopped with [`ArchiveErrorKind::Interrupted`]. One state of
/// the archive is copied, also while a sync writes it.
///
/// # Errors
/// Returns [`ArchiveError`] if the archive can't be read or the copy not be written.
pub fn copy(
    archive: &Path,
    copy: &Path,
    scope: &CopyScope,
    on_progress: &mut dyn FnMut(CopyProgress) -> bool,
) -> Result<(), ArchiveError> {
    let connection = Connection::open_with_flags(
        copy,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI,
    )?;
    harden(&connection)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Nobody reads the file before it is complete. A hardened connection refuses to have no journal.
    for (pragma, value) in [("journal_mode", "MEMORY"), ("synchronous", "OFF"), ("foreign_keys", "OFF")] {
        connection.pragma_update(None, pragma, value)?;
    }
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.execute("ATTACH ?1 AS source", [read_only_uri(archive)])?;
    connection.execute_batch("BEGIN")?;
    create(&connection, "table")?;
    copy_rows(&connection, scope, on_progress)?;
    create(&connection, "index")?;
    create(&connection, "view")?;
    info::set(&connection, COPY_KEY, "1")?;
    connection.execute_batch("COMMIT; DETACH source")?;
    Ok(())
}

/// Creates the schema's objects of a kind.
pub(super) fn create(connection: &Connection, kind: &str) -> Result<(), ArchiveError> {
    let objects = Definitions::at_version(NEWEST_VERSION, &bundled())?.0;
    if kind == "table" && objects.values().all(|object| object.name != HISTORY_TABLE.0) {
        connection.execute_batch(HISTORY_TABLE.1)?;
    }
    let of_kind = objects.values().filter(|object| object.kind == kind && !object.sql.is_empty());
    of_kind
        .filter(|object| !object.name.starts_with("sqlite_"))
        .try_for_each(|object| connection.execute_batch(&object.sql).map_err(ArchiveError::from))
}

/// A URI of a database that is only read.
pub(super) fn read_only_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            write!(uri, "%{byte:02X}").ok();
        }
    }
    uri + "?mode=ro"
}

fn copy_rows(
    connection: &Connection,
    scope: &CopyScope,
    on_progress: &mut dyn FnMut(CopyProgress) -> bool,
) -> Result<(), ArchiveError> {
    let channels = choose(connection, scope)?;
    let mut progress =
        CopyProgress { messages: 0, total: channels.iter().map(|(_, messages)| messages).sum() };
    let is_partial = scope.tenants.as_ref().map(|_| 1);
    connection.execute(
        &format!("INSERT INTO main.{0} SELECT * FROM source.{0} ORDER BY version", HISTORY_TABLE.0),
        [],
    )?;
    connection.execute(
        "INSERT INTO main.archive_info SELECT * FROM source.archive_info WHERE key IN (?1, ?2, ?3)",
        params![SCHEME_KEY, KEY_FINGERPRINT_KEY, RULES_KEY],
    )?;
    for (table, rows) in TABLES {
        if table == "messages" {
            connection.execute(
                "UPDATE main.channels SET message_count = 0, first_message_id = NULL, first_message_at = NULL,
                        last_message_id = NULL, last_message_at = NULL WHERE id NOT IN chosen_channels",
                [],
            )?;
        }
        if table == "users" && is_partial.is_some() {
            find_users(connection)?;
        }
        match rows {
            Rows::Where(condition) => {
                let mut insert = connection.prepare(&insert(connection, table, condition)?)?;
                if condition.contains("?1") {
                    insert.execute(params![is_partial])?;
                } else {
                    insert.execute([])?;
                }
            }
            Rows::OfChannel => {
                let mut insert = connection.prepare(&insert(connection, table, "channel_id = ?1")?)?;
                for (channel, messages) in &channels {
                    insert.execute(params![channel])?;
                    if table == "messages" {
                        progress.messages += messages;
                    }
                    if !on_progress(progress) {
                        return Err(ArchiveError::new(ArchiveErrorKind::Interrupted, "stopped"));
                    }
                }
            }
            Rows::OfAllTenants if is_partial.is_none() => {
                connection.execute(&insert(connection, table, "1")?, [])?;
            }
            Rows::OfAllTenants | Rows::None => {}
        }
    }
    Ok(())
}

/// Chooses tenants and channels. Returns the row IDs of the channels, with their numbers of messages.
fn choose(connection: &Connection, scope: &CopyScope) -> Result<Vec<(i64, u64)>, ArchiveError> {
    connection.execute_batch(
        "CREATE TEMP TABLE chosen_tenants (id INTEGER PRIMARY KEY);
         CREATE TEMP TABLE chosen_channels (id INTEGER PRIMARY KEY);
         CREATE TEMP TABLE channel_rows (id INTEGER PRIMARY KEY);
         CREATE TEMP TABLE left_out (id INTEGER PRIMARY KEY);
         CREATE TEMP TABLE known_users (id INTEGER PRIMARY KEY)",
    )?;
    connection.execute_batch(mentioned::TABLE)?;
    match &scope.tenants {
        None => {
            connection.execute("INSERT INTO chosen_tenants SELECT id FROM source.tenants", [])?;
        }
        Some(tenants) => {
            let mut insert = connection.prepare("INSERT OR IGNORE INTO chosen_tenants VALUES (?1)")?;
            for tenant in tenants {
                insert.execute(params![tenant.0])?;
            }
        }
    }
    let mut insert = connection.prepare("INSERT OR IGNORE INTO left_out VALUES (?1)")?;
    for channel in &scope.left_out {
        insert.execute(params![channel.0])?;
    }
    connection.execute_batch(
        "INSERT INTO chosen_channels SELECT id FROM source.channels
          WHERE tenant_id IN chosen_tenants AND id NOT IN left_out ORDER BY id;
         WITH RECURSIVE above (id) AS (SELECT id FROM chosen_channels
             UNION SELECT c.parent_id FROM source.channels c JOIN above a ON c.id = a.id WHERE c.parent_id IS NOT NULL)
         INSERT INTO channel_rows SELECT id FROM above ORDER BY id",
    )?;
    let mut select = connection
        .prepare("SELECT id, message_count FROM source.channels WHERE id IN chosen_channels ORDER BY id")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// SQL that copies rows, in the order of the primary key.
pub(super) fn insert(connection: &Connection, table: &str, condition: &str) -> Result<String, ArchiveError> {
    // Without columns that are computed.
    let mut select = connection.prepare("SELECT name, pk FROM pragma_table_info(?1, 'main') ORDER BY cid")?;
    let columns = select.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let columns: Vec<(String, i64)> = columns.collect::<Result<_, _>>()?;
    let mut key: Vec<&(String, i64)> = columns.iter().filter(|(_, key)| *key > 0).collect();
    key.sort_by_key(|(_, position)| *position);
    let names = |columns: Vec<&(String, i64)>| {
        columns.into_iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (columns, key) = (names(columns.iter().collect()), names(key));
    Ok(format!(
        "INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table} WHERE {condition} ORDER BY {key}"
    ))
}

/// Finds the users that the copied rows refer to, by row ID, or mention, by hash.
fn find_users(connection: &Connection) -> Result<(), ArchiveError> {
    connection.execute_batch(
        "INSERT OR IGNORE INTO known_users
             SELECT author_id FROM main.messages WHERE author_id IS NOT NULL
             UNION SELECT reply_to_author_id FROM main.messages WHERE reply_to_author_id IS NOT NULL
             UNION SELECT user_id FROM main.message_emoji_reactions
             UNION SELECT owner_id FROM main.channels WHERE owner_id IS NOT NULL",
    )?;
    mentioned::find(connection)
}

/// Whether a file is a copy that nothing was written to since.
///
/// # Errors
/// Returns [`ArchiveError`] if it is no archive, or not readable.
pub fn is_untouched_copy(path: &Path) -> Result<bool, ArchiveError> {
    let reader = super::Reader::open(path)?;
    info::is_set(&reader.connection, COPY_KEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_the_schema_is_copied_or_left_out_on_purpose() {
        let objects = Definitions::at_version(NEWEST_VERSION, &bundled()).unwrap().0.into_values();
        let tables = objects.filter(|object| object.kind == "table" && !object.name.starts_with("sqlite_"));
        let mut names: BTreeSet<String> = tables.map(|table| table.name).collect();
        for name in TABLES.map(|(name, _)| name).into_iter().chain(["archive_info"]) {
            assert!(names.remove(name), "{name}");
        }
        names.remove(HISTORY_TABLE.0);
        assert!(names.is_empty(), "{names:?}");
    }
}
