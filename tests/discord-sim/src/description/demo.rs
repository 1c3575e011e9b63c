//! The `demo` preset: two realistic communities.

use super::{ChannelDescription, ChannelKind, Description, GuildDescription, Mix, ThreadPlan, Visibility};

/// Messages in the guild's text channels; threads and the special channels come on top.
const TAKARO_MESSAGES: u64 = 27_600;
const VERTA_MESSAGES: u64 = 18_400;

/// Categories and the names of their text channels.
type Plan = [(&'static str, &'static [&'static str])];

const TAKARO: &Plan = &[
    ("Information", &["welcome", "rules", "roadmap"]),
    ("Community", &["general", "off-topic", "introductions", "memes", "events", "show-off"]),
    ("Support", &["help", "hosting", "bug-reports"]),
    ("Games", &["rust", "7-days-to-die", "palworld", "minecraft", "lfg"]),
    ("Development", &["dev-chat", "api", "modules"]),
];

const VERTA: &Plan = &[
    ("Start here", &["welcome", "rules", "server-guide"]),
    ("Lobby", &["general", "introductions", "random", "wins", "book-club", "photos", "jobs"]),
    ("Product", &["ideas-chat", "beta", "bugs", "design", "integrations"]),
    ("Regions", &["deutsch", "español", "日本語"]),
];

impl Description {
    /// Two guilds, "Takaro" and "Verta Community", with about 60 channels (forums,
    /// announcement, voice, stage and hidden channels among them), 70 threads and 50,000
    /// messages in total.
    pub fn demo() -> Self {
        Self {
            seed: 2026,
            guilds: vec![
                community(330_000_000_000_000_001, "Takaro", TAKARO, TAKARO_MESSAGES),
                community(330_000_000_000_000_002, "Verta Community", VERTA, VERTA_MESSAGES),
            ],
            ..Self::default()
        }
    }
}

fn community(id: u64, name: &str, categories: &Plan, messages: u64) -> GuildDescription {
    let mut channels = Vec::new();
    for (category, names) in categories {
        channels.push(ChannelDescription::new(ChannelKind::Category, category));
        let texts = names.iter().map(|name| ChannelDescription {
            category: Some((*category).to_owned()),
            mix: Mix::Chat,
            ..ChannelDescription::text(name, 0)
        });
        channels.extend(texts);
    }
    distribute_messages(&mut channels, messages);
    channels.extend(special_channels());
    GuildDescription { id, name: name.to_owned(), users: 1200, channels, ..GuildDescription::default() }
}

/// Announcement, forum, media, voice and stage channels, and a hidden staff channel.
fn special_channels() -> Vec<ChannelDescription> {
    let of = |kind, name, messages| ChannelDescription {
        mix: Mix::Chat,
        messages,
        ..ChannelDescription::new(kind, name)
    };
    let with = |kind, name, active, archived, messages| ChannelDescription {
        threads: ThreadPlan { active, archived, messages, ..ThreadPlan::default() },
        ..of(kind, name, 0)
    };
    vec![
        ChannelDescription { messages: 120, ..with(ChannelKind::Announcement, "announcements", 1, 2, 15) },
        ChannelDescription {
            topic: Some("One question per post, please.".to_owned()),
            ..with(ChannelKind::Forum, "help-forum", 6, 12, 60)
        },
        ChannelDescription {
            topic: Some("Vote with 👍.".to_owned()),
            ..with(ChannelKind::Forum, "feature-requests", 4, 6, 40)
        },
        with(ChannelKind::Media, "gallery", 2, 3, 12),
        of(ChannelKind::Voice, "Lounge", 250),
        of(ChannelKind::Stage, "Community talk", 40),
        ChannelDescription { visibility: Visibility::Hidden, ..of(ChannelKind::Text, "staff", 400) },
    ]
}

/// Distributes the messages over the channels by Zipf's law.
fn distribute_messages(channels: &mut [ChannelDescription], messages: u64) {
    let mut ranked: Vec<&mut ChannelDescription> =
        channels.iter_mut().filter(|channel| channel.kind.has_messages()).collect();
    // "general" is the largest; the order of the others is pseudo-random.
    ranked.sort_by_key(|channel| {
        let is_general = channel.name == "general";
        (!is_general, crate::dice::hash_text(1, &channel.name))
    });
    let weights: f64 = (1..=ranked.len()).map(|rank| 1.0 / rank as f64).sum();
    for (rank, channel) in ranked.iter_mut().enumerate() {
        let share = 1.0 / (rank + 1) as f64 / weights;
        channel.messages = (messages as f64 * share) as u64;
    }
}
