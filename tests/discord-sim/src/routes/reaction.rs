//! Who reacted: Resources/Message, "Get Reactions".

use super::{Call, message};
use crate::answer::{ApiError, Outcome};
use crate::message::{ReactionEmoji, Reactors, compose};
use crate::wire::{Writer, user};

/// Users in ascending order, 25 unless told; type 0 normal, 1 burst. A custom
/// emoji is `name:id`, with the name it has now.
pub(super) fn users(call: &Call<'_>) -> Outcome {
    let after = call.query.snowflake("after")?.unwrap_or(0);
    let limit = call.query.number("limit", 1, 100, 25)? as usize;
    let is_burst = call.query.number("type", 0, 1, 0)? == 1;
    let (scene, position) = message::existing(call)?;
    let wanted = ReactionEmoji::parse(&call.route.emoji);
    let composed = compose(&scene, position);
    let mut reactions = composed.reactions.iter();
    let found = reactions.find(|reaction| reaction.emoji.is_same(&wanted));
    let pool = &scene.guild.pool;
    let members = match found {
        Some(reaction) if !is_current(call, &reaction.emoji, &wanted) => {
            return Err(ApiError::UNKNOWN_EMOJI);
        }
        Some(reaction) if is_burst => reaction.burst.members(pool),
        Some(reaction) => reaction.normal.members(pool),
        None if is_emoji(call, &wanted) => Reactors::NONE.members(pool),
        None => return Err(ApiError::UNKNOWN_EMOJI),
    };
    let from = members.partition_point(|index| pool.id(*index) <= after);
    let mut w = Writer::with_capacity(limit * 320);
    w.list(|w| {
        for index in members[from..].iter().take(limit) {
            w.item(|w| user::fields(w, &pool.user(*index)));
        }
    });
    Ok(w)
}

/// Whether an emoji of the message exists still, by the name it is asked for.
fn is_current(call: &Call<'_>, shown: &ReactionEmoji, wanted: &ReactionEmoji) -> bool {
    match (shown, wanted) {
        (ReactionEmoji::Custom(shown), ReactionEmoji::Custom(wanted)) => {
            let current = call.state.emoji(shown.id).unwrap_or(shown);
            !current.deleted && current.name == wanted.name
        }
        _ => true,
    }
}

/// Whether an emoji exists that nobody used on the message.
fn is_emoji(call: &Call<'_>, emoji: &ReactionEmoji) -> bool {
    match emoji {
        ReactionEmoji::Unicode(text) => text.chars().any(|char| char >= '\u{203c}'),
        ReactionEmoji::Custom(wanted) => {
            let known = call.state.emoji(wanted.id);
            known.is_some_and(|emoji| !emoji.deleted && emoji.name == wanted.name)
        }
    }
}
