//! Channels as a description names them.

use serde::Deserialize;

use super::{Time, id_or_text};
use crate::permissions::Overwrite;

/// One channel with its threads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelDescription {
    /// The channel's ID; 0 derives one.
    #[serde(deserialize_with = "id_or_text")]
    pub id: u64,
    /// What kind of channel it is.
    pub kind: ChannelKind,
    /// Its name.
    pub name: String,
    /// Its topic, for a forum its guidelines.
    pub topic: Option<String>,
    /// The name of the category it lies in.
    pub category: Option<String>,
    /// How many messages it holds; none for categories, directories and forums.
    pub messages: u64,
    /// What the messages, also those of its threads, are like.
    pub mix: Mix,
    /// Who may see and read it.
    pub visibility: Visibility,
    /// Overwrites besides those `visibility` makes.
    pub overwrites: Vec<Overwrite>,
    /// Its threads.
    pub threads: ThreadPlan,
    /// How many of its newest messages are deleted from the start:
    /// `last_message_id` still names the newest.
    pub deleted_last: u64,
    /// The time of the first message.
    pub first_message_at: Option<Time>,
    /// The time of the last message.
    pub last_message_at: Option<Time>,
}

impl ChannelDescription {
    /// A channel that everyone may see and read.
    pub fn new(kind: ChannelKind, name: &str) -> Self {
        Self { kind, name: name.to_owned(), ..Self::default() }
    }

    /// A text channel with this many messages.
    pub fn text(name: &str, messages: u64) -> Self {
        Self { messages, ..Self::new(ChannelKind::Text, name) }
    }
}

/// Resources/Channel, "Channel Types".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// 0.
    #[default]
    Text,
    /// 2.
    Voice,
    /// 4.
    Category,
    /// 5.
    Announcement,
    /// 10.
    AnnouncementThread,
    /// 11.
    PublicThread,
    /// 12.
    PrivateThread,
    /// 13.
    Stage,
    /// 14.
    Directory,
    /// 15.
    Forum,
    /// 16.
    Media,
}

impl ChannelKind {
    /// Discord's number for it.
    pub const fn code(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Voice => 2,
            Self::Category => 4,
            Self::Announcement => 5,
            Self::AnnouncementThread => 10,
            Self::PublicThread => 11,
            Self::PrivateThread => 12,
            Self::Stage => 13,
            Self::Directory => 14,
            Self::Forum => 15,
            Self::Media => 16,
        }
    }

    /// Whether it holds messages of its own.
    pub const fn has_messages(self) -> bool {
        !matches!(self, Self::Category | Self::Directory | Self::Forum | Self::Media)
    }

    /// Whether threads can lie in it.
    pub const fn has_threads(self) -> bool {
        matches!(self, Self::Text | Self::Announcement | Self::Forum | Self::Media)
    }

    /// Whether its threads are posts that contain their own first message.
    pub const fn is_forum(self) -> bool {
        matches!(self, Self::Forum | Self::Media)
    }

    /// The kind of its public threads.
    pub(crate) const fn public_thread(self) -> Self {
        if matches!(self, Self::Announcement) { Self::AnnouncementThread } else { Self::PublicThread }
    }

    /// Whether it is a thread itself.
    pub const fn is_thread(self) -> bool {
        matches!(self, Self::AnnouncementThread | Self::PublicThread | Self::PrivateThread)
    }

    /// Whether its text needs CONNECT.
    pub const fn is_vocal(self) -> bool {
        matches!(self, Self::Voice | Self::Stage)
    }
}

/// What the messages of a channel are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mix {
    /// Text of people and bots, nothing else.
    Bare,
    /// Mostly text, with a few replies, reactions and attachments.
    #[default]
    Plain,
    /// A lively community: many replies and reactions.
    Chat,
    /// Every kind of message in turn; about fifty messages show all of them.
    Rich,
}

/// Ready-made overwrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// No overwrite.
    #[default]
    Everyone,
    /// @everyone may not view it, the bot may.
    Hidden,
    /// @everyone may view it, the bot may not.
    BotHidden,
    /// Nobody without a special right reads the history, nor does the bot.
    NoHistory,
    /// @everyone may not read the history, the bot may.
    HistoryForBot,
    /// The bot alone may not read the history.
    BotNoHistory,
    /// @everyone may not connect, the bot may.
    NoConnect,
    /// The bot alone may not connect.
    BotNoConnect,
}

/// The threads of a channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThreadPlan {
    /// Public threads that are active.
    pub active: u32,
    /// Public threads that are archived.
    pub archived: u32,
    /// Private threads: every second one archived; the bot is in all of them.
    pub private: u32,
    /// Messages in each.
    pub messages: u64,
    /// How many archived threads share one archive time, around the edge of
    /// the first page of 100.
    pub tied: u32,
}
