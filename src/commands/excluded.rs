//! Channels that are archived, and that the configuration excludes now.

use hashbrown::HashSet;

use crate::archive::{ArchiveError, ChannelRow, Reader};
use crate::config::{ChannelSelector, Config};

/// The archived channels that `exclude_channels` or `include_channels` of their tenant leaves
/// out. A category covers its channels, and a channel its threads.
pub(super) fn excluded_channels(
    reader: &Reader,
    config: &Config,
) -> Result<HashSet<ChannelRow>, ArchiveError> {
    let mut found = HashSet::new();
    for tenant in &config.tenants {
        let (include, exclude) = (&tenant.include_channels, &tenant.exclude_channels);
        if include.is_empty() && exclude.is_empty() {
            continue;
        }
        let Some(row) = reader.tenant_row_of(tenant.platform.name, tenant.workspace_id)? else { continue };
        let names = exclude.iter().filter_map(|selector| match selector {
            ChannelSelector::Name(name) => Some(name.clone()),
            ChannelSelector::Id { .. } => None,
        });
        // A renamed channel stays excluded.
        let resolved = reader.exclusions(row, &names.collect::<Vec<_>>())?;
        for channel in reader.channel_lineages(row)? {
            let is_named = |selectors: &[ChannelSelector]| {
                let matches = |selector: &ChannelSelector| {
                    channel.lineage.iter().any(|(id, name)| selector.matches(*id, name))
                };
                selectors.iter().any(matches)
            };
            let was_named =
                channel.lineage.iter().any(|(id, _)| resolved.values().flatten().any(|of| of == id));
            if was_named || is_named(exclude) || !(include.is_empty() || is_named(include)) {
                found.insert(channel.row);
            }
        }
    }
    Ok(found)
}
