//! Threads that a message or their parent names, and that no listing does.

use hashbrown::HashMap;

use super::build::lineage;
use super::lookup::{Answer, Lookups};
use super::{Facts, Selection};
use crate::config::ChannelSelector;
use crate::model::{Channel, ChannelId, Visibility};
use crate::monitor::Monitor;
use crate::platform::{PlatformAdapter, PlatformError};

/// Lookups a run makes at most; the rest are left to the next.
const MOST_LOOKUPS: usize = 500;

/// What came of asking for threads.
#[derive(Debug, Default)]
pub struct Asked {
    /// An answer came.
    pub answered: Vec<ChannelId>,
    /// None came.
    pub failed: Vec<ChannelId>,
}

/// Asks for threads, each with the channel that it hangs below, and adds the
/// public ones to the facts. Those below channels that aren't wanted are not asked
/// for.
///
/// # Errors
/// When the run must end.
pub async fn find_named(
    platform: &dyn PlatformAdapter,
    facts: &mut Facts,
    selection: &Selection,
    named: &[(ChannelId, ChannelId)],
    monitor: &dyn Monitor,
) -> Result<Asked, PlatformError> {
    let wanted = wanted(facts, selection, named);
    let (mut asked, mut found) = (Asked::default(), Vec::new());
    let mut lookups = Lookups::new(platform, facts.workspace.id, monitor);
    for (thread, parent, visibility) in wanted {
        if lookups.gave_up() {
            break;
        }
        match lookups.ask(thread).await? {
            Answer::Found(answered) => {
                asked.answered.push(thread);
                if answered.kind.is_thread() && answered.parent_id == Some(parent) {
                    found.push(Channel { visibility, ..*answered });
                }
            }
            Answer::Refused(_) => asked.answered.push(thread),
            Answer::Failed(error) => {
                asked.failed.push(thread);
                facts.unsettled.push((thread, error));
            }
        }
    }
    let mut listed = facts.listed();
    facts.add_threads(&mut listed, found);
    Ok(asked)
}

/// The threads to ask for, each with its parent and who sees that.
fn wanted(
    facts: &Facts,
    selection: &Selection,
    named: &[(ChannelId, ChannelId)],
) -> Vec<(ChannelId, ChannelId, Visibility)> {
    let by_id: HashMap<ChannelId, &Channel> =
        facts.channels.iter().map(|channel| (channel.id, channel)).collect();
    let wanted = |(thread, parent): &&(ChannelId, ChannelId)| {
        let parent = by_id.get(parent).filter(|parent| parent.visibility.is_readable());
        let is_of_thread =
            |entry: &ChannelSelector| matches!(entry, ChannelSelector::Id { id, .. } if id == thread);
        let is_named = selection.include.iter().any(is_of_thread);
        let is_wanted = |parent: &&Channel| {
            let lineage = lineage(parent, &by_id);
            selection.asks_for(&lineage) && (is_named || selection.unwanted_by(&lineage).is_none())
        };
        !by_id.contains_key(thread) && parent.is_some_and(is_wanted)
    };
    named
        .iter()
        .filter(wanted)
        .filter_map(|(thread, parent)| Some((*thread, *parent, by_id.get(parent)?.visibility.clone())))
        .take(MOST_LOOKUPS)
        .collect()
}
