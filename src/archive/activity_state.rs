//! How complete the archive of a tenant is.

use super::{ArchiveError, Reader};
use crate::model::Timestamp;

/// How many channels of a tenant are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelStates {
    /// Read by the last runs.
    pub active: u64,
    /// Closed to everyone.
    pub hidden: u64,
    /// The bot may not read them.
    pub unreadable: u64,
    /// Deleted on the platform.
    pub deleted: u64,
}

impl Reader {
    /// How many channels of a tenant, threads not counted, are in which state.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn channel_states(&self, tenant: &str) -> Result<ChannelStates, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT count(*) FILTER (WHERE c.state = 'active'), count(*) FILTER (WHERE c.state = 'hidden'),
                    count(*) FILTER (WHERE c.state = 'unreadable'), count(*) FILTER (WHERE c.state = 'deleted')
               FROM channels c JOIN tenants t ON t.id = c.tenant_id
              WHERE t.name = ?1 AND c.kind NOT IN ('category', 'public_thread', 'announcement_thread')",
        )?;
        Ok(select.query_row([tenant], |row| {
            Ok(ChannelStates {
                active: row.get(0)?,
                hidden: row.get(1)?,
                unreadable: row.get(2)?,
                deleted: row.get(3)?,
            })
        })?)
    }

    /// When syncs of a tenant took in everything, in order.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn successes(&self, tenant: &str) -> Result<Vec<Timestamp>, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT j.completed_at FROM sync_jobs j JOIN tenants t ON t.id = j.tenant_id
              WHERE t.name = ?1 AND j.status = 'completed' AND j.completed_at IS NOT NULL
              ORDER BY j.completed_at",
        )?;
        let rows = select.query_map([tenant], |row| Ok(Timestamp::from_millis(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Messages of a tenant that could not be read.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn unread_messages(&self, tenant: &str) -> Result<u64, ArchiveError> {
        let mut select = self.connection.prepare_cached(
            "SELECT count(*) FROM broken_messages b
               JOIN channels c ON c.id = b.channel_id JOIN tenants t ON t.id = c.tenant_id
              WHERE t.name = ?1 AND b.is_archived = 0",
        )?;
        Ok(select.query_row([tenant], |row| row.get(0))?)
    }
}
