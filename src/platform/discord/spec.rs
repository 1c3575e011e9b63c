//! What the program knows of Discord without asking it.

use super::ids::{self, Snowflakes};
use super::markup::DiscordMarkup;
use crate::model::{MessageIdFormat, PlatformSpec, WorkspaceId};

/// Discord, as the rest of the program knows it.
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
    token_page: "Discord's developer portal",
    default_api_url: "https://discord.com",
    hosts: &["discord.com", "discordapp.com"],
    default_requests_per_second: 48.0,
    // https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
    max_requests_per_second: 50.0,
    // https://discord.com/developers/docs/resources/message#get-channel-messages
    max_page_size: 100,
};
