//! Gathers the facts about archived threads, which take a listing per parent channel.
//! Read-only.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashSet;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use super::absent::find_absent;
use super::facts::{Facts, ThreadListing, incomplete};
use super::thread_search::{MAX_PAGES, WrittenThreads, search_threads};
use super::times::is_past;
use crate::model::{Channel, ChannelId, ChannelState, KnownChannel, KnownChannels, Timestamp};
use crate::monitor::{Counter, Monitor};
use crate::platform::{ErrorKind, PlatformAdapter, PlatformError};

/// Interval between complete listings of a parent's archived threads, whatever the
/// watermark.
const COMPLETE_LISTING_INTERVAL: Duration = Duration::from_hours(24);
/// How far below its watermark a listing reads before it ends.
const WATERMARK_MARGIN: Duration = Duration::from_secs(1);
/// Retries of a page that contradicts itself or the page before.
const CONTRADICTION_RETRIES: u32 = 2;
/// Archived threads new to the archive that one run adds at most, since they are held in
/// memory. The next runs list the others.
const MAX_NEW_THREADS: usize = 100_000;
/// The resolution of archive times.
const TICK: Duration = Duration::from_millis(1);

/// What is known about archived threads before they are looked for.
#[derive(Debug, Clone, Copy)]
pub struct ThreadKnowledge<'k> {
    /// The archive's channels and threads.
    pub known: &'k KnownChannels,
    /// The time before which every message in a thread is known. The platform's search finds
    /// the threads with later ones, where that takes fewer requests than listing them. `None`
    /// if every parent is to be listed.
    pub known_until: Option<Timestamp>,
    /// Whether all archived threads are listed, whatever is known.
    pub lists_all: bool,
    /// The time now.
    pub now: Timestamp,
}

/// Completes the facts by the archived threads and by what became of known channels that
/// no listing names. Archived threads are listed after the active ones, so that a thread
/// archived in between isn't missed.
///
/// # Errors
/// Returns a [`PlatformError`] that must end the run. Other errors of a parent's listing
/// are recorded in its [`ThreadListing`].
pub async fn discover_archived(
    platform: &Arc<dyn PlatformAdapter>,
    facts: &mut Facts,
    knowledge: ThreadKnowledge<'_>,
    monitor: &Arc<dyn Monitor>,
) -> Result<(), PlatformError> {
    let ThreadKnowledge { known, now, .. } = knowledge;
    let written = list_archived(platform, facts, knowledge, monitor).await?;
    find_absent(platform.as_ref(), facts, (known, &written), now, monitor.as_ref()).await
}

/// Lists the archived threads of all parents concurrently and adds them and the listings'
/// outcomes to the facts. Returns the threads in which a search found messages.
async fn list_archived(
    platform: &Arc<dyn PlatformAdapter>,
    facts: &mut Facts,
    knowledge: ThreadKnowledge<'_>,
    monitor: &Arc<dyn Monitor>,
) -> Result<HashSet<ChannelId>, PlatformError> {
    let known = knowledge.known;
    let budget = Arc::new(NewThreadBudget {
        known: known.values().filter(|known| known.kind.is_thread()).map(|known| known.id).collect(),
        free: Semaphore::new(MAX_NEW_THREADS),
    });
    let (listings, written) = parents_to_list(platform.as_ref(), facts, knowledge, monitor.as_ref()).await?;
    let mut tasks = JoinSet::new();
    for (parent, depth) in listings {
        let (platform, monitor) = (Arc::clone(platform), Arc::clone(monitor));
        let (parent, budget) = (parent.clone(), Arc::clone(&budget));
        tasks.spawn(async move {
            list_parent(platform.as_ref(), &parent, depth, &budget, monitor.as_ref()).await
        });
    }
    monitor.count(Counter::ListingsQueued, tasks.len() as u64);
    let mut listed = facts.listed();
    let mut listings = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        monitor.count(Counter::ListingsRead, 1);
        // The panic's message is dropped: it may contain message data.
        let (found, listing) = finished.map_err(|_| {
            PlatformError::new(ErrorKind::Unreadable, "archived threads", "the listing failed unexpectedly")
        })?;
        if let Some(error) = listing.error.as_ref().filter(|error| error.kind.ends_run()) {
            return Err(error.clone());
        }
        facts.add_threads(&mut listed, found);
        listings.push(listing);
    }
    listings.sort_by_key(|listing| listing.parent);
    facts.listings = listings;
    Ok(written)
}

/// The parents whose archived threads are to be listed, and the threads in which a search
/// found messages. Without a search, that is each parent in which there can be new ones.
async fn parents_to_list<'f>(
    platform: &dyn PlatformAdapter,
    facts: &'f Facts,
    ThreadKnowledge { known, known_until, lists_all, now }: ThreadKnowledge<'_>,
    monitor: &dyn Monitor,
) -> Result<(Vec<(&'f Channel, ListingDepth)>, HashSet<ChannelId>), PlatformError> {
    let known_threads = known.values().filter(|known| known.kind.is_thread());
    let with_threads: HashSet<ChannelId> =
        known_threads.clone().filter_map(|known| known.parent_id).collect();
    let mut parents = Vec::new();
    for parent in facts.channels.iter().filter(|channel| may_list(channel)) {
        let known_parent = known.get(&parent.id).map(Box::as_ref);
        let has_known_threads = with_threads.contains(&parent.id);
        let depth = if lists_all {
            Some(ListingDepth::complete(has_known_threads))
        } else {
            listing_depth(parent, known_parent, has_known_threads, now)
        };
        parents.extend(depth.map(|depth| (parent, depth)));
    }
    let searched = parents.iter().filter(|(_, depth)| !depth.is_due).count();
    let known_until = known_until.filter(|_| searched > usize::from(MAX_PAGES));
    let Some(known_until) = known_until else { return Ok((parents, HashSet::new())) };
    let found = search_threads(platform, facts, known, (known_until, now), monitor).await?;
    let Some(WrittenThreads { threads, parents: mut written }) = found else {
        return Ok((parents, HashSet::new()));
    };
    // A thread that was active and isn't any more was archived. What a run left unread is
    // in its parent's listing.
    let listed = facts.listed();
    let changed = known_threads.filter(|thread| {
        !listed.contains(&thread.id)
            && thread.state == ChannelState::Active
            && (thread.archived != Some(true) || thread.checkpoint.failed_at.is_some())
    });
    written.extend(changed.filter_map(|thread| thread.parent_id));
    parents.retain(|(parent, depth)| {
        let is_settled = known.get(&parent.id).is_some_and(|known| {
            known.state == ChannelState::Active
                && !known.listing.as_deref().is_some_and(|listing| listing.is_incomplete)
        });
        depth.is_due || !is_settled || written.contains(&parent.id)
    });
    // Parents in which nothing else shows that a thread is new.
    let listed_parents: HashSet<ChannelId> = parents.iter().map(|(parent, _)| parent.id).collect();
    let unlisted = facts.channels.iter().filter(|channel| {
        may_list(channel) && written.contains(&channel.id) && !listed_parents.contains(&channel.id)
    });
    parents.extend(unlisted.map(|parent| {
        let listing = known.get(&parent.id).and_then(|known| known.listing.as_deref());
        let watermark = listing.and_then(|listing| listing.watermark);
        (parent, ListingDepth { watermark, is_due: false, has_known_threads: false })
    }));
    Ok((parents, threads))
}

/// Whether to list the channel's threads: only of public and readable channels.
fn may_list(channel: &Channel) -> bool {
    channel.kind.has_threads() && channel.visibility.is_readable()
}

/// How far down the parent's archived threads are listed; `None` if nothing can be new.
fn listing_depth(
    parent: &Channel,
    known: Option<&KnownChannel>,
    has_known_threads: bool,
    now: Timestamp,
) -> Option<ListingDepth> {
    let listing = known.and_then(|known| known.listing.as_deref()).copied().unwrap_or_default();
    let listed_at = listing.listed_at;
    let Some(listed_at) = listed_at.filter(|at| is_past(*at, now)) else {
        return Some(ListingDepth::complete(has_known_threads));
    };
    if now.since(listed_at) >= COMPLETE_LISTING_INTERVAL {
        return Some(ListingDepth::complete(has_known_threads));
    }
    let read_to = known.and_then(|known| known.checkpoint.last_message_id);
    let has_moved = match (parent.last_message_at, parent.last_message_id) {
        // Forums list their newest thread, other channels their newest message.
        (Some(at), _) if !parent.kind.has_messages() => at >= listed_at,
        (_, last) => last > read_to,
    };
    let down_to_watermark = ListingDepth { watermark: listing.watermark, is_due: false, has_known_threads };
    (has_known_threads || has_moved).then_some(down_to_watermark)
}

/// How far down a parent's archived threads are listed.
#[derive(Debug, Clone, Copy)]
struct ListingDepth {
    /// The archive time to list down to; `None` lists all.
    watermark: Option<Timestamp>,
    /// Whether a complete listing is due, which no search replaces.
    is_due: bool,
    /// Whether the archive knows threads of the parent.
    has_known_threads: bool,
}

impl ListingDepth {
    /// Lists all of them.
    const fn complete(has_known_threads: bool) -> Self {
        Self { watermark: None, is_due: true, has_known_threads }
    }
}

/// The budget for new threads, shared by all listings of a run.
struct NewThreadBudget {
    /// Threads the archive knows; they cost nothing.
    known: HashSet<ChannelId>,
    /// How many more new threads may be added.
    free: Semaphore,
}

impl NewThreadBudget {
    /// Charges the new ones among `threads`. Returns false if the budget is used up.
    fn take<'a>(&self, mut threads: impl Iterator<Item = &'a Channel>) -> bool {
        threads.all(|thread| {
            self.known.contains(&thread.id) || self.free.try_acquire().map(SemaphorePermit::forget).is_ok()
        })
    }
}

/// Lists the archived threads of a parent. A server that doesn't support the route is
/// taken to have none, unless the archive knows threads of the parent.
async fn list_parent(
    platform: &dyn PlatformAdapter,
    parent: &Channel,
    depth: ListingDepth,
    budget: &NewThreadBudget,
    monitor: &dyn Monitor,
) -> (Vec<Channel>, ThreadListing) {
    let incomplete = |detail: &str| incomplete(platform.spec(), parent.id, detail);
    let (mut threads, mut seen) = (Vec::new(), HashSet::new());
    let mut listing = ThreadListing {
        parent: parent.id,
        watermark: None,
        is_complete: true,
        reached_bottom: false,
        error: None,
    };
    let mut cursor = ListingCursor::default();
    let mut has_stalled = false;
    loop {
        let (page, has_more) = match archived_page(platform, parent, cursor, monitor).await {
            Ok(page) => page,
            Err(error)
                if error.kind.is_unsupported() && cursor.before.is_none() && !depth.has_known_threads =>
            {
                break;
            }
            Err(error) => {
                listing.fail(error);
                break;
            }
        };
        let times = || page.iter().filter_map(|thread| thread.thread.as_ref()?.archived_at);
        let oldest = times().min();
        listing.watermark = listing.watermark.max(times().max());
        let before = threads.len();
        threads.extend(page.into_iter().filter(|thread| seen.insert(thread.id)));
        if !budget.take(threads[before..].iter()) {
            let detail =
                format!("more than {MAX_NEW_THREADS} new threads at once: the next runs read the rest");
            listing.fail(incomplete(&detail));
            break;
        }
        let Some(oldest) = oldest.filter(|_| has_more) else {
            if has_more {
                listing.fail(incomplete("the page has no readable archive time"));
            }
            listing.reached_bottom = listing.is_complete;
            break;
        };
        if depth.watermark.is_some_and(|watermark| oldest < watermark.earlier(WATERMARK_MARGIN)) {
            break;
        }
        cursor = if threads.len() > before {
            ListingCursor { before: Some(oldest.later(TICK)), must_overlap: true }
        } else {
            // A full page with a single archive time: threads beyond it may be missed.
            listing.fail(incomplete("older threads are unreachable: the API repeats a page"));
            if has_stalled || cursor.before == Some(oldest) {
                break;
            }
            has_stalled = true;
            ListingCursor { before: Some(oldest), must_overlap: false }
        };
    }
    (threads, listing)
}

/// The position of a page in a listing.
#[derive(Debug, Clone, Copy, Default)]
struct ListingCursor {
    /// Lists threads archived before this.
    before: Option<Timestamp>,
    /// Whether the page must repeat the last thread of the page before.
    must_overlap: bool,
}

/// Requests a page; retries an empty one if the server announced more or it should
/// overlap with the page before.
async fn archived_page(
    platform: &dyn PlatformAdapter,
    parent: &Channel,
    cursor: ListingCursor,
    monitor: &dyn Monitor,
) -> Result<(Vec<Channel>, bool), PlatformError> {
    let mut retries = 0;
    loop {
        let (page, has_more) = platform.archived_threads(parent, cursor.before, monitor).await?;
        if !page.is_empty() || !(has_more || cursor.must_overlap) {
            return Ok((page, has_more));
        }
        if retries == CONTRADICTION_RETRIES {
            let detail = "a page is empty although the API announced more";
            return Err(incomplete(platform.spec(), parent.id, detail));
        }
        retries += 1;
    }
}
