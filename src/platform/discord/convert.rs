//! Discord's objects as the neutral model.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::{few, keep, snowflake, wire};
use crate::model::{
    Attachment, AttachmentId, BrokenMessage, Channel, ChannelId, ChannelKind, Emoji, Message, MessageId,
    MessagePage, ReactionCount, ReactorPage, Reply, ThreadFacts, Timestamp, User, UserId, Visibility,
};
use crate::platform::PlatformError;

/// The kinds of message that answer another one: reply, thread starter, context
/// menu command. Others refer to a message for other reasons.
/// <https://discord.com/developers/docs/resources/message#message-object-message-types>
const REPLIES: [u32; 3] = [19, 21, 23];

/// How far a message may lie in the platform's own future: its clocks differ.
const CLOCK_TOLERANCE: Duration = Duration::from_hours(1);

/// More than there are: sums of counts stay numbers.
const MOST_PEOPLE: u64 = u32::MAX as u64;

/// Kept fields that are the content of a message.
const CONTENT: [&str; 5] = ["embeds", "sticker_items", "poll", "message_snapshots", "components"];

/// <https://discord.com/developers/docs/resources/channel#channel-object-channel-types>
pub const fn channel_kind(number: Option<u64>) -> ChannelKind {
    match number {
        Some(0) => ChannelKind::Text,
        Some(2) => ChannelKind::Voice,
        Some(4) => ChannelKind::Category,
        Some(5) => ChannelKind::Announcement,
        Some(10) => ChannelKind::AnnouncementThread,
        Some(11) => ChannelKind::PublicThread,
        Some(13) => ChannelKind::Stage,
        Some(15) => ChannelKind::Forum,
        Some(16) => ChannelKind::Media,
        _ => ChannelKind::Other,
    }
}

/// A channel; `None` without a usable ID.
pub fn channel(wire: &wire::Channel<'_>, raw: &Value, visibility: Visibility) -> Option<Channel> {
    let kind = channel_kind(wire.kind);
    let created =
        wire.thread_metadata.as_ref().and_then(|thread| wire::time(thread.create_timestamp.as_deref()?));
    let last_message_id = wire.last_message_id.and_then(|id| MessageId::new(id.0));
    Some(Channel {
        id: ChannelId::new(wire.id.0)?,
        parent_id: wire.parent_id.and_then(|id| ChannelId::new(id.0)),
        kind,
        name: owned(wire.name.as_ref()),
        topic: wire.topic.as_ref().map(|topic| topic.clone().into_owned()).filter(|topic| !topic.is_empty()),
        created_at: created.unwrap_or_else(|| snowflake::sent_at(wire.id.0)),
        last_message_id,
        last_message_at: last_message_id.map(|id| snowflake::sent_at(id.get())),
        visibility,
        thread: kind.is_thread().then(|| thread(wire)),
        metadata: keep::channel(raw),
    })
}

/// A channel of which nothing but the ID can be read; `None` if that can't.
pub fn only_id(raw: &str) -> Option<Channel> {
    let only = serde_json::from_str::<wire::OnlyId>(raw).ok()?;
    let (id, created_at) = (ChannelId::new(only.id.0)?, snowflake::sent_at(only.id.0));
    Some(Channel::new(id, ChannelKind::Unreadable, "", created_at))
}

fn thread(wire: &wire::Channel<'_>) -> ThreadFacts {
    let metadata = wire.thread_metadata.as_ref();
    ThreadFacts {
        owner: wire.owner_id.and_then(|id| UserId::new(id.0)).map(|id| User { id, is_bot: None }),
        archived: metadata.and_then(|thread| thread.archived).unwrap_or(false),
        archived_at: metadata.and_then(|thread| wire::time(thread.archive_timestamp.as_deref()?)),
        locked: metadata.and_then(|thread| thread.locked).unwrap_or(false),
        messages_sent: wire.total_message_sent,
    }
}

/// A page of messages, sorted by ID whatever order they came in.
#[allow(clippy::needless_pass_by_value, reason = "the reader of an answer consumes it")]
pub fn page(
    answer: Answer,
    channel: ChannelId,
    limit: u16,
    here: Timestamp,
) -> Result<MessagePage, PlatformError> {
    // One of the two clocks may be slow.
    let newest = answer.date.map(|date| date.max(here).later(CLOCK_TOLERANCE));
    let page = match at_once(&answer.body, channel, limit, newest) {
        Some(page) => page,
        None => one_by_one(&answer, channel, newest)?,
    };
    Ok(sorted(page, limit))
}

/// All messages of a page, in one pass over it; `None` unless each of them is as
/// documented. Then each has to be looked at alone.
fn at_once(body: &[u8], channel: ChannelId, limit: u16, newest: Option<Timestamp>) -> Option<MessagePage> {
    if body.len() > wire::MOST_OBJECT_BYTES {
        return None;
    }
    // What is known to be text needn't be looked at again, string by string.
    let mut json = serde_json::Deserializer::from_str(std::str::from_utf8(body).ok()?);
    let messages = Vec::with_capacity(usize::from(limit));
    let mut page = MessagePage { messages, ..MessagePage::default() };
    let take = |wire: wire::Message<'_>| add(&mut page, message(&wire, channel, newest));
    few::for_each(&mut json, wire::MOST_ON_PAGE, take).ok()?;
    json.end().ok()?;
    Some(page)
}

fn one_by_one(
    answer: &Answer,
    channel: ChannelId,
    newest: Option<Timestamp>,
) -> Result<MessagePage, PlatformError> {
    let mut page = MessagePage::default();
    let raw: wire::Page<&RawValue> = answer.parse()?;
    for raw in raw.iter() {
        add(&mut page, message_alone(raw.get(), channel, newest));
    }
    Ok(page)
}

fn add(page: &mut MessagePage, read: Result<Message, BrokenMessage>) {
    match read {
        Ok(message) => page.messages.push(message),
        Err(broken) => page.broken.push(broken),
    }
}

fn sorted(mut page: MessagePage, limit: u16) -> MessagePage {
    page.is_full = page.messages.len() + page.broken.len() >= usize::from(limit);
    page.broken.sort_by_key(|broken| broken.id);
    page.messages.sort_by_key(|message| message.id);
    page.messages.dedup_by_key(|message| message.id);
    page
}

/// The ID of a message sent no later than `newest`. A damaged ID of the future
/// would become the cursor, and everything before it be taken for read.
fn message_id(id: wire::Id, newest: Option<Timestamp>) -> Option<MessageId> {
    MessageId::new(id.0).filter(|id| newest.is_none_or(|newest| snowflake::sent_at(id.get()) <= newest))
}

/// One message of a page that can't be read at once. What is wrong with a broken
/// one is told without its values.
fn message_alone(raw: &str, channel: ChannelId, newest: Option<Timestamp>) -> Result<Message, BrokenMessage> {
    let broken = |reason: String| {
        let only = serde_json::from_str::<wire::OnlyId>(raw).ok();
        BrokenMessage { id: only.and_then(|only| message_id(only.id, newest)), reason }
    };
    if raw.len() > wire::MOST_OBJECT_BYTES {
        return Err(broken("it is longer than any real one".to_owned()));
    }
    let wire: wire::Message<'_> = serde_json::from_str(raw).map_err(|error| {
        broken(format!("a field is not as documented, at column {} of the message", error.column()))
    })?;
    message(&wire, channel, newest)
}

fn message(
    wire: &wire::Message<'_>,
    channel: ChannelId,
    newest: Option<Timestamp>,
) -> Result<Message, BrokenMessage> {
    let id = message_id(wire.id, newest);
    let broken = |reason: &str| BrokenMessage { id, reason: reason.to_owned() };
    let id = id.ok_or_else(|| broken("its ID is no snowflake, or one of the future"))?;
    let attachments = attachments(wire).ok_or_else(|| broken("an attachment is not as documented"))?;
    let metadata = metadata(wire).map_err(|_| broken("a kept field can't be read"))?;
    Ok(Message {
        id,
        author: author(wire),
        kind: wire.kind.unwrap_or(0),
        content: owned(wire.content.as_ref()),
        created_at: wire
            .timestamp
            .as_deref()
            .and_then(wire::time)
            .unwrap_or_else(|| snowflake::sent_at(id.get())),
        edited_at: wire.edited_timestamp.as_deref().and_then(wire::time),
        pinned: wire.pinned.unwrap_or(false),
        reply: reply(wire, channel),
        attachments,
        reactions: wire.reactions.as_deref().unwrap_or_default().iter().flat_map(reactions).collect(),
        people: people(wire),
        is_blank: is_blank(wire, &metadata),
        named_thread: None,
        malformed_fields: Vec::new(),
        metadata,
    })
}

/// Without the message-content intent these come empty; an ordinary message or
/// a reply always has one of them.
/// <https://discord.com/developers/docs/events/gateway#message-content-intent>
fn is_blank(wire: &wire::Message<'_>, metadata: &Map<String, Value>) -> bool {
    matches!(wire.kind, None | Some(0 | 19))
        && wire.content.as_ref().is_none_or(|content| content.is_empty())
        && wire.attachments.as_ref().is_none_or(|files| files.is_empty())
        && !CONTENT.iter().any(|field| metadata.contains_key(*field))
}

/// Who reacted; who can't be told is left out.
pub fn reactors(users: &[wire::User], limit: usize) -> ReactorPage {
    let user = |user: &wire::User| Some(User { id: user.id()?, is_bot: Some(user.bot.unwrap_or(false)) });
    ReactorPage { users: users.iter().filter_map(user).collect(), is_full: users.len() >= limit }
}

fn metadata(wire: &wire::Message<'_>) -> serde_json::Result<Map<String, Value>> {
    let mut kept = keep::message(wire.further())?;
    if let Some(reference) = wire.message_reference.filter(|_| !is_reply(wire)) {
        kept.append(&mut keep::reference(reference)?);
    }
    // The webhook's ID is its author's.
    if wire.webhook_id.is_some_and(|id| id.get() != "null") {
        kept.insert("webhook".to_owned(), true.into());
    }
    Ok(kept)
}

/// Webhooks write under an ID of their own and count as bots.
fn author(wire: &wire::Message<'_>) -> Option<User> {
    let author = wire.author?;
    let is_webhook = wire.webhook_id.is_some_and(|id| id.get() != "null");
    Some(User { id: author.id()?, is_bot: Some(is_webhook || author.bot.unwrap_or(false)) })
}

fn user(user: wire::User) -> Option<User> {
    // Only where it writes is it certain that somebody isn't a bot.
    Some(User { id: user.id()?, is_bot: user.bot.filter(|is_bot| *is_bot) })
}

fn people(wire: &wire::Message<'_>) -> Vec<User> {
    let mentioned = wire.mentions.as_deref().unwrap_or_default().iter().copied();
    mentioned.chain(wire.interacting()).filter_map(user).collect()
}

fn is_reply(wire: &wire::Message<'_>) -> bool {
    wire.kind.is_some_and(|kind| REPLIES.contains(&kind))
}

fn reply(wire: &wire::Message<'_>, channel: ChannelId) -> Option<Reply> {
    let reference = wire.message_reference.filter(|_| is_reply(wire))?;
    let reference: wire::MessageReference = serde_json::from_str(reference.get()).ok()?;
    Some(Reply {
        message_id: MessageId::new(reference.message_id?.0)?,
        channel_id: reference.channel_id.and_then(|id| ChannelId::new(id.0)).unwrap_or(channel),
        author: wire.referenced_message.as_ref().and_then(|message| user(message.author?)),
    })
}

fn attachments(wire: &wire::Message<'_>) -> Option<Vec<Attachment>> {
    wire.attachments.as_deref().unwrap_or_default().iter().map(|raw| attachment(raw.get())).collect()
}

fn attachment(raw: &str) -> Option<Attachment> {
    let wire: wire::Attachment<'_> = serde_json::from_str(raw).ok()?;
    let metadata = keep::attachment(wire.further()).ok()?;
    let (url, url_signature) = keep::split_signature(wire.url.as_deref().unwrap_or_default());
    Some(Attachment {
        id: AttachmentId::new(wire.id.0)?,
        filename: owned(wire.filename.as_ref()),
        size_bytes: wire.size.unwrap_or(0),
        content_type: wire.content_type.map(Cow::into_owned),
        url,
        url_signature,
        metadata,
    })
}

/// Normal and burst reactions are counted apart where Discord does.
fn reactions(wire: &wire::Reaction<'_>) -> impl Iterator<Item = ReactionCount> {
    let name = owned(wire.emoji.name.as_ref());
    let emoji = match wire.emoji.id {
        Some(id) => Emoji::Custom { id: id.0, name },
        None => Emoji::Unicode(name),
    };
    let total = wire.count.unwrap_or(0);
    let burst = wire.count_details.and_then(|details| details.burst).unwrap_or(0);
    let normal = wire.count_details.and_then(|details| details.normal).unwrap_or(total.saturating_sub(burst));
    [(false, normal), (true, burst)].into_iter().filter(|(_, count)| *count > 0).map(move |(burst, count)| {
        ReactionCount { emoji: emoji.clone(), burst, count: count.min(MOST_PEOPLE) }
    })
}

fn owned(text: Option<&Cow<'_, str>>) -> String {
    text.map(|text| text.clone().into_owned()).unwrap_or_default()
}
