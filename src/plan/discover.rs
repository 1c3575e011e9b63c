//! Gathers the facts that take a handful of requests: channels, active threads and their
//! visibility. Read-only.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashSet;

use super::facts::Facts;
use super::lookup::{LookupAnswer, Lookups};
use crate::model::{ChannelId, WorkspaceId, with_noun};
use crate::monitor::Monitor;
use crate::platform::{ErrorKind, PlatformAdapter, PlatformError};

/// Lookups per run at most of parents that only active threads name: as many as a server
/// has channels.
const MAX_PARENT_LOOKUPS: usize = 500;
/// Refused ones among them at most: platforms count them against the sender.
const MAX_REFUSED_PARENT_LOOKUPS: usize = 50;
/// Requests the channels and the active threads. That takes a handful of requests, after
/// which reading can begin.
///
/// # Errors
/// Returns a [`PlatformError`] if the workspace or its active threads can't be listed.
pub async fn discover(
    platform: &Arc<dyn PlatformAdapter>,
    id: WorkspaceId,
    monitor: &Arc<dyn Monitor>,
) -> Result<Facts, PlatformError> {
    let (workspace, mut channels) = platform.workspace(id, monitor.as_ref()).await?;
    // Threads come from their own listings and get their parent's visibility.
    channels.retain(|channel| !channel.kind.is_thread());
    let (active, active_threads_error) = match platform.active_threads(id, &channels, monitor.as_ref()).await
    {
        Ok(active) => (active, None),
        // A compatible server need not support threads.
        Err(error) if error.kind.is_unsupported() => (Vec::new(), Some(error)),
        Err(error) => return Err(error),
    };
    let mut facts = Facts {
        workspace,
        channels,
        remembered: Vec::new(),
        proven_states: Vec::new(),
        vanished: Vec::new(),
        refused: Vec::new(),
        listings: Vec::new(),
        inconclusive: Vec::new(),
        postponed: Vec::new(),
        active_threads_error,
    };
    let mut listed = facts.listed();
    facts.add_threads(&mut listed, active);
    find_parents(platform.as_ref(), &mut facts, monitor.as_ref()).await?;
    Ok(facts)
}

/// Looks up parents of active threads that the listing of channels leaves out.
async fn find_parents(
    platform: &dyn PlatformAdapter,
    facts: &mut Facts,
    monitor: &dyn Monitor,
) -> Result<(), PlatformError> {
    let listed: HashSet<ChannelId> = facts.channels.iter().map(|channel| channel.id).collect();
    let threads = facts.channels.iter().filter(|channel| channel.kind.is_thread());
    let unlisted = threads.filter_map(|thread| thread.parent_id).filter(|parent| !listed.contains(parent));
    let unlisted: BTreeSet<ChannelId> = unlisted.collect();
    let mut lookups = Lookups::new(platform, facts.workspace.id, monitor);
    let (mut refused, mut postponed) = (0, 0);
    for (index, parent) in unlisted.into_iter().enumerate() {
        if lookups.gave_up() {
            break;
        }
        if index >= MAX_PARENT_LOOKUPS || refused >= MAX_REFUSED_PARENT_LOOKUPS {
            postponed += 1;
            continue;
        }
        match lookups.look_up(parent).await? {
            LookupAnswer::Found(channel) if channel.visibility.everyone_sees => {
                let detail = "the API's listing omits it although it lists threads of it";
                let subject = format!("channel {}", platform.spec().channel_text(parent));
                let error = PlatformError::new(ErrorKind::Unreadable, subject, detail);
                facts.inconclusive.push((parent, error));
                for thread in facts.channels.iter_mut().filter(|thread| thread.parent_id == Some(parent)) {
                    thread.visibility = channel.visibility.clone();
                }
                facts.channels.push(*channel);
            }
            LookupAnswer::Found(_) => {}
            LookupAnswer::Refused(_) => refused += 1,
            LookupAnswer::Failed(error) => facts.inconclusive.push((parent, error)),
        }
    }
    if postponed > 0 {
        let channels = with_noun(postponed, "channel");
        facts.postponed.push(format!(
            "active threads of {channels} that no listing contains: not looked up, since one run looks up {MAX_PARENT_LOOKUPS} such channels, and stops after {MAX_REFUSED_PARENT_LOOKUPS} refusals"
        ));
    }
    Ok(())
}
