//! Entries of `include_channels` and `exclude_channels` that match no channel.

use std::collections::BTreeSet;

use crate::anonymize;
use crate::config::{ChannelSelector, TenantConfig, suggest};
use crate::model::ChannelId;
use crate::report::Unmatched;

/// The entries that none of these channels, with their current names, matches.
pub fn unmatched(tenant: &TenantConfig, channels: &[(ChannelId, &str)]) -> Vec<Unmatched> {
    let lists =
        [("include_channels", &tenant.include_channels), ("exclude_channels", &tenant.exclude_channels)];
    let entries = lists.into_iter().flat_map(|(key, list)| list.iter().map(move |entry| (key, entry)));
    let strangers = entries.filter(|(_, entry)| !channels.iter().any(|(id, name)| entry.matches(*id, name)));
    strangers
        .map(|(key, entry)| Unmatched { key, entry: entry.to_string(), meant: meant(entry, channels) })
        .collect()
}

fn meant(entry: &ChannelSelector, channels: &[(ChannelId, &str)]) -> Option<String> {
    let ChannelSelector::Name(name) = entry else { return None };
    let names: BTreeSet<&str> = channels.iter().map(|(_, name)| *name).collect();
    let meant = suggest(name.trim_start_matches('#'), names)?;
    Some(anonymize::sayable(meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_matches_nothing_comes_with_the_nearest_name() {
        let channel = |id| ChannelId::new(id).unwrap();
        let channels = [(channel(1), "general"), (channel(2), "general"), (channel(3), "off-topic")];
        let meant = |name: &str| meant(&ChannelSelector::Name(name.to_owned()), &channels);
        assert_eq!(meant("#genral").as_deref(), Some("general"), "two of one name are no doubt");
        assert_eq!(meant("rules"), None);
    }
}
