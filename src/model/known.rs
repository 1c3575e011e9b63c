//! Channels as an archive knows them.

use hashbrown::HashMap;

use super::{ChannelId, ChannelKind, ChannelState, Checkpoint, Timestamp};

/// What the plan needs to know of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownChannel {
    /// Its ID.
    pub id: ChannelId,
    /// A channel's category, a thread's channel.
    pub parent_id: Option<ChannelId>,
    /// What it is.
    pub kind: ChannelKind,
    /// Its name, scrubbed.
    pub name: String,
    /// When it was made.
    pub opened_at: Timestamp,
    /// Whether it was there and readable.
    pub state: ChannelState,
    /// Whether it was archived, for threads.
    pub archived: Option<bool>,
    /// How far it was read.
    pub checkpoint: Checkpoint,
    /// How far its archived threads are known. Only channels have it, and threads
    /// are known by the tens of thousands.
    pub listing: Option<Box<KnownListing>>,
    /// When it was last asked for by itself, because no listing named it.
    pub asked_at: Option<Timestamp>,
    /// Whether messages of it are archived.
    pub has_messages: bool,
    /// Whether it was found because something named it, and not by a listing.
    pub was_named: bool,
}

/// How far the archived threads of a channel are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownListing {
    /// Up to this archive time.
    pub watermark: Option<Timestamp>,
    /// When all of them were last listed.
    pub listed_at: Option<Timestamp>,
}

/// Channels by ID, each in memory of its own: a table of tens of thousands of
/// large entries takes three times as much of it while it grows.
pub type KnownChannels = HashMap<ChannelId, Box<KnownChannel>>;
