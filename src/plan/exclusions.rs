//! Resolves the names in `exclude_channels` to channel IDs. Pure.

use hashbrown::HashMap;

use super::{Facts, Selection};
use crate::config::ChannelSelector;
use crate::model::{ChannelId, KnownChannels};

/// The resolution of each name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Exclusions {
    /// Names with the channels that have them now.
    pub resolved: Vec<(String, ChannelId)>,
    /// Names that never matched a channel.
    pub unresolved: Vec<String>,
    /// Names that matched a channel in an earlier run and match none now.
    pub no_longer_matching: Vec<String>,
}

impl Exclusions {
    /// Resolves the names against listed and archived channels. `remembered` holds the
    /// IDs they resolved to in earlier runs.
    pub fn of(
        selection: &Selection,
        facts: &Facts,
        known: &KnownChannels,
        remembered: &HashMap<String, Vec<ChannelId>>,
    ) -> Self {
        let listed =
            facts.channels.iter().chain(&facts.remembered).map(|channel| (channel.id, &channel.name));
        // Archived channels count, too: the name of a deleted channel isn't misspelt.
        let archived = known.values().map(|channel| (channel.id, &channel.name));
        let channels: Vec<(ChannelId, &String)> = listed.chain(archived).collect();
        let mut exclusions = Self::default();
        for name in selection.excluded_names() {
            let selector = ChannelSelector::Name(name.to_owned());
            let named = channels.iter().filter(|(id, current)| selector.matches(*id, current));
            let before = exclusions.resolved.len();
            exclusions.resolved.extend(named.map(|(id, _)| (name.to_owned(), *id)));
            if exclusions.resolved.len() == before {
                let list = if remembered.contains_key(name) {
                    &mut exclusions.no_longer_matching
                } else {
                    &mut exclusions.unresolved
                };
                list.push(name.to_owned());
            }
        }
        exclusions.resolved.sort();
        exclusions.resolved.dedup();
        exclusions
    }
}
