//! Compares archived messages with the platform's.
//!
//! Pages are read again and stored in a scratch database as a sync would store them: what that
//! changes is a difference. So everything that a sync does on purpose, such as keeping a known
//! author, is no difference.

mod channel;
mod hints;
mod pages;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::channel::ChannelReader;
use crate::anonymize::Scrubber;
use crate::archive::{ArchiveError, ChannelRow, ScratchArchive};
use crate::model::{
    ChannelId, ChannelState, Difference, DifferenceClass, IdTimes, KnownChannel, MessageId, ReactionMode,
    Timestamp, WorkspaceId,
};
use crate::monitor::Monitor;
use crate::platform::{PlatformAdapter, PlatformError};

/// Longest time between two reports of the progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);
/// Differences that a comparison names at most; all are counted.
const MAX_NAMED: u64 = 10_000;

/// What to compare with, and how.
pub struct Settings {
    /// Reads the platform.
    pub adapter: Arc<dyn PlatformAdapter>,
    /// Scrubs what is read.
    pub scrubber: Scrubber,
    /// Receives counters.
    pub monitor: Arc<dyn Monitor>,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What the archive holds of reactions.
    pub reactions: ReactionMode,
    /// The share of pages that are compared, more than 0 and at most 1.
    pub share: f64,
    /// Messages per page.
    pub page_size: u16,
    /// Channels that are read at once, at least 1.
    pub max_channels: usize,
    /// Whether the platform's search may be asked for the number of messages.
    pub uses_search: bool,
    /// When the comparison began.
    pub now: Timestamp,
}

/// A channel or thread to be compared, and what the archive claims to hold of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The channel.
    pub channel: ChannelId,
    /// Its row; `None` if it isn't archived.
    pub row: Option<ChannelRow>,
    /// The archive holds the messages after this one; `None` is the channel's beginning.
    pub after: Option<MessageId>,
    /// The archive holds the messages up to this one; `None` if it claims none.
    pub until: Option<MessageId>,
    /// The newest message by the platform's listing.
    pub announced: Option<MessageId>,
    /// Syncs read messages again that were sent from here on.
    pub followed_from: Timestamp,
    /// Messages ever sent in a thread, by the platform's count.
    pub messages_sent: Option<u64>,
    /// Messages in a thread now, by the platform's count.
    pub message_count: Option<u64>,
}

/// How long before the begin of a run its evidence ends: a search of its threads may lag.
const EVIDENCE_MARGIN: Duration = Duration::from_hours(1);

/// The message up to which the archive claims to hold a channel; `None` if it claims nothing.
/// `known_until`: the time before which the last run that covered the configuration left
/// nothing unread, unless a channel failed.
pub fn claim(
    times: &dyn IdTimes,
    known: Option<&KnownChannel>,
    parent: Option<&KnownChannel>,
    created_at: Timestamp,
    known_until: Option<Timestamp>,
) -> Option<MessageId> {
    let covered = known_until.map(|until| until.earlier(EVIDENCE_MARGIN));
    let covered_id = covered.and_then(|covered| times.id_before(covered));
    let Some(known) =
        known.filter(|known| !known.checkpoint.is_new() || known.checkpoint.failed_at.is_some())
    else {
        // Whether a channel was public then isn't known, but a thread was if its parent was.
        let was_listed = parent.is_some_and(|parent| {
            let listing = parent.listing.as_deref();
            parent.state == ChannelState::Active
                && listing.is_some_and(|listing| listing.listed_at.is_some() && !listing.is_incomplete)
        });
        return covered_id.filter(|_| was_listed && Some(created_at) < covered);
    };
    let checkpoint = &known.checkpoint;
    let is_doubted = checkpoint.failed_at.is_some() || checkpoint.end_record().unconfirmed_since.is_some();
    // A channel that was hidden or unreadable was not read by the last run.
    if checkpoint.history_complete && !is_doubted && known.state == ChannelState::Active {
        checkpoint.last_message_id.max(covered_id)
    } else {
        checkpoint.last_message_id
    }
}

/// The outcome of comparing a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelComparison {
    /// The channel.
    pub channel: ChannelId,
    /// Pages compared.
    pub pages: u64,
    /// Messages compared.
    pub messages: u64,
    /// Malformed messages on these pages: they can't be compared.
    pub malformed: u64,
    /// Whether every page was compared.
    pub is_whole: bool,
    /// Whether nothing of the channel is archived, although it should be.
    pub is_unarchived: bool,
    /// Number of differences by kind and class.
    pub counts: BTreeMap<(&'static str, DifferenceClass), u64>,
    /// The differences, ascending by message; of all channels, [`MAX_NAMED`] at most.
    pub differences: Vec<Difference>,
    /// Why the comparison of the channel ended early.
    pub error: Option<String>,
}

impl ChannelComparison {
    fn new(target: &Target) -> Self {
        Self {
            channel: target.channel,
            pages: 0,
            messages: 0,
            malformed: 0,
            is_whole: false,
            is_unarchived: false,
            counts: BTreeMap::new(),
            differences: Vec::new(),
            error: None,
        }
    }

    /// The number of differences of a class.
    pub fn count(&self, class: DifferenceClass) -> u64 {
        self.counts.iter().filter(|((_, of), _)| *of == class).map(|(_, count)| count).sum()
    }

    fn add(&mut self, difference: Difference, named: &AtomicU64) {
        *self.counts.entry((difference.kind.name(), difference.class)).or_default() += 1;
        if named.fetch_add(1, Ordering::Relaxed) < MAX_NAMED {
            self.differences.push(difference);
        }
    }
}

/// How far a comparison is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompareProgress {
    /// Channels that are finished.
    pub channels: u64,
    /// Channels in all.
    pub total: u64,
    /// Pages compared.
    pub pages: u64,
    /// Messages that differ.
    pub differences: u64,
}

/// Why a comparison ended early.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// No other request can succeed.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The archive can't be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// The outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// The channels that were compared.
    pub channels: Vec<ChannelComparison>,
    /// Whether it was stopped before the others.
    pub was_stopped: bool,
}

/// State shared by the channels of a comparison.
struct Shared {
    settings: Settings,
    scratch: Arc<Mutex<ScratchArchive>>,
    /// Differences that are named.
    named: AtomicU64,
    /// A message per compared page: the differences on it.
    pages: mpsc::UnboundedSender<u64>,
}

impl Shared {
    /// Uses the scratch database on a thread that may block.
    async fn with_scratch<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut ScratchArchive) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, CompareError> {
        let scratch = Arc::clone(&self.scratch);
        let work = move || work(&mut scratch.lock().unwrap_or_else(PoisonError::into_inner));
        let worked = tokio::task::spawn_blocking(work).await;
        // The panic's message is dropped: it may contain message data.
        Ok(worked.map_err(|_| ArchiveError::unexpected("comparing a page"))??)
    }
}

/// Closes the scratch database once no thread uses it any more: a page may still be compared
/// when the comparison stops.
async fn close(shared: Arc<Shared>) {
    let scratch = Arc::clone(&shared.scratch);
    drop(shared);
    while Arc::strong_count(&scratch) > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Compares channels, several at once, in the order given. `on_progress` is called after each
/// page and a few times a second; if it returns `false`, the comparison stops.
///
/// # Errors
/// Returns a [`CompareError`] that ends the comparison. What concerns one channel is part of
/// its [`ChannelComparison`].
pub async fn compare(
    settings: Settings,
    scratch: ScratchArchive,
    targets: Vec<Target>,
    on_progress: &mut dyn FnMut(CompareProgress) -> bool,
) -> Result<Comparison, CompareError> {
    let (pages, mut compared_pages) = mpsc::unbounded_channel();
    let mut progress = CompareProgress { total: targets.len() as u64, ..CompareProgress::default() };
    let max_channels = settings.max_channels.max(1);
    let shared = Arc::new(Shared {
        settings,
        scratch: Arc::new(Mutex::new(scratch)),
        named: AtomicU64::new(0),
        pages,
    });
    let (mut waiting, mut reading) = (targets.into_iter(), JoinSet::new());
    let mut comparison = Comparison::default();
    let mut tick = tokio::time::interval(PROGRESS_INTERVAL);
    loop {
        while reading.len() < max_channels
            && let Some(target) = waiting.next()
        {
            let shared = Arc::clone(&shared);
            reading.spawn(async move { ChannelReader::new(&shared, target).compare().await });
        }
        tokio::select! {
            finished = reading.join_next() => {
                let Some(finished) = finished else { break };
                let finished = finished.map_err(|_| ArchiveError::unexpected("comparing a channel"))?;
                comparison.channels.push(finished?);
                progress.channels += 1;
            }
            Some(differences) = compared_pages.recv() => {
                progress.pages += 1;
                progress.differences += differences;
            }
            _ = tick.tick() => {}
        }
        if !on_progress(progress) {
            comparison.was_stopped = true;
            break;
        }
    }
    // The others are dropped, and with them their requests.
    reading.shutdown().await;
    close(shared).await;
    comparison.channels.sort_by_key(|channel| channel.channel);
    Ok(comparison)
}
