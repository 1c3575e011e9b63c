//! Messages as sent. Parsing is strict: a malformed field fails the message, and `repair`
//! then drops the malformed parts. Null and absent fields are allowed.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::fields::{ATTACHMENT, COUNT_DETAILS, MESSAGE, REACTION, REACTION_EMOJI};
use super::{Id, MAX_FIELDS, MessageList};
use crate::model::{Timestamp, UserId};

/// Text, borrowed from the body if it contains no escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A time, ISO 8601 with an offset or `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        super::time(&text).map(Self).ok_or_else(|| D::Error::custom("not a time"))
    }
}

/// Accepts only an object; a derived `Deserialize` accepts an array as well.
#[derive(Debug, Clone, Copy)]
pub struct StrictObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for StrictObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = StrictObject<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StrictObject<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(StrictObject)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// Declares an object whose fields may all be absent or null, and its `Deserialize`. A
/// duplicate field is an error. The names of fields that are neither declared nor
/// listed as dropped in `$list` are collected in `unknown`, which serde's derive can't
/// do without buffering.
macro_rules! object {
    (
        $(#[$about:meta])*
        $name:ident, listed in $list:expr;
        $($(#[$field_about:meta])* $visibility:vis $field:ident = $key:literal: $kind:ty,)*
    ) => {
        $(#[$about])*
        #[derive(Debug, Default)]
        #[allow(clippy::struct_field_names, reason = "Discord's names")]
        pub struct $name<'a> {
            $($(#[$field_about])* $visibility $field: Option<$kind>,)*
            /// Names of unknown fields.
            pub unknown: Vec<Text<'a>>,
        }

        impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields<'a>(PhantomData<&'a ()>);
                impl<'de: 'a, 'a> Visitor<'de> for Fields<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name<'a>, A::Error> {
                        let mut object = $name::default();
                        while let Some(key) = map.next_key::<Text<'a>>()? {
                            match &*key {
                                $($key => {
                                    if object.$field.is_some() {
                                        return Err(A::Error::duplicate_field($key));
                                    }
                                    object.$field = map.next_value()?;
                                })*
                                _ => {
                                    map.next_value::<IgnoredAny>()?;
                                    if object.unknown.len() == MAX_FIELDS {
                                        return Err(A::Error::custom("it has too many fields"));
                                    }
                                    if !$list.drops(&key) {
                                        object.unknown.push(key);
                                    }
                                }
                            }
                        }
                        Ok(object)
                    }
                }
                deserializer.deserialize_map(Fields(PhantomData))
            }
        }
    };
}

/// A user in a message: its author, or a mentioned or interacting user.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Author {
    /// The user ID.
    pub id: Option<Id>,
    /// Whether it is a bot.
    #[serde(default)]
    pub bot: Option<bool>,
}

impl Author {
    /// The ID, if there is a usable one.
    pub fn id(self) -> Option<UserId> {
        UserId::new(self.id?.0)
    }
}

/// A message's reference to another message.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct MessageReference {
    /// The message's ID.
    #[serde(default)]
    pub message_id: Option<Id>,
    /// Its channel's ID.
    #[serde(default)]
    pub channel_id: Option<Id>,
}

/// A copy of another message, of which only the author is read.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct ReferencedMessage {
    /// Its author.
    #[serde(default)]
    pub author: Option<StrictObject<Author>>,
}

/// Any object with a user.
#[derive(Debug, Deserialize)]
struct WithUser {
    /// The user.
    #[serde(default)]
    user: Option<StrictObject<Author>>,
}

object! {
    /// A file's metadata.
    Attachment, listed in ATTACHMENT;
    /// Its ID.
    pub id = "id": Id,
    /// The name it was uploaded with.
    pub filename = "filename": Text<'a>,
    /// Size in bytes.
    pub size = "size": u64,
    /// MIME type.
    pub content_type = "content_type": Text<'a>,
    /// URL with its signature.
    pub url = "url": Text<'a>,
    title = "title": &'a RawValue,
    description = "description": &'a RawValue,
    width = "width": &'a RawValue,
    height = "height": &'a RawValue,
    duration_secs = "duration_secs": &'a RawValue,
    flags = "flags": &'a RawValue,
    application = "application": &'a RawValue,
    clip_created_at = "clip_created_at": &'a RawValue,
    clip_participants = "clip_participants": &'a RawValue,
}

impl<'a> Attachment<'a> {
    /// The present fields that are kept as metadata, with Discord's names.
    pub fn metadata_fields(&self) -> impl Iterator<Item = (&'static str, &'a RawValue)> {
        let fields = [
            ("title", self.title),
            ("description", self.description),
            ("width", self.width),
            ("height", self.height),
            ("duration_secs", self.duration_secs),
            ("flags", self.flags),
            ("application", self.application),
            ("clip_created_at", self.clip_created_at),
            ("clip_participants", self.clip_participants),
        ];
        fields.into_iter().filter_map(|(name, raw)| Some((name, raw?)))
    }
}

object! {
    /// The emoji of a reaction.
    Emoji, listed in REACTION_EMOJI;
    /// ID of a custom emoji.
    pub id = "id": Id,
    /// The character, or the name of a custom emoji; null if that was deleted.
    pub name = "name": Text<'a>,
}

object! {
    /// Counts of a reaction, by kind.
    CountDetails, listed in COUNT_DETAILS;
    /// Number of burst reactions.
    pub burst = "burst": u32,
    /// Number of normal reactions.
    pub normal = "normal": u32,
}

object! {
    /// The reactions with one emoji.
    Reaction, listed in REACTION;
    /// Number of reactions of both kinds.
    pub count = "count": u32,
    /// Numbers of each kind.
    pub count_details = "count_details": CountDetails<'a>,
    /// The emoji.
    pub emoji = "emoji": Emoji<'a>,
}

object! {
    /// A message, borrowed from the body; rare fields stay raw until they are needed.
    Message, listed in MESSAGE;
    /// Its ID.
    pub id = "id": Id,
    /// Its channel's ID.
    pub channel_id = "channel_id": Id,
    /// Its type number.
    pub kind = "type": u32,
    /// The text.
    pub content = "content": Text<'a>,
    /// Its author.
    pub author = "author": StrictObject<Author>,
    /// When it was sent.
    pub timestamp = "timestamp": Time,
    /// When it was last edited.
    pub edited_timestamp = "edited_timestamp": Time,
    /// Whether it is pinned.
    pub pinned = "pinned": bool,
    /// Present if a webhook sent it.
    pub webhook_id = "webhook_id": &'a RawValue,
    /// Users it mentions.
    pub mentions = "mentions": MessageList<StrictObject<Author>>,
    /// Its attachments.
    pub attachments = "attachments": MessageList<Attachment<'a>>,
    /// Its reactions.
    pub reactions = "reactions": MessageList<Reaction<'a>>,
    /// The message replied to.
    pub referenced_message = "referenced_message": StrictObject<ReferencedMessage>,
    /// The reference to another message: a reply, a forward, a pin, a crosspost.
    pub message_reference = "message_reference": &'a RawValue,
    /// Its flags, a bit set.
    pub flags = "flags": &'a RawValue,
    /// The thread that was started from it.
    pub thread = "thread": &'a RawValue,
    embeds = "embeds": &'a RawValue,
    sticker_items = "sticker_items": &'a RawValue,
    poll = "poll": &'a RawValue,
    message_snapshots = "message_snapshots": &'a RawValue,
    components = "components": &'a RawValue,
    interaction = "interaction": &'a RawValue,
    interaction_metadata = "interaction_metadata": &'a RawValue,
    mention_everyone = "mention_everyone": &'a RawValue,
    mention_roles = "mention_roles": &'a RawValue,
    mention_channels = "mention_channels": &'a RawValue,
    tts = "tts": &'a RawValue,
    role_subscription_data = "role_subscription_data": &'a RawValue,
    purchase_notification = "purchase_notification": &'a RawValue,
    shared_client_theme = "shared_client_theme": &'a RawValue,
    activity = "activity": &'a RawValue,
    application = "application": &'a RawValue,
    call = "call": &'a RawValue,
}

impl<'a> Message<'a> {
    /// The present fields that are kept as metadata, with Discord's names.
    pub fn metadata_fields(&self) -> impl Iterator<Item = (&'static str, &'a RawValue)> {
        let fields = [
            ("embeds", self.embeds),
            ("sticker_items", self.sticker_items),
            ("poll", self.poll),
            ("components", self.components),
            ("message_snapshots", self.message_snapshots),
            ("interaction", self.interaction),
            ("interaction_metadata", self.interaction_metadata),
            ("mention_everyone", self.mention_everyone),
            ("mention_roles", self.mention_roles),
            ("mention_channels", self.mention_channels),
            ("tts", self.tts),
            ("flags", self.flags),
            ("thread", self.thread),
            ("role_subscription_data", self.role_subscription_data),
            ("purchase_notification", self.purchase_notification),
            ("shared_client_theme", self.shared_client_theme),
            ("activity", self.activity),
            ("application", self.application),
            ("call", self.call),
        ];
        fields.into_iter().filter_map(|(name, raw)| Some((name, raw?)))
    }

    /// The users of the interaction that it answers, from the deprecated and the current
    /// field.
    pub fn interaction_users(&self) -> impl Iterator<Item = Author> {
        let raw = [self.interaction, self.interaction_metadata].into_iter().flatten();
        raw.filter_map(|raw| serde_json::from_str::<WithUser>(raw.get()).ok()?.user).map(|user| user.0)
    }
}
