//! Messages with a reference to another message, and system messages.

use crate::dice::Dice;
use crate::message::shape::Shape;
use crate::message::{Extra, Message, Reference, ReferenceRendering, kind, text};
use crate::world::Scene;

/// The ID of a random message among the 12 written before message `index`; `None` if
/// the random distance exceeds `index`.
pub(super) fn earlier(scene: &Scene<'_>, index: u64, dice: &mut Dice) -> Option<u64> {
    let back = 1 + dice.below(12);
    scene.channel.log.id_of(index.checked_sub(back)?)
}

/// Makes the message a reply to an earlier one, or plain text if there is none.
pub(super) fn reply(scene: &Scene<'_>, message: &mut Message, shape: Shape, index: u64, dice: &mut Dice) {
    message.content = text::sentence(dice);
    let target = earlier(scene, index, dice);
    let Some(target) = target else { return };
    message.kind = kind::REPLY;
    message.reference = Some(Reference {
        channel_id: scene.channel.id,
        // No message has the ID after `target`, so the original counts as deleted.
        message_id: Some(target + u64::from(shape == Shape::ReplyToDeleted)),
        rendering: if shape == Shape::ReplyUnloaded {
            ReferenceRendering::Absent
        } else {
            ReferenceRendering::Loaded
        },
    });
}

/// Makes about half of the context commands message commands that reply to their
/// target; the others are user commands. Resources/Message, "Application Command
/// Interaction Metadata Structure".
pub(super) fn reference_target(scene: &Scene<'_>, message: &mut Message, index: u64, dice: &mut Dice) {
    let target = earlier(scene, index, dice).filter(|_| message.seed.is_multiple_of(2));
    message.reference = target.map(|target| Reference {
        channel_id: scene.channel.id,
        message_id: Some(target),
        rendering: ReferenceRendering::Loaded,
    });
}

/// Makes the message a system message of this shape.
pub(super) fn system(scene: &Scene<'_>, message: &mut Message, shape: Shape, index: u64, dice: &mut Dice) {
    let own_id = scene.channel.id;
    let reference_to = |channel_id, message_id| {
        Some(Reference { channel_id, message_id, rendering: ReferenceRendering::Absent })
    };
    match shape {
        Shape::Pin => {
            message.kind = kind::PIN;
            message.reference = reference_to(own_id, earlier(scene, index, dice));
        }
        Shape::Boost => message.kind = kind::BOOST,
        Shape::Follow => {
            message.kind = kind::FOLLOW;
            "Takaro News".clone_into(&mut message.content);
            message.reference = reference_to(dice.roll() >> 3, None);
        }
        Shape::ThreadCreated => {
            "A thread of its own".clone_into(&mut message.content);
            make_thread_created(message, message.id + 1);
        }
        Shape::ThreadStarter => {
            message.kind = kind::THREAD_STARTER;
            message.reference = scene.channel.parent_id.map(|parent_id| Reference {
                channel_id: parent_id,
                message_id: Some(own_id),
                rendering: ReferenceRendering::Loaded,
            });
        }
        Shape::PollResult => {
            message.kind = kind::POLL_RESULT;
            message.extra = Extra::PollResult;
            message.reference = reference_to(own_id, earlier(scene, index, dice));
        }
        Shape::RoleSubscription => {
            message.kind = kind::ROLE_SUBSCRIPTION;
            message.extra = Extra::RoleSubscription;
        }
        Shape::StageStart => {
            message.kind = kind::STAGE_START;
            "Community talk".clone_into(&mut message.content);
        }
        _ => message.kind = kind::JOIN,
    }
}

/// Makes the message a `THREAD_CREATED` notice (type 18). Its reference has the
/// thread's ID and no message ID: Resources/Message, "Message Reference Content
/// Attribution".
pub(super) fn make_thread_created(message: &mut Message, thread_id: u64) {
    message.kind = kind::THREAD_CREATED;
    message.reference =
        Some(Reference { channel_id: thread_id, message_id: None, rendering: ReferenceRendering::Absent });
}
