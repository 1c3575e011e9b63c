//! Messages and reactors as received from a platform, not scrubbed yet.

use std::collections::BTreeMap;

use super::{AttachmentId, ChannelId, MemoryReservation, MessageId, Metadata, Timestamp, UserId};

/// A person or bot, unhashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The user's ID on the platform.
    pub id: UserId,
    /// Whether it is a bot; `None` if only the ID is known.
    pub is_bot: Option<bool>,
}

/// A reference to the message that a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The answered message, which may be deleted.
    pub message_id: MessageId,
    /// The channel of the answered message.
    pub channel_id: ChannelId,
    /// The author of the answered message, if the platform says.
    pub author: Option<User>,
}

/// The metadata of an attached file. The file itself is never downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The attachment's ID.
    pub id: AttachmentId,
    /// The name it was uploaded with.
    pub filename: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// MIME type.
    pub content_type: Option<String>,
    /// The platform's URL without its signature.
    pub url: String,
    /// The signature of the URL; it differs on every read.
    pub url_signature: Option<String>,
    /// Other archived fields (width, height, duration), not scrubbed yet.
    pub metadata: Metadata,
}

/// The emoji of a reaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Emoji {
    /// A Unicode emoji: one character, or several joined.
    Unicode(String),
    /// A custom emoji of a workspace.
    Custom {
        /// Its ID on the platform.
        id: u64,
        /// Its name without colons; may be empty if the emoji was deleted.
        name: String,
    },
}

/// The number of reactions to a message with one emoji, normal or burst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionCount {
    /// The emoji.
    pub emoji: Emoji,
    /// Whether these are burst ("super") reactions.
    pub burst: bool,
    /// The number of reactors.
    pub count: u64,
}

/// One page of the reactors of a message with one emoji, normal or burst, ascending by
/// user ID.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReactorPage {
    /// The reactors, bots included.
    pub users: Vec<User>,
    /// Whether the platform returned as many users as requested: more may follow.
    pub is_full: bool,
}

/// Archived fields that count as content. An ordinary message has text, a file or at
/// least one of these; one without is blank (see [`Message::is_blank`]).
pub const CONTENT_FIELDS: [&str; 7] =
    ["embeds", "sticker_items", "poll", "message_snapshots", "components", "activity", "shared_client_theme"];

/// A message. Its texts are not scrubbed yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The message's ID.
    pub id: MessageId,
    /// The author; a webhook counts as a bot.
    pub author: Option<User>,
    /// The platform's number for the kind of message; 0 is an ordinary message.
    pub kind: u32,
    /// The text, in the platform's markup.
    pub content: String,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// The message it answers.
    pub reply: Option<Reply>,
    /// The attached files.
    pub attachments: Vec<Attachment>,
    /// Reaction counts, one entry per emoji and kind (normal or burst).
    pub reactions: Vec<ReactionCount>,
    /// Other users in the message: mentioned users, interaction users.
    pub people: Vec<User>,
    /// Other archived fields (embeds, stickers, poll, forward), not scrubbed yet.
    pub metadata: Metadata,
    /// Whether it is an ordinary message or reply without any content, as received when
    /// the bot may not read message content.
    pub is_blank: bool,
    /// The thread that was started from the message, or that it announces.
    pub named_thread: Option<ChannelId>,
    /// Paths of the fields that were dropped because they are malformed, such as
    /// `reactions.count`; never their values.
    pub malformed_fields: Vec<String>,
}

/// Additional bytes per digit of a text: a run of digits may be an ID candidate, which
/// is kept with its hash.
const DIGIT_BYTES: usize = 12;
/// Bytes per user in a message.
const PERSON_BYTES: usize = 100;

/// Upper bound in bytes for the memory a text takes while it is anonymized and stored.
pub(super) fn text_weight(text: &str) -> usize {
    text.len() + DIGIT_BYTES * text.bytes().filter(u8::is_ascii_digit).count()
}

impl Attachment {
    fn weight(&self) -> usize {
        let texts =
            [Some(self.filename.as_str()), Some(&self.url), self.metadata.text()].into_iter().flatten();
        let more = [&self.content_type, &self.url_signature].into_iter().flatten().map(String::as_str);
        2 * size_of::<Self>() + texts.chain(more).map(text_weight).sum::<usize>()
    }
}

impl ReactionCount {
    fn weight(&self) -> usize {
        let (Emoji::Unicode(name) | Emoji::Custom { name, .. }) = &self.emoji;
        2 * size_of::<Self>() + text_weight(name)
    }
}

impl Message {
    /// Upper bound in bytes for the memory it takes while it is anonymized and stored.
    pub fn weight(&self) -> usize {
        let texts = text_weight(&self.content) + self.metadata.text().map_or(0, text_weight);
        let files: usize = self.attachments.iter().map(Attachment::weight).sum();
        let reactions: usize = self.reactions.iter().map(ReactionCount::weight).sum();
        2 * size_of::<Self>() + texts + files + reactions + PERSON_BYTES * self.people.len()
    }

    /// Whether it is an ordinary message or a reply written by a person.
    pub fn is_by_person(&self) -> bool {
        matches!(self.kind, 0 | 19) && self.author.is_some_and(|author| author.is_bot == Some(false))
    }
}

/// A malformed message. It doesn't affect the other messages of its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedMessage {
    /// The message's ID, unless it is malformed, too.
    pub id: Option<MessageId>,
    /// The malformed field and what is wrong with it; never the field's value.
    pub reason: String,
}

/// One page of messages, ascending by ID.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessagePage {
    /// The messages that could be decoded, at least in part.
    pub messages: Vec<Message>,
    /// The malformed messages of which nothing is kept.
    pub malformed: Vec<MalformedMessage>,
    /// Whether the platform returned as many messages as requested: more may follow.
    pub is_full: bool,
    /// Fields that this version neither keeps nor drops on purpose: path → number of
    /// objects of the page that have it.
    pub unknown_fields: BTreeMap<String, u64>,
    /// The memory reserved for the page.
    pub reservation: MemoryReservation,
}

impl MessagePage {
    /// Upper bound in bytes for the memory its messages take while they are anonymized
    /// and stored.
    pub fn weight(&self) -> usize {
        self.messages.iter().map(Message::weight).sum()
    }

    /// Whether any message is blank.
    pub fn has_blank_message(&self) -> bool {
        self.messages.iter().any(|message| message.is_blank)
    }

    /// Whether any message has text.
    pub fn has_text(&self) -> bool {
        self.messages.iter().any(|message| !message.content.is_empty())
    }

    /// The smallest ID on the page, malformed messages included.
    pub fn first_id(&self) -> Option<MessageId> {
        let readable = self.messages.iter().map(|message| message.id);
        let malformed = self.malformed.iter().filter_map(|message| message.id);
        readable.chain(malformed).min()
    }

    /// The greatest ID on the page, malformed messages included.
    pub fn last_id(&self) -> Option<MessageId> {
        let readable = self.messages.iter().map(|message| message.id);
        let malformed = self.malformed.iter().filter_map(|message| message.id);
        readable.chain(malformed).max()
    }
}
