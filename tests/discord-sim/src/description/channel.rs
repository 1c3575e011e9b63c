//! The description of a channel, its messages and its threads.

use serde::Deserialize;

use super::{Time, deserialize_id};
use crate::permissions::Overwrite;

/// One channel and its threads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelDescription {
    /// The channel's ID; 0 derives one.
    #[serde(deserialize_with = "deserialize_id")]
    pub id: u64,
    /// The channel type.
    pub kind: ChannelKind,
    /// Its name.
    pub name: String,
    /// Its topic; for a forum, the guidelines.
    pub topic: Option<String>,
    /// The name of its category.
    pub category: Option<String>,
    /// Number of messages; ignored for kinds without messages of their own.
    pub messages: u64,
    /// The mix of its messages and of those in its threads.
    pub mix: Mix,
    /// Preset permission overwrites.
    pub visibility: Visibility,
    /// Overwrites in addition to those of `visibility`.
    pub overwrites: Vec<Overwrite>,
    /// Its threads.
    pub threads: ThreadPlan,
    /// Number of newest messages that are deleted from the start; `last_message_id` still
    /// names the newest of them.
    pub deleted_last: u64,
    /// The time of the first message.
    pub first_message_at: Option<Time>,
    /// The time of the last message.
    pub last_message_at: Option<Time>,
}

impl ChannelDescription {
    /// An empty channel that everyone may view and read.
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
    /// Discord's number for this type.
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

    /// Whether the channel itself holds messages.
    pub const fn has_messages(self) -> bool {
        !matches!(self, Self::Category | Self::Directory | Self::Forum | Self::Media)
    }

    /// Whether the channel can have threads.
    pub const fn has_threads(self) -> bool {
        matches!(self, Self::Text | Self::Announcement | Self::Forum | Self::Media)
    }

    /// Whether its threads are posts, whose first message is in the thread itself.
    pub const fn is_forum(self) -> bool {
        matches!(self, Self::Forum | Self::Media)
    }

    /// The type of the public threads created in it.
    pub(crate) const fn public_thread(self) -> Self {
        if matches!(self, Self::Announcement) { Self::AnnouncementThread } else { Self::PublicThread }
    }

    /// Whether it is a thread itself.
    pub const fn is_thread(self) -> bool {
        matches!(self, Self::AnnouncementThread | Self::PublicThread | Self::PrivateThread)
    }

    /// Whether reading its text chat requires CONNECT.
    pub const fn is_vocal(self) -> bool {
        matches!(self, Self::Voice | Self::Stage)
    }
}

/// Which kinds of messages a channel contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mix {
    /// Plain text messages only.
    Bare,
    /// Mostly text, with a few replies, reactions and attachments.
    #[default]
    Plain,
    /// A lively community: many replies and reactions.
    Chat,
    /// Every kind of message in turn; 62 messages contain each kind at least once.
    Rich,
}

/// Preset permission overwrites of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// No overwrites.
    #[default]
    Everyone,
    /// @everyone may not view the channel; the bot may.
    Hidden,
    /// Only the bot may not view the channel.
    BotHidden,
    /// @everyone, and with it the bot, may not read the history.
    NoHistory,
    /// @everyone may not read the history; the bot may.
    HistoryForBot,
    /// Only the bot may not read the history.
    BotNoHistory,
    /// @everyone may not connect; the bot may.
    NoConnect,
    /// Only the bot may not connect.
    BotNoConnect,
}

/// The threads of a channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThreadPlan {
    /// Number of active public threads.
    pub active: u32,
    /// Number of archived public threads.
    pub archived: u32,
    /// Number of private threads. Every second one is archived; the bot is a member of
    /// all.
    pub private: u32,
    /// Number of messages per thread.
    pub messages: u64,
    /// Number of archived threads that share one archive time, around the boundary
    /// between the first and the second page of 100.
    pub tied: u32,
}
