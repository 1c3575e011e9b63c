//! Composes the message at a log position and applies the changes made to it.

mod attach;
mod enrich;
mod refer;

use attach::{attach, reactions};
use enrich::enrich;
use refer::{earlier, make_thread_created, reference_target, reply, system};

use super::shape::Shape;
use super::{Author, Extra, Message, Reference, ReferenceRendering, flag, kind, text};
use crate::dice::{self, Dice};
use crate::snowflake;
use crate::world::{Position, Scene};

/// A sentence derived from a seed, for text outside of a message's content.
pub(crate) fn sentence_for(seed: u64) -> String {
    text::clause(&mut Dice::new(seed))
}

/// The message at `position`, even if it is deleted.
pub(crate) fn compose(scene: &Scene<'_>, position: Position) -> Message {
    let log = &scene.channel.log;
    let entry = log.entry(position);
    let seed = dice::hash(scene.channel.seed, 5, entry.index);
    let mut dice = Dice::new(seed);
    let author = scene.guild.pool.random_user(&mut dice);
    let mut message = blank(scene, entry.id, seed, Author::User(author));
    if let Some((author, content)) = entry.authored {
        message.author = Author::User(*author);
        message.content.clone_from(content);
        if let Some(thread_id) = entry.started_thread_id {
            make_thread_created(&mut message, thread_id);
        }
    } else {
        let shape = shape_at(scene, entry.id, entry.index, &mut dice);
        fill(scene, &mut message, shape, entry.index, &mut dice);
        if scene.channel.has_closed_marker && !message.content.is_empty() {
            // A test that finds this marker in an archive has found a leak.
            let marker = format!(" [closed {seed:016x}]");
            message.content.push_str(&marker);
        }
    }
    if scene.thread_of(entry.id).is_some() {
        message.flags |= flag::HAS_THREAD;
    }
    if let Some(edit) = log.edit_of(entry.id) {
        message.content.clone_from(&edit.content);
        message.edited_ms = Some(edit.edited_ms);
    }
    if let Some(reactions) = log.reactions_of(entry.id) {
        message.reactions = reactions.to_vec();
    }
    if let Some(is_pinned) = log.pin_of(entry.id) {
        message.pinned = is_pinned;
    }
    if log.is_stripped(entry.id) {
        message.attachments.clear();
    }
    message
}

/// A default message without content.
fn blank(scene: &Scene<'_>, id: u64, seed: u64, author: Author) -> Message {
    Message {
        id,
        channel_id: scene.channel.id,
        seed,
        kind: kind::DEFAULT,
        author,
        content: String::new(),
        edited_ms: None,
        pinned: false,
        mention_everyone: false,
        flags: 0,
        reference: None,
        attachments: Vec::new(),
        reactions: Vec::new(),
        extra: Extra::Nothing,
    }
}

fn shape_at(scene: &Scene<'_>, id: u64, index: u64, dice: &mut Dice) -> Shape {
    let thread = scene.channel.thread.as_ref();
    if index == 0 && thread.is_some_and(|thread| thread.has_starter) {
        return Shape::ThreadStarter;
    }
    // Forum posts and messages that a thread was started from are plain text.
    if id == scene.channel.id || scene.is_thread_root(id) {
        return Shape::Text;
    }
    Shape::choose(scene.channel.mix, index, dice)
}

fn fill(scene: &Scene<'_>, message: &mut Message, shape: Shape, index: u64, dice: &mut Dice) {
    match shape {
        Shape::Text => message.content = text::sentence(dice),
        Shape::Special(which) => message.content = text::special(scene, which, dice),
        Shape::Long2000 => message.content = text::of_length(dice, 2000),
        Shape::Long4000 => message.content = text::of_length(dice, 4000),
        Shape::Webhook => {
            message.content = text::clause(dice);
            message.author = Author::Webhook(scene.channel.webhook_id());
        }
        Shape::Reply | Shape::ReplyToDeleted | Shape::ReplyUnloaded => {
            reply(scene, message, shape, index, dice);
        }
        Shape::Attachment | Shape::AttachmentUntyped | Shape::Attachments | Shape::Voice | Shape::Clip => {
            attach(scene, message, shape, dice);
        }
        Shape::Reactions
        | Shape::BurstReactions
        | Shape::CustomReactions
        | Shape::DeletedEmoji
        | Shape::ManyReactors => {
            message.content = text::sentence(dice);
            message.reactions = reactions(scene, shape, dice);
        }
        Shape::Join
        | Shape::Pin
        | Shape::Boost
        | Shape::Follow
        | Shape::ThreadCreated
        | Shape::ThreadStarter
        | Shape::PollResult
        | Shape::RoleSubscription
        | Shape::StageStart => system(scene, message, shape, index, dice),
        Shape::Forward => {
            message.flags |= flag::HAS_SNAPSHOT;
            message.reference = Some(Reference {
                channel_id: scene.channel.id,
                message_id: Some(earlier(scene, index, dice).unwrap_or(message.id - 1)),
                rendering: ReferenceRendering::Forward,
            });
        }
        Shape::EveryoneMention => {
            message.content = format!("@everyone {}", text::clause(dice));
            message.mention_everyone = true;
        }
        Shape::Edited => {
            message.content = text::sentence(dice);
            message.edited_ms = Some(snowflake::unix_ms(message.id) + 1 + dice.below(3600) as i64);
        }
        Shape::Pinned => {
            message.content = text::clause(dice);
            message.pinned = true;
        }
        Shape::Context => {
            enrich(scene, message, shape, dice);
            reference_target(scene, message, index, dice);
        }
        _ => enrich(scene, message, shape, dice),
    }
}
