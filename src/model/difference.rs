//! How archived messages differ from the platform's, and what follows from that.

use super::{ChannelId, MessageId, Timestamp};

/// How an archived message differs from the platform's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DifferenceKind {
    /// The platform has it, the archive doesn't.
    Missing,
    /// The archive shows it as existing; the platform doesn't have it any more.
    NotDeleted,
    /// The archive shows it as deleted; the platform has it.
    NotRestored,
    /// Both have it, but not alike.
    Differs {
        /// What differs, in the words of the archive's columns.
        fields: Vec<DifferingField>,
        /// Whether the platform says that it was edited since it was archived.
        was_edited: bool,
    },
}

/// A part of a message that can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferingField {
    /// Who wrote it.
    Author,
    /// Its type.
    Type,
    /// Its text.
    Content,
    /// When it was sent.
    CreatedAt,
    /// When it was edited.
    EditedAt,
    /// The message that it replies to.
    Reply,
    /// Its files: which, their names and sizes.
    Attachments,
    /// The address and other properties of its files.
    AttachmentDetails,
    /// Whether it is pinned.
    Pinned,
    /// Its reaction counts.
    Reactions,
    /// Everything else, such as embeds and polls.
    Metadata,
}

impl DifferingField {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Type => "type",
            Self::Content => "content",
            Self::CreatedAt => "created_at",
            Self::EditedAt => "edited_at",
            Self::Reply => "reply",
            Self::Attachments => "attachments",
            Self::AttachmentDetails => "attachment_details",
            Self::Pinned => "pinned",
            Self::Reactions => "reactions",
            Self::Metadata => "metadata",
        }
    }

    /// Whether it never changes without an edit. The author of a reply's original can become
    /// known.
    const fn is_fixed(self) -> bool {
        matches!(self, Self::Author | Self::Type | Self::Content | Self::CreatedAt | Self::Attachments)
    }
}

/// What a difference says about the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceClass {
    /// No change on the platform explains it: the archive is wrong.
    Fault,
    /// A change that the next sync finds.
    Young,
    /// A change of a message that syncs don't read again, except full ones.
    Aged,
}

impl DifferenceClass {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::Fault, Self::Young, Self::Aged];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Young => "young",
            Self::Aged => "aged",
        }
    }
}

impl DifferenceKind {
    /// The names of all kinds.
    pub const NAMES: [&str; 4] = ["missing", "differs", "not_deleted", "not_restored"];

    /// Its name in reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotDeleted => "not_deleted",
            Self::NotRestored => "not_restored",
            Self::Differs { .. } => "differs",
        }
    }

    /// Classifies the difference of a message sent at `sent_at`. Syncs still read messages
    /// again that were sent from `followed_from` on.
    pub fn class(&self, sent_at: Timestamp, followed_from: Timestamp) -> DifferenceClass {
        let is_explained = match self {
            Self::Missing | Self::NotRestored => false,
            Self::NotDeleted => true,
            Self::Differs { fields, was_edited } => {
                *was_edited || !fields.iter().any(|field| field.is_fixed())
            }
        };
        match (is_explained, sent_at >= followed_from) {
            (false, _) => DifferenceClass::Fault,
            (true, true) => DifferenceClass::Young,
            (true, false) => DifferenceClass::Aged,
        }
    }
}

/// A difference of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The channel.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// How it differs.
    pub kind: DifferenceKind,
    /// What that says about the archive.
    pub class: DifferenceClass,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_on_the_platform_grow_old() {
        use DifferenceClass::{Aged, Fault, Young};
        let (old, young, followed_from) = (10, 20, Timestamp::from_millis(20));
        let differs = |field, was_edited| DifferenceKind::Differs { fields: vec![field], was_edited };
        for (kind, expected) in [
            (DifferenceKind::Missing, [Fault, Fault]),
            (DifferenceKind::NotDeleted, [Aged, Young]),
            (DifferenceKind::NotRestored, [Fault, Fault]),
            (differs(DifferingField::Reply, false), [Aged, Young]),
            (differs(DifferingField::Content, false), [Fault, Fault]),
            (differs(DifferingField::Attachments, false), [Fault, Fault]),
            (differs(DifferingField::Content, true), [Aged, Young]),
            (differs(DifferingField::Reactions, false), [Aged, Young]),
            (differs(DifferingField::AttachmentDetails, false), [Aged, Young]),
        ] {
            let class = |millis| kind.class(Timestamp::from_millis(millis), followed_from);
            assert_eq!([class(old), class(young)], expected, "{kind:?}");
        }
    }
}
