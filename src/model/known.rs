//! Channels as recorded in the archive by earlier runs.

use hashbrown::HashMap;

use super::{ChannelId, ChannelKind, ChannelState, Checkpoint, Timestamp};

/// An archived channel, with what planning needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownChannel {
    /// The channel's ID.
    pub id: ChannelId,
    /// The category of a channel, the parent channel of a thread.
    pub parent_id: Option<ChannelId>,
    /// The kind of channel.
    pub kind: ChannelKind,
    /// Its name, scrubbed.
    pub name: String,
    /// When it was created.
    pub opened_at: Timestamp,
    /// Its last known state.
    pub state: ChannelState,
    /// Whether a thread was archived on the platform; `None` for other channels.
    pub archived: Option<bool>,
    /// Its stored progress.
    pub checkpoint: Checkpoint,
    /// Progress in listing its archived threads. Boxed because only parent channels have
    /// one, and tens of thousands of threads are held in memory.
    pub listing: Option<Box<KnownListing>>,
    /// When the platform was last asked for this channel itself, because no listing
    /// contained it.
    pub requested_at: Option<Timestamp>,
    /// Whether messages of it are archived.
    pub has_messages: bool,
    /// Whether it is a thread that was found because a message names it.
    pub was_named_by_message: bool,
}

/// A thread that a message or its parent names, but no listing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedThread {
    /// The thread's ID.
    pub id: ChannelId,
    /// Its parent channel.
    pub parent: ChannelId,
    /// Whether a lookup of it was answered before.
    pub was_answered: bool,
}

/// Progress in listing the archived threads of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownListing {
    /// Threads archived up to this time are known: the next listing, newest first, goes
    /// down to it.
    pub watermark: Option<Timestamp>,
    /// When the archived threads were last listed completely.
    pub listed_at: Option<Timestamp>,
    /// Whether the last listing was incomplete.
    pub is_incomplete: bool,
}

/// Channels by ID. Boxed, because a table of tens of thousands of large entries takes
/// three times its memory while it grows.
pub type KnownChannels = HashMap<ChannelId, Box<KnownChannel>>;
