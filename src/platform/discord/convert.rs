//! Converts Discord's objects into the platform-neutral model.

use std::collections::{BTreeMap, HashSet};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::fields::{ATTACHMENT, COUNT_DETAILS, MESSAGE, REACTION, REACTION_EMOJI};
use super::findings::{Findings, Path};
use super::memory::MAX_PAGE_BYTES;
use super::value::MemoryBudget;
use super::{bounded_list, files, ids, keep, repair, snowflake, wire};
use crate::model::{
    Attachment, AttachmentId, CONTENT_FIELDS, Channel, ChannelId, ChannelKind, Emoji, MalformedMessage,
    Message, MessageId, MessagePage, ReactionCount, ReactorPage, Reply, ThreadProperties, Timestamp, User,
    UserId, Visibility,
};
use crate::platform::{CLOCK_TOLERANCE, ErrorKind, PlatformError};

/// Message types whose reference is a reply: reply, thread starter, context menu
/// command. Other types refer to a message for other reasons.
/// <https://discord.com/developers/docs/resources/message#message-object-message-types>
const REPLY_KINDS: [u32; 3] = [19, 21, 23];

/// Fields that describe the command or button that a message answers.
const INTERACTION_FIELDS: [&str; 2] = ["interaction", "interaction_metadata"];

/// Type of the message that announces a thread; its reference is the thread.
const THREAD_CREATED: u32 = 18;
/// Message flag: a thread was started from the message, and has its ID.
const HAS_THREAD: u64 = 1 << 5;

/// The kind of a channel by Discord's type number.
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

/// Converts a channel; `None` if its ID is zero or too large.
pub fn channel(wire: &wire::Channel<'_>, raw: &Value, visibility: Visibility) -> Option<Channel> {
    let kind = channel_kind(wire.kind);
    let created =
        wire.thread_metadata.as_ref().and_then(|thread| wire::time(thread.create_timestamp.as_deref()?));
    let last_message_id = wire.last_message_id.and_then(|id| MessageId::new(id.0));
    Some(Channel {
        id: ChannelId::new(wire.id.0)?,
        parent_id: wire.parent_id.and_then(|id| ChannelId::new(id.0)),
        kind,
        name: wire.name.as_deref().unwrap_or_default().to_owned(),
        topic: wire.topic.as_ref().map(|topic| topic.clone().into_owned()).filter(|topic| !topic.is_empty()),
        created_at: created.unwrap_or_else(|| snowflake::created_at(wire.id.0)),
        last_message_id,
        last_message_at: last_message_id.map(|id| snowflake::created_at(id.get())),
        visibility,
        thread: kind.is_thread().then(|| thread(wire)),
        metadata: keep::channel(raw),
    })
}

/// A channel of which only the ID is readable; `None` if not even that is.
pub fn malformed_channel(raw: &str) -> Option<Channel> {
    let only = serde_json::from_str::<wire::IdOnly>(raw).ok()?;
    let (id, created_at) = (ChannelId::new(only.id.0)?, snowflake::created_at(only.id.0));
    Some(Channel::new(id, ChannelKind::Malformed, "", created_at))
}

fn thread(wire: &wire::Channel<'_>) -> ThreadProperties {
    let metadata = wire.thread_metadata.as_ref();
    ThreadProperties {
        owner: wire.owner_id.and_then(|id| UserId::new(id.0)).map(|id| User { id, is_bot: None }),
        archived: metadata.and_then(|thread| thread.archived).unwrap_or(false),
        archived_at: metadata.and_then(|thread| wire::time(thread.archive_timestamp.as_deref()?)),
        locked: metadata.and_then(|thread| thread.locked).unwrap_or(false),
        messages_sent: wire.total_message_sent,
        message_count: wire.message_count,
    }
}

/// Reason for a message of a channel that wasn't requested.
const WRONG_CHANNEL: &str = "it belongs to another channel";

/// What the messages of a page must fulfil.
#[derive(Debug, Clone, Copy)]
struct PageScope {
    channel: ChannelId,
    /// The latest plausible time at which a message was sent.
    max_sent_at: Timestamp,
}

/// Number of objects per unknown field, by the field's path.
type UnknownFields = BTreeMap<String, u64>;

/// Parses a page of messages and sorts them by ID, whatever their order in the response.
/// `now` is this machine's time.
///
/// # Errors
/// Returns [`ErrorKind::Unreadable`] if the body is no list, and
/// [`ErrorKind::TooLarge`] if its messages take more than [`MAX_PAGE_BYTES`].
#[allow(clippy::needless_pass_by_value, reason = "the reader of an answer consumes it")]
pub fn page(
    answer: Answer,
    channel: ChannelId,
    limit: u16,
    now: Timestamp,
) -> Result<MessagePage, PlatformError> {
    // Either clock may be slow, and not every server sends its time.
    let max_sent_at = answer.date.map_or(now, |date| date.max(now)).later(CLOCK_TOLERANCE);
    let scope = PageScope { channel, max_sent_at };
    let page = match parse_page(&answer.body, scope, limit) {
        Some(page) => page,
        None => parse_messages(&answer, scope)?,
    };
    Ok(sorted(page, limit))
}

/// A page under construction, and the memory that its messages take, in bytes.
#[derive(Default)]
struct PageBuilder {
    page: MessagePage,
    bytes: usize,
}

impl PageBuilder {
    fn push(&mut self, message: Message) {
        self.bytes += message.weight();
        self.page.messages.push(message);
    }

    const fn is_too_large(&self) -> bool {
        self.bytes > MAX_PAGE_BYTES
    }
}

/// Parses a page in one pass; `None` if a message is malformed or the page is too large.
/// The caller then parses each message separately.
fn parse_page(body: &[u8], scope: PageScope, limit: u16) -> Option<MessagePage> {
    if body.len() > wire::MAX_OBJECT_BYTES {
        return None;
    }
    // Validate UTF-8 once: for a slice, the parser would validate each string.
    let mut json = serde_json::Deserializer::from_str(std::str::from_utf8(body).ok()?);
    let mut builder = PageBuilder::default();
    builder.page.messages.reserve(limit.into());
    let mut all_read = true;
    let take = |wire: wire::Message<'_>| {
        let unknown = &mut builder.page.unknown_fields;
        let read = all_read.then(|| message(&wire, scope, Findings::default(), unknown));
        match read {
            Some(Ok(message)) => builder.push(message),
            _ => all_read = false,
        }
        all_read &= !builder.is_too_large();
    };
    bounded_list::for_each(&mut json, wire::MAX_PAGE_ITEMS, take).ok()?;
    json.end().ok()?;
    all_read.then_some(builder.page)
}

/// Parses each message of a page separately, so that a malformed one fails alone.
fn parse_messages(answer: &Answer, scope: PageScope) -> Result<MessagePage, PlatformError> {
    let mut builder = PageBuilder::default();
    let raw: wire::Page<&RawValue> = answer.parse()?;
    for raw in raw.iter() {
        match parse_message(raw.get(), scope, &mut builder.page.unknown_fields) {
            Ok(message) => builder.push(message),
            Err(malformed) => builder.page.malformed.push(malformed),
        }
        if builder.is_too_large() {
            let detail = format!("its messages exceed {} MiB", MAX_PAGE_BYTES >> 20);
            return Err(PlatformError::new(ErrorKind::TooLarge, answer.subject.clone(), detail));
        }
    }
    Ok(builder.page)
}

fn sorted(mut page: MessagePage, limit: u16) -> MessagePage {
    page.is_full = page.messages.len() + page.malformed.len() >= usize::from(limit);
    page.malformed.sort_by_key(|malformed| malformed.id);
    page.messages.sort_by_key(|message| message.id);
    page.messages.dedup_by_key(|message| message.id);
    page
}

/// The ID of a message sent no later than `max_sent_at`. A malformed ID from the future
/// would become the cursor, and all messages before it would count as read.
fn message_id(id: wire::Id, max_sent_at: Timestamp) -> Option<MessageId> {
    MessageId::new(id.0).filter(|id| snowflake::created_at(id.get()) <= max_sent_at)
}

/// Parses one message of a page; repairs it if it is malformed.
fn parse_message(
    raw: &str,
    scope: PageScope,
    unknown: &mut UnknownFields,
) -> Result<Message, MalformedMessage> {
    if raw.len() > wire::MAX_OBJECT_BYTES {
        let id = serde_json::from_str::<wire::IdOnly>(raw).ok().map(|only| only.id);
        return Err(malformed_message(id, scope, "it exceeds the size limit"));
    }
    let wire = serde_json::from_str(raw).ok();
    match wire.and_then(|wire| message(&wire, scope, Findings::default(), unknown).ok()) {
        Some(message) => Ok(message),
        None => repair_message(raw, scope, unknown),
    }
}

/// Repairs a malformed message and converts what is left.
fn repair_message(
    raw: &str,
    scope: PageScope,
    unknown: &mut UnknownFields,
) -> Result<Message, MalformedMessage> {
    let mut findings = Findings::default();
    let fields = repair::message(raw, &mut findings)
        .map_err(|error| malformed_message(error.id, scope, error.reason))?;
    let id = repair::id(&fields);
    let text = Value::Object(fields).to_string();
    findings.budget = MemoryBudget::default();
    let wire =
        serde_json::from_str(&text).map_err(|_| malformed_message(id, scope, "its fields are malformed"))?;
    message(&wire, scope, findings, unknown).map_err(|reason| malformed_message(id, scope, reason))
}

/// A malformed message. `reason` must hold no value of the message.
fn malformed_message(id: Option<wire::Id>, scope: PageScope, reason: &str) -> MalformedMessage {
    // The ID of another channel's message must not become this channel's cursor.
    let id = id.filter(|_| reason != WRONG_CHANNEL);
    MalformedMessage { id: id.and_then(|id| message_id(id, scope.max_sent_at)), reason: reason.to_owned() }
}

/// Converts a message, and adds its unknown fields to the page's.
///
/// # Errors
/// Returns what is malformed, without its value.
fn message(
    wire: &wire::Message<'_>,
    scope: PageScope,
    mut findings: Findings,
    unknown: &mut UnknownFields,
) -> Result<Message, &'static str> {
    let id = wire.id.and_then(|id| message_id(id, scope.max_sent_at));
    let id = id.ok_or("its ID is not a snowflake, or lies in the future")?;
    if wire.channel_id.is_some_and(|channel| channel.0 != scope.channel.get()) {
        return Err(WRONG_CHANNEL);
    }
    let mut files = attachments(wire, &mut findings)?;
    let metadata = metadata(wire, &mut files, &mut findings).map_err(|_| "an archived field is malformed")?;
    let reactions = reactions(wire, &mut findings)?;
    let author = author(wire);
    // Every message has an author. The finding makes a later run read it again.
    if author.is_none() && findings.is_well_formed() {
        findings.add_malformed(Path::field("author"));
    }
    findings.add_unknown(&MESSAGE, names(&wire.unknown));
    let message = Message {
        id,
        author,
        kind: wire.kind.unwrap_or(0),
        content: owned(wire.content.as_ref()),
        created_at: wire.timestamp.map_or_else(|| snowflake::created_at(id.get()), |time| time.0),
        edited_at: wire.edited_timestamp.map(|time| time.0),
        pinned: wire.pinned.unwrap_or(false),
        reply: reply(wire, scope.channel)?,
        reactions,
        people: people(wire),
        is_blank: is_blank(wire, &files, &metadata) && findings.is_well_formed(),
        attachments: files,
        named_thread: named_thread(wire, id),
        malformed_fields: findings.merge_into(unknown),
        metadata: ids::metadata(metadata),
    };
    if message.weight() > wire::MAX_OBJECT_BYTES { Err("it exceeds the size limit") } else { Ok(message) }
}

/// Whether an ordinary message or a reply has no content at all. No real one has: Discord
/// sends these fields empty if the bot lacks the message-content intent.
/// <https://discord.com/developers/docs/events/gateway#message-content-intent>
fn is_blank(wire: &wire::Message<'_>, files: &[Attachment], metadata: &Map<String, Value>) -> bool {
    matches!(wire.kind, None | Some(0 | 19))
        && wire.content.as_ref().is_none_or(|content| content.is_empty())
        && files.is_empty()
        && !CONTENT_FIELDS.iter().any(|field| metadata.contains_key(*field))
}

/// Converts a page of reactors; users without a usable ID are left out.
pub fn reactors(users: &[wire::User], limit: usize) -> ReactorPage {
    let user = |user: &wire::User| Some(User { id: user.id()?, is_bot: Some(user.bot.unwrap_or(false)) });
    ReactorPage { users: users.iter().filter_map(user).collect(), is_full: users.len() >= limit }
}

/// The metadata of a message. Adds the files of components and forwarded messages to
/// `files`, each attachment ID once.
fn metadata(
    wire: &wire::Message<'_>,
    files: &mut Vec<Attachment>,
    findings: &mut Findings,
) -> serde_json::Result<Map<String, Value>> {
    let mut shown_files = Vec::new();
    let inspect = |name: &str, value: &Value| files::collect(name, value, &mut shown_files);
    let mut kept = keep::fields(&MESSAGE, wire.metadata_fields(), findings, inspect)?;
    if let Some(reference) = wire.message_reference.filter(|_| !is_reply(wire)) {
        kept.extend(keep::reference(reference, findings)?.map(|kept| ("message_reference".to_owned(), kept)));
    }
    // The webhook's ID is stored as the author's. Discord also sends bots' answers to
    // commands through a webhook of its own, which is none of the server's.
    if wire.webhook_id.is_some() && !INTERACTION_FIELDS.iter().any(|field| kept.contains_key(*field)) {
        kept.insert("webhook".to_owned(), true.into());
    }
    if !shown_files.is_empty() {
        let mut seen: HashSet<AttachmentId> = files.iter().map(|file| file.id).collect();
        files.extend(shown_files.into_iter().filter(|file| seen.insert(file.id)));
    }
    Ok(kept)
}

/// The author. A webhook is an author with its own ID, and counts as a bot.
fn author(wire: &wire::Message<'_>) -> Option<User> {
    let author = wire.author?.0;
    Some(User { id: author.id()?, is_bot: Some(wire.webhook_id.is_some() || author.bot.unwrap_or(false)) })
}

fn user(user: wire::Author) -> Option<User> {
    // A mentioned user without `bot` isn't known to be human.
    Some(User { id: user.id()?, is_bot: user.bot.filter(|is_bot| *is_bot) })
}

fn people(wire: &wire::Message<'_>) -> Vec<User> {
    let mentioned = wire.mentions.as_deref().unwrap_or_default().iter().map(|user| user.0);
    mentioned.chain(wire.interaction_users()).filter_map(user).collect()
}

fn is_reply(wire: &wire::Message<'_>) -> bool {
    wire.kind.is_some_and(|kind| REPLY_KINDS.contains(&kind))
}

fn reply(wire: &wire::Message<'_>, channel: ChannelId) -> Result<Option<Reply>, &'static str> {
    let Some(reference) = wire.message_reference.filter(|_| is_reply(wire)) else { return Ok(None) };
    let wire::StrictObject(reference): wire::StrictObject<wire::MessageReference> =
        serde_json::from_str(reference.get()).map_err(|_| "its reference is malformed")?;
    Ok(reference.message_id.and_then(|id| MessageId::new(id.0)).map(|message_id| Reply {
        message_id,
        channel_id: reference.channel_id.and_then(|id| ChannelId::new(id.0)).unwrap_or(channel),
        author: wire.referenced_message.and_then(|message| user(message.0.author?.0)),
    }))
}

/// ID of the thread that was started from the message or that it announces.
fn named_thread(wire: &wire::Message<'_>, id: MessageId) -> Option<ChannelId> {
    let started_from = || {
        let thread: wire::IdOnly = serde_json::from_str(wire.thread?.get()).ok()?;
        ChannelId::new(thread.id.0)
    };
    let started_by_flag = || {
        let flags: u64 = serde_json::from_str(wire.flags?.get()).ok()?;
        ChannelId::new(id.get()).filter(|_| flags & HAS_THREAD != 0)
    };
    let announced = || {
        let reference = wire.message_reference.filter(|_| wire.kind == Some(THREAD_CREATED))?;
        let wire::StrictObject(reference): wire::StrictObject<wire::MessageReference> =
            serde_json::from_str(reference.get()).ok()?;
        ChannelId::new(reference.channel_id?.0)
    };
    started_from().or_else(started_by_flag).or_else(announced)
}

fn attachments(wire: &wire::Message<'_>, findings: &mut Findings) -> Result<Vec<Attachment>, &'static str> {
    let files = wire.attachments.as_deref().unwrap_or_default();
    files.iter().map(|file| attachment(file, findings).ok_or("an attachment is malformed")).collect()
}

fn attachment(wire: &wire::Attachment<'_>, findings: &mut Findings) -> Option<Attachment> {
    let id = AttachmentId::new(wire.id?.0)?;
    findings.add_unknown(&ATTACHMENT, names(&wire.unknown));
    let metadata = keep::fields(&ATTACHMENT, wire.metadata_fields(), findings, |_, _| ()).ok()?;
    let (url, url_signature) = keep::split_signature(wire.url.as_deref().unwrap_or_default());
    Some(Attachment {
        id,
        filename: owned(wire.filename.as_ref()),
        size_bytes: wire.size.unwrap_or(0),
        content_type: wire.content_type.as_deref().map(ToOwned::to_owned),
        url,
        url_signature,
        metadata: ids::metadata(metadata),
    })
}

fn reactions(wire: &wire::Message<'_>, findings: &mut Findings) -> Result<Vec<ReactionCount>, &'static str> {
    let mut counts = Vec::new();
    for reaction in wire.reactions.as_deref().unwrap_or_default() {
        let emoji = reaction.emoji.as_ref().ok_or("a reaction has no emoji")?;
        findings.add_unknown(&REACTION, names(&reaction.unknown));
        findings.add_unknown(&REACTION_EMOJI, names(&emoji.unknown));
        counts.extend(reaction_counts(reaction, emoji));
        if let Some(details) = &reaction.count_details {
            findings.add_unknown(&COUNT_DETAILS, names(&details.unknown));
        }
    }
    Ok(counts)
}

/// The counts of a reaction. Without `count_details`, all reactions count as normal.
fn reaction_counts(
    reaction: &wire::Reaction<'_>,
    emoji: &wire::Emoji<'_>,
) -> impl Iterator<Item = ReactionCount> {
    let name = owned(emoji.name.as_ref());
    let emoji = match emoji.id {
        Some(id) => Emoji::Custom { id: id.0, name },
        None => Emoji::Unicode(name),
    };
    let total = reaction.count.unwrap_or(0);
    let details = reaction.count_details.as_ref();
    let burst = details.and_then(|details| details.burst).unwrap_or(0);
    let normal = details.and_then(|details| details.normal).unwrap_or(total.saturating_sub(burst));
    [(false, normal), (true, burst)]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(move |(burst, count)| ReactionCount { emoji: emoji.clone(), burst, count: count.into() })
}

fn names<'t>(unknown: &'t [wire::Text<'_>]) -> impl Iterator<Item = &'t str> {
    unknown.iter().map(|name| &**name)
}

fn owned(text: Option<&wire::Text<'_>>) -> String {
    text.map(|text| text.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
