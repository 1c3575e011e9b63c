//! The bot user, its guilds and its application: Resources/User, Resources/Application.

use super::Call;
use crate::answer::RouteResult;
use crate::wire::{Writer, guild, user};
use crate::world::Guild;

/// `GATEWAY_MESSAGE_CONTENT_LIMITED`, the intent's flag for bots in fewer than 100
/// guilds: Resources/Application, "Application Flags".
const MESSAGE_CONTENT_LIMITED: u64 = 1 << 19;

pub(super) fn user(call: &Call<'_>) -> Writer {
    let mut w = Writer::default();
    w.item(|w| {
        user::fields(w, &user::bot(call.state));
        w.raw("mfa_enabled", "true");
        w.text("locale", "en-US");
        w.raw("verified", "true");
    });
    w
}

pub(super) fn application(call: &Call<'_>) -> Writer {
    let state = call.state;
    let flags = if state.message_content { MESSAGE_CONTENT_LIMITED } else { 0 };
    let mut w = Writer::default();
    w.item(|w| {
        w.id("id", state.bot_id);
        w.text("name", &state.bot_name);
        w.raw("icon", "null");
        w.text("description", "");
        w.raw("type", "null");
        w.object("bot", |w| user::fields(w, &user::bot(state)));
        w.raw("bot_public", "false");
        w.raw("bot_require_code_grant", "false");
        w.text("verify_key", &"0".repeat(64));
        w.number("flags", flags);
        w.text("flags_new", &flags.to_string());
        w.raw("redirect_uris", "[]");
        w.raw("interactions_endpoint_url", "null");
        w.raw("role_connections_verification_url", "null");
        if let Some(guild) = state.guilds.first() {
            w.object("owner", |w| user::fields(w, &guild.pool.user(0)));
        }
        w.number("approximate_guild_count", joined_guilds(call).count() as u64);
        w.raw("approximate_user_install_count", "0");
        w.raw("approximate_user_authorization_count", "0");
        w.raw("explicit_content_filter", "0");
        w.raw("team", "null");
        w.raw("eligible_oauth2_scopes", "[]");
    });
    w
}

/// The guilds that the bot is a member of.
fn joined_guilds<'a>(call: &Call<'a>) -> impl Iterator<Item = &'a Guild> {
    let guilds = call.state.guilds.iter();
    guilds.filter(|guild| guild.bot_present)
}

/// Resources/User, "Get Current User Guilds": by ascending ID, at most 200.
pub(super) fn guilds(call: &Call<'_>) -> RouteResult {
    let after = call.query.snowflake("after")?;
    let before = call.query.snowflake("before")?;
    let limit = call.query.number("limit", 1, 200, 200)? as usize;
    let with_counts = call.query.flag("with_counts");
    let mut guilds: Vec<&Guild> = joined_guilds(call)
        .filter(|guild| after.is_none_or(|after| guild.id > after))
        .filter(|guild| before.is_none_or(|before| guild.id < before))
        .collect();
    guilds.sort_by_key(|guild| guild.id);
    if before.is_some() && after.is_none() {
        guilds.drain(..guilds.len().saturating_sub(limit));
    }
    guilds.truncate(limit);
    let mut w = Writer::default();
    w.list(|w| {
        for guild in guilds {
            w.item(|w| guild::summary(w, call.state, guild, with_counts));
        }
    });
    Ok(w)
}
