//! Embeds: Resources/Message, "Embed Object".

use super::Writer;
use super::extra::related_user;
use super::user::pictures;
use crate::message::{Extra, Message, sentence_for};
use crate::snowflake;
use crate::world::Scene;

pub(crate) fn embeds(w: &mut Writer, scene: &Scene<'_>, message: &Message) {
    w.array("embeds", |w| match message.extra {
        Extra::LinkEmbed => w.item(|w| {
            w.text("type", "article");
            w.text("url", "https://takaro.io/blog/update");
            w.text("title", "What is new");
            w.text("description", &sentence_for(message.seed));
            w.object("provider", |w| w.text("name", "Takaro"));
            w.object("thumbnail", |w| {
                w.text("url", "https://takaro.io/cover.png");
                w.number("width", 1200);
                w.number("height", 630);
            });
        }),
        Extra::RichEmbed => w.item(|w| moderation_log(w, scene, message, related_user(scene, message, 1))),
        Extra::PollResult => w.item(poll_result),
        _ => {}
    });
}

/// An embed in which a moderation bot reports about a user.
pub(super) fn moderation_log(w: &mut Writer, scene: &Scene<'_>, message: &Message, user_index: u32) {
    let id = scene.guild.pool.id(user_index);
    let user = scene.guild.pool.user(user_index);
    let pictures = pictures(&user, scene.guild.id);
    let picture = |which: usize| &pictures[(message.seed as usize).wrapping_add(which) % pictures.len()];
    let avatar = &pictures[0];
    w.text("type", "rich");
    w.text("title", &format!("Moderation log of {id}"));
    w.text("url", &format!("https://log.takaro.io/?user={id}"));
    w.text("description", &format!("<@{id}> was warned by {id}"));
    w.number("color", 0x0057_F287);
    w.time("timestamp", snowflake::unix_ms(message.id));
    w.object("author", |w| {
        w.text("name", &user.username);
        w.text("url", &format!("https://discord.com/users/{id}"));
        w.text("icon_url", avatar);
    });
    for (which, key) in ["image", "thumbnail", "video"].into_iter().enumerate() {
        w.object(key, |w| {
            w.text("url", picture(which));
            w.text("proxy_url", picture(which + 3));
            w.number("width", 128);
            w.number("height", 128);
        });
    }
    w.object("provider", |w| {
        w.text("name", &format!("Log {id}"));
        w.text("url", &format!("https://log.takaro.io/{id}"));
    });
    w.array("fields", |w| {
        w.item(|w| {
            w.text("name", &format!("User ID {id}"));
            w.text("value", &id.to_string());
            w.raw("inline", "true");
        });
    });
    w.object("footer", |w| {
        w.text("text", &format!("ID: {id}, asked for by {}", user.username));
        w.text("icon_url", avatar);
    });
}

fn poll_result(w: &mut Writer) {
    w.text("type", "poll_result");
    w.array("fields", |w| {
        for (name, value) in [
            ("poll_question_text", "Next wipe?"),
            ("victor_answer_votes", "4"),
            ("total_votes", "6"),
            ("victor_answer_id", "1"),
            ("victor_answer_text", "Friday"),
        ] {
            w.item(|w| {
                w.text("name", name);
                w.text("value", value);
                w.raw("inline", "false");
            });
        }
    });
}
