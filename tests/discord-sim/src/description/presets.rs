//! Small worlds for tests and benchmarks.

use super::{ChannelDescription, Description, GuildDescription};

impl Description {
    /// One guild without channels.
    pub fn empty_guild() -> Self {
        Self::community(300_000_000_000_000_001, 0, 0)
    }

    /// One guild of equally large text channels, for benchmarks and for tests that count.
    pub fn community(guild_id: u64, text_channels: u32, messages_per_channel: u64) -> Self {
        let channels = (0..text_channels)
            .map(|index| ChannelDescription::text(&format!("chat-{index}"), messages_per_channel))
            .collect();
        Self::of_channels(guild_id, channels)
    }

    /// One guild with the given channels.
    pub fn of_channels(guild_id: u64, channels: Vec<ChannelDescription>) -> Self {
        Self {
            guilds: vec![GuildDescription {
                id: guild_id,
                name: "Simulated community".to_owned(),
                channels,
                ..GuildDescription::default()
            }],
            ..Self::default()
        }
    }
}
