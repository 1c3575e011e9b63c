//! Message objects: Resources/Message, "Message Structure".

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Writer, attachment, channel, component, embed, extra, user};
use crate::message::{Author, Extra, Message, Reaction, ReactionEmoji, ReferenceRendering, compose};
use crate::snowflake;
use crate::world::{Position, Scene};

/// Options for rendering the messages of one answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Show<'a> {
    pub now_ms: i64,
    /// Number of attachment URLs signed so far; makes each signature unique.
    pub signatures: &'a AtomicU64,
    /// Whether messages are rendered without content although the bot has the
    /// message-content intent.
    pub is_blank: bool,
}

impl Show<'_> {
    /// Whether content is rendered. Without the message-content intent, REST answers lack
    /// it as well: Topics/Gateway, "Message Content Intent".
    pub(crate) const fn is_readable(&self, scene: &Scene<'_>) -> bool {
        scene.state.message_content && !self.is_blank
    }

    pub(crate) fn next_signature(&self) -> u64 {
        self.signatures.fetch_add(1, Ordering::Relaxed)
    }
}

/// The message at a position of the scene's channel, as an array item or a whole body.
pub(crate) fn item(w: &mut Writer, scene: &Scene<'_>, show: &Show<'_>, position: Position) {
    let message = compose(scene, position);
    w.item(|w| {
        basic_fields(w, scene, show, &message);
        if !message.reactions.is_empty() {
            reactions(w, &message.reactions);
        }
        if message.reference.is_some_and(|reference| reference.rendering == ReferenceRendering::Loaded) {
            referenced_message(w, scene, show, &message);
        }
        if let Some(thread) = scene.thread_of(message.id) {
            w.object("thread", |w| channel::thread_fields(w, scene, thread));
        }
    });
}

/// The same message as the server search returns it: without `reactions`, and without the
/// message it refers to.
pub(crate) fn found_item(w: &mut Writer, scene: &Scene<'_>, show: &Show<'_>, position: Position) {
    let message = compose(scene, position);
    w.item(|w| basic_fields(w, scene, show, &message));
}

/// The fields that a `referenced_message` has too.
fn basic_fields(w: &mut Writer, scene: &Scene<'_>, show: &Show<'_>, message: &Message) {
    let is_readable = show.is_readable(scene);
    w.number("type", u64::from(message.kind));
    w.text("content", if is_readable { &message.content } else { "" });
    mentions(w, scene, message);
    if is_readable {
        attachment::list(w, scene, show, message);
        embed::embeds(w, scene, message);
    } else {
        w.raw("attachments", "[]");
        w.raw("embeds", "[]");
    }
    w.time("timestamp", snowflake::unix_ms(message.id));
    match message.edited_ms {
        Some(edited_ms) => w.time("edited_timestamp", edited_ms),
        None => w.raw("edited_timestamp", "null"),
    }
    w.number("flags", u64::from(message.flags));
    if is_readable {
        component::components(w, scene, message);
    } else {
        w.raw("components", "[]");
    }
    w.id("id", message.id);
    w.id("channel_id", message.channel_id);
    user::author(w, scene, message.author);
    w.boolean("pinned", message.pinned);
    w.boolean("mention_everyone", message.mention_everyone);
    w.raw("tts", "false");
    if let Author::Webhook(webhook_id) = message.author {
        w.id("webhook_id", webhook_id);
    }
    if message.extra != Extra::Nothing {
        extra::fields(w, scene, show, message);
    }
    reference(w, scene, show, message);
    if let Some(thread) = &scene.channel.thread {
        let age_ms = snowflake::unix_ms(message.id) - thread.created_ms;
        w.number("position", u64::try_from(age_ms / 20_000).unwrap_or(0));
    }
}

/// The users and roles mentioned in the content, and the author of the referenced
/// message.
fn mentions(w: &mut Writer, scene: &Scene<'_>, message: &Message) {
    let mut users: Vec<u32> = Vec::new();
    let mut roles: Vec<u64> = Vec::new();
    for piece in message.content.split("<@").skip(1) {
        let Some((inner, _)) = piece.split_once('>') else {
            continue;
        };
        if let Some(role_id) = inner.strip_prefix('&') {
            roles.extend(role_id.parse::<u64>());
        } else if let Ok(user_id) = inner.trim_start_matches('!').parse() {
            users.extend(scene.guild.pool.index_of(user_id));
        }
    }
    users.extend(replied_to_user(scene, message));
    users.sort_unstable();
    users.dedup();
    w.array("mentions", |w| {
        for index in users {
            w.item(|w| user::fields(w, &scene.guild.pool.user(index)));
        }
    });
    w.array("mention_roles", |w| {
        for id in roles {
            w.id_item(id);
        }
    });
}

/// The author of the referenced message of the same channel, whom about half of these
/// messages mention; `None` for forwards and webhooks.
fn replied_to_user(scene: &Scene<'_>, message: &Message) -> Option<u32> {
    let reference = message.reference.filter(|_| message.seed.is_multiple_of(2))?;
    if reference.rendering == ReferenceRendering::Forward || reference.channel_id != scene.channel.id {
        return None;
    }
    let position = scene.channel.log.find(reference.message_id?)?;
    match compose(scene, position).author {
        Author::User(index) => Some(index),
        Author::Webhook(_) => None,
    }
}

fn reference(w: &mut Writer, scene: &Scene<'_>, show: &Show<'_>, message: &Message) {
    let Some(reference) = message.reference else {
        return;
    };
    let is_forward = reference.rendering == ReferenceRendering::Forward;
    w.object("message_reference", |w| {
        w.number("type", u64::from(is_forward));
        w.id("channel_id", reference.channel_id);
        if let Some(message_id) = reference.message_id {
            w.id("message_id", message_id);
        }
        w.id("guild_id", scene.guild.id);
    });
    if is_forward {
        w.array("message_snapshots", |w| {
            w.item(|w| w.object("message", |w| extra::snapshot(w, scene, show, message)));
        });
    }
}

/// `referenced_message`: null if the original is deleted.
fn referenced_message(w: &mut Writer, scene: &Scene<'_>, show: &Show<'_>, message: &Message) {
    let target = message.reference.and_then(|reference| {
        let target_scene = scene.state.scene(reference.channel_id)?;
        let position = target_scene.channel.log.find_live(reference.message_id?)?;
        Some((target_scene, position))
    });
    match target {
        Some((target_scene, position)) => {
            let original = compose(&target_scene, position);
            w.object("referenced_message", |w| basic_fields(w, &target_scene, show, &original));
        }
        None => w.raw("referenced_message", "null"),
    }
}

fn reactions(w: &mut Writer, reactions: &[Reaction]) {
    w.array("reactions", |w| {
        for reaction in reactions {
            w.item(|w| {
                w.object("emoji", |w| emoji(w, &reaction.emoji));
                let (normal, burst) = (reaction.normal.count(), reaction.burst.count());
                w.number("count", normal + burst);
                w.object("count_details", |w| {
                    w.number("burst", burst);
                    w.number("normal", normal);
                });
                let colors = if burst > 0 { r##"["#a1b2c3"]"## } else { "[]" };
                w.raw("burst_colors", colors);
                w.raw("me_burst", "false");
                w.raw("me", "false");
            });
        }
    });
}

fn emoji(w: &mut Writer, emoji: &ReactionEmoji) {
    match emoji {
        ReactionEmoji::Unicode(name) => {
            w.raw("id", "null");
            w.text("name", name);
        }
        ReactionEmoji::Custom(custom) => {
            w.id("id", custom.id);
            w.text("name", &custom.name);
            if custom.animated {
                w.raw("animated", "true");
            }
        }
    }
}
