//! Messages without people.

use std::collections::BTreeMap;

use super::{Person, ScrubbedText, Scrubber};
use crate::model::{
    self, AttachmentId, BrokenMessage, ChannelId, Emoji, IdText, MessageId, Reservation, Timestamp,
};

/// What a message answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The message answered.
    pub message_id: MessageId,
    /// The channel it stands in.
    pub channel_id: ChannelId,
    /// Who wrote it.
    pub author: Option<Person>,
}

/// A file's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its own ID.
    pub id: AttachmentId,
    /// That ID as the platform writes it, unless in decimal.
    pub id_text: Option<IdText>,
    /// The name it was uploaded with.
    pub filename: ScrubbedText,
    /// Bytes.
    pub size_bytes: i64,
    /// MIME type.
    pub content_type: Option<ScrubbedText>,
    /// The address without its signature.
    pub url: ScrubbedText,
    /// What the address was signed with: it changes at every read.
    pub url_signature: Option<ScrubbedText>,
    /// Further kept facts, JSON.
    pub metadata: Option<ScrubbedText>,
}

/// How often a message was reacted to with one emoji in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionCount {
    /// The platform's ID of a custom emoji.
    pub custom_id: Option<i64>,
    /// The character, or a custom emoji's name.
    pub name: ScrubbedText,
    /// A burst ("super") reaction.
    pub burst: bool,
    /// People.
    pub count: i64,
}

impl ReactionCount {
    /// Whether its emoji has an ID or a name to ask for its reactors by. No
    /// character is named by digits that could be a user's ID.
    pub fn can_be_asked(&self) -> bool {
        self.custom_id.is_some() || !(self.name.is_empty() || self.name.names_somebody())
    }
}

/// A message as it may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its own ID.
    pub id: MessageId,
    /// Who wrote it; a webhook counts as a bot.
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
    /// What it answers.
    pub reply: Option<Reply>,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// Its reactions.
    pub reactions: Vec<ReactionCount>,
    /// Everyone else the message shows.
    pub people: Vec<Person>,
    /// Further kept fields, JSON.
    pub metadata: Option<ScrubbedText>,
    /// Whether an ordinary message came without anything in it.
    pub is_blank: bool,
    /// Whether it is an ordinary one by a person, who writes none of nothing.
    pub is_by_person: bool,
    /// The thread that it names.
    pub named_thread: Option<ChannelId>,
    /// Paths of the fields that were dropped because they are malformed.
    pub malformed_fields: Vec<String>,
}

impl Message {
    /// Whether part of this field was dropped because it is malformed.
    pub fn has_malformed(&self, field: &str) -> bool {
        let is_of = |path: &String| {
            path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.malformed_fields.iter().any(is_of)
    }

    /// What is kept of a message by somebody who was erased: that it was there,
    /// and how others reacted.
    #[must_use]
    pub fn blanked(&self) -> Self {
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

/// A page of messages, ascending by ID.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Those that could be read.
    pub messages: Vec<Message>,
    /// Those that couldn't; their reasons are words of ours.
    pub broken: Vec<BrokenMessage>,
    /// The greatest ID on the page, broken messages included.
    pub last_id: Option<MessageId>,
    /// Fields that this version doesn't know, and how many objects had each.
    pub unknown_fields: BTreeMap<String, u64>,
    /// The memory that it takes.
    pub reservation: Reservation,
}

impl Scrubber {
    /// Takes the people out of a page.
    pub fn page(self, page: model::MessagePage) -> Page {
        let last_id = page.last_id();
        Page {
            messages: page.messages.into_iter().map(|message| self.message(message)).collect(),
            broken: page.broken,
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

    /// Kept fields as JSON text; `None` when there are none.
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
    use crate::platform::discord::SPEC;

    #[test]
    fn metadata_loses_its_people_and_stays_json() {
        const ID: &str = "123456789012345678";
        let fields = serde_json::json!({
            "text": format!("by <@{ID}> \"{ID}\""), "number": 123_456_789_012_345_678_u64,
        });
        let serde_json::Value::Object(fields) = fields else { unreachable!() };
        let mut people = Vec::new();
        let fields = model::Metadata::new(fields, |digits| digits.len() == ID.len());
        let scrubbed = Scrubber::new(&SPEC).scrub_json(fields, &mut people).unwrap();
        let text = scrubbed.resolve(|_| true);
        assert!(!text.contains(ID), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        assert_eq!(people.len(), 1);
    }
}
