//! The facts about a workspace, as gathered from the platform.

use hashbrown::HashSet;

use crate::model::{Channel, ChannelId, ChannelKind, PlatformSpec, ProvenState, Timestamp, Workspace};
use crate::platform::{ErrorKind, PlatformError};

/// What the platform reports about a workspace.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The workspace.
    pub workspace: Workspace,
    /// Channels and categories, then threads, each once.
    pub channels: Vec<Channel>,
    /// Known archived threads that no listing had to name, built from the archive.
    pub remembered: Vec<Channel>,
    /// Known channels that are closed, deleted or refused, with the proven state.
    pub proven_states: Vec<(ChannelId, ProvenState)>,
    /// Known channels, without threads, that neither a listing names nor a lookup
    /// returns.
    pub vanished: Vec<ChannelId>,
    /// Known channels and threads whose lookup was refused.
    pub refused: Vec<ChannelId>,
    /// The listings of archived threads.
    pub listings: Vec<ThreadListing>,
    /// Channels whose lookup failed or contradicts a listing: nothing is concluded.
    pub inconclusive: Vec<(ChannelId, PlatformError)>,
    /// Errors of lookups beyond the limit of one run, which the next runs continue.
    pub postponed: Vec<String>,
    /// Why the active threads couldn't be listed.
    pub active_threads_error: Option<PlatformError>,
}

impl Facts {
    /// IDs of the channels and threads in `channels`.
    pub(super) fn listed(&self) -> HashSet<ChannelId> {
        self.channels.iter().map(|channel| channel.id).collect()
    }

    /// Adds threads, except those whose ID is in `listed`, and adds their IDs to it.
    pub(super) fn add_threads(
        &mut self,
        listed: &mut HashSet<ChannelId>,
        threads: impl IntoIterator<Item = Channel>,
    ) {
        let is_thread = |thread: &Channel| thread.kind.is_thread() || thread.kind == ChannelKind::Malformed;
        let threads = threads.into_iter().filter(is_thread);
        self.channels.extend(threads.filter(|thread| listed.insert(thread.id)));
    }
}

/// The outcome of listing a parent's archived threads.
#[derive(Debug, Clone)]
pub struct ThreadListing {
    /// The parent.
    pub parent: ChannelId,
    /// The latest archive time it saw.
    pub watermark: Option<Timestamp>,
    /// Whether it got down to the old watermark or to the oldest thread, so that the new
    /// watermark is valid.
    pub is_complete: bool,
    /// Whether it got down to the oldest thread: a thread it didn't name isn't archived.
    pub reached_bottom: bool,
    /// Why it is incomplete, if so.
    pub error: Option<PlatformError>,
}

impl ThreadListing {
    /// Marks it as incomplete, since it left out an existing thread.
    pub(super) fn contradict(&mut self, platform: &PlatformSpec, thread: ChannelId) {
        let thread = platform.channel_text(thread);
        let detail = format!("the listing omits thread {thread}, which exists");
        self.fail(incomplete(platform, self.parent, &detail));
    }

    /// Marks it as incomplete.
    pub(super) fn fail(&mut self, error: PlatformError) {
        self.is_complete = false;
        self.reached_bottom = false;
        self.error = Some(error);
    }
}

/// The error of an incomplete listing of archived threads.
pub(super) fn incomplete(platform: &PlatformSpec, parent: ChannelId, detail: &str) -> PlatformError {
    let subject = format!("archived threads of channel {}", platform.channel_text(parent));
    PlatformError::new(ErrorKind::Unreadable, subject, detail)
}
