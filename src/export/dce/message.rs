//! Messages.

use serde::Serialize;
use serde_json::Value;

use super::content::{Content, Emoji};
use super::embeds::{Embed, Sticker, list, text};
use crate::archive::message_parts::{KnownUser, MessageEmoji, MessageFile};
use crate::archive::{ArchiveError, ChannelRow, Reader};
use crate::export::text::millis_text;

/// The picture of accounts and servers without one.
pub const NO_PICTURE: &str = "https://cdn.discordapp.com/embed/avatars/0.png";
/// Hexadecimal digits of a hash that make a person's number, and its short name.
const NUMBER_DIGITS: usize = 15;
const NICKNAME_DIGITS: usize = 12;

/// A row of `message_log`.
#[derive(Debug, Clone, Default)]
pub struct MessageRow {
    pub key: i64,
    pub id: String,
    pub kind: i64,
    pub content: String,
    pub author: Option<KnownUser>,
    pub created_ms: i64,
    pub edited_ms: Option<i64>,
    pub is_pinned: bool,
    pub attachments: i64,
    pub reactions: i64,
    pub reply_to: Option<(String, Option<String>)>,
    pub metadata: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    id: String,
    r#type: String,
    timestamp: String,
    timestamp_edited: Option<String>,
    call_ended_timestamp: Option<String>,
    is_pinned: bool,
    content: String,
    author: User,
    attachments: Vec<Attachment>,
    embeds: Vec<Embed>,
    stickers: Vec<Sticker>,
    reactions: Vec<Reaction>,
    mentions: Vec<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "forwardedMessage")]
    forwarded: Option<Forwarded>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interaction: Option<Interaction>,
    inline_emojis: Vec<Emoji>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    name: String,
    discriminator: &'static str,
    nickname: String,
    color: Option<String>,
    is_bot: bool,
    roles: [&'static str; 0],
    avatar_url: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    id: String,
    url: String,
    file_name: String,
    file_size_bytes: i64,
}

#[derive(Debug, Serialize)]
struct Reaction {
    emoji: Emoji,
    count: i64,
    users: Vec<User>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    r#type: &'static str,
    message_id: Option<String>,
    channel_id: String,
    guild_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Forwarded {
    timestamp: Option<String>,
    timestamp_edited: Option<String>,
    content: String,
    attachments: Vec<Attachment>,
    embeds: Vec<Embed>,
    stickers: Vec<Sticker>,
}

#[derive(Debug, Serialize)]
struct Interaction {
    id: String,
    name: String,
    user: User,
}

impl User {
    /// A person is called by the hash. Programs expect a number as ID: that of its first digits.
    fn of(hash: &str, is_bot: Option<bool>) -> Self {
        let number = hash.get(..NUMBER_DIGITS).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        Self::named(number.unwrap_or_default(), hash, hash.get(..NICKNAME_DIGITS).unwrap_or(hash), is_bot)
    }

    /// A person who was erased, or whom the platform didn't name.
    fn unknown() -> Self {
        Self::named(0, "Deleted User", "Deleted User", None)
    }

    fn named(number: u64, name: &str, nickname: &str, is_bot: Option<bool>) -> Self {
        Self {
            id: number.to_string(),
            name: name.to_owned(),
            discriminator: "0000",
            nickname: nickname.to_owned(),
            color: None,
            is_bot: is_bot.unwrap_or_default(),
            roles: [],
            avatar_url: NO_PICTURE,
        }
    }
}

impl Message {
    /// Builds a message of a channel, reading what belongs to it.
    pub fn of(
        row: MessageRow,
        reader: &Reader,
        channel: ChannelRow,
        channel_id: &str,
        guild_id: &str,
    ) -> Result<Self, ArchiveError> {
        let metadata: Value =
            row.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let content = Content::of(&row.content);
        // What is known of them may change without the message.
        let mentions = content.mentioned.iter().map(|hash| User::of(hash, None)).collect();
        let files = if row.attachments > 0 { reader.files_of(channel, row.key)? } else { Vec::new() };
        let emoji = if row.reactions > 0 { reader.emoji_of(channel, row.key)? } else { Vec::new() };
        let interaction = metadata.get("interaction").or_else(|| metadata.get("interaction_metadata"));
        let call = metadata.get("call");
        Ok(Self {
            id: row.id,
            r#type: type_name(row.kind),
            timestamp: time(row.created_ms),
            timestamp_edited: row.edited_ms.map(time),
            call_ended_timestamp: call.and_then(|call| text(call, "ended_timestamp")),
            is_pinned: row.is_pinned,
            content: if row.content.is_empty() { fallback(row.kind).to_owned() } else { content.text },
            author: row.author.map_or_else(User::unknown, |user| User::of(&user.hash, user.is_bot)),
            attachments: files.into_iter().map(Attachment::of).collect(),
            embeds: Embed::all(&metadata),
            stickers: Sticker::all(&metadata),
            reactions: emoji.into_iter().map(Reaction::of).collect(),
            mentions,
            reference: Reference::of(row.reply_to, &metadata, channel_id, guild_id),
            forwarded: list(&metadata, "message_snapshots").next().map(Forwarded::of),
            interaction: interaction.map(Interaction::of),
            inline_emojis: content.emoji,
        })
    }
}

impl Attachment {
    fn of(file: MessageFile) -> Self {
        let MessageFile { id, name, size, url } = file;
        Self { id, url, file_name: name, file_size_bytes: size }
    }
}

impl Reaction {
    fn of(emoji: MessageEmoji) -> Self {
        let MessageEmoji { id, name, count, users } = emoji;
        let emoji = match id {
            Some(id) => Emoji::custom(&id.to_string(), &name, false),
            None => Emoji::character(&name),
        };
        let users = users.into_iter().map(|user| User::of(&user.hash, user.is_bot)).collect();
        Self { emoji, count, users }
    }
}

impl Reference {
    /// From the columns of a reply, or the metadata of other messages.
    fn of(
        reply_to: Option<(String, Option<String>)>,
        metadata: &Value,
        channel_id: &str,
        guild_id: &str,
    ) -> Option<Self> {
        let reference = metadata.get("message_reference");
        let is_forward =
            reference.and_then(|reference| reference.get("type")).and_then(Value::as_i64) == Some(1);
        let field = |key: &str| reference.and_then(|reference| text(reference, key));
        let (message_id, channel) = if let Some((message, channel)) = reply_to {
            (Some(message), channel)
        } else {
            reference?;
            (field("message_id"), field("channel_id"))
        };
        Some(Self {
            r#type: if is_forward { "Forward" } else { "Default" },
            message_id,
            channel_id: channel.unwrap_or_else(|| channel_id.to_owned()),
            guild_id: field("guild_id").unwrap_or_else(|| guild_id.to_owned()),
        })
    }
}

impl Forwarded {
    fn of(snapshot: &Value) -> Self {
        let message = snapshot.get("message").unwrap_or(snapshot);
        Self {
            timestamp: text(message, "timestamp"),
            timestamp_edited: text(message, "edited_timestamp"),
            content: Content::of(&text(message, "content").unwrap_or_default()).text,
            // The archive keeps the files of forwarded messages with those of the message.
            attachments: Vec::new(),
            embeds: Embed::all(message),
            stickers: Sticker::all(message),
        }
    }
}

impl Interaction {
    fn of(interaction: &Value) -> Self {
        let user = interaction.get("user").and_then(|user| text(user, "id"));
        Self {
            id: text(interaction, "id").unwrap_or_else(|| "0".to_owned()),
            name: text(interaction, "name").unwrap_or_default(),
            user: user.map_or_else(User::unknown, |hash| User::of(&hash, None)),
        }
    }
}

/// A time as DiscordChatExporter writes it, in UTC.
pub fn time(millis: i64) -> String {
    let text = millis_text(millis);
    text.strip_suffix('Z').map_or(text.clone(), |text| format!("{text}+00:00"))
}

/// The name of a message type; DiscordChatExporter writes others as numbers.
fn type_name(kind: i64) -> String {
    let name = match kind {
        0 => "Default",
        1 => "RecipientAdd",
        2 => "RecipientRemove",
        3 => "Call",
        4 => "ChannelNameChange",
        5 => "ChannelIconChange",
        6 => "ChannelPinnedMessage",
        7 => "GuildMemberJoin",
        18 => "ThreadCreated",
        19 => "Reply",
        other => return other.to_string(),
    };
    name.to_owned()
}

/// What stands for the text of an announcement that has none.
const fn fallback(kind: i64) -> &'static str {
    match kind {
        6 => "Pinned a message.",
        7 => "Joined the server.",
        18 => "Started a thread.",
        _ => "",
    }
}
