//! Users in a message's interaction, call, activity and resolved data.

use super::extra::related_user;
use super::{Writer, user};
use crate::message::{Author, Extra, Message, kind};
use crate::snowflake;
use crate::world::Scene;

/// `interaction` and `interaction_metadata`: Resources/Message, "Message Interaction
/// Metadata Object".
pub(super) fn interaction(w: &mut Writer, scene: &Scene<'_>, message: &Message, caller: u32) {
    let id = message.id - 3;
    w.id("application_id", scene.state.bot_id);
    // Resources/Message: a bot answers through the webhook of its application, which has
    // the application's ID. Some worlds let people answer: those have no webhook.
    if matches!(message.author, Author::User(index) if scene.guild.pool.user(index).is_bot) {
        w.id("webhook_id", scene.state.bot_id);
    }
    if message.kind == kind::SLASH_COMMAND {
        w.object("interaction", |w| {
            w.id("id", id);
            w.raw("type", "2");
            w.text("name", "shop list");
            user::of_pool(w, "user", scene.guild, caller);
            w.object("member", |w| {
                let member = scene.guild.pool.user(caller);
                user::member_fields(w, &member, snowflake::unix_ms(message.id), &[]);
            });
        });
    }
    w.object("interaction_metadata", |w| {
        w.id("id", id);
        let is_modal = matches!(message.extra, Extra::Modal(_));
        w.raw("type", if is_modal { "5" } else { "2" });
        user::of_pool(w, "user", scene.guild, caller);
        integration_owners(w, scene, caller);
        if matches!(message.extra, Extra::Context(_)) {
            match message.reference.and_then(|reference| reference.message_id) {
                Some(target_id) => w.id("target_message_id", target_id),
                None => user::of_pool(w, "target_user", scene.guild, related_user(scene, message, 4)),
            }
        }
        if is_modal {
            w.object("triggering_interaction_metadata", |w| {
                w.id("id", id - 1);
                w.raw("type", "3");
                user::of_pool(w, "user", scene.guild, caller);
                integration_owners(w, scene, caller);
                w.id("interacted_message_id", id - 2);
            });
        }
    });
}

fn integration_owners(w: &mut Writer, scene: &Scene<'_>, caller: u32) {
    w.object("authorizing_integration_owners", |w| {
        w.id("0", scene.guild.id);
        w.id("1", scene.guild.pool.id(caller));
    });
}

/// Resources/Message, "Message Call Object".
pub(super) fn call(w: &mut Writer, scene: &Scene<'_>, message: &Message) {
    w.object("call", |w| {
        w.array("participants", |w| {
            for salt in [9, 10] {
                w.id_item(scene.guild.pool.id(related_user(scene, message, salt)));
            }
        });
        w.time("ended_timestamp", snowflake::unix_ms(message.id) + 60_000);
    });
}

/// Resources/Message, "Message Activity Structure".
pub(super) fn activity(w: &mut Writer, scene: &Scene<'_>, message: &Message) {
    let host = scene.guild.pool.id(related_user(scene, message, 5));
    w.object("activity", |w| {
        w.raw("type", "3");
        w.text("party_id", &format!("spotify:{host}"));
    });
    w.object("application", |w| {
        w.id("id", message.seed >> 6);
        w.text("name", "Music");
        w.raw("icon", "null");
        w.text("description", "Listen along");
        w.raw("type", "null");
        // User 7 is a bot in every pool of at least 8 users.
        user::of_pool(w, "bot", scene.guild, 7 % scene.guild.pool.count());
    });
}

/// Interactions/Receiving and Responding, "Resolved Data Structure".
pub(super) fn resolved(w: &mut Writer, scene: &Scene<'_>, message: &Message) {
    let index = related_user(scene, message, 6);
    let key = scene.guild.pool.id(index).to_string();
    w.object("resolved", |w| {
        w.object("users", |w| user::of_pool(w, &key, scene.guild, index));
        w.object("members", |w| {
            w.object(&key, |w| {
                let member = scene.guild.pool.user(index);
                user::member_fields(w, &member, snowflake::unix_ms(message.id), &[]);
            });
        });
    });
}
