//! Components: Components/Reference, "Anatomy of a Component".

use super::Writer;
use super::extra::person;
use crate::message::{Extra, Message};
use crate::world::Scene;

pub(crate) fn components(w: &mut Writer, scene: &Scene<'_>, message: &Message) {
    let id = scene.guild.pool.id(person(scene, message, 2));
    w.array("components", |w| match message.extra {
        Extra::Buttons => w.item(|w| {
            w.raw("type", "1");
            w.raw("id", "1");
            w.array("components", |w| w.item(|w| button(w, id)));
        }),
        Extra::Selects => w.item(|w| {
            w.raw("type", "1");
            w.raw("id", "1");
            w.array("components", |w| w.item(|w| user_select(w, id)));
        }),
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
            });
        }),
        _ => {}
    });
}

fn button(w: &mut Writer, user_id: u64) {
    w.raw("type", "2");
    w.raw("id", "2");
    w.raw("style", "1");
    w.text("label", "Close ticket");
    w.text("custom_id", &format!("ticket:{user_id}:close"));
}

fn user_select(w: &mut Writer, user_id: u64) {
    w.raw("type", "5");
    w.raw("id", "2");
    w.text("custom_id", "assign");
    w.raw("min_values", "1");
    w.raw("max_values", "1");
    w.array("default_values", |w| {
        w.item(|w| {
            w.id("id", user_id);
            w.text("type", "user");
        });
    });
}
