//! What can go wrong at a platform, by what follows from it.

use std::time::Duration;

use crate::model::ChannelState;

/// The kind decides what is done; text is for people only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The token is nobody's: ends the run.
    TokenRejected,
    /// The bot is not in the workspace: ends the tenant.
    NotInWorkspace,
    /// The bot lacks the right: final for the channel.
    Forbidden,
    /// It is not there (any more): final for the channel.
    NotFound,
    /// The message or emoji asked about is not there any more: the channel is.
    Gone,
    /// Nobody answers at this address: a proxy in trouble, or a compatible
    /// server that doesn't know the route. Proves nothing.
    NoRoute,
    /// The platform doesn't accept the question: final for the channel.
    Refused,
    /// The platform was asked too often and the run shall not wait: ends the
    /// run.
    RateLimited,
    /// Too many refused requests: one more and the platform might ban this
    /// address. Ends the run.
    TooManyRefusals,
    /// No connection, or it broke: worth a retry.
    Network,
    /// Connecting, headers or body took too long: worth a retry.
    Timeout,
    /// The platform failed: worth a retry.
    Server,
    /// An answer that isn't what the platform documents: worth a retry.
    Unreadable,
    /// More than any real answer to a question that can be asked in smaller pieces:
    /// the same question would bring the same.
    TooLarge,
    /// The platform isn't ready to answer yet: worth a retry.
    NotReady,
    /// The address sends elsewhere, where the token isn't taken: worth a retry,
    /// because a network's sign-in page does so for a while.
    Redirected,
}

impl ErrorKind {
    /// Whether asking again can help.
    pub const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Network
                | Self::Timeout
                | Self::Server
                | Self::Unreadable
                | Self::NotReady
                | Self::Redirected
        )
    }

    /// Whether nothing else of this run can succeed.
    pub const fn ends_run(self) -> bool {
        matches!(self, Self::TokenRejected | Self::RateLimited | Self::TooManyRefusals)
    }

    /// Whether a compatible server may not know the route at all.
    pub const fn is_unsupported(self) -> bool {
        matches!(self, Self::NoRoute | Self::Refused)
    }

    /// What it proves of a channel that was itself asked for, if it does. Of one
    /// that the bot can't see, nobody can tell whether it was closed to everyone
    /// or whether the bot lost the right.
    pub const fn proves(self) -> Option<ChannelState> {
        match self {
            Self::NotFound => Some(ChannelState::Deleted),
            Self::Forbidden => Some(ChannelState::Unreadable),
            _ => None,
        }
    }

    /// Whether the cause lies in the channel asked for: no outage, no limit.
    pub const fn is_of_channel(self) -> bool {
        matches!(
            self,
            Self::Forbidden
                | Self::NotFound
                | Self::Refused
                | Self::Unreadable
                | Self::TooLarge
                | Self::NoRoute
        )
    }
}

/// A request failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{subject}: {detail}")]
pub struct PlatformError {
    /// What follows from it.
    pub kind: ErrorKind,
    /// What was asked for: "messages of channel 42".
    pub subject: String,
    /// What happened: status, code and the platform's words, never a body.
    pub detail: String,
    /// How long the platform wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl PlatformError {
    /// An error without a wish to be left alone.
    pub fn new(kind: ErrorKind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), detail: detail.into(), retry_after: None }
    }
}
