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
        Cause::TokenRejected => {
            "check that the complete token is where sync.toml says; otherwise create a new token"
        }
        Cause::ContentIntentOff => "grant the bot access to message content",
        Cause::NotInWorkspace => "invite the bot, or correct the tenant's ID in sync.toml",
        Cause::Forbidden => "grant the bot permission to read this channel",
        Cause::NotFound => "the channel was deleted; the next run marks it as deleted",
        Cause::NotPublic => {
            "a private channel is never archived, because only what everyone may see is; to archive it, grant the missing permission to everyone"
        }
        Cause::Rejected => "exclude the channel in sync.toml: bots cannot read channels of this type",
        Cause::NoRoute => {
            "check api_url: the server there, or a proxy in front of it, does not support this request; the next run retries"
        }
        Cause::RateLimited => "run again later, or set on_rate_limit = \"wait\"",
        Cause::InvalidRequestLimit => {
            "wait at least 10 minutes, and check for other programs that use this token or IP address"
        }
        Cause::Network => "check the network and api_url; the next run reads what is missing",
        Cause::Timeout => "check the network; the next run retries",
        Cause::Server => "the server failed; the next run retries",
        Cause::MalformedResponse => "the next run retries; if the error persists, please report it",
        Cause::Redirected => {
            "set api_url in sync.toml to an address that responds without a redirect: redirects are not followed, because they would forward the token"
        }
        Cause::ContentWithheld => "check that the bot has access to message content; the next run retries",
        Cause::EndUnconfirmed => {
            "the next runs check again; the end counts as confirmed if the page is still empty after a day"
        }
        Cause::ListingIncomplete => "the next runs retry; the next complete listing is at most a day later",
        Cause::Malformed => "the next runs request them again; if they stay malformed, please report it",
        Cause::Vanished => {
            "grant the bot access to the channel again, or, if the channel was closed to the public on purpose, do nothing: its archived messages stay"
        }
        Cause::NoChannels => {
            "check include_channels, exclude_channels and since in sync.toml, and the bot's permissions (verta-sync plan shows why each channel is left out)"
        }
        Cause::Configuration => "correct the tenant in sync.toml (verta-sync plan lists the channels)",
        Cause::RunTimeLimit | Cause::Interrupted => "run again to resume where this run stopped",
        Cause::Archive => {
            "check the disk space, this user's quota and the system log, then run again; the run resumes where it stopped"
        }
        Cause::Internal | Cause::NotArchived => return None,
    })
}
