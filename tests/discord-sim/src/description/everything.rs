//! The `everything` preset: a small world that covers every case.

use super::{
    ChannelDescription, ChannelKind, Description, GuildDescription, Mix, RoleDescription, ThreadPlan,
    Visibility,
};
use crate::permissions::{MANAGE_THREADS, Overwrite, VIEW_CHANNEL};
use crate::world::Pool;

/// The guild of [`Description::everything`] that the bot is a member of.
const GUILD_ID: u64 = 320_000_000_000_000_001;
/// A guild that the bot isn't a member of.
const OTHER_GUILD_ID: u64 = 320_000_000_000_000_002;
const MEMBER_ROLE_ID: u64 = 320_000_000_000_000_101;

impl Description {
    /// A guild with every kind of channel, permission, thread and message, and a second
    /// guild that the bot isn't a member of.
    pub fn everything(seed: u64) -> Self {
        let mut channels = message_channels(seed);
        channels.extend(permission_channels(seed));
        channels.extend(thread_channels());
        let main = GuildDescription {
            id: GUILD_ID,
            name: "Everything".to_owned(),
            users: 400,
            roles: vec![RoleDescription {
                id: MEMBER_ROLE_ID,
                name: "member".to_owned(),
                permissions: 0,
                mentionable: true,
            }],
            channels,
            ..GuildDescription::default()
        };
        let other = GuildDescription {
            id: OTHER_GUILD_ID,
            name: "Elsewhere".to_owned(),
            bot_present: false,
            channels: vec![ChannelDescription::text("general", 30)],
            ..GuildDescription::default()
        };
        Self { seed, guilds: vec![main, other], ..Self::default() }
    }
}

fn rich(name: &str, messages: u64) -> ChannelDescription {
    ChannelDescription { mix: Mix::Rich, ..ChannelDescription::text(name, messages) }
}

fn of_kind(kind: ChannelKind, name: &str, messages: u64) -> ChannelDescription {
    ChannelDescription { messages, mix: Mix::Chat, ..ChannelDescription::new(kind, name) }
}

fn with_visibility(channel: ChannelDescription, visibility: Visibility) -> ChannelDescription {
    ChannelDescription { visibility, ..channel }
}

/// Channels that differ in type and content.
fn message_channels(seed: u64) -> Vec<ChannelDescription> {
    let person = Pool::new(seed, GUILD_ID, 400).id(3);
    let category = ChannelDescription::new(ChannelKind::Category, "community");
    let in_category = |channel| ChannelDescription { category: Some("community".to_owned()), ..channel };
    vec![
        category,
        in_category(rich("general", 430)),
        in_category(of_kind(ChannelKind::Text, "chat", 250)),
        in_category(of_kind(ChannelKind::Announcement, "news", 40)),
        in_category(of_kind(ChannelKind::Text, "empty", 0)),
        of_kind(ChannelKind::Text, "exactly-one-page", 100),
        ChannelDescription { deleted_last: 3, ..of_kind(ChannelKind::Text, "deleted-last", 120) },
        ChannelDescription { deleted_last: 20, ..of_kind(ChannelKind::Text, "all-deleted", 20) },
        ChannelDescription {
            topic: Some(format!("Ask <@{person}>, that is {person}")),
            ..of_kind(ChannelKind::Text, &format!("ticket-{person}"), 25)
        },
        of_kind(ChannelKind::Directory, "hub", 0),
    ]
}

/// Channels that differ in who may view and read them.
fn permission_channels(seed: u64) -> Vec<ChannelDescription> {
    let guest = Pool::new(seed, GUILD_ID, 400).id(9);
    let text = |name| rich(name, 60);
    let voice = |name| of_kind(ChannelKind::Voice, name, 30);
    let members_only =
        vec![Overwrite::role(GUILD_ID, 0, VIEW_CHANNEL), Overwrite::role(MEMBER_ROLE_ID, VIEW_CHANNEL, 0)];
    vec![
        ChannelDescription {
            visibility: Visibility::Hidden,
            ..ChannelDescription::new(ChannelKind::Category, "staff")
        },
        ChannelDescription { category: Some("staff".to_owned()), ..text("public-in-hidden-category") },
        ChannelDescription {
            category: Some("staff".to_owned()),
            threads: ThreadPlan { active: 1, archived: 2, messages: 10, ..ThreadPlan::default() },
            ..with_visibility(text("moderators"), Visibility::Hidden)
        },
        ChannelDescription { overwrites: members_only, ..text("members-only") },
        ChannelDescription {
            overwrites: vec![Overwrite::member(guest, MANAGE_THREADS, 0)],
            ..text("with-a-helper")
        },
        with_visibility(text("bot-locked-out"), Visibility::BotHidden),
        with_visibility(text("no-history"), Visibility::NoHistory),
        with_visibility(text("history-for-bot"), Visibility::HistoryForBot),
        with_visibility(text("bot-no-history"), Visibility::BotNoHistory),
        voice("Lounge"),
        with_visibility(voice("Members talk"), Visibility::NoConnect),
        with_visibility(voice("Bot mute"), Visibility::BotNoConnect),
        of_kind(ChannelKind::Stage, "Town hall", 30),
        with_visibility(of_kind(ChannelKind::Stage, "Board meeting", 30), Visibility::NoConnect),
        ChannelDescription {
            overwrites: vec![Overwrite::role(GUILD_ID, 0, MANAGE_THREADS)],
            ..with_visibility(of_kind(ChannelKind::Forum, "staff-forum", 0), Visibility::Hidden)
        },
    ]
}

/// Channels that differ in their threads.
fn thread_channels() -> Vec<ChannelDescription> {
    let with = |channel, active, archived, private, messages| ChannelDescription {
        threads: ThreadPlan { active, archived, private, messages, tied: 0 },
        ..channel
    };
    let mut many = with(of_kind(ChannelKind::Text, "many-threads", 900), 4, 230, 0, 3);
    many.threads.tied = 8;
    vec![
        many,
        with(of_kind(ChannelKind::Text, "support", 200), 3, 5, 4, 30),
        with(of_kind(ChannelKind::Text, "threads-only", 0), 2, 2, 0, 5),
        with(of_kind(ChannelKind::Announcement, "releases", 60), 1, 3, 0, 12),
        ChannelDescription {
            topic: Some("Search before you post.".to_owned()),
            ..with(rich_forum(ChannelKind::Forum, "ideas"), 6, 8, 0, 60)
        },
        with(rich_forum(ChannelKind::Media, "screenshots"), 2, 3, 0, 9),
    ]
}

fn rich_forum(kind: ChannelKind, name: &str) -> ChannelDescription {
    ChannelDescription { mix: Mix::Rich, ..ChannelDescription::new(kind, name) }
}
