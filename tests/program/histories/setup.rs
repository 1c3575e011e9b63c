//! The initial world of a history, and the configuration of its syncs.

use discord_sim::{ChannelDescription, ChannelKind, Description, Mix, ThreadPlan, Time, Visibility};
use fastrand::Rng;

pub const GUILD: u64 = 77_000_000_000_000_001;
/// Start time of every history, in Unix milliseconds.
const NOW_MS: i64 = 1_786_000_000_123;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

pub const KINDS: [ChannelKind; 6] = [
    ChannelKind::Text,
    ChannelKind::Announcement,
    ChannelKind::Voice,
    ChannelKind::Stage,
    ChannelKind::Forum,
    ChannelKind::Media,
];
/// Message mixes a channel may be generated with.
const MIXES: [Mix; 4] = [Mix::Bare, Mix::Plain, Mix::Chat, Mix::Rich];
/// Visibilities under which the bot or @everyone lacks access; plain hidden twice as
/// likely.
const RESTRICTED: [Visibility; 4] =
    [Visibility::Hidden, Visibility::Hidden, Visibility::BotHidden, Visibility::BotNoHistory];
/// Values of `refresh_window`, with their length in milliseconds.
const WINDOWS: [(&str, i64); 7] = [
    ("24h", 24 * HOUR_MS),
    ("24h", 24 * HOUR_MS),
    ("24h", 24 * HOUR_MS),
    ("1h", HOUR_MS),
    ("1h", HOUR_MS),
    ("7d", 168 * HOUR_MS),
    ("0", 0),
];

#[derive(Debug, Clone)]
pub struct Setup {
    pub description: Description,
    pub window_ms: i64,
    /// The `[sync]` section of the configuration.
    pub config: String,
}

impl Setup {
    pub fn random(rng: &mut Rng) -> Self {
        let channels = (0..rng.u32(2..=6)).map(|index| random_channel(rng, index)).collect();
        let (window, window_ms) = pick(rng, &WINDOWS);
        let page_len = pick(rng, &[100, 100, 100, 50, 7]);
        let workers = pick(rng, &[10, 10, 2, 1]);
        Self {
            description: Description {
                seed: rng.u64(..),
                now: Some(Time(NOW_MS)),
                ..Description::of_channels(GUILD, channels)
            },
            window_ms,
            config: format!(
                "[sync]\nretry_base_delay = \"1ms\"\nrefresh_window = {window:?}\n\
                 message_fetch_size = {page_len}\nmax_channel_workers = {workers}\n"
            ),
        }
    }
}

impl Setup {
    /// The configuration and the channels in one line, for the failure report.
    pub fn summary(&self) -> String {
        let channels = self.description.guilds.iter().flat_map(|guild| &guild.channels);
        let channels: Vec<String> = channels
            .map(|channel| {
                format!(
                    "{} {:?} {:?} {:?} of {} ({} deleted), {:?}",
                    channel.name,
                    channel.kind,
                    channel.visibility,
                    channel.mix,
                    channel.messages,
                    channel.deleted_last,
                    channel.threads
                )
            })
            .collect();
        format!("{} | {}", self.config.replace('\n', " "), channels.join(" | "))
    }
}

pub fn pick<T: Copy>(rng: &mut Rng, list: &[T]) -> T {
    list[rng.usize(..list.len())]
}

fn random_channel(rng: &mut Rng, index: u32) -> ChannelDescription {
    let kind = if index == 0 { ChannelKind::Text } else { pick(rng, &KINDS) };
    let messages = pick(rng, &[0, 1, 7, 30, 99, 100, 101, 150]);
    let mut channel = ChannelDescription {
        messages,
        mix: pick(rng, &MIXES),
        visibility: if rng.u32(..100) < 85 { Visibility::Everyone } else { pick(rng, &RESTRICTED) },
        deleted_last: if rng.u32(..10) == 0 { rng.u64(..=messages) } else { 0 },
        ..ChannelDescription::new(kind, &format!("place-{index}"))
    };
    // Half of the channels have recent messages; the rest keep the default dates.
    if rng.bool() {
        let last_ms = NOW_MS - rng.i64(70 * MINUTE_MS..3 * HOUR_MS);
        channel.last_message_at = Some(Time(last_ms));
        channel.first_message_at = Some(Time(last_ms - rng.i64(HOUR_MS..72 * HOUR_MS)));
    }
    if kind.has_threads() && rng.u32(..3) > 0 {
        channel.threads = random_threads(rng, kind);
    }
    channel
}

fn random_threads(rng: &mut Rng, kind: ChannelKind) -> ThreadPlan {
    ThreadPlan {
        active: rng.u32(..=3),
        archived: rng.u32(..=4),
        private: if kind.is_forum() { 0 } else { rng.u32(..=1) },
        messages: rng.u64(1..=12),
        tied: 0,
    }
}
