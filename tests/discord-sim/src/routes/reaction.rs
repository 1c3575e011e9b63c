//! Reactors of a message: Resources/Message, "Get Reactions".

use super::{Call, message};
use crate::answer::{ApiError, RouteResult};
use crate::message::{ReactionEmoji, Reactors, compose};
use crate::wire::{Writer, user};

/// Users by ascending ID, 25 by default; type 0 is normal, 1 is burst. A custom emoji is
/// `name:id` with its current name.
pub(super) fn users(call: &Call<'_>) -> RouteResult {
    let after = call.query.snowflake("after")?.unwrap_or(0);
    let limit = call.query.number("limit", 1, 100, 25)? as usize;
    let is_burst = call.query.number("type", 0, 1, 0)? == 1;
    let (scene, position) = message::existing_message(call)?;
    let wanted = ReactionEmoji::parse(&call.route.emoji);
    let composed = compose(&scene, position);
    let mut reactions = composed.reactions.iter();
    let found = reactions.find(|reaction| reaction.emoji.is_same(&wanted));
    let pool = &scene.guild.pool;
    let members = match found {
        Some(reaction) if !is_current_emoji(call, &reaction.emoji, &wanted) => {
            return Err(ApiError::UNKNOWN_EMOJI);
        }
        Some(reaction) if is_burst => reaction.burst.members(pool),
        Some(reaction) => reaction.normal.members(pool),
        None if emoji_exists(call, &wanted) => Reactors::NONE.members(pool),
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

/// Whether a reaction's emoji still exists under the requested name.
fn is_current_emoji(call: &Call<'_>, shown: &ReactionEmoji, wanted: &ReactionEmoji) -> bool {
    match (shown, wanted) {
        (ReactionEmoji::Custom(shown), ReactionEmoji::Custom(wanted)) => {
            let current = call.state.emoji(shown.id).unwrap_or(shown);
            !current.deleted && current.name == wanted.name
        }
        _ => true,
    }
}

/// Whether an emoji exists that isn't among the message's reactions.
fn emoji_exists(call: &Call<'_>, emoji: &ReactionEmoji) -> bool {
    match emoji {
        ReactionEmoji::Unicode(text) => text.chars().any(|char| char >= '\u{203c}'),
        ReactionEmoji::Custom(wanted) => {
            let known = call.state.emoji(wanted.id);
            known.is_some_and(|emoji| !emoji.deleted && emoji.name == wanted.name)
        }
    }
}
