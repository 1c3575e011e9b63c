//! Finds entries of `include_channels` and `exclude_channels` that match no channel.
//! Pure.

use std::collections::BTreeSet;

use crate::config::{ChannelSelector, suggest};
use crate::model::{ChannelId, PlatformSpec};

/// An entry of a tenant's include or exclude list that matches no channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedEntry {
    /// The configuration key.
    pub key: &'static str,
    /// The entry: an ID or a name.
    pub entry: String,
    /// The most similar channel name, scrubbed.
    pub suggestion: Option<String>,
    /// The platform's instructions for finding a channel's ID.
    pub id_help: &'static str,
}

impl UnmatchedEntry {
    /// The problem as text.
    pub fn problem(&self) -> String {
        format!("{}: no channel has the name or ID {:?}", self.key, self.entry)
    }

    /// A hint on what to write instead.
    pub fn hint(&self) -> String {
        match &self.suggestion {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("use a channel's current name, or {}", self.id_help),
        }
    }
}

/// The entries that match none of `channels` (ID and current name). `scrub` scrubs a
/// channel name for display.
pub fn unmatched(
    platform: &PlatformSpec,
    include: &[ChannelSelector],
    exclude: &[ChannelSelector],
    channels: &[(ChannelId, &str)],
    scrub: impl Fn(&str) -> String,
) -> Vec<UnmatchedEntry> {
    let lists = [("include_channels", include), ("exclude_channels", exclude)];
    let entries = lists.into_iter().flat_map(|(key, list)| list.iter().map(move |entry| (key, entry)));
    let unmatched_entries =
        entries.filter(|(_, entry)| !channels.iter().any(|(id, name)| entry.matches(*id, name)));
    unmatched_entries
        .map(|(key, entry)| UnmatchedEntry {
            key,
            entry: entry.to_string(),
            suggestion: similar_name(entry, channels).map(&scrub),
            id_help: platform.channel_id_help,
        })
        .collect()
}

/// The channel name most similar to the entry, if the entry is a name and one is similar.
fn similar_name<'a>(entry: &ChannelSelector, channels: &[(ChannelId, &'a str)]) -> Option<&'a str> {
    let ChannelSelector::Name(name) = entry else { return None };
    let names: BTreeSet<&str> = channels.iter().map(|(_, name)| *name).collect();
    suggest(name.trim_start_matches('#'), names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_most_similar_name_for_an_unmatched_entry() {
        let channel = |id| ChannelId::new(id).unwrap();
        let channels = [(channel(1), "general"), (channel(2), "general"), (channel(3), "off-topic")];
        let similar_name = |name: &str| similar_name(&ChannelSelector::Name(name.to_owned()), &channels);
        assert_eq!(similar_name("#genral"), Some("general"), "two channels of one name aren't ambiguous");
        assert_eq!(similar_name("rules"), None);
    }
}
