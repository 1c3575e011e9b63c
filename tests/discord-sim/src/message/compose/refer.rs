//! Messages that refer to others, and those Discord writes itself.

use crate::dice::Dice;
use crate::message::shape::Shape;
use crate::message::{Extra, Message, Reference, Shown, kind, text};
use crate::world::Scene;

/// The ID of one of the dozen messages written before.
pub(super) fn earlier(scene: &Scene<'_>, index: u64, dice: &mut Dice) -> Option<u64> {
    let back = 1 + dice.below(12);
    scene.channel.log.id_of(index.checked_sub(back)?)
}

pub(super) fn reply(scene: &Scene<'_>, message: &mut Message, shape: Shape, index: u64, dice: &mut Dice) {
    message.content = text::sentence(dice);
    let target = earlier(scene, index, dice);
    let Some(target) = target else { return };
    message.kind = kind::REPLY;
    message.reference = Some(Reference {
        channel_id: scene.channel.id,
        // The ID after another's was never given out: that original is gone.
        message_id: Some(target + u64::from(shape == Shape::ReplyToDeleted)),
        shown: if shape == Shape::ReplyUnloaded { Shown::Absent } else { Shown::Loaded },
    });
}

/// Every second context command is one on a message, and answers that message:
/// Resources/Message, "Application Command Interaction Metadata Structure".
pub(super) fn point_at_target(scene: &Scene<'_>, message: &mut Message, index: u64, dice: &mut Dice) {
    let target = earlier(scene, index, dice).filter(|_| message.seed.is_multiple_of(2));
    message.reference = target.map(|target| Reference {
        channel_id: scene.channel.id,
        message_id: Some(target),
        shown: Shown::Loaded,
    });
}

pub(super) fn system(scene: &Scene<'_>, message: &mut Message, shape: Shape, index: u64, dice: &mut Dice) {
    let here = scene.channel.id;
    let to = |channel_id, message_id| Some(Reference { channel_id, message_id, shown: Shown::Absent });
    match shape {
        Shape::Pin => {
            message.kind = kind::PIN;
            message.reference = to(here, earlier(scene, index, dice));
        }
        Shape::Boost => message.kind = kind::BOOST,
        Shape::Follow => {
            message.kind = kind::FOLLOW;
            "Takaro News".clone_into(&mut message.content);
            message.reference = to(dice.roll() >> 3, None);
        }
        Shape::ThreadCreated => {
            "A thread of its own".clone_into(&mut message.content);
            tell_of_thread(message, message.id + 1);
        }
        Shape::ThreadStarter => {
            message.kind = kind::THREAD_STARTER;
            message.reference = scene.channel.parent_id.map(|parent_id| Reference {
                channel_id: parent_id,
                message_id: Some(here),
                shown: Shown::Loaded,
            });
        }
        Shape::PollResult => {
            message.kind = kind::POLL_RESULT;
            message.extra = Extra::PollResult;
            message.reference = to(here, earlier(scene, index, dice));
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

/// Resources/Message, "Message Reference Content Attribution": the reference of
/// a type 18 has the thread's ID and no message's.
pub(super) fn tell_of_thread(message: &mut Message, thread_id: u64) {
    message.kind = kind::THREAD_CREATED;
    message.reference = Some(Reference { channel_id: thread_id, message_id: None, shown: Shown::Absent });
}
