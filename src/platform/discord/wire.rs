//! Discord's objects as sent. Any field may be absent, null or of an unknown kind; only
//! a missing or malformed essential field fails an object.
//! Shapes: <https://discord.com/developers/docs/resources/message> and the pages of the
//! other resources.

mod message;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

pub use self::message::{
    Attachment, Author, Emoji, Message, MessageReference, Reaction, StrictObject, Text, Time,
};
use super::bounded_list::BoundedList;
use crate::model::{Timestamp, UserId};

/// Maximum number of messages or users on a page: ten times the largest page size.
pub const MAX_PAGE_ITEMS: usize = 1000;
/// A page of messages or users.
pub type Page<T> = BoundedList<T, MAX_PAGE_ITEMS>;
/// A guild's channels, threads or roles. Discord's limits are 500, 1000 and 250, and may
/// grow. <https://support.discord.com/hc/en-us/articles/33694251638295>
pub type GuildList<T> = BoundedList<T, 10_000>;
/// A list within a message; Discord allows at most 100 of anything.
pub type MessageList<T> = BoundedList<T, 1000>;

/// Maximum number of unknown fields of an object; in `repair`, of all its fields.
pub const MAX_FIELDS: usize = 500;

/// Maximum size of an object in a list, in bytes. Text, embeds and components of a
/// message have a few thousand characters each.
pub const MAX_OBJECT_BYTES: usize = 1 << 20;

/// A snowflake: a string; a number on some compatible servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub u64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Id;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a snowflake")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Id, E> {
                text.parse().map(Id).map_err(|_| E::custom("not a snowflake"))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Id, E> {
                Ok(Id(number))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Reads a field that isn't essential: `None` if its value has an unexpected type.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = <&'de RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// Parses a time, ISO 8601 with an offset or `Z`.
pub fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(time.as_millisecond()))
}

/// A user object.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct User {
    /// Its ID.
    pub id: Option<Id>,
    /// Whether it is a bot.
    #[serde(default, deserialize_with = "lenient")]
    pub bot: Option<bool>,
}

impl User {
    /// The ID, if there is a usable one.
    pub fn id(&self) -> Option<UserId> {
        UserId::new(self.id?.0)
    }
}

/// An application object.
#[derive(Debug, Deserialize)]
pub struct Application {
    /// Its ID, which the invite URL contains.
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<Id>,
    #[serde(default, deserialize_with = "lenient")]
    flags: Option<u64>,
    /// Its bot's account.
    #[serde(default, deserialize_with = "lenient")]
    pub bot: Option<User>,
}

impl Application {
    /// Whether the bot receives the content of messages: flag `GATEWAY_MESSAGE_CONTENT` or
    /// its limited form. `None` if the flags are missing.
    /// <https://discord.com/developers/docs/resources/application#application-object-application-flags>
    pub fn reads_content(&self) -> Option<bool> {
        Some(self.flags? & (1 << 18 | 1 << 19) != 0)
    }
}

/// A role.
#[derive(Debug, Deserialize)]
pub struct Role<'a> {
    /// Its ID; that of @everyone equals the guild's.
    pub id: Id,
    /// Permission bits, in decimal.
    #[serde(borrow, default)]
    pub permissions: Option<&'a RawValue>,
}

/// A guild.
#[derive(Debug, Deserialize)]
pub struct Guild<'a> {
    /// Its ID.
    #[serde(default)]
    pub id: Option<Id>,
    /// The display name.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub name: Option<Cow<'a, str>>,
    /// The owner's user ID.
    #[serde(default, deserialize_with = "lenient")]
    pub owner_id: Option<Id>,
    /// Its roles.
    #[serde(borrow, default)]
    pub roles: Option<GuildList<Role<'a>>>,
}

/// A member of a guild.
#[derive(Debug, Deserialize)]
pub struct Member {
    /// The user.
    #[serde(default, deserialize_with = "lenient")]
    pub user: Option<User>,
    /// IDs of its roles, without @everyone.
    pub roles: GuildList<Id>,
}

/// A permission overwrite of a channel.
#[derive(Debug, Deserialize)]
pub struct Overwrite<'a> {
    /// ID of the role or member that it applies to.
    pub id: Id,
    /// 0 for a role, 1 for a member.
    #[serde(borrow, rename = "type")]
    pub kind: Option<&'a RawValue>,
    /// Granted permission bits.
    #[serde(borrow, default)]
    pub allow: Option<&'a RawValue>,
    /// Denied permission bits.
    #[serde(borrow, default)]
    pub deny: Option<&'a RawValue>,
}

/// Fields that only threads have.
#[derive(Debug, Deserialize)]
pub struct ThreadMetadata<'a> {
    /// Whether it is archived.
    #[serde(default, deserialize_with = "lenient")]
    pub archived: Option<bool>,
    /// When its archive state last changed.
    #[serde(borrow, default)]
    pub archive_timestamp: Option<Cow<'a, str>>,
    /// Whether only moderators can unarchive it.
    #[serde(default, deserialize_with = "lenient")]
    pub locked: Option<bool>,
    /// When it was created; absent for threads created before 2022.
    #[serde(borrow, default)]
    pub create_timestamp: Option<Cow<'a, str>>,
}

/// A channel or thread.
#[derive(Debug, Deserialize)]
pub struct Channel<'a> {
    /// Its ID.
    pub id: Id,
    /// Its guild's ID; absent in some listings.
    #[serde(default, deserialize_with = "lenient")]
    pub guild_id: Option<Id>,
    /// Its type number.
    #[serde(rename = "type")]
    pub kind: Option<u64>,
    /// The display name.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub name: Option<Cow<'a, str>>,
    /// The displayed description.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub topic: Option<Cow<'a, str>>,
    /// ID of its category or parent channel.
    #[serde(default)]
    pub parent_id: Option<Id>,
    /// ID of the newest message; of the newest thread in a forum.
    #[serde(default, deserialize_with = "lenient")]
    pub last_message_id: Option<Id>,
    /// Permissions that differ from the guild's.
    #[serde(borrow, default)]
    pub permission_overwrites: Option<GuildList<Overwrite<'a>>>,
    /// Present for threads.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub thread_metadata: Option<ThreadMetadata<'a>>,
    /// User ID of a thread's creator.
    #[serde(default, deserialize_with = "lenient")]
    pub owner_id: Option<Id>,
    /// Number of messages ever sent in a thread.
    #[serde(default, deserialize_with = "lenient")]
    pub total_message_sent: Option<u64>,
    /// Number of messages in a thread now.
    #[serde(default, deserialize_with = "lenient")]
    pub message_count: Option<u64>,
}

/// A list of threads.
#[derive(Debug, Deserialize)]
pub struct Threads<'a> {
    /// The threads, each unparsed, so that a malformed one fails alone.
    #[serde(borrow)]
    pub threads: GuildList<&'a RawValue>,
    /// Whether older threads follow; only in listings of archived threads.
    #[serde(default, deserialize_with = "lenient")]
    pub has_more: Option<bool>,
}

/// The answer of the server search, without the messages' fields that say what was written
/// and who wrote it.
#[derive(Debug, Deserialize)]
pub struct SearchResults {
    /// The found messages, each in a list of its own.
    pub messages: MessageList<MessageList<FoundMessage>>,
    /// The threads they are in.
    #[serde(default)]
    pub threads: Option<GuildList<FoundThread>>,
    /// Approximate number of all found messages.
    pub total_results: u64,
    /// Whether older messages are still missing from the index.
    pub doing_deep_historical_index: bool,
}

/// A message in the answer of the search.
#[derive(Debug, Deserialize)]
pub struct FoundMessage {
    /// ID of the channel or thread it is in.
    pub channel_id: Id,
}

/// A thread in the answer of the search.
#[derive(Debug, Deserialize)]
pub struct FoundThread {
    /// Its ID.
    pub id: Id,
    /// ID of its parent channel.
    #[serde(default)]
    pub parent_id: Option<Id>,
}

/// The ID of an object whose other fields are unreadable.
#[derive(Debug, Deserialize)]
pub struct IdOnly {
    /// Its ID.
    pub id: Id,
}
