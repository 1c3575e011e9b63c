//! The plan as a value.

use super::left_out::LeftOut;
use crate::model::{Channel, ChannelId, ChannelKind, EndRecord, MessageId, Timestamp};

/// What is done with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was never read: read from its beginning.
    FirstRead,
    /// It was never read to its end: go on from the checkpoint.
    ReadOn,
    /// Read what is new, and what was young when it was last read.
    Refresh,
    /// Read everything again.
    Full,
    /// Read what this run alone was asked for.
    Range,
}

impl Action {
    /// A word or two for people.
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

/// The part of a channel's history that the archive is to begin with from now
/// on, and lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillPlan {
    /// The new beginning; `None` is the channel's.
    pub since: Option<Timestamp>,
    /// Reading begins behind this message.
    pub after: Option<MessageId>,
    /// Reading ends at this message: what follows was read before.
    pub until: Option<MessageId>,
}

/// A part of a channel's history that was read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reread {
    /// Reading begins behind this message; `None` is the channel's beginning.
    pub after: Option<MessageId>,
    /// Reading ends at this message.
    pub until: MessageId,
}

/// What reading needs to know of a channel. A run may hold as many of them as there
/// are threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedChannel {
    /// Its own ID.
    pub id: ChannelId,
    /// The channel that the rights come from: a thread's parent.
    pub root: ChannelId,
    /// What it is.
    pub kind: ChannelKind,
    /// When it was made.
    pub created_at: Timestamp,
    /// The newest message, a hint.
    pub last_message_id: Option<MessageId>,
    /// Messages ever sent in a thread, as the platform counts.
    pub messages_sent: Option<u64>,
}

impl From<&Channel> for PlannedChannel {
    fn from(channel: &Channel) -> Self {
        Self {
            id: channel.id,
            root: channel.root(),
            kind: channel.kind,
            created_at: channel.created_at,
            last_message_id: channel.last_message_id,
            messages_sent: channel.thread.as_ref().and_then(|thread| thread.messages_sent),
        }
    }
}

/// A channel that is read.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelPlan {
    /// The channel.
    pub channel: PlannedChannel,
    /// What is done.
    pub action: Action,
    /// What is read before that.
    pub backfill: Option<BackfillPlan>,
    /// What is read after that, once more.
    pub rereads: Vec<Reread>,
    /// Whether its last reading failed: this is another attempt.
    pub is_retry: bool,
    /// Reading begins behind this message; `None` is the channel's beginning.
    pub after: Option<MessageId>,
    /// What is known of the end of the channel, if anything is.
    pub end: Option<Box<EndRecord>>,
    /// Malformed messages of the channel, ascending: the last message of each
    /// one's range.
    pub malformed: Vec<MessageId>,
    /// Up to here the channel was read before.
    pub read_to: Option<MessageId>,
    /// Reading ends at this message.
    pub until: Option<MessageId>,
    /// Whether pages move the checkpoint: not if that would pass over history
    /// that was never read.
    pub moves_checkpoint: bool,
    /// Whether the checkpoint lies behind the newest message that the listing
    /// names: the newest page must hold it.
    pub doubts_checkpoint: bool,
    /// Messages it may take, a guess for what to begin with.
    pub weight: u64,
}

impl ChannelPlan {
    /// Messages it takes, where the platform says how many there are: in
    /// threads that are read from their beginning.
    pub fn known_messages(&self) -> Option<u64> {
        let is_all = self.after.is_none() && self.until.is_none() && self.backfill.is_none();
        self.channel.messages_sent.filter(|_| is_all && self.rereads.is_empty())
    }

    /// Whether it reads history of a size that nobody knows, and not just what
    /// is new or young.
    pub fn is_of_unknown_size(&self) -> bool {
        let reads_history = self.action != Action::Refresh || self.backfill.is_some();
        reads_history && self.known_messages().is_none()
    }
}

/// What a sync of one tenant would do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Channels that are read, the largest first.
    #[allow(clippy::vec_box, reason = "each is handed on by itself, and freed once its channel is read")]
    pub reads: Vec<Box<ChannelPlan>>,
    /// Channels in which nothing can have changed.
    pub skipped: Vec<ChannelId>,
    /// Channels that failed too often, and when each is tried again.
    pub dead_letters: Vec<(ChannelId, Timestamp)>,
    /// Channels that aren't read.
    pub left_out: Vec<LeftOut>,
    /// Channels asked for by ID that the workspace doesn't have.
    pub unknown: Vec<ChannelId>,
    /// Channels that are wanted, public and readable, whether or not anything is
    /// to be read in them; parents of threads included.
    pub wanted: usize,
}
