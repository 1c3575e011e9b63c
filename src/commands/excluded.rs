//! Channels that are archived, and that the configuration excludes now.

use hashbrown::HashSet;

use super::connect;
use crate::archive::{ArchiveError, ChannelRow, Reader};
use crate::config::Config;
use crate::model::ChannelId;
use crate::plan::Selection;

/// The archived channels that `exclude_channels` or `include_channels` of their tenant leaves
/// out. A category covers its channels, and a channel its threads.
pub(super) fn excluded_channels(
    reader: &Reader,
    config: &Config,
) -> Result<HashSet<ChannelRow>, ArchiveError> {
    let mut found = HashSet::new();
    for tenant in &config.tenants {
        let selection = connect::selection(tenant);
        if selection.include.is_empty() && selection.exclude.is_empty() {
            continue;
        }
        let Some(row) = reader.tenant_row_of(tenant.platform.name, tenant.workspace_id)? else { continue };
        let names: Vec<String> = selection.excluded_names().map(str::to_owned).collect();
        let resolved = reader.exclusions(row, &names)?;
        let selection = Selection { excluded: resolved.into_values().flatten().collect(), ..selection };
        for channel in reader.channel_lineages(row)? {
            let lineage: Vec<(ChannelId, &str)> =
                channel.lineage.iter().map(|(id, name)| (*id, name.as_str())).collect();
            if selection.excluding_key_of(&lineage).is_some() {
                found.insert(channel.row);
            }
        }
    }
    Ok(found)
}
