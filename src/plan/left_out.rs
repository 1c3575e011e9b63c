//! The reasons why channels aren't read, as text and as names for scripts.

use std::fmt;

use crate::model::{ChannelId, ChannelKind};

/// Why a channel isn't read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftOutReason {
    /// @everyone lacks these permissions.
    NotPublic(Vec<&'static str>),
    /// @everyone may see it but not its history, which the tenant's configuration
    /// requires.
    HistoryNotPublic,
    /// The bot lacks these permissions.
    BotLacks(Vec<&'static str>),
    /// The tenant's include or exclude list leaves it out.
    NotWanted,
    /// It is of a type that is never archived.
    Kind,
    /// The platform's data of the channel is malformed.
    Unreadable,
    /// The tenant's archive begins in the future.
    SinceInFuture,
    /// No listing names it any more, and its lookup is refused.
    Vanished,
}

impl LeftOutReason {
    /// The rule's name, for scripts.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::NotPublic(_) => "not_public",
            Self::HistoryNotPublic => "history_not_public",
            Self::BotLacks(_) => "bot_lacks_permission",
            Self::NotWanted => "not_wanted",
            Self::Kind => "kind",
            Self::Unreadable => "unreadable",
            Self::SinceInFuture => "since_in_future",
            Self::Vanished => "vanished",
        }
    }

    /// The missing permissions, by their names in the platform's settings.
    pub fn missing_permissions(&self) -> &[&'static str] {
        match self {
            Self::NotPublic(lacks) | Self::BotLacks(lacks) => lacks,
            Self::HistoryNotPublic
            | Self::NotWanted
            | Self::Kind
            | Self::Unreadable
            | Self::SinceInFuture
            | Self::Vanished => &[],
        }
    }
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPublic(lacks) if lacks.is_empty() => f.write_str("not public"),
            Self::NotPublic(lacks) => write!(f, "not public: @everyone lacks {}", lacks.join(", ")),
            Self::HistoryNotPublic => f.write_str("its history is not public, which visibility = \"history\" requires"),
            Self::BotLacks(lacks) => write!(f, "the bot lacks {}", lacks.join(", ")),
            Self::NotWanted => f.write_str("not selected by include_channels or exclude_channels"),
            Self::Kind => f.write_str("of a type that is never archived"),
            Self::Unreadable => f.write_str("the platform's data about it is malformed"),
            Self::SinceInFuture => f.write_str("since is in the future"),
            Self::Vanished => f.write_str(
                "no longer listed, and the bot cannot see it: it was closed to @everyone, or the bot's role lost View Channel",
            ),
        }
    }
}

/// A channel that isn't read.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// The channel.
    pub channel: ChannelId,
    /// Its raw name; scrub it before it is shown.
    pub name: String,
    /// Its kind.
    pub kind: ChannelKind,
    /// Why it isn't read.
    pub reason: LeftOutReason,
    /// The configuration key that leaves it out, if one does.
    pub key: Option<&'static str>,
}

impl LeftOut {
    /// The reason as text.
    pub fn explanation(&self) -> String {
        match self.key {
            Some("include_channels") => "not in include_channels".to_owned(),
            Some(key) => format!("excluded by {key}"),
            None => self.reason.to_string(),
        }
    }
}
