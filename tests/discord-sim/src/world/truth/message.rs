//! True messages, computed while they are iterated over.

use super::{TruthChannel, author_id};
use crate::message::{Author, Message, Shown, compose, kind};
use crate::snowflake;
use crate::wire::{attachment, extra};
use crate::world::{Pool, Scene};

/// Messages computed under one lock.
const CHUNK: u64 = 256;

/// A message as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthMessage {
    /// Its ID.
    pub id: u64,
    /// Its channel or thread.
    pub channel_id: u64,
    /// The raw ID of its author; of a webhook if `author_is_webhook`.
    pub author_id: u64,
    /// Whether `author.bot` says true, as for webhooks.
    pub author_is_bot: bool,
    /// Whether it has a `webhook_id`.
    pub author_is_webhook: bool,
    /// Its type.
    pub kind: u8,
    /// Its text, raw.
    pub content: String,
    /// When it was written, in Unix milliseconds.
    pub timestamp_ms: i64,
    /// When it was last edited.
    pub edited_ms: Option<i64>,
    /// What it answers: types 19, 21 and 23 with a reference.
    pub reply_to: Option<TruthReply>,
    /// Its files.
    pub attachments: Vec<TruthAttachment>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Its reactions, normal and burst ones apart.
    pub reactions: Vec<TruthReaction>,
    /// Whether it is deleted, so that the API no longer shows it.
    pub deleted: bool,
}

/// The message a reply answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthReply {
    /// Its ID.
    pub message_id: u64,
    /// Where it stands.
    pub channel_id: u64,
    /// Its author, if the API shows the original with the reply.
    pub author_id: Option<u64>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthAttachment {
    /// Its ID.
    pub id: u64,
    /// Its name.
    pub filename: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its type, if Discord knows one.
    pub content_type: Option<String>,
    /// Its URL without `ex`, `is` and `hm`.
    pub url: String,
}

/// One emoji's normal or burst reactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthReaction {
    /// The character, or `name:id`.
    pub emoji: String,
    /// Whether the emoji is a custom one.
    pub custom: bool,
    /// Whether these are burst reactions.
    pub burst: bool,
    /// How many.
    pub count: u64,
    /// Whether the reactions route knows the emoji still.
    pub listed: bool,
}

impl<'w> TruthChannel<'w> {
    /// All messages that ever were, oldest first; deleted ones are marked.
    pub fn messages(&self) -> impl Iterator<Item = TruthMessage> + 'w {
        let (world, channel_id) = (self.world, self.id);
        let chunk = move |first: u64| {
            let state = world.read();
            let scene = state.scene(channel_id)?;
            let range = first..scene.channel.log.end().min(first + CHUNK);
            let messages: Vec<TruthMessage> = range.map(|at| truth(&scene, at)).collect();
            (!messages.is_empty()).then_some(messages)
        };
        (0..).step_by(CHUNK as usize).map_while(chunk).flatten()
    }

    /// The messages that exist now, oldest first.
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
    let there = scene.state.scene(reference.channel_id);
    let shown = there.filter(|_| reference.shown == Shown::Loaded);
    let original = shown.and_then(|there| {
        let position = there.channel.log.find_live(message_id)?;
        Some(author_id(&there, compose(&there, position).author))
    });
    Some(TruthReply { message_id, channel_id: reference.channel_id, author_id: original })
}

/// Its own files, then that of a message it forwards.
fn attachments(scene: &Scene<'_>, message: &Message) -> Vec<TruthAttachment> {
    let own = message.attachments.iter().map(|file| TruthAttachment {
        id: file.id,
        filename: file.filename.clone(),
        size: file.size,
        content_type: file.content_type.map(str::to_owned),
        url: attachment::plain_url(message.channel_id, file),
    });
    let is_forward = message.reference.is_some_and(|reference| reference.shown == Shown::Forward);
    let forwarded = (is_forward && scene.state.message_content).then(|| extra::forwarded(scene, message));
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
            listed: !reaction.emoji.is_out_of_reach(),
        })
    });
    both.filter(|reaction| reaction.count > 0).collect()
}
