//! Hints: what the operator can do about a cause.

use crate::model::{Cause, PlatformSpec, Platforms};

/// Looks up hints for the supported platforms.
#[derive(Debug, Clone, Copy)]
pub struct Hints(pub Platforms);

impl Hints {
    /// The hint for `cause` on the platform of this name.
    pub fn of(self, platform: &str, cause: Cause) -> Option<&'static str> {
        PlatformSpec::find(self.0, platform).map_or_else(|| hint(cause), |spec| platform_hint(spec, cause))
    }

    /// The permissions that a bot needs to read a channel on the platform of this name.
    pub(super) fn channel_rights(self, platform: &str) -> Option<&'static str> {
        PlatformSpec::find(self.0, platform).map(|spec| spec.channel_permissions)
    }
}

/// The platform's own hint for `cause`, or else the general one. One sentence.
pub fn platform_hint(platform: &PlatformSpec, cause: Cause) -> Option<&'static str> {
    (platform.remedy)(cause).or_else(|| hint(cause))
}

/// The general hint for `cause`, one sentence; `None` if there is nothing to do but wait
/// for the next run.
pub const fn hint(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::TokenRejected => "check that the whole token is where sync.toml says; else make a new token",
        Cause::ContentIntentOff => "let the bot read the content of messages",
        Cause::NotInWorkspace => "invite the bot, or correct the tenant's ID in sync.toml",
        Cause::Forbidden => "give the bot the right to read this channel",
        Cause::NotFound => "the channel was deleted; the next run marks it so",
        Cause::Rejected => "the channel is of a kind that bots may not read; exclude it in sync.toml",
        Cause::NoRoute => {
            "check api_url: the server there, or a proxy before it, doesn't know this request; the next run tries again"
        }
        Cause::RateLimited => "run again later, or set on_rate_limit = \"wait\"",
        Cause::InvalidRequestLimit => {
            "wait at least 10 minutes, and look for other programs that use this token or this address"
        }
        Cause::Network => "check the network and api_url; what is missing is read by the next run",
        Cause::Timeout => "check the network; the next run tries again",
        Cause::Server => "the server has trouble; the next run tries again",
        Cause::MalformedResponse => "the next run tries again; if it stays, please report it",
        Cause::Redirected => {
            "set api_url in sync.toml to an address that answers itself: a redirect isn't followed, because the token would go with it"
        }
        Cause::ContentWithheld => {
            "check that the bot may read the content of messages; the next run tries again"
        }
        Cause::EndUnconfirmed => {
            "the next runs ask again; the end counts as confirmed if the page is still empty after a day"
        }
        Cause::ListingIncomplete => "the next complete listing, at most a day later, tries again",
        Cause::Malformed => "the next runs ask for them again; if they stay, please report it",
        Cause::Vanished => {
            "let the bot see the channel again, or, if the channel was closed to the public, leave it: its messages stay"
        }
        Cause::NoChannels => {
            "check include_channels, exclude_channels and since in sync.toml, and the bot's rights (verta-sync plan says why each channel is left out)"
        }
        Cause::Configuration => "correct the tenant in sync.toml (verta-sync plan lists the channels)",
        Cause::RunTimeLimit | Cause::Interrupted => "run again: it goes on where this run stopped",
        Cause::Archive => {
            "look at the disk: its space, this user's quota, the system's log; then run again: it goes on where it stopped"
        }
        Cause::Internal | Cause::NotArchived => return None,
    })
}
