//! True messages, computed during iteration.

use super::{TruthChannel, author_id};
use crate::message::{Author, Message, ReferenceRendering, compose, kind};
use crate::snowflake;
use crate::wire::{attachment, extra};
use crate::world::{Pool, Scene};

/// Messages computed per acquisition of the world's lock.
const CHUNK_LEN: u64 = 256;

/// A message as it is when the iterator yields it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthMessage {
    /// Its ID.
    pub id: u64,
    /// Its channel or thread.
    pub channel_id: u64,
    /// The raw ID of its author, or of the webhook if `author_is_webhook`.
    pub author_id: u64,
    /// Whether `author.bot` is true; it is for webhooks.
    pub author_is_bot: bool,
    /// Whether it has a `webhook_id`.
    pub author_is_webhook: bool,
    /// Discord's numeric message type.
    pub kind: u8,
    /// Its raw content.
    pub content: String,
    /// When it was sent, in Unix milliseconds.
    pub timestamp_ms: i64,
    /// When it was last edited, in Unix milliseconds.
    pub edited_ms: Option<i64>,
    /// The message it replies to: for types 19, 21 and 23 with a reference.
    pub reply_to: Option<TruthReply>,
    /// Its attachments, then those of a forwarded message.
    pub attachments: Vec<TruthAttachment>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Its reactions, with separate entries for normal and burst ones.
    pub reactions: Vec<TruthReaction>,
    /// Whether it is deleted: the API no longer shows it.
    pub deleted: bool,
}

/// The message that a message replies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthReply {
    /// Its ID.
    pub message_id: u64,
    /// Its channel or thread.
    pub channel_id: u64,
    /// The raw ID of its author, if the API includes the original in the reply.
    pub author_id: Option<u64>,
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthAttachment {
    /// Its ID.
    pub id: u64,
    /// Its file name.
    pub filename: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type, if Discord reports one.
    pub content_type: Option<String>,
    /// Its URL without the signature (`ex`, `is` and `hm`).
    pub url: String,
}

/// The normal or the burst reactions with one emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthReaction {
    /// The Unicode character, or `name:id`.
    pub emoji: String,
    /// Whether the emoji is a custom one.
    pub custom: bool,
    /// Whether these are burst reactions.
    pub burst: bool,
    /// Number of reactors.
    pub count: u64,
    /// Whether the reactions route lists its reactors.
    pub listed: bool,
}

impl<'w> TruthChannel<'w> {
    /// All messages, oldest first, including deleted ones.
    pub fn messages(&self) -> impl Iterator<Item = TruthMessage> + 'w {
        let (world, channel_id) = (self.world, self.id);
        let chunk = move |first: u64| {
            let state = world.read();
            let scene = state.scene(channel_id)?;
            let range = first..scene.channel.log.end().min(first + CHUNK_LEN);
            let messages: Vec<TruthMessage> = range.map(|position| truth(&scene, position)).collect();
            (!messages.is_empty()).then_some(messages)
        };
        (0..).step_by(CHUNK_LEN as usize).map_while(chunk).flatten()
    }

    /// The messages that aren't deleted, oldest first.
    pub fn live_messages(&self) -> impl Iterator<Item = TruthMessage> + 'w {
        self.messages().filter(|message| !message.deleted)
    }
}

fn truth(scene: &Scene<'_>, position: u64) -> TruthMessage {
    let message = compose(scene, position);
    let is_webhook = matches!(message.author, Author::Webhook(_));
    TruthMessage {
        author_id: author_id(scene, message.author),
        author_is_bot: match message.author {
            Author::User(index) => Pool::is_bot(index),
            Author::Webhook(_) => true,
        },
        author_is_webhook: is_webhook,
        timestamp_ms: snowflake::unix_ms(message.id),
        reply_to: reply(scene, &message),
        attachments: attachments(scene, &message),
        pinned: message.pinned,
        reactions: reactions(&message),
        deleted: scene.channel.log.is_deleted(message.id),
        id: message.id,
        channel_id: message.channel_id,
        kind: message.kind,
        content: message.content,
        edited_ms: message.edited_ms,
    }
}

fn reply(scene: &Scene<'_>, message: &Message) -> Option<TruthReply> {
    let is_reply = matches!(message.kind, kind::REPLY | kind::THREAD_STARTER | kind::CONTEXT_COMMAND);
    let reference = message.reference.filter(|_| is_reply)?;
    let message_id = reference.message_id?;
    let target_scene = scene.state.scene(reference.channel_id);
    let rendered = target_scene.filter(|_| reference.rendering == ReferenceRendering::Loaded);
    let original = rendered.and_then(|target_scene| {
        let position = target_scene.channel.log.find_live(message_id)?;
        Some(author_id(&target_scene, compose(&target_scene, position).author))
    });
    Some(TruthReply { message_id, channel_id: reference.channel_id, author_id: original })
}

/// The message's own attachments, then that of the message it forwards.
fn attachments(scene: &Scene<'_>, message: &Message) -> Vec<TruthAttachment> {
    let own = message.attachments.iter().map(|file| TruthAttachment {
        id: file.id,
        filename: file.filename.clone(),
        size: file.size,
        content_type: file.content_type.map(str::to_owned),
        url: attachment::plain_url(message.channel_id, file),
    });
    let is_forward =
        message.reference.is_some_and(|reference| reference.rendering == ReferenceRendering::Forward);
    let forwarded =
        (is_forward && scene.state.message_content).then(|| extra::forwarded_attachment(scene, message));
    own.chain(forwarded).collect()
}

fn reactions(message: &Message) -> Vec<TruthReaction> {
    let reactions = message.reactions.iter();
    let both = reactions.flat_map(|reaction| {
        [(false, &reaction.normal), (true, &reaction.burst)].map(|(burst, reactors)| TruthReaction {
            emoji: reaction.emoji.text(),
            custom: matches!(reaction.emoji, crate::message::ReactionEmoji::Custom(_)),
            burst,
            count: reactors.count(),
            listed: !reaction.emoji.is_unlistable(),
        })
    });
    both.filter(|reaction| reaction.count > 0).collect()
}
