//! What the names in `exclude_channels` resolve to. Pure.

use hashbrown::HashMap;

use super::{Facts, Selection};
use crate::config::ChannelSelector;
use crate::model::{ChannelId, KnownChannels};

/// What became of each name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Exclusions {
    /// Names and the channels that have them now.
    pub found: Vec<(String, ChannelId)>,
    /// Names that no channel has or ever had.
    pub unresolved: Vec<String>,
    /// Names that a channel had once, and none has now.
    pub gone: Vec<String>,
}

impl Exclusions {
    /// Looks for the names among listed and archived channels. `remembered` is
    /// what they resolved to before.
    pub fn of(
        selection: &Selection,
        facts: &Facts,
        known: &KnownChannels,
        remembered: &HashMap<String, Vec<ChannelId>>,
    ) -> Self {
        let listed =
            facts.channels.iter().chain(&facts.remembered).map(|channel| (channel.id, &channel.name));
        // The name of a deleted channel is none that is misspelt.
        let archived = known.values().map(|channel| (channel.id, &channel.name));
        let channels: Vec<(ChannelId, &String)> = listed.chain(archived).collect();
        let mut exclusions = Self::default();
        for name in selection.excluded_names() {
            let selector = ChannelSelector::Name(name.to_owned());
            let named = channels.iter().filter(|(id, current)| selector.matches(*id, current));
            let before = exclusions.found.len();
            exclusions.found.extend(named.map(|(id, _)| (name.to_owned(), *id)));
            if exclusions.found.len() == before {
                let list = if remembered.contains_key(name) {
                    &mut exclusions.gone
                } else {
                    &mut exclusions.unresolved
                };
                list.push(name.to_owned());
            }
        }
        exclusions.found.sort();
        exclusions.found.dedup();
        exclusions
    }
}
