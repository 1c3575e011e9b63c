//! Discord's objects as they come: every field may be missing, null or of an
//! unknown kind. Only what can't be done without fails an object.
//! Shapes: <https://discord.com/developers/docs/resources/message> and its
//! neighbours.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

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
fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
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
    #[serde(borrow, default)]
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
    /// Its kind, by number.
    #[serde(rename = "type")]
    pub kind: Option<u64>,
    /// The name people see.
    #[serde(borrow, default)]
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

/// What a message refers to.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct MessageReference {
    /// The message.
    #[serde(default, deserialize_with = "lenient")]
    pub message_id: Option<Id>,
    /// Its channel.
    #[serde(default, deserialize_with = "lenient")]
    pub channel_id: Option<Id>,
}

/// A message whose author is all that matters.
#[derive(Debug, Deserialize)]
pub struct ReferencedMessage {
    /// Who wrote it.
    #[serde(default, deserialize_with = "lenient")]
    pub author: Option<User>,
}

/// A file's metadata.
#[derive(Debug, Deserialize)]
pub struct Attachment<'a> {
    /// Its ID.
    pub id: Id,
    /// The name it was uploaded with.
    #[serde(borrow, default)]
    pub filename: Option<Cow<'a, str>>,
    /// Bytes.
    #[serde(default, deserialize_with = "lenient")]
    pub size: Option<u64>,
    /// MIME type.
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub content_type: Option<Cow<'a, str>>,
    /// Signed.
    #[serde(borrow, default)]
    pub url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    title: Option<&'a RawValue>,
    #[serde(borrow, default)]
    description: Option<&'a RawValue>,
    #[serde(borrow, default)]
    width: Option<&'a RawValue>,
    #[serde(borrow, default)]
    height: Option<&'a RawValue>,
    #[serde(borrow, default)]
    duration_secs: Option<&'a RawValue>,
    #[serde(borrow, default)]
    flags: Option<&'a RawValue>,
}

impl<'a> Attachment<'a> {
    /// The further fields that came, by Discord's names.
    pub fn further(&self) -> impl Iterator<Item = (&'static str, &'a RawValue)> {
        let fields = [
            ("title", self.title),
            ("description", self.description),
            ("width", self.width),
            ("height", self.height),
            ("duration_secs", self.duration_secs),
            ("flags", self.flags),
        ];
        fields.into_iter().filter_map(|(name, raw)| Some((name, raw?)))
    }
}

/// What people react with.
#[derive(Debug, Deserialize)]
pub struct Emoji<'a> {
    /// Of a custom one.
    #[serde(default)]
    pub id: Option<Id>,
    /// The character or the name; null if a custom one was deleted.
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
}

/// Normal and burst reactions apart.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct CountDetails {
    /// Burst reactions.
    #[serde(default)]
    pub burst: Option<u64>,
    /// Normal reactions.
    #[serde(default)]
    pub normal: Option<u64>,
}

/// Reactions with one emoji.
#[derive(Debug, Deserialize)]
pub struct Reaction<'a> {
    /// Both kinds together.
    #[serde(default)]
    pub count: Option<u64>,
    /// Each kind.
    #[serde(default, deserialize_with = "lenient")]
    pub count_details: Option<CountDetails>,
    /// With what.
    #[serde(borrow)]
    pub emoji: Emoji<'a>,
}

/// A message, lean and borrowed: what is rare stays raw until it is wanted.
#[derive(Debug, Deserialize)]
#[allow(clippy::struct_field_names, reason = "Discord's names")]
pub struct Message<'a> {
    /// Its ID.
    pub id: Id,
    /// Its kind, by number.
    #[serde(rename = "type", default)]
    pub kind: Option<u32>,
    /// The text.
    #[serde(borrow, default)]
    pub content: Option<Cow<'a, str>>,
    /// Who wrote it.
    #[serde(default)]
    pub author: Option<User>,
    /// When it was sent.
    #[serde(borrow, default)]
    pub timestamp: Option<Cow<'a, str>>,
    /// When it was edited.
    #[serde(borrow, default)]
    pub edited_timestamp: Option<Cow<'a, str>>,
    /// Whether it is pinned.
    #[serde(default, deserialize_with = "lenient")]
    pub pinned: Option<bool>,
    /// Present on what webhooks sent.
    #[serde(borrow, default)]
    pub webhook_id: Option<&'a RawValue>,
    /// Users it mentions.
    #[serde(default)]
    pub mentions: Option<Several<User>>,
    /// Its files.
    #[serde(borrow, default)]
    pub attachments: Option<Several<&'a RawValue>>,
    /// Its reactions.
    #[serde(borrow, default)]
    pub reactions: Option<Several<Reaction<'a>>>,
    /// The message replied to.
    #[serde(default, deserialize_with = "lenient")]
    pub referenced_message: Option<ReferencedMessage>,
    /// What it refers to.
    #[serde(borrow, default)]
    pub message_reference: Option<&'a RawValue>,
    #[serde(borrow, default)]
    embeds: Option<&'a RawValue>,
    #[serde(borrow, default)]
    sticker_items: Option<&'a RawValue>,
    #[serde(borrow, default)]
    poll: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message_snapshots: Option<&'a RawValue>,
    #[serde(borrow, default)]
    components: Option<&'a RawValue>,
    #[serde(borrow, default)]
    interaction: Option<&'a RawValue>,
    #[serde(borrow, default)]
    interaction_metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    mention_everyone: Option<&'a RawValue>,
    #[serde(borrow, default)]
    mention_roles: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    flags: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thread: Option<&'a RawValue>,
    #[serde(borrow, default)]
    role_subscription_data: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    /// The further fields that came, by Discord's names.
    pub fn further(&self) -> impl Iterator<Item = (&'static str, &'a RawValue)> {
        let fields = [
            ("embeds", self.embeds),
            ("sticker_items", self.sticker_items),
            ("poll", self.poll),
            ("message_snapshots", self.message_snapshots),
            ("components", self.components),
            ("interaction", self.interaction),
            ("interaction_metadata", self.interaction_metadata),
            ("mention_everyone", self.mention_everyone),
            ("mention_roles", self.mention_roles),
            ("tts", self.tts),
            ("flags", self.flags),
            ("thread", self.thread),
            ("role_subscription_data", self.role_subscription_data),
        ];
        fields.into_iter().filter_map(|(name, raw)| Some((name, raw?)))
    }

    /// Who used a slash command, by its old and its new form.
    pub fn interacting(&self) -> impl Iterator<Item = User> {
        let raw = [self.interaction, self.interaction_metadata].into_iter().flatten();
        raw.filter_map(|raw| serde_json::from_str::<WithUser>(raw.get()).ok()?.user)
    }
}

/// Any object that names a user.
#[derive(Debug, Deserialize)]
struct WithUser {
    #[serde(default, deserialize_with = "lenient")]
    user: Option<User>,
}

/// Only the ID of an object that is otherwise unreadable.
#[derive(Debug, Deserialize)]
pub struct OnlyId {
    /// Its ID.
    pub id: Id,
}
