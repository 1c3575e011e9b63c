//! The fields of a message's [`Extra`], and forwarded messages.

use super::interaction::{activity, call, interaction, resolved};
use super::message::Show;
use super::{Writer, embed, user};
use crate::TruthAttachment;
use crate::dice;
use crate::message::{Extra, Message, sentence_for};
use crate::snowflake;
use crate::world::Scene;

const DAY_MS: i64 = 86_400_000;

/// The index of a user derived from the message; each `salt` yields another one.
pub(super) fn related_user(scene: &Scene<'_>, message: &Message, salt: u64) -> u32 {
    let roll = dice::hash(message.seed, 13, salt);
    (roll % u64::from(scene.guild.pool.count())) as u32
}

/// The fields of the message's [`Extra`] besides embeds and components.
pub(crate) fn fields(w: &mut Writer, scene: &Scene<'_>, show: &Show<'_>, message: &Message) {
    match message.extra {
        Extra::Stickers => stickers(w, scene, message),
        Extra::Poll if show.is_readable(scene) => poll(w, scene, message),
        Extra::Slash(caller) | Extra::Context(caller) | Extra::Modal(caller) => {
            interaction(w, scene, message, caller);
        }
        Extra::Activity => {
            activity(w, scene, message);
            call(w, scene, message);
        }
        Extra::RoleSubscription => w.object("role_subscription_data", |w| {
            w.id("role_subscription_listing_id", message.id - 9);
            w.text("tier_name", "Supporter");
            w.raw("total_months_subscribed", "3");
            w.raw("is_renewal", "true");
        }),
        Extra::Resolved => resolved(w, scene, message),
        Extra::MentionedChannels => w.array("mention_channels", |w| {
            w.item(|w| {
                w.id("id", scene.channel.id);
                w.text("name", &scene.channel.name);
                w.number("type", u64::from(scene.channel.kind.code()));
                w.id("guild_id", scene.guild.id);
            });
        }),
        _ => {}
    }
}

/// Resources/Sticker, "Sticker Item Object"; also the deprecated `stickers`, whose
/// objects have a user.
fn stickers(w: &mut Writer, scene: &Scene<'_>, message: &Message) {
    let id = message.seed >> 5;
    w.array("sticker_items", |w| {
        w.item(|w| {
            w.id("id", id);
            w.text("name", "Wave");
            w.raw("format_type", "1");
        });
    });
    w.array("stickers", |w| {
        w.item(|w| {
            w.id("id", id);
            w.text("name", "Wave");
            w.text("tags", "wave");
            w.raw("type", "2");
            w.raw("format_type", "1");
            w.text("description", "A friendly wave");
            w.raw("available", "true");
            w.id("guild_id", scene.guild.id);
            let creator = related_user(scene, message, 3);
            user::of_pool(w, "user", scene.guild, creator);
        });
    });
}

/// Resources/Poll, "Poll Object".
fn poll(w: &mut Writer, scene: &Scene<'_>, message: &Message) {
    let host = scene.guild.pool.id(related_user(scene, message, 8));
    w.object("poll", |w| {
        w.object("question", |w| w.text("text", &format!("Next wipe? Ask <@{host}>")));
        w.array("answers", |w| {
            for (id, text) in [(1, format!("Friday, says {host}")), (2, "Sunday 🎉".to_owned())] {
                w.item(|w| {
                    w.number("answer_id", id);
                    w.object("poll_media", |w| w.text("text", &text));
                });
            }
        });
        w.time("expiry", snowflake::unix_ms(message.id) + DAY_MS);
        w.raw("allow_multiselect", "false");
        w.raw("layout_type", "1");
        w.object("results", |w| {
            w.raw(
                "answer_counts",
                r#"[{"id":1,"count":4,"me_voted":false},{"id":2,"count":2,"me_voted":false}]"#,
            );
            w.raw("is_finalized", "true");
        });
    });
}

/// Resources/Message, "Message Snapshot Object".
pub(crate) fn snapshot(w: &mut Writer, scene: &Scene<'_>, show: &Show<'_>, message: &Message) {
    let index = related_user(scene, message, 7);
    let is_readable = show.is_readable(scene);
    let id = scene.guild.pool.id(index);
    let text = format!("<@{id}> {} ({id})", sentence_for(message.seed));
    w.raw("type", "0");
    w.text("content", if is_readable { &text } else { "" });
    w.array("mentions", |w| {
        w.item(|w| user::fields(w, &scene.guild.pool.user(index)));
    });
    w.raw("mention_roles", "[]");
    w.array("attachments", |w| {
        if is_readable {
            w.item(|w| forwarded_attachment_fields(w, scene, message, id));
        }
    });
    w.array("embeds", |w| {
        if is_readable {
            w.item(|w| embed::moderation_log(w, scene, message, index));
        }
    });
    w.time("timestamp", snowflake::unix_ms(message.id) - 5000);
    w.raw("edited_timestamp", "null");
    w.raw("flags", "0");
    w.raw("components", "[]");
}

/// The fields of the forwarded attachment, whose name and description contain a user ID.
fn forwarded_attachment_fields(w: &mut Writer, scene: &Scene<'_>, message: &Message, user_id: u64) {
    let file = forwarded_attachment(scene, message);
    w.id("id", file.id);
    w.text("filename", &file.filename);
    w.number("size", file.size);
    w.text("description", &format!("What {user_id} did"));
    for (key, host) in [("url", CDN), ("proxy_url", "media.discordapp.net")] {
        w.text(key, &format!("{}?ex=1&is=2&hm=3&", file.url.replace(CDN, host)));
    }
    w.text("content_type", "text/plain");
}

const CDN: &str = "cdn.discordapp.com";

/// The attachment of the message that `message` forwards.
pub(crate) fn forwarded_attachment(scene: &Scene<'_>, message: &Message) -> TruthAttachment {
    let user_id = scene.guild.pool.id(related_user(scene, message, 7));
    let (id, filename) = (message.id - 6, format!("report-{user_id}.txt"));
    TruthAttachment {
        id,
        size: 2048,
        content_type: Some("text/plain".to_owned()),
        url: format!("https://{CDN}/attachments/{}/{id}/{filename}", scene.channel.id),
        filename,
    }
}
