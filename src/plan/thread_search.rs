//! Asks the platform's own search which threads were written in, so that not every parent's
//! archived threads have to be listed. Its answer is a hint: whatever it leaves out is
//! found by the complete listing once a day.

use std::time::Duration;

use hashbrown::HashSet;

use super::facts::Facts;
use super::times::is_past;
use crate::model::{ChannelId, KnownChannels, Timestamp};
use crate::monitor::Monitor;
use crate::platform::{PlatformAdapter, PlatformError, SearchPage, SearchRequest};

/// Pages that are requested at most. Fewer listings than that take no search.
pub(super) const MAX_PAGES: u16 = 3;
/// How much earlier than necessary the search begins, for an index that lags.
const OVERLAP: Duration = Duration::from_hours(1);

/// Threads, other than the listed active ones, in which the search found messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct WrittenThreads {
    /// The threads.
    pub(super) threads: HashSet<ChannelId>,
    /// Their parents.
    pub(super) parents: HashSet<ChannelId>,
}

/// Searches for messages since `known_until`. `None` if the search doesn't help: it fails,
/// is not ready, finds too much, or names a thread whose parent is unknown.
///
/// # Errors
/// Returns a [`PlatformError`] that must end the run.
pub(super) async fn search_threads(
    platform: &dyn PlatformAdapter,
    facts: &Facts,
    known: &KnownChannels,
    (known_until, now): (Timestamp, Timestamp),
    monitor: &dyn Monitor,
) -> Result<Option<WrittenThreads>, PlatformError> {
    if !is_past(known_until, now) {
        return Ok(None);
    }
    let listed = facts.listed();
    let after = platform.id_before(known_until.earlier(OVERLAP));
    let mut written = WrittenThreads::default();
    for page in 0..MAX_PAGES {
        let workspace = facts.workspace.id;
        let request = SearchRequest { workspace, channel: None, after, before: None, page };
        let SearchPage { channels, has_more, .. } = match platform.search_channels(&request, monitor).await {
            Ok(found) => found,
            Err(error) if error.kind.ends_run() => return Err(error),
            Err(error) => {
                tracing::info!(%error, "archived threads are listed, since the search failed");
                return Ok(None);
            }
        };
        for channel in channels.into_iter().filter(|channel| !listed.contains(&channel.id)) {
            let known_parent = || known.get(&channel.id)?.parent_id;
            let Some(parent) = channel.parent.or_else(known_parent) else {
                tracing::info!("archived threads are listed, since the search found an unknown channel");
                return Ok(None);
            };
            written.threads.insert(channel.id);
            written.parents.insert(parent);
        }
        if !has_more {
            return Ok(Some(written));
        }
    }
    tracing::info!("archived threads are listed, since the search found more than {MAX_PAGES} pages");
    Ok(None)
}
