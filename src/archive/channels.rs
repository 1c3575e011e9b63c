//! Channels, categories and threads (`channels`): their properties, state and visibility.

use hashbrown::HashMap;
use rusqlite::{OptionalExtension as _, params};

use super::{ArchiveError, ChannelRow, TenantRow, Tx, audit, users};
use crate::anonymize::Channel;
use crate::model::{ChannelId, ChannelState, ProvenState, Timestamp};

/// Upserts the channels of a listing, parents before children; unchanged rows are not
/// written. Returns each channel's row and its name as stored.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn store(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    channels: &[Channel],
    now: Timestamp,
) -> Result<HashMap<ChannelId, (ChannelRow, String)>, ArchiveError> {
    let mut rows = HashMap::new();
    let (children, parents): (Vec<_>, Vec<_>) =
        channels.iter().partition(|channel| channel.parent_id.is_some());
    let (threads, children): (Vec<_>, Vec<_>) =
        children.into_iter().partition(|channel| channel.thread.is_some());
    for channel in parents.into_iter().chain(children).chain(threads) {
        rows.insert(channel.id, upsert(tx, tenant, channel, now)?);
    }
    Ok(rows)
}

/// Looks up a channel's row; `None` if it isn't archived.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn find(tx: &Tx<'_>, tenant: TenantRow, id: ChannelId) -> Result<Option<ChannelRow>, ArchiveError> {
    let mut select =
        tx.connection.prepare_cached("SELECT id FROM channels WHERE tenant_id = ?1 AND platform_id = ?2")?;
    let row = select.query_row(params![tenant.0, id.as_i64()], |row| row.get(0)).optional()?;
    Ok(row.map(ChannelRow))
}

/// Sets a channel's state; a change is audited with its evidence.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn set_state(
    tx: &mut Tx<'_>,
    channel: ChannelRow,
    proven: ProvenState,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let state = proven.state();
    let mut select =
        tx.connection.prepare_cached("SELECT tenant_id, platform_id, state FROM channels WHERE id = ?1")?;
    let (tenant, id, before): (i64, i64, String) =
        select.query_row(params![channel.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if before == state.name() {
        return Ok(());
    }
    tx.connection
        .prepare_cached("UPDATE channels SET state = ?2, updated_at = ?3 WHERE id = ?1")?
        .execute(params![channel.0, state.name(), now.as_millis()])?;
    let details = serde_json::json!({
        "channel_id": id.to_string(), "from": before, "to": state.name(), "evidence": proven.evidence().name(),
    });
    audit::record(tx, "visibility_changed", Some(TenantRow(tenant)), None, Some(&details), now)
}

/// Records which channels of a tenant have vanished (neither a listing nor a direct
/// request returns them), and which were requested directly (`asked`). All other
/// channels count as visible.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_lookups(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    vanished: &[ChannelId],
    asked: &[ChannelId],
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let list = |ids: &[ChannelId]| {
        serde_json::Value::from(ids.iter().map(|id| id.as_i64()).collect::<Vec<_>>()).to_string()
    };
    let vanished = list(vanished);
    tx.connection
        .prepare_cached(
            "UPDATE channels SET vanished_at = NULL
              WHERE tenant_id = ?1 AND vanished_at IS NOT NULL
                AND platform_id NOT IN (SELECT value FROM json_each(?2))",
        )?
        .execute(params![tenant.0, vanished])?;
    tx.connection
        .prepare_cached(
            "UPDATE channels SET vanished_at = ?3
              WHERE tenant_id = ?1 AND vanished_at IS NULL AND platform_id IN (SELECT value FROM json_each(?2))",
        )?
        .execute(params![tenant.0, vanished, now.as_millis()])?;
    tx.connection
        .prepare_cached(
            "UPDATE channels SET asked_at = ?3
              WHERE tenant_id = ?1 AND platform_id IN (SELECT value FROM json_each(?2))",
        )?
        .execute(params![tenant.0, list(asked), now.as_millis()])?;
    Ok(())
}

fn upsert(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    channel: &Channel,
    now: Timestamp,
) -> Result<(ChannelRow, String), ArchiveError> {
    for person in &channel.people {
        users::intern(tx, person, now)?;
    }
    let row = match find(tx, tenant, channel.id)? {
        Some(row) => {
            set_state(tx, row, ProvenState::from_listing(channel.state == ChannelState::Active), now)?;
            row
        }
        None => insert(tx, tenant, channel, now)?,
    };
    let parent = match channel.parent_id {
        Some(parent) => find(tx, tenant, parent)?,
        None => None,
    };
    let owner = match channel.thread.as_ref().and_then(|thread| thread.owner) {
        Some(owner) => users::intern(tx, &owner, now)?,
        None => None,
    };
    let name = tx.resolve_text(&channel.name, row, 0)?;
    let topic = tx.resolve_optional_text(channel.topic.as_ref(), row, 0)?;
    let metadata = tx.resolve_optional_text(channel.metadata.as_ref(), row, 0)?;
    let thread = channel.thread.as_ref();
    // Every channel has a name; an empty one means that it was malformed.
    tx.connection
        .prepare_cached(
            "UPDATE channels
                SET parent_id = ?2, kind = ?3, name = coalesce(nullif(?4, ''), name), topic = ?5, opened_at = ?6,
                    owner_id = coalesce(?7, owner_id), archived = ?8, archived_at = ?9, locked = ?10,
                    metadata = ?11, updated_at = ?12
              WHERE id = ?1
                AND (?2, ?3, coalesce(nullif(?4, ''), name), ?5, ?6, coalesce(?7, owner_id), ?8, ?9, ?10, ?11) IS NOT
                    (parent_id, kind, name, topic, opened_at, owner_id, archived, archived_at, locked, metadata)",
        )?
        .execute(params![
            row.0,
            parent.map(|parent| parent.0),
            channel.kind.name(),
            name,
            topic,
            channel.opened_at.as_millis(),
            owner,
            thread.map(|thread| thread.archived),
            thread.and_then(|thread| thread.archived_at).map(Timestamp::as_millis),
            thread.map(|thread| thread.locked),
            metadata,
            now.as_millis(),
        ])?;
    Ok((row, name.into_owned()))
}

/// Inserts only what the row's constraints require. The update that follows fills in the
/// rest, so that text is resolved in one place.
fn insert(
    tx: &mut Tx<'_>,
    tenant: TenantRow,
    channel: &Channel,
    now: Timestamp,
) -> Result<ChannelRow, ArchiveError> {
    tx.connection
        .prepare_cached(
            "INSERT INTO channels (tenant_id, platform_id, id_text, kind, name, state, opened_at, created_at, updated_at)
             VALUES (?1, ?2, ?7, ?3, '', ?4, ?5, ?6, ?6)",
        )?
        .execute(params![
            tenant.0,
            channel.id.as_i64(),
            channel.kind.name(),
            channel.state.name(),
            channel.opened_at.as_millis(),
            now.as_millis(),
            &*channel.id_text,
        ])?;
    Ok(ChannelRow(tx.connection.last_insert_rowid()))
}
