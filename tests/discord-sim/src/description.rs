//! What a world is made of: read from JSON or written in Rust.

mod channel;
mod demo;
mod everything;
mod presets;

pub use channel::{ChannelDescription, ChannelKind, Mix, ThreadPlan, Visibility};

use serde::{Deserialize, Deserializer};

use crate::permissions;
use crate::time;

/// The token a world accepts unless its description names another.
pub const DEFAULT_TOKEN: &str = "simulated.discord.token";

/// A whole world. Every ID left at 0 is derived from the seed.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Description {
    /// Everything that isn't described follows from it.
    pub seed: u64,
    /// The bot token that is accepted.
    pub token: String,
    /// The world's time; the real clock when absent.
    pub now: Option<Time>,
    /// The bot.
    pub bot: BotDescription,
    /// The guilds, whether the bot is in them or not.
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

/// The bot and its application, which share one ID.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BotDescription {
    /// The bot user's ID.
    #[serde(deserialize_with = "id_or_text")]
    pub id: u64,
    /// The bot's username.
    pub name: String,
    /// Whether the message-content intent is on.
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
    /// The guild's ID, which is also its @everyone role's.
    #[serde(deserialize_with = "id_or_text")]
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The owner's user ID; 0 takes the first user of the pool.
    #[serde(deserialize_with = "id_or_text")]
    pub owner: u64,
    /// Bits of the @everyone role.
    pub everyone_permissions: u64,
    /// Roles besides @everyone and the bot's own.
    pub roles: Vec<RoleDescription>,
    /// How many people and bots write here: at least 1, at most 100,000.
    pub users: u32,
    /// Whether the bot is a member.
    pub bot_present: bool,
    /// Bits of the bot's own role.
    pub bot_permissions: u64,
    /// IDs of further roles of the bot.
    pub bot_roles: Vec<u64>,
    /// The channels, in their order.
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
    #[serde(deserialize_with = "id_or_text")]
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its bits.
    pub permissions: u64,
    /// Whether anyone may mention it.
    pub mentionable: bool,
}

/// A Unix time in milliseconds; JSON also takes ISO 8601.
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

/// IDs may be numbers or, as Discord writes them, strings.
pub(crate) fn id_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(id) => Ok(id),
        NumberOrText::Text(text) => {
            text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is no snowflake")))
        }
    }
}
