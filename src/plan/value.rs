//! The plan, as a plain value.

use super::left_out::LeftOut;
use crate::model::{Channel, ChannelId, ChannelKind, EndRecord, MessageId, Timestamp};

/// How a channel is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was never read: read it from its beginning.
    FirstRead,
    /// It was never read to its end: continue from the checkpoint.
    ReadOn,
    /// Read new messages, and those in the refresh window when it was last refreshed.
    Refresh,
    /// Read everything again.
    Full,
    /// Read the range given on the command line.
    Range,
}

impl Action {
    /// The name shown to users.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstRead => "first read",
            Self::ReadOn => "read on",
            Self::Refresh => "refresh",
            Self::Full => "full re-read",
            Self::Range => "range",
        }
    }
}

/// A backfill: the older part of a channel's history to be read after `since` moved back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillPlan {
    /// The new `since`; `None` is the channel's beginning.
    pub since: Option<Timestamp>,
    /// Reading begins after this message; `None` is the channel's beginning.
    pub after: Option<MessageId>,
    /// Reading ends at this message: what follows was read before.
    pub until: Option<MessageId>,
}

/// A range of a channel's history to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reread {
    /// Reading begins after this message; `None` is the channel's beginning.
    pub after: Option<MessageId>,
    /// Reading ends at this message.
    pub until: MessageId,
}

/// What reading a channel needs to know of it. Kept small: a run may hold one per thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedChannel {
    /// The channel's ID.
    pub id: ChannelId,
    /// The channel whose permissions apply: the channel itself, or a thread's parent.
    pub root: ChannelId,
    /// Its kind.
    pub kind: ChannelKind,
    /// When it was created.
    pub created_at: Timestamp,
    /// The newest message by the listing; it may be deleted or outdated.
    pub last_message_id: Option<MessageId>,
    /// Messages ever sent in a thread, by the platform's count.
    pub messages_sent: Option<u64>,
}

impl From<&Channel> for PlannedChannel {
    fn from(channel: &Channel) -> Self {
        Self {
            id: channel.id,
            root: channel.permission_channel(),
            kind: channel.kind,
            created_at: channel.created_at,
            last_message_id: channel.last_message_id,
            messages_sent: channel.thread.as_ref().and_then(|thread| thread.messages_sent),
        }
    }
}

/// A channel to be read, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelPlan {
    /// The channel.
    pub channel: PlannedChannel,
    /// How it is read.
    pub action: Action,
    /// The backfill, read before the main pass.
    pub backfill: Option<BackfillPlan>,
    /// Ranges read again after the main pass.
    pub rereads: Vec<Reread>,
    /// Whether its last read failed.
    pub is_retry: bool,
    /// The main pass begins after this message; `None` is the channel's beginning.
    pub after: Option<MessageId>,
    /// What the archive knows of the channel's end.
    pub end: Option<Box<EndRecord>>,
    /// The channel's malformed messages, ascending: the last ID of each one's range.
    pub malformed: Vec<MessageId>,
    /// The channel was read up to this message before.
    pub read_to: Option<MessageId>,
    /// The main pass ends at this message; `None` is the channel's end.
    pub until: Option<MessageId>,
    /// Whether pages move the checkpoint: not if that would skip history that was never
    /// read.
    pub moves_checkpoint: bool,
    /// Whether the checkpoint is later than the newest listed message: it must be
    /// verified against the newest page.
    pub has_checkpoint_beyond_newest: bool,
    /// Estimated number of messages; the channels with the most go first.
    pub weight: u64,
}

impl ChannelPlan {
    /// Number of messages to be read, if the platform tells it: of threads that are read
    /// from beginning to end.
    pub fn known_messages(&self) -> Option<u64> {
        let is_all = self.after.is_none() && self.until.is_none() && self.backfill.is_none();
        self.channel.messages_sent.filter(|_| is_all && self.rereads.is_empty())
    }

    /// Whether it reads history of unknown size, rather than just refreshing the channel.
    pub fn is_of_unknown_size(&self) -> bool {
        let reads_history = self.action != Action::Refresh || self.backfill.is_some();
        reads_history && self.known_messages().is_none()
    }
}

/// The plan of one tenant's sync.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Channels to be read, the largest first.
    #[allow(clippy::vec_box, reason = "each is moved into its own task, and freed once its channel is read")]
    pub reads: Vec<Box<ChannelPlan>>,
    /// Channels in which nothing can have changed.
    pub skipped: Vec<ChannelId>,
    /// Dead-letter channels, and when each is tried again.
    pub dead_letters: Vec<(ChannelId, Timestamp)>,
    /// Channels that aren't read, with the reason.
    pub left_out: Vec<LeftOut>,
    /// Channels selected by ID that the workspace doesn't have.
    pub unknown: Vec<ChannelId>,
    /// Number of configured, public and readable channels, including parents that hold
    /// only threads, whether or not anything is to be read in them.
    pub wanted_channels: usize,
}
