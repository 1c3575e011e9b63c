//! Message components: Components/Reference, "Anatomy of a Component".

use super::Writer;
use super::extra::related_user;
use crate::message::{Extra, Message};
use crate::world::Scene;

pub(crate) fn components(w: &mut Writer, scene: &Scene<'_>, message: &Message) {
    let id = scene.guild.pool.id(related_user(scene, message, 2));
    w.array("components", |w| match message.extra {
        Extra::Buttons => w.item(|w| {
            w.raw("type", "1");
            w.raw("id", "1");
            w.array("components", |w| w.item(|w| button(w, id)));
        }),
        Extra::Selects => {
            w.item(|w| {
                w.raw("type", "1");
                w.raw("id", "1");
                w.array("components", |w| w.item(|w| user_select(w, id)));
            });
            w.item(|w| {
                w.raw("type", "1");
                w.raw("id", "3");
                w.array("components", |w| w.item(|w| string_select(w, id)));
            });
        }
        Extra::Layout => w.item(|w| {
            w.raw("type", "17");
            w.raw("id", "1");
            w.raw("accent_color", "null");
            w.raw("spoiler", "false");
            w.array("components", |w| {
                w.item(|w| {
                    w.raw("type", "10");
                    w.raw("id", "2");
                    w.text("content", &format!("Ticket of <@{id}> ({id})"));
                });
                w.item(|w| section(w, id));
                w.item(|w| gallery(w, id));
            });
        }),
        _ => {}
    });
}

fn button(w: &mut Writer, user_id: u64) {
    w.raw("type", "2");
    w.raw("id", "2");
    w.raw("style", "1");
    w.text("label", &format!("Close ticket of {user_id}"));
    w.text("custom_id", &format!("ticket:{user_id}:close"));
}

fn user_select(w: &mut Writer, user_id: u64) {
    w.raw("type", "5");
    w.raw("id", "2");
    w.text("custom_id", "assign");
    w.text("placeholder", &format!("Somebody but {user_id}"));
    w.raw("min_values", "1");
    w.raw("max_values", "1");
    w.array("default_values", |w| {
        w.item(|w| {
            w.id("id", user_id);
            w.text("type", "user");
        });
    });
}

fn string_select(w: &mut Writer, user_id: u64) {
    w.raw("type", "3");
    w.raw("id", "4");
    w.text("custom_id", &format!("who:{user_id}"));
    w.array("options", |w| {
        w.item(|w| {
            w.text("label", &format!("User {user_id}"));
            w.text("value", &user_id.to_string());
            w.text("description", &format!("That is <@{user_id}>"));
        });
    });
}

/// A text with a user's avatar as its accessory.
fn section(w: &mut Writer, user_id: u64) {
    w.raw("type", "9");
    w.raw("id", "3");
    w.array("components", |w| {
        w.item(|w| {
            w.raw("type", "10");
            w.raw("id", "4");
            w.text("content", &format!("Opened by {user_id}"));
        });
    });
    w.object("accessory", |w| {
        w.raw("type", "11");
        w.raw("id", "5");
        w.object("media", |w| avatar(w, user_id));
        w.text("description", &format!("Avatar of {user_id}"));
    });
}

fn gallery(w: &mut Writer, user_id: u64) {
    w.raw("type", "12");
    w.raw("id", "6");
    w.array("items", |w| {
        w.item(|w| {
            w.object("media", |w| avatar(w, user_id));
            w.text("description", &format!("Banner of {user_id}"));
        });
    });
}

fn avatar(w: &mut Writer, user_id: u64) {
    w.text(
        "url",
        &format!("https://cdn.discordapp.com/avatars/{user_id}/{:032x}.png", user_id.rotate_left(9)),
    );
}
