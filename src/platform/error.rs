//! Errors of a platform, classified by what follows from them.

use std::time::Duration;

use crate::model::ChannelState;

/// Decides how an error is handled; its text is for people only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The platform doesn't accept the token: ends the run.
    TokenRejected,
    /// The bot is not in the workspace: fails the tenant.
    NotInWorkspace,
    /// The bot lacks the permission: permanent for the channel.
    Forbidden,
    /// The channel doesn't exist, or no longer: permanent for the channel.
    NotFound,
    /// The message or emoji was deleted; the channel still exists.
    MessageGone,
    /// The server doesn't know the route: a failing proxy, or a compatible server
    /// without it. Proves nothing about the channel.
    NoRoute,
    /// The platform rejects the request: permanent for the channel.
    Rejected,
    /// The platform rate-limits the bot, and the run is configured not to wait: ends the
    /// run.
    RateLimited,
    /// The invalid-request limit is reached, or the platform blocks this address: ends
    /// the run, because more requests might get the address banned.
    InvalidRequestLimit,
    /// No connection, or it was lost: transient.
    Network,
    /// Connecting, headers or body took too long: transient.
    Timeout,
    /// The platform failed: transient.
    Server,
    /// The response isn't what the platform documents: transient.
    Unreadable,
    /// The page exceeds the memory limits. Permanent for this request; one for a smaller
    /// page can succeed.
    TooLarge,
    /// The platform isn't ready to respond yet: transient.
    NotReady,
    /// The address redirects; the token is never sent elsewhere. Transient, because a
    /// network's sign-in page redirects for a while.
    Redirected,
}

impl ErrorKind {
    /// Whether a retry can succeed.
    pub const fn is_transient(self) -> bool {
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

    /// Whether no other request of this run can succeed.
    pub const fn ends_run(self) -> bool {
        matches!(self, Self::TokenRejected | Self::RateLimited | Self::InvalidRequestLimit)
    }

    /// Whether a compatible server may lack the route.
    pub const fn is_unsupported(self) -> bool {
        matches!(self, Self::NoRoute | Self::Rejected)
    }

    /// The state that it proves if the request was for the channel itself. For a channel
    /// that the bot can't see, the bot can't tell whether it is closed to everyone or to
    /// the bot alone.
    pub const fn proven_channel_state(self) -> Option<ChannelState> {
        match self {
            Self::NotFound => Some(ChannelState::Deleted),
            Self::Forbidden => Some(ChannelState::Unreadable),
            _ => None,
        }
    }

    /// Whether the cause lies in the requested channel, and not in an outage or a limit.
    pub const fn is_channel_specific(self) -> bool {
        matches!(
            self,
            Self::Forbidden
                | Self::NotFound
                | Self::Rejected
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
    /// Decides how it is handled.
    pub kind: ErrorKind,
    /// What was requested, such as "messages of channel 42".
    pub subject: String,
    /// What happened: status, code and the platform's error message, never a body.
    pub detail: String,
    /// Pause that the platform asked for.
    pub retry_after: Option<Duration>,
}

impl PlatformError {
    /// An error without `retry_after`.
    pub fn new(kind: ErrorKind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), detail: detail.into(), retry_after: None }
    }
}
