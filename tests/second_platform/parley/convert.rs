//! Converts Parley's objects to the model. Objects with a malformed ID are dropped.

use verta_sync::model::{
    Attachment, AttachmentId, Channel, ChannelId, ChannelKind, Emoji, IdCodec as _, MalformedMessage,
    Message, MessagePage, Metadata, ReactionCount, Reply, Timestamp, User, UserId, Visibility,
};

use super::ids::{self, ParleyIds};
use crate::wire;

pub const fn person(id: UserId) -> User {
    User { id, is_bot: Some(false) }
}

pub fn channel(channel: wire::Channel) -> Option<Channel> {
    let last_message_id = channel.newest.as_deref().and_then(ids::message);
    let visibility = Visibility {
        everyone_sees: !channel.is_private,
        everyone_reads_history: !channel.is_private,
        everyone_lacks: if channel.is_private { vec!["Public channel"] } else { Vec::new() },
        bot_lacks: Vec::new(),
    };
    let (id, created_at) =
        (ParleyIds.parse_channel(&channel.id).ok()?, Timestamp::from_millis(channel.created_ms));
    let bare = Channel::new(id, ChannelKind::Text, channel.name, created_at);
    Some(Channel { last_message_at: last_message_id.map(ids::sent_at), last_message_id, visibility, ..bare })
}

pub fn page(channel: ChannelId, history: Vec<wire::Message>, limit: u16) -> MessagePage {
    let mut page = MessagePage { is_full: history.len() >= usize::from(limit), ..MessagePage::default() };
    for sent in history {
        let id = ids::message(&sent.id);
        match message(channel, sent) {
            Some(message) => page.messages.push(message),
            None => page.malformed.push(MalformedMessage { id, reason: "an ID is malformed".to_owned() }),
        }
    }
    page
}

fn message(channel_id: ChannelId, message: wire::Message) -> Option<Message> {
    let id = ids::message(&message.id)?;
    let reply = message.reply_to.and_then(|(answered, author)| {
        Some(Reply {
            message_id: ids::message(&answered)?,
            channel_id,
            author: ids::user(&author).map(person),
        })
    });
    let count = |(emoji, count)| ReactionCount { emoji: Emoji::Unicode(emoji), burst: false, count };
    Some(Message {
        id,
        author: Some(person(ids::user(&message.user)?)),
        kind: 0,
        is_blank: message.text.is_empty() && message.files.is_empty(),
        content: message.text,
        created_at: ids::sent_at(id),
        edited_at: message.edited_ms.map(Timestamp::from_millis),
        pinned: false,
        reply,
        attachments: message.files.into_iter().filter_map(attachment).collect(),
        reactions: message.reactions.into_iter().map(count).collect(),
        people: Vec::new(),
        metadata: Metadata::default(),
        named_thread: None,
        malformed_fields: Vec::new(),
    })
}

fn attachment(file: wire::File) -> Option<Attachment> {
    Some(Attachment {
        id: ids::read('F', &file.id).and_then(AttachmentId::new)?,
        filename: file.name,
        size_bytes: file.bytes,
        content_type: None,
        url: file.url,
        url_signature: None,
        metadata: Metadata::default(),
    })
}
