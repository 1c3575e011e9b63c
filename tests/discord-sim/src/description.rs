//! The description of a world, deserialized from JSON or built in Rust.

mod channel;
mod demo;
mod everything;
mod presets;

pub use channel::{ChannelDescription, ChannelKind, Mix, ThreadPlan, Visibility};

use serde::{Deserialize, Deserializer};

use crate::permissions;
use crate::time;

/// The bot token a world accepts by default.
pub const DEFAULT_TOKEN: &str = "simulated.discord.token";

/// Describes a whole world. A guild or channel whose ID is 0 gets a derived one.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Description {
    /// Seed from which everything not described is derived.
    pub seed: u64,
    /// The bot token the simulator accepts.
    pub token: String,
    /// A fixed time for the world's clock; the real clock if absent.
    pub now: Option<Time>,
    /// The bot.
    pub bot: BotDescription,
    /// All guilds, including those the bot isn't a member of.
    pub guilds: Vec<GuildDescription>,
}

impl Default for Description {
    fn default() -> Self {
        Self {
            seed: 1,
            token: DEFAULT_TOKEN.to_owned(),
            now: None,
            bot: BotDescription::default(),
            guilds: Vec::new(),
        }
    }
}

/// The bot user and its application, which share one ID.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BotDescription {
    /// The bot user's ID.
    #[serde(deserialize_with = "deserialize_id")]
    pub id: u64,
    /// The bot's username.
    pub name: String,
    /// Whether the message-content intent is enabled.
    pub message_content: bool,
}

impl Default for BotDescription {
    fn default() -> Self {
        Self { id: 1_100_000_000_000_000_001, name: "archiver".to_owned(), message_content: true }
    }
}

/// One guild.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuildDescription {
    /// The guild's ID, which is also the ID of its @everyone role.
    #[serde(deserialize_with = "deserialize_id")]
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The owner's user ID; 0 means the first user of the guild's pool.
    #[serde(deserialize_with = "deserialize_id")]
    pub owner: u64,
    /// Permission bits of the @everyone role.
    pub everyone_permissions: u64,
    /// Roles besides @everyone and the bot's own.
    pub roles: Vec<RoleDescription>,
    /// Number of users (people and bots) who write here, clamped to 1..=100,000.
    pub users: u32,
    /// Whether the bot is a member.
    pub bot_present: bool,
    /// Permission bits of the bot's own role.
    pub bot_permissions: u64,
    /// IDs of the bot's other roles.
    pub bot_roles: Vec<u64>,
    /// The channels, by position.
    pub channels: Vec<ChannelDescription>,
}

impl Default for GuildDescription {
    fn default() -> Self {
        Self {
            id: 0,
            name: "Simulated".to_owned(),
            owner: 0,
            everyone_permissions: permissions::DEFAULT_EVERYONE,
            roles: Vec::new(),
            users: 200,
            bot_present: true,
            bot_permissions: permissions::DEFAULT_EVERYONE,
            bot_roles: Vec::new(),
            channels: Vec::new(),
        }
    }
}

/// One role.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoleDescription {
    /// The role's ID.
    #[serde(deserialize_with = "deserialize_id")]
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its permission bits.
    pub permissions: u64,
    /// Whether anyone may mention it.
    pub mentionable: bool,
}

/// A Unix time in milliseconds. In JSON it may also be an ISO 8601 string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(deserializer)? {
            NumberOrText::Number(unix_ms) => Ok(Self(unix_ms as i64)),
            NumberOrText::Text(text) => time::parse_iso_us(&text)
                .map(|us| Self(us / 1000))
                .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no ISO 8601 time"))),
        }
    }
}

/// Deserializes an ID from a number or, as Discord writes it, from a string.
pub(crate) fn deserialize_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(id) => Ok(id),
        NumberOrText::Text(text) => {
            text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is no snowflake")))
        }
    }
}
