//! Looks up threads that a message or their parent names but no listing does.

use hashbrown::HashMap;

use super::build::lineage;
use super::lookup::{LookupAnswer, Lookups};
use super::{Facts, Selection};
use crate::config::ChannelSelector;
use crate::model::{Channel, ChannelId, NamedThread, Visibility, with_noun};
use crate::monitor::Monitor;
use crate::platform::{PlatformAdapter, PlatformError};

/// Lookups per run at most; the rest are left to the next run.
const MAX_LOOKUPS: usize = 500;

/// The threads that were looked up.
#[derive(Debug, Default)]
pub struct NamedLookups {
    /// Threads with an answer, be it a refusal.
    pub answered: Vec<ChannelId>,
    /// Threads whose lookup failed.
    pub failed: Vec<ChannelId>,
}

/// Looks up threads and adds those that exist to the facts. Threads of parents that
/// aren't selected or readable are not looked up.
///
/// # Errors
/// Returns a [`PlatformError`] that must end the run.
pub async fn find_named(
    platform: &dyn PlatformAdapter,
    facts: &mut Facts,
    selection: &Selection,
    named: &[NamedThread],
    monitor: &dyn Monitor,
) -> Result<NamedLookups, PlatformError> {
    let wanted = wanted(facts, selection, named);
    // The earlier answer still counts for a thread that is only to be confirmed.
    let postponed = wanted.iter().skip(MAX_LOOKUPS).filter(|(thread, _)| !thread.was_answered).count();
    if postponed > 0 {
        let threads = with_noun(postponed as u64, "thread");
        facts.postponed.push(format!(
            "{threads} that messages name: left to the next run, since one run looks up {MAX_LOOKUPS}"
        ));
    }
    let (mut outcome, mut found) = (NamedLookups::default(), Vec::new());
    let mut lookups = Lookups::new(platform, facts.workspace.id, monitor);
    for (thread, visibility) in wanted.into_iter().take(MAX_LOOKUPS) {
        if lookups.gave_up() {
            break;
        }
        match lookups.look_up(thread.id).await? {
            LookupAnswer::Found(answered) => {
                outcome.answered.push(thread.id);
                if answered.kind.is_thread() && answered.parent_id == Some(thread.parent) {
                    found.push(Channel { visibility, ..*answered });
                }
            }
            LookupAnswer::Refused(_) => outcome.answered.push(thread.id),
            LookupAnswer::Failed(error) => {
                outcome.failed.push(thread.id);
                facts.inconclusive.push((thread.id, error));
            }
        }
    }
    let mut listed = facts.listed();
    facts.add_threads(&mut listed, found);
    Ok(outcome)
}

/// The threads to look up, each with its parent's visibility.
fn wanted(facts: &Facts, selection: &Selection, named: &[NamedThread]) -> Vec<(NamedThread, Visibility)> {
    let by_id: HashMap<ChannelId, &Channel> =
        facts.channels.iter().map(|channel| (channel.id, channel)).collect();
    let wanted = |thread: &&NamedThread| {
        let parent = by_id.get(&thread.parent).filter(|parent| parent.visibility.is_readable());
        let is_of_thread =
            |entry: &ChannelSelector| matches!(entry, ChannelSelector::Id { id, .. } if *id == thread.id);
        let is_named = selection.include.iter().any(is_of_thread);
        let is_wanted = |parent: &&Channel| {
            let lineage = lineage(parent, &by_id);
            selection.selects(&lineage) && (is_named || selection.excluding_key(&lineage).is_none())
        };
        !by_id.contains_key(&thread.id) && parent.is_some_and(is_wanted)
    };
    named
        .iter()
        .filter(wanted)
        .filter_map(|thread| Some((*thread, by_id.get(&thread.parent)?.visibility.clone())))
        .collect()
}
