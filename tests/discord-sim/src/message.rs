//! The message model, independent of its JSON form (see `wire`).
//!
//! A log stores only what a test wrote or changed; everything else is composed from a
//! seed on demand.

mod compose;
mod reaction;
mod shape;
mod text;

pub(crate) use compose::{compose, sentence_for};
pub(crate) use reaction::{Reaction, ReactionEmoji, Reactors};

/// Resources/Message, "Message Types".
pub(crate) mod kind {
    pub(crate) const DEFAULT: u8 = 0;
    pub(crate) const PIN: u8 = 6;
    pub(crate) const JOIN: u8 = 7;
    pub(crate) const BOOST: u8 = 8;
    pub(crate) const FOLLOW: u8 = 12;
    pub(crate) const THREAD_CREATED: u8 = 18;
    pub(crate) const REPLY: u8 = 19;
    pub(crate) const SLASH_COMMAND: u8 = 20;
    pub(crate) const THREAD_STARTER: u8 = 21;
    pub(crate) const CONTEXT_COMMAND: u8 = 23;
    pub(crate) const ROLE_SUBSCRIPTION: u8 = 25;
    pub(crate) const STAGE_START: u8 = 27;
    pub(crate) const POLL_RESULT: u8 = 46;
}

/// Resources/Message, "Message Flags".
pub(crate) mod flag {
    pub(crate) const CROSSPOSTED: u32 = 1;
    pub(crate) const SUPPRESS_EMBEDS: u32 = 1 << 2;
    pub(crate) const HAS_THREAD: u32 = 1 << 5;
    pub(crate) const VOICE: u32 = 1 << 13;
    pub(crate) const HAS_SNAPSHOT: u32 = 1 << 14;
    pub(crate) const COMPONENTS_V2: u32 = 1 << 15;
}

/// A message as it is now, with the changes made to it.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub id: u64,
    pub channel_id: u64,
    /// Seed of every value that has no field here.
    pub seed: u64,
    /// Discord's `type`: see [`kind`].
    pub kind: u8,
    pub author: Author,
    pub content: String,
    pub edited_ms: Option<i64>,
    pub pinned: bool,
    pub mention_everyone: bool,
    pub flags: u32,
    pub reference: Option<Reference>,
    pub attachments: Vec<Attachment>,
    pub reactions: Vec<Reaction>,
    pub extra: Extra,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// Index in the guild's user pool.
    User(u32),
    /// A webhook; `author.id` is the webhook's ID.
    Webhook(u64),
}

/// Resources/Message, "Message Reference Structure".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference {
    pub channel_id: u64,
    pub message_id: Option<u64>,
    pub rendering: ReferenceRendering,
}

/// How an answer renders the referenced message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReferenceRendering {
    /// `referenced_message` is the object, or null if that message is deleted.
    Loaded,
    /// The backend did not fetch the message: no `referenced_message` field.
    Absent,
    /// A forward: `message_snapshots` instead.
    Forward,
}

#[derive(Debug, Clone)]
pub(crate) struct Attachment {
    pub id: u64,
    pub filename: String,
    /// In bytes.
    pub size: u64,
    pub content_type: Option<&'static str>,
    /// Width and height in pixels.
    pub pixels: Option<(u64, u64)>,
    pub voice: bool,
    pub clip: bool,
}

/// The optional part of a message; a message has at most one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    Nothing,
    LinkEmbed,
    RichEmbed,
    Stickers,
    Poll,
    PollResult,
    Buttons,
    Selects,
    Layout,
    /// Response to a slash command, with the pool index of the user who invoked it.
    Slash(u32),
    /// Response to a context-menu command, with the same index.
    Context(u32),
    /// Response to a modal submission, with the same index.
    Modal(u32),
    Activity,
    RoleSubscription,
    Resolved,
    MentionedChannels,
}
