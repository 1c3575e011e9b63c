//! User and member objects: Resources/User, "User Structure"; Resources/Guild,
//! "Guild Member Structure".

use super::Writer;
use crate::message::Author;
use crate::world::{Guild, Scene, State, User};

/// The fields of a user, inside an open object.
pub(crate) fn fields(w: &mut Writer, user: &User) {
    w.id("id", user.id);
    w.text("username", &user.username);
    match user.avatar {
        Some(avatar) => w.text("avatar", &format!("{avatar:032x}")),
        None => w.raw("avatar", "null"),
    }
    w.text("discriminator", if user.is_bot { "4321" } else { "0" });
    w.raw("public_flags", "0");
    w.raw("flags", "0");
    if user.is_bot {
        w.raw("bot", "true");
    }
    w.text_or_null("banner", banner(user).as_deref());
    w.raw("accent_color", "null");
    w.text_or_null("global_name", user.display_name.as_deref());
    match user.avatar {
        Some(avatar) => w.object("avatar_decoration_data", |w| {
            w.text("asset", &decoration(avatar));
            w.id("sku_id", avatar >> 5);
            w.raw("expires_at", "null");
        }),
        None => w.raw("avatar_decoration_data", "null"),
    }
    w.raw("collectibles", "null");
    match user.avatar {
        // `clan` is the former name of `primary_guild`.
        Some(avatar) => ["primary_guild", "clan"].into_iter().for_each(|key| primary_guild(w, key, avatar)),
        None => w.raw("primary_guild", "null"),
    }
}

/// Resources/User, "User Primary Guild Object".
fn primary_guild(w: &mut Writer, key: &str, avatar: u64) {
    w.object(key, |w| {
        w.id("identity_guild_id", avatar >> 4);
        w.raw("identity_enabled", "true");
        w.text("tag", "TKRO");
        w.text("badge", &badge(avatar));
    });
}

fn banner(user: &User) -> Option<String> {
    user.avatar.map(|avatar| format!("a_{:032x}", avatar.rotate_left(7)))
}

fn decoration(avatar: u64) -> String {
    format!("v2_a_{:032x}", avatar.rotate_left(13))
}

fn badge(avatar: u64) -> String {
    format!("{:032x}", avatar.rotate_left(29))
}

fn nick(user: &User) -> String {
    format!("{} the nicknamed", user.username)
}

/// What identifies a user besides the ID: names and the hashes of their pictures.
pub(crate) fn names(user: &User) -> Vec<String> {
    let mut names = vec![user.username.clone(), nick(user)];
    names.extend(user.display_name.clone());
    names.extend(banner(user));
    names.extend(
        user.avatar
            .into_iter()
            .flat_map(|avatar| [format!("{avatar:032x}"), decoration(avatar), badge(avatar)]),
    );
    names
}

/// The URLs of a user's pictures, also through Discord's proxies for external images:
/// Reference, "CDN Endpoints". The first is the avatar. A user without an avatar has
/// only the default one.
pub(crate) fn pictures(user: &User, guild_id: u64) -> Vec<String> {
    const CDN: &str = "https://cdn.discordapp.com";
    let id = user.id;
    let Some(avatar) = user.avatar else {
        return vec![format!("{CDN}/embed/avatars/{}.png", (id >> 22) % 6)];
    };
    let signature = format!("{}-_x", badge(avatar));
    let banner = format!("a_{:032x}", avatar.rotate_left(7));
    let preset = decoration(avatar);
    let avatar = format!("{avatar:032x}");
    vec![
        format!("{CDN}/avatars/{id}/{avatar}.png"),
        format!("{CDN}/avatars/{id}/{avatar}.webp?size=128"),
        format!("{CDN}/banners/{id}/{banner}.gif?size=512"),
        format!("{CDN}/guilds/{guild_id}/users/{id}/avatars/{avatar}.png"),
        format!("{CDN}/guilds/{guild_id}/users/{id}/banners/{banner}.png"),
        format!("{CDN}/avatar-decorations/{id}/{preset}.png"),
        format!("{CDN}/avatar-decoration-presets/{preset}.png?size=96&passthrough=true"),
        format!("https://media.discordapp.net/avatars/{id}/{avatar}.png?width=64"),
        format!(
            "https://images-ext-1.discordapp.net/external/{signature}/https/cdn.discordapp.com/avatars/{id}/{avatar}.png"
        ),
        format!(
            "https://images-ext-2.discordapp.net/external/{signature}/%3Fsize%3D64/https/cdn.discordapp.com/avatars/{id}/{avatar}.png"
        ),
    ]
}

/// The bot itself.
pub(crate) fn bot(state: &State) -> User {
    User {
        id: state.bot_id,
        username: state.bot_name.clone(),
        display_name: None,
        avatar: None,
        is_bot: true,
    }
}

/// The user with this ID, if it is the bot, in the guild's pool, or the owner.
pub(crate) fn find(state: &State, guild: &Guild, user_id: u64) -> Option<User> {
    if user_id == state.bot_id {
        return Some(bot(state));
    }
    if let Some(index) = guild.pool.index_of(user_id) {
        return Some(guild.pool.user(index));
    }
    (user_id == guild.owner_id).then(|| User {
        id: user_id,
        username: "owner".to_owned(),
        display_name: None,
        avatar: None,
        is_bot: false,
    })
}

/// A key with the user of this index in the guild's pool.
pub(crate) fn of_pool(w: &mut Writer, key: &str, guild: &Guild, index: u32) {
    w.object(key, |w| fields(w, &guild.pool.user(index)));
}

pub(crate) fn author(w: &mut Writer, scene: &Scene<'_>, author: Author) {
    match author {
        Author::User(index) => of_pool(w, "author", scene.guild, index),
        Author::Webhook(id) => w.object("author", |w| {
            w.id("id", id);
            w.text("username", "Build reports");
            w.raw("avatar", "null");
            w.text("discriminator", "0000");
            w.raw("public_flags", "0");
            w.raw("flags", "0");
            w.raw("bot", "true");
            w.raw("global_name", "null");
            w.raw("primary_guild", "null");
        }),
    }
}

/// The fields of a member, without `user`, `mute` and `deaf`.
pub(crate) fn member_fields(w: &mut Writer, user: &User, joined_ms: i64, role_ids: &[u64]) {
    w.raw("avatar", "null");
    w.raw("banner", "null");
    w.raw("communication_disabled_until", "null");
    w.raw("flags", "0");
    w.time("joined_at", joined_ms);
    w.text("nick", &nick(user));
    w.raw("pending", "false");
    w.raw("premium_since", "null");
    w.array("roles", |w| role_ids.iter().for_each(|id| w.id_item(*id)));
}
