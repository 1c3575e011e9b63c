//! Messages, scrubbed.

use std::collections::BTreeMap;

use super::{Person, ScrubbedText, Scrubber};
use crate::model::{
    self, AttachmentId, ChannelId, Emoji, IdText, MalformedMessage, MemoryReservation, MessageId, Timestamp,
};

/// A reference to the message that a reply answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The answered message.
    pub message_id: MessageId,
    /// The channel of the answered message.
    pub channel_id: ChannelId,
    /// The author of the answered message, if known.
    pub author: Option<Person>,
}

/// The scrubbed metadata of an attached file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The attachment's ID.
    pub id: AttachmentId,
    /// The ID in the platform's format; `None` if that is the decimal number.
    pub id_text: Option<IdText>,
    /// The name it was uploaded with.
    pub filename: ScrubbedText,
    /// Size in bytes.
    pub size_bytes: i64,
    /// MIME type.
    pub content_type: Option<ScrubbedText>,
    /// The platform's URL without its signature.
    pub url: ScrubbedText,
    /// The signature of the URL; it differs on every read.
    pub url_signature: Option<ScrubbedText>,
    /// Other archived fields, as JSON.
    pub metadata: Option<ScrubbedText>,
}

/// The number of reactions to a message with one emoji, normal or burst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionCount {
    /// The platform's ID of a custom emoji; `None` for a Unicode emoji.
    pub custom_id: Option<i64>,
    /// The Unicode emoji, or the name of the custom emoji.
    pub name: ScrubbedText,
    /// Whether these are burst ("super") reactions.
    pub burst: bool,
    /// The number of reactors.
    pub count: i64,
}

impl ReactionCount {
    /// Whether its reactors can be requested: the emoji must have an ID, or a name in
    /// which no user's ID may have been replaced. No Unicode emoji has such a name.
    pub fn has_readable_reactors(&self) -> bool {
        self.custom_id.is_some() || !(self.name.is_empty() || self.name.may_name_user())
    }
}

/// A scrubbed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message's ID.
    pub id: MessageId,
    /// The author; a webhook counts as a bot.
    pub author: Option<Person>,
    /// The platform's number for the kind of message.
    pub kind: u32,
    /// The text.
    pub content: ScrubbedText,
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
    /// Other users in the message, including those found in its texts.
    pub people: Vec<Person>,
    /// Other archived fields, as JSON.
    pub metadata: Option<ScrubbedText>,
    /// Whether it is an ordinary message or reply without any content.
    pub is_blank: bool,
    /// Whether it is an ordinary message or a reply written by a person, so that its
    /// content was probably withheld if it is blank.
    pub is_by_person: bool,
    /// The thread that was started from the message, or that it announces.
    pub named_thread: Option<ChannelId>,
    /// Paths of the fields that were dropped because they are malformed.
    pub malformed_fields: Vec<String>,
}

impl Message {
    /// Whether the field, or a field nested in it, was dropped because it is malformed.
    pub fn has_malformed_field(&self, field: &str) -> bool {
        let is_of = |path: &String| {
            path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.malformed_fields.iter().any(is_of)
    }

    /// What is kept of a message by an erased user: that it existed, what it answers, and
    /// how others reacted.
    #[must_use]
    pub fn without_content(&self) -> Self {
        Self {
            id: self.id,
            author: None,
            kind: self.kind,
            content: ScrubbedText::default(),
            created_at: self.created_at,
            edited_at: None,
            pinned: self.pinned,
            reply: None,
            attachments: Vec::new(),
            reactions: self.reactions.clone(),
            people: Vec::new(),
            metadata: None,
            is_blank: false,
            is_by_person: false,
            named_thread: self.named_thread,
            malformed_fields: Vec::new(),
        }
    }
}

/// A scrubbed page of messages, ascending by ID.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The messages that could be decoded, at least in part.
    pub messages: Vec<Message>,
    /// The malformed messages of which nothing is kept. Their reasons are this program's
    /// own texts and need no scrubbing.
    pub malformed: Vec<MalformedMessage>,
    /// The greatest ID on the page, malformed messages included.
    pub last_id: Option<MessageId>,
    /// Fields that this version doesn't know: path → number of objects that have it.
    pub unknown_fields: BTreeMap<String, u64>,
    /// The memory reserved for the page.
    pub reservation: MemoryReservation,
}

impl Scrubber {
    /// Scrubs a page.
    pub fn page(self, page: model::MessagePage) -> Page {
        let last_id = page.last_id();
        Page {
            messages: page.messages.into_iter().map(|message| self.message(message)).collect(),
            malformed: page.malformed,
            last_id,
            unknown_fields: page.unknown_fields,
            reservation: page.reservation,
        }
    }

    fn message(self, mut message: model::Message) -> Message {
        let is_by_person = message.is_by_person();
        if !message.malformed_fields.is_empty() {
            let fields = message.malformed_fields.iter().map(String::as_str).collect::<Vec<_>>();
            message.metadata = message.metadata.with("malformed", fields.into());
        }
        let mut people: Vec<Person> = message.people.into_iter().map(|user| self.person(user)).collect();
        let author = message.author.map(|user| self.person(user));
        let reply = message.reply.map(|reply| Reply {
            message_id: reply.message_id,
            channel_id: reply.channel_id,
            author: reply.author.map(|user| self.person(user)),
        });
        let attachments =
            message.attachments.into_iter().map(|file| self.attachment(file, &mut people)).collect();
        let reactions =
            message.reactions.into_iter().map(|count| self.reaction(count, &mut people)).collect();
        Message {
            id: message.id,
            author,
            kind: message.kind,
            content: self.scrub(message.content, &mut people),
            created_at: message.created_at,
            edited_at: message.edited_at,
            pinned: message.pinned,
            reply,
            attachments,
            reactions,
            metadata: self.scrub_json(message.metadata, &mut people),
            is_blank: message.is_blank,
            is_by_person,
            named_thread: message.named_thread,
            malformed_fields: message.malformed_fields,
            people,
        }
    }

    fn attachment(self, file: model::Attachment, people: &mut Vec<Person>) -> Attachment {
        Attachment {
            id: file.id,
            id_text: self.ids().attachment_text(file.id),
            filename: self.scrub(file.filename, people),
            size_bytes: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
            content_type: file.content_type.map(|text| self.scrub(text, people)),
            url: self.scrub(file.url, people),
            url_signature: file.url_signature.map(|text| self.scrub(text, people)),
            metadata: self.scrub_json(file.metadata, people),
        }
    }

    fn reaction(self, reaction: model::ReactionCount, people: &mut Vec<Person>) -> ReactionCount {
        let (custom_id, name) = match reaction.emoji {
            Emoji::Unicode(name) => (None, name),
            Emoji::Custom { id, name } => (i64::try_from(id).ok(), name),
        };
        ReactionCount {
            custom_id,
            name: self.scrub(name, people),
            burst: reaction.burst,
            count: i64::try_from(reaction.count).unwrap_or(i64::MAX),
        }
    }

    /// Scrubs archived fields; `None` if there are none.
    pub(super) fn scrub_json(
        self,
        fields: model::Metadata,
        people: &mut Vec<Person>,
    ) -> Option<ScrubbedText> {
        fields.into_text().map(|text| self.scrub_json_text(text, people))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::HashScheme;
    use crate::platform::discord::SPEC;

    #[test]
    fn scrubbed_metadata_contains_no_id_and_stays_json() {
        const ID: &str = "123456789012345678";
        let fields = serde_json::json!({
            "text": format!("by <@{ID}> \"{ID}\""), "number": 123_456_789_012_345_678_u64,
        });
        let serde_json::Value::Object(fields) = fields else { unreachable!() };
        let mut people = Vec::new();
        let fields = model::Metadata::new(fields, |digits| digits.len() == ID.len());
        let scrubbed = Scrubber::new(&SPEC, HashScheme::Plain).scrub_json(fields, &mut people).unwrap();
        let text = scrubbed.resolve(|_| true);
        assert!(!text.contains(ID), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        assert_eq!(people.len(), 1);
    }
}
