//! Messages as a platform gives them, still raw.

use std::collections::BTreeMap;

use super::{AttachmentId, ChannelId, MessageId, Metadata, Reservation, Timestamp, UserId};

/// A person or bot, raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The platform's ID.
    pub id: UserId,
    /// Whether it is a bot; `None` where only the ID was given.
    pub is_bot: Option<bool>,
}

/// What a message answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The message answered, which may be deleted.
    pub message_id: MessageId,
    /// The channel it stands in.
    pub channel_id: ChannelId,
    /// Who wrote it, where the platform says.
    pub author: Option<User>,
}

/// A file's metadata; the file itself is never read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its own ID.
    pub id: AttachmentId,
    /// The name it was uploaded with.
    pub filename: String,
    /// Bytes.
    pub size_bytes: u64,
    /// MIME type.
    pub content_type: Option<String>,
    /// The platform's address, without what signs it.
    pub url: String,
    /// What the address is signed with: it differs at every read.
    pub url_signature: Option<String>,
    /// Further kept facts (width, height, duration), raw.
    pub metadata: Metadata,
}

/// What people react with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Emoji {
    /// A character, or several joined.
    Unicode(String),
    /// A workspace's own; a deleted one may have lost its name.
    Custom {
        /// The platform's ID.
        id: u64,
        /// The name without colons.
        name: String,
    },
}

/// How often a message was reacted to with one emoji in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionCount {
    /// With what.
    pub emoji: Emoji,
    /// A burst ("super") reaction.
    pub burst: bool,
    /// People.
    pub count: u64,
}

/// One page of who reacted to a message with one emoji in one way, ascending by
/// ID.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReactorPage {
    /// People and bots.
    pub users: Vec<User>,
    /// Whether it holds as many as a page can: more may follow.
    pub is_full: bool,
}

/// Kept fields that are content: besides text and files one of them makes up an
/// ordinary message.
pub const CONTENT_FIELDS: [&str; 7] =
    ["embeds", "sticker_items", "poll", "message_snapshots", "components", "activity", "shared_client_theme"];

/// A message, text still raw.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its own ID.
    pub id: MessageId,
    /// Who wrote it; a webhook counts as a bot.
    pub author: Option<User>,
    /// The platform's number for the kind of message; 0 is an ordinary one.
    pub kind: u32,
    /// The text, in the platform's markup.
    pub content: String,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// What it answers.
    pub reply: Option<Reply>,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// Its reactions, normal and burst apart.
    pub reactions: Vec<ReactionCount>,
    /// Everyone else whom the message shows: mentions, interaction users.
    pub people: Vec<User>,
    /// Further kept fields (embeds, stickers, poll, forward), raw.
    pub metadata: Metadata,
    /// Whether an ordinary message came without anything in it, as messages do
    /// that the bot may not read the content of.
    pub is_blank: bool,
    /// The thread that the message names as its own, or announces.
    pub named_thread: Option<ChannelId>,
    /// Paths of the fields that were dropped because they are malformed, such as
    /// `reactions.count`; never a value.
    pub malformed_fields: Vec<String>,
}

/// Bytes that a digit of a text takes besides: a run of them may be somebody's ID,
/// whose hash is kept.
const DIGIT_BYTES: usize = 12;
/// Bytes that a person takes whom a message shows.
const PERSON_BYTES: usize = 100;

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
    /// Bytes of memory that it takes at most on its way into the archive.
    pub fn weight(&self) -> usize {
        let texts = text_weight(&self.content) + self.metadata.text().map_or(0, text_weight);
        let files: usize = self.attachments.iter().map(Attachment::weight).sum();
        let reactions: usize = self.reactions.iter().map(ReactionCount::weight).sum();
        2 * size_of::<Self>() + texts + files + reactions + PERSON_BYTES * self.people.len()
    }

    /// Whether it is an ordinary message, or a reply, by a person.
    pub fn is_by_person(&self) -> bool {
        matches!(self.kind, 0 | 19) && self.author.is_some_and(|author| author.is_bot == Some(false))
    }
}

/// A message that couldn't be read; it stands for itself only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenMessage {
    /// Its ID, where that could be read.
    pub id: Option<MessageId>,
    /// Which field was wrong and how; never the field's value.
    pub reason: String,
}

/// What one request for messages brought, ascending by ID.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessagePage {
    /// Those that could be read.
    pub messages: Vec<Message>,
    /// Those that couldn't.
    pub broken: Vec<BrokenMessage>,
    /// Whether it holds as many messages as were asked for: more may follow.
    pub is_full: bool,
    /// Fields that this version neither keeps nor drops on purpose, by path, and
    /// how many objects of the page had each.
    pub unknown_fields: BTreeMap<String, u64>,
    /// The memory that it takes.
    pub reservation: Reservation,
}

impl MessagePage {
    /// Bytes of memory that its messages take at most on their way into the archive.
    pub fn weight(&self) -> usize {
        self.messages.iter().map(Message::weight).sum()
    }

    /// Whether a message came without anything in it.
    pub fn has_blank_message(&self) -> bool {
        self.messages.iter().any(|message| message.is_blank)
    }

    /// Whether a message came with text.
    pub fn has_text(&self) -> bool {
        self.messages.iter().any(|message| !message.content.is_empty())
    }

    /// The smallest ID on the page, broken messages included.
    pub fn first_id(&self) -> Option<MessageId> {
        let readable = self.messages.iter().map(|message| message.id);
        let broken = self.broken.iter().filter_map(|message| message.id);
        readable.chain(broken).min()
    }

    /// The greatest ID on the page, broken messages included.
    pub fn last_id(&self) -> Option<MessageId> {
        let readable = self.messages.iter().map(|message| message.id);
        let broken = self.broken.iter().filter_map(|message| message.id);
        readable.chain(broken).max()
    }
}
