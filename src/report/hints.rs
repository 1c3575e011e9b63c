//! What to do about a cause.

use crate::model::Cause;

/// The remedy, one sentence; `None` where there is nothing to do but wait for
/// the next run.
pub const fn hint(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::TokenRejected => {
            "check that the whole token is where sync.toml says; else make a new token on the Bot page of https://discord.com/developers/applications"
        }
        Cause::ContentIntentOff => {
            "switch on \"Message Content Intent\" on the Bot page of https://discord.com/developers/applications"
        }
        Cause::NotInWorkspace => {
            "invite the bot to the server, or correct guild_id in sync.toml (right click the server, Copy Server ID)"
        }
        Cause::Forbidden => "give the bot's role View Channel and Read Message History in this channel",
        Cause::NotFound => "the channel was deleted; the next run marks it so",
        Cause::Refused => {
            "the channel is of a kind that Discord doesn't let bots read; exclude it in sync.toml"
        }
        Cause::NoRoute => {
            "check api_url: the server there, or a proxy before it, doesn't know this request; the next run tries again"
        }
        Cause::RateLimited => "run again later, or set on_rate_limit = \"wait\"",
        Cause::TooManyRefusals => {
            "wait at least 10 minutes, and look for other programs that use this token or this address"
        }
        Cause::Network => "check the network and api_url; what is missing is read by the next run",
        Cause::Timeout => "check the network; the next run tries again",
        Cause::Server => "Discord has trouble (https://discordstatus.com); the next run tries again",
        Cause::Unreadable => "the next run tries again; if it stays, please report it",
        Cause::Redirected => {
            "set api_url in sync.toml to an address that answers itself: a redirect isn't followed, because the token would go with it"
        }
        Cause::ContentWithheld => {
            "switch \"Message Content Intent\" off and on again on the Bot page of https://discord.com/developers/applications, and check that its access was renewed; the next run tries again"
        }
        Cause::EndUnconfirmed => {
            "the next runs ask again; the end counts as confirmed if the page is still empty after a day"
        }
        Cause::ListingIncomplete => "the next complete listing, at most a day later, tries again",
        Cause::Malformed => "the next runs ask for them again; if they stay, please report it",
        Cause::Vanished => {
            "give the bot's role View Channel again, or, if the channel was closed to @everyone, leave it: its messages stay"
        }
        Cause::NoChannels => {
            "check include_channels, exclude_channels and since in sync.toml, and the bot's rights (verta-sync plan says why each channel is left out)"
        }
        Cause::Configuration => "correct the tenant in sync.toml (verta-sync plan lists the channels)",
        Cause::OutOfTime | Cause::Interrupted => "run again: it goes on where this run stopped",
        Cause::Archive => {
            "look at the disk: its space, this user's quota, the system's log; then run again: it goes on where it stopped"
        }
        Cause::Internal | Cause::NotArchived => return None,
    })
}
