//! Channels and threads as a platform lists them, and their kinds and states.

use super::message::text_weight;
use super::{ChannelId, MessageId, Metadata, Timestamp, User};

/// Properties shared by all channels of a kind.
struct KindFacts {
    name: &'static str,
    has_messages: bool,
    has_threads: bool,
    is_thread: bool,
}

macro_rules! channel_kinds {
    ($($(#[$doc:meta])* $kind:ident $facts:tt)+) => {
        /// The kind of a channel.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ChannelKind {
            $($(#[$doc])* $kind,)+
        }

        impl ChannelKind {
            const ALL: &[Self] = &[$(Self::$kind),+];

            const fn facts(self) -> KindFacts {
                match self {
                    $(Self::$kind => KindFacts $facts,)+
                }
            }
        }
    };
}

// Exactly the names of thread kinds end with `thread`: SQL queries rely on it.
channel_kinds! {
    /// An ordinary text channel.
    Text { name: "text", has_messages: true, has_threads: true, is_thread: false }
    /// A channel that other workspaces can follow.
    Announcement { name: "announcement", has_messages: true, has_threads: true, is_thread: false }
    /// A voice channel; its text chat is archived.
    Voice { name: "voice", has_messages: true, has_threads: false, is_thread: false }
    /// A stage channel; its text chat is archived.
    Stage { name: "stage", has_messages: true, has_threads: false, is_thread: false }
    /// Holds only threads.
    Forum { name: "forum", has_messages: false, has_threads: true, is_thread: false }
    /// A forum for media; holds only threads.
    Media { name: "media", has_messages: false, has_threads: true, is_thread: false }
    /// A public thread of a text, forum or media channel.
    PublicThread { name: "public_thread", has_messages: true, has_threads: false, is_thread: true }
    /// A public thread of an announcement channel.
    AnnouncementThread { name: "announcement_thread", has_messages: true, has_threads: false, is_thread: true }
    /// Groups channels; holds no messages.
    Category { name: "category", has_messages: false, has_threads: false, is_thread: false }
    /// Never archived: private threads, directories, and kinds that this version
    /// doesn't know.
    Other { name: "other", has_messages: false, has_threads: false, is_thread: false }
    /// The platform's answer for it is malformed; only its ID is known. Stored as
    /// [`Self::Other`].
    Malformed { name: "other", has_messages: false, has_threads: false, is_thread: false }
}

impl ChannelKind {
    /// The word stored in `channels.kind`.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The inverse of [`Self::name`]; an unknown word is [`Self::Other`].
    pub fn from_name(name: &str) -> Self {
        Self::ALL.iter().copied().find(|kind| kind.name() == name).unwrap_or(Self::Other)
    }

    /// Whether it holds messages of its own.
    pub const fn has_messages(self) -> bool {
        self.facts().has_messages
    }

    /// Whether it can be the parent of public threads.
    pub const fn has_threads(self) -> bool {
        self.facts().has_threads
    }

    /// Whether it is a thread itself.
    pub const fn is_thread(self) -> bool {
        self.facts().is_thread
    }
}

/// The last known state of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelState {
    /// Public, and the bot can read it.
    Active,
    /// Public, but the bot lacks a permission needed to read it.
    Unreadable,
    /// Not visible to @everyone.
    Hidden,
    /// Deleted on the platform.
    Deleted,
}

impl ChannelState {
    /// The word stored in `channels.state`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Unreadable => "unreadable",
            Self::Hidden => "hidden",
            Self::Deleted => "deleted",
        }
    }

    /// The inverse of [`Self::name`]; an unknown word is [`Self::Active`].
    pub fn from_name(name: &str) -> Self {
        [Self::Unreadable, Self::Hidden, Self::Deleted]
            .into_iter()
            .find(|state| state.name() == name)
            .unwrap_or(Self::Active)
    }
}

/// Who may see a channel, computed from roles and permission overwrites.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visibility {
    /// @everyone may see its messages.
    pub everyone_sees: bool,
    /// @everyone may also read its history.
    pub everyone_reads_history: bool,
    /// Permissions the bot lacks to read it, named as on the platform's settings page;
    /// empty if it can read.
    pub bot_lacks: Vec<&'static str>,
    /// Permissions @everyone lacks to see it, named likewise; empty if it can see.
    pub everyone_lacks: Vec<&'static str>,
}

impl Visibility {
    /// Whether the channel is public and the bot can read it.
    pub const fn is_readable(&self) -> bool {
        self.everyone_sees && self.bot_lacks.is_empty()
    }
}

/// Properties that only threads have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadProperties {
    /// The user who started it, if the platform says.
    pub owner: Option<User>,
    /// Whether it is archived.
    pub archived: bool,
    /// When its archive state last changed.
    pub archived_at: Option<Timestamp>,
    /// Whether only moderators can unarchive it.
    pub locked: bool,
    /// Messages ever sent in it, as counted by the platform.
    pub messages_sent: Option<u64>,
    /// Number of messages in it by the platform's count, without the first; a hint. Threads
    /// from before July 2022 are counted up to 50.
    pub message_count: Option<u64>,
}

impl Channel {
    /// A channel with all optional fields empty and visible to nobody.
    pub fn new(id: ChannelId, kind: ChannelKind, name: impl Into<String>, created_at: Timestamp) -> Self {
        Self {
            id,
            parent_id: None,
            kind,
            name: name.into(),
            topic: None,
            created_at,
            last_message_id: None,
            last_message_at: None,
            visibility: Visibility::default(),
            thread: None,
            metadata: Metadata::default(),
        }
    }

    /// Upper bound in bytes for the memory it takes while it is anonymized and stored.
    pub fn weight(&self) -> usize {
        let texts = [Some(self.name.as_str()), self.topic.as_deref(), self.metadata.text()];
        2 * size_of::<Self>() + texts.into_iter().flatten().map(text_weight).sum::<usize>()
    }

    /// The channel whose permissions apply: a thread's parent, else the channel itself.
    pub fn permission_channel(&self) -> ChannelId {
        self.parent_id.filter(|_| self.kind.is_thread()).unwrap_or(self.id)
    }
}

/// A channel, category or thread. Name and topic are not scrubbed yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// The channel's ID.
    pub id: ChannelId,
    /// The category of a channel, the parent channel of a thread.
    pub parent_id: Option<ChannelId>,
    /// The kind of channel.
    pub kind: ChannelKind,
    /// The displayed name.
    pub name: String,
    /// The displayed description.
    pub topic: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The newest message according to the platform. Only a hint: it may be deleted, or
    /// belong to a thread.
    pub last_message_id: Option<MessageId>,
    /// When the message of [`Self::last_message_id`] was sent.
    pub last_message_at: Option<Timestamp>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Present for threads only.
    pub thread: Option<ThreadProperties>,
    /// Other archived fields (tags, flags, slow mode), not scrubbed yet.
    pub metadata: Metadata,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_names_of_thread_kinds_end_with_thread() {
        for kind in ChannelKind::ALL.iter().copied() {
            assert_eq!(kind.name().ends_with("thread"), kind.is_thread(), "{kind:?}");
            assert!(ChannelKind::from_name(kind.name()) == kind || kind == ChannelKind::Malformed);
        }
    }
}
