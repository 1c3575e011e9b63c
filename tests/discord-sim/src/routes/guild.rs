//! Guilds: Resources/Guild.

use super::Call;
use crate::answer::{ApiError, RouteResult};
use crate::wire::{self, Writer, user};
use crate::world::Guild;

/// Resources/Guild, "Get Guild": 404 if the bot isn't a member.
pub(super) fn guild(call: &Call<'_>) -> RouteResult {
    let guild = call.state.guild(call.route.major);
    let guild = guild.filter(|guild| guild.bot_present);
    let guild = guild.ok_or(ApiError::UNKNOWN_GUILD)?;
    let with_counts = call.query.flag("with_counts");
    let mut w = Writer::default();
    w.item(|w| wire::guild::fields(w, guild, with_counts));
    Ok(w)
}

/// The guild of a route below `/guilds/{guild}`: 403 if the bot isn't a member.
pub(super) fn joined_guild<'a>(call: &Call<'a>) -> Result<&'a Guild, ApiError> {
    let guild = call.state.guild(call.route.major);
    let guild = guild.ok_or(ApiError::UNKNOWN_GUILD)?;
    if guild.bot_present { Ok(guild) } else { Err(ApiError::MISSING_ACCESS) }
}

pub(super) fn roles(call: &Call<'_>) -> RouteResult {
    let guild = joined_guild(call)?;
    let mut w = Writer::default();
    w.list(|w| wire::guild::role_items(w, guild));
    Ok(w)
}

/// Resources/Guild, "Get Guild Channels": without threads and without channels that the
/// bot can't view.
pub(super) fn channels(call: &Call<'_>) -> RouteResult {
    let guild = joined_guild(call)?;
    let scenes = guild.channel_ids.iter();
    let scenes = scenes.filter_map(|id| call.state.scene(*id));
    let mut w = Writer::with_capacity(guild.channel_ids.len() * 512);
    w.list(|w| {
        for scene in scenes.filter(|scene| scene.bot().view) {
            w.item(|w| wire::channel::fields(w, &scene));
        }
    });
    Ok(w)
}

pub(super) fn member(call: &Call<'_>) -> RouteResult {
    let guild = joined_guild(call)?;
    let user = user::find(call.state, guild, call.route.minor);
    let user = user.ok_or(ApiError::UNKNOWN_MEMBER)?;
    let mut w = Writer::default();
    w.item(|w| wire::guild::member(w, call.state, guild, &user));
    Ok(w)
}
