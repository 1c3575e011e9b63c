//! What a platform says of a workspace, gathered.

use hashbrown::HashSet;

use crate::model::{Channel, ChannelId, ChannelKind, PlatformSpec, ProvenState, Timestamp, Workspace};
use crate::platform::{ErrorKind, PlatformError};

/// What the platform says of a workspace.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The workspace.
    pub workspace: Workspace,
    /// Channels and categories, then threads, each once.
    pub channels: Vec<Channel>,
    /// Known archived threads that no listing had to name: what the archive
    /// knows of them.
    pub remembered: Vec<Channel>,
    /// Known channels that are closed, gone or refused.
    pub gone: Vec<(ChannelId, ProvenState)>,
    /// Known channels, threads apart, that neither a listing nor their own answer
    /// shows.
    pub vanished: Vec<ChannelId>,
    /// Known channels and threads whose own answer was a refusal.
    pub refused: Vec<ChannelId>,
    /// The listings of archived threads.
    pub listings: Vec<ThreadListing>,
    /// Known channels that couldn't be asked for, or of which two answers
    /// contradict each other: nothing is concluded.
    pub unsettled: Vec<(ChannelId, PlatformError)>,
    /// Why the active threads couldn't be listed.
    pub active_unlisted: Option<PlatformError>,
}

impl Facts {
    /// IDs of the listed channels and threads.
    pub(super) fn listed(&self) -> HashSet<ChannelId> {
        self.channels.iter().map(|channel| channel.id).collect()
    }

    /// Adds threads, those whose ID is in `listed` apart.
    pub(super) fn add_threads(
        &mut self,
        listed: &mut HashSet<ChannelId>,
        threads: impl IntoIterator<Item = Channel>,
    ) {
        let is_thread = |thread: &Channel| thread.kind.is_thread() || thread.kind == ChannelKind::Unreadable;
        let threads = threads.into_iter().filter(is_thread);
        self.channels.extend(threads.filter(|thread| listed.insert(thread.id)));
    }
}

/// How the listing of a parent's archived threads went.
#[derive(Debug, Clone)]
pub struct ThreadListing {
    /// The parent.
    pub parent: ChannelId,
    /// The greatest archive time it saw.
    pub watermark: Option<Timestamp>,
    /// Whether it reached its end, so that the watermark holds.
    pub is_complete: bool,
    /// Whether that end was the oldest thread of all: what it didn't name is
    /// not among the archived ones.
    pub reached_bottom: bool,
    /// What ended it early.
    pub error: Option<PlatformError>,
}

impl ThreadListing {
    /// It is not complete: it left out a thread that is there.
    pub(super) fn contradict(&mut self, platform: &PlatformSpec, thread: ChannelId) {
        let thread = platform.channel_text(thread);
        let detail = format!("the listing leaves out thread {thread}, which is there");
        self.fail(incomplete(platform, self.parent, &detail));
    }

    pub(super) fn fail(&mut self, error: PlatformError) {
        self.is_complete = false;
        self.reached_bottom = false;
        self.error = Some(error);
    }
}

/// Why a listing of archived threads can't be trusted to be complete.
pub(super) fn incomplete(platform: &PlatformSpec, parent: ChannelId, detail: &str) -> PlatformError {
    let subject = format!("archived threads of channel {}", platform.channel_text(parent));
    PlatformError::new(ErrorKind::Unreadable, subject, detail)
}
