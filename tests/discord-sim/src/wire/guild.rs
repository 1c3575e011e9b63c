//! Guild, role and member objects: Resources/Guild; Topics/Permissions, "Role Object".

use super::{Writer, user};
use crate::snowflake;
use crate::world::{Guild, Role, State, User};

const NULLS: [&str; 12] = [
    "icon",
    "description",
    "home_header",
    "splash",
    "discovery_splash",
    "banner",
    "application_id",
    "afk_channel_id",
    "system_channel_id",
    "widget_channel_id",
    "max_presences",
    "vanity_url_code",
];
const CHANNEL_NULLS: [&str; 4] =
    ["rules_channel_id", "safety_alerts_channel_id", "public_updates_channel_id", "incidents_data"];
const NUMBERS: [(&str, u64); 12] = [
    ("afk_timeout", 300),
    ("system_channel_flags", 0),
    ("verification_level", 1),
    ("default_message_notifications", 1),
    ("mfa_level", 0),
    ("explicit_content_filter", 2),
    ("max_members", 500_000),
    ("max_stage_video_channel_users", 50),
    ("max_video_channel_users", 25),
    ("premium_tier", 0),
    ("premium_subscription_count", 0),
    ("nsfw_level", 0),
];

/// The fields of a guild, inside an open object.
pub(crate) fn fields(w: &mut Writer, guild: &Guild, with_counts: bool) {
    w.id("id", guild.id);
    w.text("name", &guild.name);
    for key in NULLS.into_iter().chain(CHANNEL_NULLS) {
        w.raw(key, "null");
    }
    w.raw("features", r#"["COMMUNITY"]"#);
    w.id("owner_id", guild.owner_id);
    w.text("region", "us-east");
    w.text("preferred_locale", "en-US");
    for (key, value) in NUMBERS {
        w.number(key, value);
    }
    for key in ["widget_enabled", "premium_progress_bar_enabled", "nsfw"] {
        w.raw(key, "false");
    }
    roles(w, guild);
    w.array("emojis", |w| emojis(w, guild));
    w.raw("stickers", "[]");
    if with_counts {
        let members = u64::from(guild.pool.count()) + 1;
        w.number("approximate_member_count", members);
        w.number("approximate_presence_count", members / 5);
    }
}

fn emojis(w: &mut Writer, guild: &Guild) {
    for emoji in guild.emojis.iter().filter(|emoji| !emoji.deleted) {
        w.item(|w| {
            w.id("id", emoji.id);
            w.text("name", &emoji.name);
            w.raw("roles", "[]");
            w.raw("require_colons", "true");
            w.raw("managed", "false");
            w.boolean("animated", emoji.animated);
            w.raw("available", "true");
            user::of_pool(w, "user", guild, 0);
        });
    }
}

fn roles(w: &mut Writer, guild: &Guild) {
    w.array("roles", |w| role_items(w, guild));
}

/// The guild's roles, inside an open array.
pub(crate) fn role_items(w: &mut Writer, guild: &Guild) {
    for (position, role) in guild.roles.iter().enumerate() {
        w.item(|w| role_fields(w, role, position as u64));
    }
}

fn role_fields(w: &mut Writer, role: &Role, position: u64) {
    w.id("id", role.id);
    w.text("name", &role.name);
    w.id("permissions", role.bits);
    w.number("position", position);
    w.raw("color", "0");
    w.raw("colors", r#"{"primary_color":0,"secondary_color":null,"tertiary_color":null}"#);
    w.raw("hoist", "false");
    w.boolean("managed", role.bot_id.is_some());
    w.boolean("mentionable", role.mentionable);
    w.raw("icon", "null");
    w.raw("unicode_emoji", "null");
    if let Some(bot_id) = role.bot_id {
        w.object("tags", |w| w.id("bot_id", bot_id));
    }
    w.raw("flags", "0");
}

/// The fields of a member, inside an open object.
pub(crate) fn member(w: &mut Writer, state: &State, guild: &Guild, user: &User) {
    let own: Vec<u64> = guild.bot_roles.iter().map(|(id, _)| *id).collect();
    let roles = if user.id == state.bot_id { &own[..] } else { &[] };
    let joined_ms = snowflake::unix_ms(guild.id.max(user.id)) + 60_000;
    user::member_fields(w, user, joined_ms, roles);
    w.raw("mute", "false");
    w.raw("deaf", "false");
    w.object("user", |w| user::fields(w, user));
}

/// The fields of a partial guild: Resources/User, "Get Current User Guilds".
pub(crate) fn summary(w: &mut Writer, state: &State, guild: &Guild, with_counts: bool) {
    w.id("id", guild.id);
    w.text("name", &guild.name);
    w.raw("icon", "null");
    w.raw("banner", "null");
    w.boolean("owner", guild.owner_id == state.bot_id);
    w.id("permissions", state.bot_in(guild).base());
    w.raw("features", r#"["COMMUNITY"]"#);
    if with_counts {
        let members = u64::from(guild.pool.count()) + 1;
        w.number("approximate_member_count", members);
        w.number("approximate_presence_count", members / 5);
    }
}
