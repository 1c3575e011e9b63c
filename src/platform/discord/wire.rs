//! Discord's objects as they come: every field may be missing, null or of an
//! unknown kind. Only what can't be done without fails an object.
//! Shapes: <https://discord.com/developers/docs/resources/message> and its
//! neighbours.

mod message;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

pub use self::message::{Attachment, Author, Emoji, Message, MessageReference, Only, Reaction, Text, Time};
use super::few::Few;
use crate::model::{Timestamp, UserId};

/// Messages or users on a page: ten times what is asked for at most.
pub const MOST_ON_PAGE: usize = 1000;
/// A page.
pub type Page<T> = Few<T, MOST_ON_PAGE>;
/// What a guild has many of: channels, threads, roles. Its limits lie at 500,
/// 1000 and 250, and may grow. <https://support.discord.com/hc/en-us/articles/33694251638295>
pub type Many<T> = Few<T, 10_000>;
/// What a message has several of: at most 100 of anything.
pub type Several<T> = Few<T, 1000>;

/// Fields of an object that this version doesn't know, at most.
pub const MOST_FIELDS: usize = 500;

/// The longest object of a list that is looked at, bytes: text, embeds and
/// components of a message have a few thousand characters each.
pub const MOST_OBJECT_BYTES: usize = 1 << 20;

/// A snowflake: text, or a number with some compatible servers.
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

/// A field whose value is dropped when it isn't what is expected, because the
/// object means the same without it.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = <&'de RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// A time, ISO 8601 with an offset or `Z`.
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
    /// Its ID, which an invitation names.
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<Id>,
    #[serde(default, deserialize_with = "lenient")]
    flags: Option<u64>,
    /// Its bot's account.
    #[serde(default, deserialize_with = "lenient")]
    pub bot: Option<User>,
}

impl Application {
    /// Whether messages come with content: flags `GATEWAY_MESSAGE_CONTENT` and
    /// its limited form.
    /// <https://discord.com/developers/docs/resources/application#application-object-application-flags>
    pub fn reads_content(&self) -> Option<bool> {
        Some(self.flags? & (1 << 18 | 1 << 19) != 0)
    }
}

/// A role.
#[derive(Debug, Deserialize)]
pub struct Role<'a> {
    /// Its ID; that of @everyone is the guild's.
    pub id: Id,
    /// Bits, in decimal.
    #[serde(borrow, default)]
    pub permissions: Option<&'a RawValue>,
}

/// A guild.
#[derive(Debug, Deserialize)]
pub struct Guild<'a> {
    /// Its ID.
    #[serde(default)]
    pub id: Option<Id>,
    /// The name people see.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub name: Option<Cow<'a, str>>,
    /// Who owns it.
    #[serde(default, deserialize_with = "lenient")]
    pub owner_id: Option<Id>,
    /// Its roles.
    #[serde(borrow, default)]
    pub roles: Option<Many<Role<'a>>>,
}

/// A member of a guild.
#[derive(Debug, Deserialize)]
pub struct Member {
    /// Who it is.
    #[serde(default, deserialize_with = "lenient")]
    pub user: Option<User>,
    /// The roles it has besides @everyone.
    pub roles: Many<Id>,
}

/// A permission overwrite of a channel.
#[derive(Debug, Deserialize)]
pub struct Overwrite<'a> {
    /// Of a role or a member.
    pub id: Id,
    /// 0 a role, 1 a member.
    #[serde(borrow, rename = "type")]
    pub kind: Option<&'a RawValue>,
    /// Bits.
    #[serde(borrow, default)]
    pub allow: Option<&'a RawValue>,
    /// Bits.
    #[serde(borrow, default)]
    pub deny: Option<&'a RawValue>,
}

/// What only threads have.
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
    /// When it was made; absent before 2022.
    #[serde(borrow, default)]
    pub create_timestamp: Option<Cow<'a, str>>,
}

/// A channel or thread.
#[derive(Debug, Deserialize)]
pub struct Channel<'a> {
    /// Its ID.
    pub id: Id,
    /// Its guild; absent in some listings.
    #[serde(default, deserialize_with = "lenient")]
    pub guild_id: Option<Id>,
    /// Its kind, by number.
    #[serde(rename = "type")]
    pub kind: Option<u64>,
    /// The name people see.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub name: Option<Cow<'a, str>>,
    /// The description people see.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub topic: Option<Cow<'a, str>>,
    /// Category or parent channel.
    #[serde(default)]
    pub parent_id: Option<Id>,
    /// The newest message or thread.
    #[serde(default, deserialize_with = "lenient")]
    pub last_message_id: Option<Id>,
    /// Who is let in or kept out.
    #[serde(borrow, default)]
    pub permission_overwrites: Option<Many<Overwrite<'a>>>,
    /// For threads.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub thread_metadata: Option<ThreadMetadata<'a>>,
    /// Who started a thread.
    #[serde(default, deserialize_with = "lenient")]
    pub owner_id: Option<Id>,
    /// Messages ever sent in a thread.
    #[serde(default, deserialize_with = "lenient")]
    pub total_message_sent: Option<u64>,
}

/// A list of threads.
#[derive(Debug, Deserialize)]
pub struct Threads<'a> {
    /// The threads, one by one.
    #[serde(borrow)]
    pub threads: Many<&'a RawValue>,
    /// Whether older ones follow; only listings of archived threads say so.
    #[serde(default, deserialize_with = "lenient")]
    pub has_more: Option<bool>,
}

/// Only the ID of an object that is otherwise unreadable.
#[derive(Debug, Deserialize)]
pub struct OnlyId {
    /// Its ID.
    pub id: Id,
}
