//! Channels and threads as a platform lists them.

use super::message::text_weight;
use super::{ChannelId, MessageId, Metadata, Timestamp, User};

/// What is true of all channels of a kind.
struct KindFacts {
    name: &'static str,
    has_messages: bool,
    has_threads: bool,
    is_thread: bool,
}

macro_rules! channel_kinds {
    ($($(#[$doc:meta])* $kind:ident $facts:tt)+) => {
        /// What a channel is.
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

// The names of threads, and only those, end with `thread`: queries ask for that.
channel_kinds! {
    /// Ordinary messages.
    Text { name: "text", has_messages: true, has_threads: true, is_thread: false }
    /// Messages that other workspaces can follow.
    Announcement { name: "announcement", has_messages: true, has_threads: true, is_thread: false }
    /// The text of a voice channel.
    Voice { name: "voice", has_messages: true, has_threads: false, is_thread: false }
    /// The text of a stage channel.
    Stage { name: "stage", has_messages: true, has_threads: false, is_thread: false }
    /// Holds only threads.
    Forum { name: "forum", has_messages: false, has_threads: true, is_thread: false }
    /// Holds only threads, about media.
    Media { name: "media", has_messages: false, has_threads: true, is_thread: false }
    /// A public thread of a text, forum or media channel.
    PublicThread { name: "public_thread", has_messages: true, has_threads: false, is_thread: true }
    /// A public thread of an announcement channel.
    AnnouncementThread { name: "announcement_thread", has_messages: true, has_threads: false, is_thread: true }
    /// Groups channels; holds no messages.
    Category { name: "category", has_messages: false, has_threads: false, is_thread: false }
    /// Never archived: private threads, directories, and kinds not known yet.
    Other { name: "other", has_messages: false, has_threads: false, is_thread: false }
    /// What the platform says of it can't be read; only its ID is known.
    /// Stored as [`Self::Other`].
    Unreadable { name: "other", has_messages: false, has_threads: false, is_thread: false }
}

impl ChannelKind {
    /// The word stored in the archive.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The reverse of [`Self::name`]; an unknown word is [`Self::Other`].
    pub fn from_name(name: &str) -> Self {
        Self::ALL.iter().copied().find(|kind| kind.name() == name).unwrap_or(Self::Other)
    }

    /// Whether it has messages of its own to read.
    pub const fn has_messages(self) -> bool {
        self.facts().has_messages
    }

    /// Whether public threads can hang below it.
    pub const fn has_threads(self) -> bool {
        self.facts().has_threads
    }

    /// Whether it is a thread itself.
    pub const fn is_thread(self) -> bool {
        self.facts().is_thread
    }
}

/// What the archive knows about a channel's being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelState {
    /// Public, and the bot can read it.
    Active,
    /// Public, but the bot lacks a right that reading needs.
    Unreadable,
    /// Closed to @everyone.
    Hidden,
    /// Deleted on the platform.
    Deleted,
}

impl ChannelState {
    /// The word stored in the archive.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Unreadable => "unreadable",
            Self::Hidden => "hidden",
            Self::Deleted => "deleted",
        }
    }

    /// The reverse of [`Self::name`]; an unknown word is [`Self::Active`].
    pub fn from_name(name: &str) -> Self {
        [Self::Unreadable, Self::Hidden, Self::Deleted]
            .into_iter()
            .find(|state| state.name() == name)
            .unwrap_or(Self::Active)
    }
}

/// Who may see a channel, worked out from roles and overwrites.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visibility {
    /// @everyone may see its messages.
    pub everyone_sees: bool,
    /// @everyone may also read the history.
    pub everyone_reads_history: bool,
    /// What the bot still needs to read it, by the names of the platform's
    /// settings page; empty when it can read.
    pub bot_lacks: Vec<&'static str>,
    /// What keeps @everyone out, by the same names; empty when it may see.
    pub everyone_lacks: Vec<&'static str>,
}

impl Visibility {
    /// Whether it is public, and the bot can read it.
    pub const fn is_readable(&self) -> bool {
        self.everyone_sees && self.bot_lacks.is_empty()
    }
}

/// What only threads have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadFacts {
    /// Who started it, if the platform says.
    pub owner: Option<User>,
    /// Whether it is archived.
    pub archived: bool,
    /// When its archive state last changed.
    pub archived_at: Option<Timestamp>,
    /// Whether only moderators can unarchive it.
    pub locked: bool,
    /// Messages ever sent in it, as the platform counts.
    pub messages_sent: Option<u64>,
}

impl Channel {
    /// A channel of which no more is known, and which nobody is known to see.
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

    /// Bytes of memory that it takes at most on its way into the archive.
    pub fn weight(&self) -> usize {
        let texts = [Some(self.name.as_str()), self.topic.as_deref(), self.metadata.text()];
        2 * size_of::<Self>() + texts.into_iter().flatten().map(text_weight).sum::<usize>()
    }

    /// The channel that the rights come from: a thread's parent.
    pub fn root(&self) -> ChannelId {
        self.parent_id.filter(|_| self.kind.is_thread()).unwrap_or(self.id)
    }
}

/// A channel, category or thread, names and topic still raw.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its own ID.
    pub id: ChannelId,
    /// A channel's category, a thread's channel.
    pub parent_id: Option<ChannelId>,
    /// What it is.
    pub kind: ChannelKind,
    /// The name people see.
    pub name: String,
    /// The description people see.
    pub topic: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The newest message, a hint: it may be deleted, or of a thread.
    pub last_message_id: Option<MessageId>,
    /// When the message of [`Self::last_message_id`] was sent.
    pub last_message_at: Option<Timestamp>,
    /// Who may see it.
    pub visibility: Visibility,
    /// For threads only.
    pub thread: Option<ThreadFacts>,
    /// Further kept facts (tags, flags, slow mode), raw.
    pub metadata: Metadata,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_threads_and_only_those_end_with_thread() {
        for kind in ChannelKind::ALL.iter().copied() {
            assert_eq!(kind.name().ends_with("thread"), kind.is_thread(), "{kind:?}");
            assert!(ChannelKind::from_name(kind.name()) == kind || kind == ChannelKind::Unreadable);
        }
    }
}
