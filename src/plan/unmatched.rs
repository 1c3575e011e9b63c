//! Entries of `include_channels` and `exclude_channels` that match no channel.
//! Pure.

use std::collections::BTreeSet;

use crate::config::{ChannelSelector, suggest};
use crate::model::{ChannelId, PlatformSpec};

/// An entry of a tenant's include or exclude list that matches no channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// The configuration's key.
    pub key: &'static str,
    /// The entry: an ID or a name.
    pub entry: String,
    /// The name that was probably meant, scrubbed.
    pub meant: Option<String>,
    /// How the ID of a channel is found there.
    pub id_help: &'static str,
}

impl Unmatched {
    /// What is wrong.
    pub fn problem(&self) -> String {
        format!("{}: no channel has the name or ID {:?}", self.key, self.entry)
    }

    /// What to write instead.
    pub fn remedy(&self) -> String {
        match &self.meant {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("write a channel's current name, or {}", self.id_help),
        }
    }
}

/// The entries that none of these channels, with their current names, matches.
/// `scrub` takes what could be somebody's ID out of a channel's name.
pub fn unmatched(
    platform: &PlatformSpec,
    include: &[ChannelSelector],
    exclude: &[ChannelSelector],
    channels: &[(ChannelId, &str)],
    scrub: impl Fn(&str) -> String,
) -> Vec<Unmatched> {
    let lists = [("include_channels", include), ("exclude_channels", exclude)];
    let entries = lists.into_iter().flat_map(|(key, list)| list.iter().map(move |entry| (key, entry)));
    let strangers = entries.filter(|(_, entry)| !channels.iter().any(|(id, name)| entry.matches(*id, name)));
    strangers
        .map(|(key, entry)| Unmatched {
            key,
            entry: entry.to_string(),
            meant: meant(entry, channels).map(&scrub),
            id_help: platform.channel_id_help,
        })
        .collect()
}

fn meant<'a>(entry: &ChannelSelector, channels: &[(ChannelId, &'a str)]) -> Option<&'a str> {
    let ChannelSelector::Name(name) = entry else { return None };
    let names: BTreeSet<&str> = channels.iter().map(|(_, name)| *name).collect();
    suggest(name.trim_start_matches('#'), names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_matches_nothing_comes_with_the_nearest_name() {
        let channel = |id| ChannelId::new(id).unwrap();
        let channels = [(channel(1), "general"), (channel(2), "general"), (channel(3), "off-topic")];
        let meant = |name: &str| meant(&ChannelSelector::Name(name.to_owned()), &channels);
        assert_eq!(meant("#genral"), Some("general"), "two of one name are no doubt");
        assert_eq!(meant("rules"), None);
    }
}
