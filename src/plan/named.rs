//! Threads that a message or their parent names, and that no listing does.

use hashbrown::HashMap;

use super::Facts;
use super::discover::add_threads;
use crate::model::{Channel, ChannelId, Visibility};
use crate::monitor::Monitor;
use crate::platform::{PlatformAdapter, PlatformError};

/// Give up after this many consecutive thread lookups that failed.
const MOST_FAILURES: usize = 3;
/// Lookups a run makes at most; the rest are left to the next.
const MOST_LOOKUPS: usize = 500;

/// Asks for threads, each with the channel that it hangs below, and adds the
/// public ones to the facts. Returns those that were answered for; the others are
/// asked for again by the next run.
///
/// # Errors
/// When the run must end.
pub async fn find_named<P: PlatformAdapter>(
    platform: &P,
    facts: &mut Facts,
    named: &[(ChannelId, ChannelId)],
    monitor: &dyn Monitor,
) -> Result<Vec<ChannelId>, PlatformError> {
    let visibilities: HashMap<ChannelId, Visibility> =
        facts.channels.iter().map(|channel| (channel.id, channel.visibility.clone())).collect();
    let (mut asked, mut found, mut failures_in_a_row) = (Vec::new(), Vec::new(), 0);
    for (thread, parent) in named.iter().take(MOST_LOOKUPS) {
        let Some(visibility) = visibilities.get(parent).filter(|seen| seen.is_readable()) else { continue };
        if visibilities.contains_key(thread) || failures_in_a_row >= MOST_FAILURES {
            continue;
        }
        match platform.channel(*thread, facts.workspace.id, monitor).await {
            Ok(answered) => {
                failures_in_a_row = 0;
                asked.push(*thread);
                if answered.kind.is_thread() && answered.parent_id == Some(*parent) {
                    found.push(Channel { visibility: visibility.clone(), ..answered });
                }
            }
            Err(error) if error.kind.ends_run() => return Err(error),
            Err(error) if error.kind.proves().is_some() => {
                failures_in_a_row = 0;
                asked.push(*thread);
            }
            Err(error) => {
                failures_in_a_row += 1;
                facts.unsettled.push((*thread, error));
            }
        }
    }
    add_threads(facts, found.into_iter());
    Ok(asked)
}
