//! Generated attachments and reactions.

use crate::dice::Dice;
use crate::message::shape::Shape;
use crate::message::{Attachment, Message, Reaction, ReactionEmoji, Reactors, flag, text};
use crate::world::Scene;

const POPULAR_EMOJI: [&str; 14] =
    ["👍", "❤️", "😂", "🎉", "🔥", "👀", "😢", "🙏", "✅", "❌", "🚀", "💯", "🤔", "👨‍💻"];

/// Adds ten attachments for [`Shape::Attachments`], otherwise one.
pub(super) fn attach(scene: &Scene<'_>, message: &mut Message, shape: Shape, dice: &mut Dice) {
    let files: [(&str, Option<&'static str>); 6] = [
        ("screenshot.png", Some("image/png")),
        ("server.log", Some("text/plain; charset=utf-8")),
        ("clip.mp4", Some("video/mp4")),
        ("config export (1).json", Some("application/json")),
        ("пример_例.webp", Some("image/webp")),
        ("save.zip", Some("application/zip")),
    ];
    let count = if shape == Shape::Attachments { 10 } else { 1 };
    if dice.percent(50) || shape == Shape::AttachmentUntyped {
        message.content = text::sentence(dice);
    }
    for index in 0..count {
        let (filename, content_type) = match shape {
            Shape::Voice => ("voice-message.ogg", Some("audio/ogg")),
            Shape::AttachmentUntyped => ("core.dump", None),
            Shape::Clip => ("clip.mp4", Some("video/mp4")),
            _ => *dice.pick(&files),
        };
        let is_visual =
            content_type.is_some_and(|kind| kind.starts_with("image/") || kind.starts_with("video/"));
        message.attachments.push(Attachment {
            id: message.id + 1 + index,
            filename: if index == 9 { transcript_filename(scene, message.seed) } else { filename.to_owned() },
            size: 200 + dice.below(8_000_000),
            content_type,
            pixels: is_visual.then(|| (320 + dice.below(1600), 200 + dice.below(900))),
            voice: shape == Shape::Voice,
            clip: shape == Shape::Clip,
        });
    }
    if shape == Shape::Voice {
        message.flags |= flag::VOICE;
        message.content.clear();
    }
}

/// One to three reactions; with [`Shape::ManyReactors`], the first has 130 reactors.
pub(super) fn reactions(scene: &Scene<'_>, shape: Shape, dice: &mut Dice) -> Vec<Reaction> {
    let pool = &scene.guild.pool;
    let count = 1 + dice.below(3);
    let first = dice.below(POPULAR_EMOJI.len() as u64);
    let mut list = Vec::with_capacity(count as usize);
    for index in 0..count {
        let popular = POPULAR_EMOJI[((first + index) % POPULAR_EMOJI.len() as u64) as usize];
        let emojis = &scene.guild.emojis;
        let (existing, deleted) = emojis.split_at(emojis.len() - 1);
        let emoji = match shape {
            Shape::CustomReactions => {
                ReactionEmoji::Custom(existing[(first + index) as usize % existing.len()].clone())
            }
            Shape::DeletedEmoji if index == 0 => ReactionEmoji::Custom(deleted[0].clone()),
            _ => ReactionEmoji::Unicode(popular.to_owned()),
        };
        let has_many = shape == Shape::ManyReactors && index == 0;
        let normal = if has_many { 130 } else { 1 + dice.below(6) as u32 };
        let start = dice.roll() >> 1;
        let (normal, burst) = match shape {
            Shape::BurstReactions => (normal * (index % 2) as u32, 1 + dice.below(4) as u32),
            _ => (normal, 0),
        };
        list.push(Reaction {
            emoji,
            normal: Reactors::window(start, normal, pool),
            burst: Reactors::window(start + u64::from(normal), burst, pool),
        });
    }
    list
}

/// A file name that contains a user ID, as ticket bots create them.
fn transcript_filename(scene: &Scene<'_>, seed: u64) -> String {
    let pool = &scene.guild.pool;
    let user = pool.id((seed % u64::from(pool.count())) as u32);
    format!("transcript-{user}.txt")
}
