//! Chooses the shape of each generated message.

use crate::description::Mix;
use crate::dice::Dice;

/// The kinds of message the simulator generates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Long2000,
    Long4000,
    Webhook,
    Reply,
    ReplyToDeleted,
    ReplyUnloaded,
    Join,
    Pin,
    Boost,
    Follow,
    ThreadCreated,
    ThreadStarter,
    Slash,
    Context,
    Modal,
    Poll,
    PollResult,
    Forward,
    Attachment,
    AttachmentUntyped,
    Attachments,
    Voice,
    Clip,
    LinkEmbed,
    RichEmbed,
    Sticker,
    Special(u8),
    EveryoneMention,
    Reactions,
    BurstReactions,
    CustomReactions,
    DeletedEmoji,
    ManyReactors,
    Edited,
    Pinned,
    Buttons,
    Selects,
    Layout,
    Activity,
    RoleSubscription,
    StageStart,
    Resolved,
    MentionedChannels,
}

/// Number of variants of special content: see `text::special`.
const SPECIAL_COUNT: u8 = 16;

/// The first variants are common in real chats: mentions, custom emoji and links.
const COMMON_SPECIAL_COUNT: u64 = 7;

/// The shapes of [`Mix::Rich`] besides special content.
const RICH: [Shape; 41] = [
    Shape::Join,
    Shape::Reply,
    Shape::Attachment,
    Shape::Reactions,
    Shape::Webhook,
    Shape::ReplyToDeleted,
    Shape::Edited,
    Shape::BurstReactions,
    Shape::LinkEmbed,
    Shape::ReplyUnloaded,
    Shape::CustomReactions,
    Shape::AttachmentUntyped,
    Shape::Slash,
    Shape::Poll,
    Shape::PollResult,
    Shape::Forward,
    Shape::Sticker,
    Shape::RichEmbed,
    Shape::Pin,
    Shape::Long2000,
    Shape::Boost,
    Shape::Attachments,
    Shape::ThreadCreated,
    Shape::EveryoneMention,
    Shape::DeletedEmoji,
    Shape::Context,
    Shape::Buttons,
    Shape::Reply,
    Shape::ManyReactors,
    Shape::Voice,
    Shape::Modal,
    Shape::Selects,
    Shape::Layout,
    Shape::Pinned,
    Shape::Clip,
    Shape::Activity,
    Shape::Follow,
    Shape::Long4000,
    Shape::RoleSubscription,
    Shape::Resolved,
    Shape::MentionedChannels,
];

impl Shape {
    /// The shape of the message written as number `index` in a channel with this mix.
    pub(crate) fn choose(mix: Mix, index: u64, dice: &mut Dice) -> Self {
        match mix {
            Mix::Bare => Self::Text,
            Mix::Plain => Self::plain(dice.below(100)),
            Mix::Chat => Self::chat(dice.below(100), dice),
            Mix::Rich => Self::rich(index),
        }
    }

    const fn plain(roll: u64) -> Self {
        match roll {
            0..8 => Self::Reply,
            8..13 => Self::Reactions,
            13..16 => Self::Attachment,
            16 => Self::LinkEmbed,
            17 => Self::Join,
            _ => Self::Text,
        }
    }

    const fn chat(roll: u64, dice: &mut Dice) -> Self {
        match roll {
            0..34 => Self::Reply,
            34..48 => Self::Reactions,
            48..53 => Self::Attachment,
            53..56 => Self::LinkEmbed,
            56..59 => Self::CustomReactions,
            59 => Self::BurstReactions,
            60..62 => Self::Join,
            62..65 => Self::Edited,
            65..68 => Self::Special(dice.below(COMMON_SPECIAL_COUNT) as u8),
            68 => Self::Slash,
            69 => Self::Webhook,
            _ => Self::Text,
        }
    }

    /// Every third message has special content; the others cycle through all shapes.
    fn rich(index: u64) -> Self {
        let (round, step) = (index / 3, index % 3);
        if step == 2 {
            return Self::Special((round % u64::from(SPECIAL_COUNT)) as u8);
        }
        let turn = (round * 2 + step) as usize % (RICH.len() + 1);
        RICH.get(turn).copied().unwrap_or(Self::StageStart)
    }
}
