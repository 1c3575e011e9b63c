//! Static facts about Discord.

use super::ids::{self, Snowflakes};
use super::markup::DiscordMarkup;
use crate::model::{Cause, MessageIdFormat, PlatformSpec, WorkspaceId};

/// Discord's entry in the registry.
pub const SPEC: PlatformSpec = PlatformSpec {
    name: "discord",
    title: "Discord",
    workspace_key: "guild_id",
    workspace_noun: "server",
    workspace_id_help: "up to 19 digits in quotes (in Discord: turn on Developer \
         Mode, right click the server, Copy Server ID)",
    channel_id_help: "copy the ID from Discord (right click, Copy Channel ID)",
    parse_workspace: |text| ids::number(text).and_then(WorkspaceId::new),
    user_id_help: "(15 to 20 digits, Copy User ID in Discord)",
    ids: &Snowflakes,
    message_ids: MessageIdFormat::Decimal,
    message_url: "https://discord.com/channels/{workspace}/%s/%s",
    markup: &DiscordMarkup,
    default_token_env: "DISCORD_BOT_TOKEN",
    new_token_help: "make a new token on the Bot page of https://discord.com/developers/applications",
    channel_permissions: "View Channel, Read Message History, and for voice and stage Connect",
    content_setting: "Message Content Intent",
    remedy,
    token_page: "Discord's developer portal",
    default_api_url: "https://discord.com",
    hosts: &["discord.com", "discordapp.com"],
    default_requests_per_second: 48.0,
    // https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
    max_requests_per_second: 50.0,
    // https://discord.com/developers/docs/resources/message#get-channel-messages
    max_page_size: 100,
};

const fn remedy(cause: Cause) -> Option<&'static str> {
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
        Cause::Rejected => {
            "the channel is of a kind that Discord doesn't let bots read; exclude it in sync.toml"
        }
        Cause::Server => "Discord has trouble (https://discordstatus.com); the next run tries again",
        Cause::ContentWithheld => {
            "switch \"Message Content Intent\" off and on again on the Bot page of https://discord.com/developers/applications, and check that its access was renewed; the next run tries again"
        }
        Cause::Vanished => {
            "give the bot's role View Channel again, or, if the channel was closed to @everyone, leave it: its messages stay"
        }
        _ => return None,
    })
}
