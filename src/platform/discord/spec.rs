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
    // Default, reply, slash command, context menu command.
    // https://discord.com/developers/docs/resources/message#message-object-message-types
    written_types: &[0, 19, 20, 23],
    message_url: "https://discord.com/channels/{workspace}/%s/%s",
    markup: &DiscordMarkup,
    default_token_env: "DISCORD_BOT_TOKEN",
    new_token_help: "create a new token on the Bot page of https://discord.com/developers/applications",
    channel_permissions: "View Channel, Read Message History and, for voice and stage channels, Connect",
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
            "check that the complete token is where sync.toml says; otherwise create a new token on the Bot page of https://discord.com/developers/applications"
        }
        Cause::ContentIntentOff => {
            "enable \"Message Content Intent\" on the Bot page of https://discord.com/developers/applications"
        }
        Cause::NotInWorkspace => {
            "invite the bot to the server, or correct guild_id in sync.toml (right click the server, Copy Server ID)"
        }
        Cause::Forbidden => "grant the bot's role View Channel and Read Message History in this channel",
        Cause::Rejected => {
            "exclude the channel in sync.toml: Discord does not let bots read channels of this type"
        }
        Cause::Server => "check https://discordstatus.com; the next run retries",
        Cause::ContentWithheld => {
            "disable and re-enable \"Message Content Intent\" on the Bot page of https://discord.com/developers/applications, and check that its access was renewed; the next run retries"
        }
        Cause::Vanished => {
            "grant the bot's role View Channel again, or, if the channel was closed to @everyone on purpose, do nothing: its archived messages stay"
        }
        _ => return None,
    })
}
