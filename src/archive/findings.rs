//! Findings: known incompleteness of the archive, derived from the state of channels and
//! tenants. This module stores only since when a tenant has had no channels.

use rusqlite::{Connection, Row, params};

use super::{ArchiveError, Reader, TenantRow, Tx};
use crate::model::{ChannelId, Finding, FindingKind, Timestamp};

/// Records since when a tenant has had no channel left to read.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn record_channel_presence(
    tx: &Tx<'_>,
    tenant: TenantRow,
    has_channels: bool,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    tx.connection
        .prepare_cached(
            "UPDATE tenants SET empty_since = CASE WHEN ?2 THEN NULL ELSE coalesce(empty_since, ?3) END
              WHERE id = ?1 AND (empty_since IS NULL) <> ?2",
        )?
        .execute(params![tenant.0, has_channels, now.as_millis()])?;
    Ok(())
}

/// Queries of the findings about single channels; columns as [`finding`] reads them.
/// Threads are no finding of their own: they vanish with their parent.
const CHANNEL_FINDINGS: [(FindingKind, &str); 4] = [
    (
        FindingKind::UnconfirmedEnd,
        "SELECT c.platform_id, c.id_text, c.name, 1, s.end_doubted_at
           FROM sync_progress s JOIN channels c ON c.id = s.channel_id
          WHERE s.tenant_id = ?1 AND s.end_doubted_at IS NOT NULL AND c.state = 'active'
          ORDER BY c.platform_id",
    ),
    (
        FindingKind::IncompleteListing,
        "SELECT c.platform_id, c.id_text, c.name, 1, coalesce(s.threads_doubted_at, s.updated_at)
           FROM sync_progress s JOIN channels c ON c.id = s.channel_id
          WHERE s.tenant_id = ?1 AND s.threads_incomplete = 1 AND c.state = 'active'
          ORDER BY c.platform_id",
    ),
    (
        FindingKind::MalformedMessages,
        "SELECT c.platform_id, c.id_text, c.name, count(*), max(b.created_at)
           FROM broken_messages b JOIN channels c ON c.id = b.channel_id
          WHERE c.tenant_id = ?1 AND c.state = 'active'
          GROUP BY c.id ORDER BY c.platform_id",
    ),
    (
        FindingKind::VanishedChannel,
        "SELECT platform_id, id_text, name, 1, vanished_at FROM channels
          WHERE tenant_id = ?1 AND vanished_at IS NOT NULL AND kind <> 'category' AND kind NOT LIKE '%thread'
          ORDER BY platform_id",
    ),
];

impl Reader {
    /// All findings of a tenant.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if SQLite fails.
    pub fn findings(&self, tenant: TenantRow) -> Result<Vec<Finding>, ArchiveError> {
        FindingsQuery(&self.connection).of(tenant, &[])
    }
}

/// The findings of a tenant: about these channels and those below them, or all findings
/// if `channels` is empty.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn findings(
    tx: &Tx<'_>,
    tenant: TenantRow,
    channels: &[ChannelId],
) -> Result<Vec<Finding>, ArchiveError> {
    FindingsQuery(tx.connection).of(tenant, channels)
}

/// Collects findings through a connection.
struct FindingsQuery<'a>(&'a Connection);

impl FindingsQuery<'_> {
    fn of(&self, tenant: TenantRow, channels: &[ChannelId]) -> Result<Vec<Finding>, ArchiveError> {
        let mut findings = Vec::new();
        for (kind, sql) in CHANNEL_FINDINGS {
            let mut select = self.0.prepare_cached(sql)?;
            let rows = select.query_map(params![tenant.0], |row| finding(kind, row))?;
            findings.extend(rows.collect::<Result<Vec<_>, _>>()?);
        }
        if channels.is_empty() {
            self.add_tenant_findings(tenant, &mut findings)?;
            return Ok(findings);
        }
        let mut selected = Vec::new();
        for finding in findings {
            if self.is_within(tenant, finding.channel, channels)? {
                selected.push(finding);
            }
        }
        Ok(selected)
    }

    /// Whether `channels` contains a channel, its parent, or its parent's category.
    fn is_within(
        &self,
        tenant: TenantRow,
        channel: Option<ChannelId>,
        channels: &[ChannelId],
    ) -> Result<bool, ArchiveError> {
        let Some(channel) = channel else { return Ok(false) };
        let mut select = self.0.prepare_cached(
            "SELECT c.platform_id, p.platform_id, g.platform_id
               FROM channels c
               LEFT JOIN channels p ON p.id = c.parent_id
               LEFT JOIN channels g ON g.id = p.parent_id
              WHERE c.tenant_id = ?1 AND c.platform_id = ?2",
        )?;
        let lineage: [Option<i64>; 3] = select.query_row(params![tenant.0, channel.as_i64()], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?])
        })?;
        let mut lineage = lineage.into_iter().flatten().filter_map(ChannelId::from_i64);
        Ok(lineage.any(|id| channels.contains(&id)))
    }

    fn add_tenant_findings(
        &self,
        tenant: TenantRow,
        findings: &mut Vec<Finding>,
    ) -> Result<(), ArchiveError> {
        let tenant_finding = |kind, count, since| Finding {
            kind,
            channel: None,
            channel_id: None,
            name: String::new(),
            count,
            since,
        };
        let known_channels: u64 = self
            .0
            .prepare_cached(
                "SELECT count(*) FROM channels
                  WHERE tenant_id = ?1 AND kind <> 'category' AND kind NOT LIKE '%thread'
                    AND (state IN ('active', 'unreadable') OR vanished_at IS NOT NULL)",
            )?
            .query_row(params![tenant.0], |row| row.get(0))?;
        let vanished = || findings.iter().filter(|finding| finding.kind == FindingKind::VanishedChannel);
        let last_vanished_at = vanished().map(|finding| finding.since).max();
        if let Some(since) = last_vanished_at.filter(|_| vanished().count() as u64 == known_channels) {
            findings.retain(|finding| finding.kind != FindingKind::VanishedChannel);
            findings.push(tenant_finding(FindingKind::EveryChannelVanished, known_channels, since));
            return Ok(());
        }
        let empty_since: Option<i64> = self
            .0
            .prepare_cached("SELECT empty_since FROM tenants WHERE id = ?1")?
            .query_row(params![tenant.0], |row| row.get(0))?;
        let since = empty_since.map(Timestamp::from_millis);
        findings.extend(since.map(|since| tenant_finding(FindingKind::NoChannels, 0, since)));
        Ok(())
    }
}

fn finding(kind: FindingKind, row: &Row<'_>) -> rusqlite::Result<Finding> {
    Ok(Finding {
        kind,
        channel: ChannelId::from_i64(row.get(0)?),
        channel_id: row.get(1)?,
        name: row.get(2)?,
        count: row.get(3)?,
        since: Timestamp::from_millis(row.get(4)?),
    })
}
