//! Messages with an [`Extra`].

use crate::dice::Dice;
use crate::message::shape::Shape;
use crate::message::{Author, Extra, Message, flag, kind, text};
use crate::world::Scene;

/// Sets the message's content, [`Extra`], type, flags and author for this shape.
pub(super) fn enrich(scene: &Scene<'_>, message: &mut Message, shape: Shape, dice: &mut Dice) {
    let caller = scene.guild.pool.random_user(dice);
    message.content = text::clause(dice);
    message.extra = match shape {
        Shape::LinkEmbed => {
            message.content += " https://takaro.io/blog/update";
            Extra::LinkEmbed
        }
        Shape::RichEmbed => Extra::RichEmbed,
        Shape::Sticker => Extra::Stickers,
        Shape::Poll => Extra::Poll,
        Shape::Buttons => Extra::Buttons,
        Shape::Selects => Extra::Selects,
        Shape::Layout => Extra::Layout,
        Shape::Slash => Extra::Slash(caller),
        Shape::Context => Extra::Context(caller),
        Shape::Modal => Extra::Modal(caller),
        Shape::Activity => Extra::Activity,
        Shape::Resolved => Extra::Resolved,
        Shape::MentionedChannels => Extra::MentionedChannels,
        _ => Extra::Nothing,
    };
    match message.extra {
        Extra::Stickers | Extra::Poll => message.content.clear(),
        Extra::Layout => {
            message.content.clear();
            message.flags |= flag::COMPONENTS_V2;
        }
        Extra::LinkEmbed if dice.percent(10) => message.flags |= flag::SUPPRESS_EMBEDS,
        Extra::MentionedChannels => message.flags |= flag::CROSSPOSTED,
        Extra::Slash(_) => message.kind = kind::SLASH_COMMAND,
        Extra::Context(_) => message.kind = kind::CONTEXT_COMMAND,
        _ => {}
    }
    if matches!(message.kind, kind::SLASH_COMMAND | kind::CONTEXT_COMMAND) {
        // User 7 is a bot in every pool of at least 8 users.
        message.author = Author::User(7 % scene.guild.pool.count());
    }
}
