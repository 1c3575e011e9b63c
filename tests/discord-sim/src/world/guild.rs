//! The current state of guilds, channels and threads.

use super::{Log, Pool};
use crate::description::{ChannelKind, Mix};
use crate::dice;
use crate::permissions::Overwrite;
use crate::snowflake;

/// 2023-06-01, when webhooks and emoji were created: before any message, unless a
/// description sets an earlier time.
const FIXTURES_MS: i64 = 1_685_577_600_000;

#[derive(Debug)]
pub(crate) struct Guild {
    pub id: u64,
    pub name: String,
    pub owner_id: u64,
    pub pool: Pool,
    /// @everyone first, the bot's own role last.
    pub roles: Vec<Role>,
    pub bot_present: bool,
    /// IDs and permission bits of the bot's roles, without @everyone.
    pub bot_roles: Vec<(u64, u64)>,
    /// Channels in their order, without threads.
    pub channel_ids: Vec<u64>,
    pub emojis: Vec<Emoji>,
}

impl Guild {
    pub(crate) fn everyone_bits(&self) -> u64 {
        self.roles.first().map_or(0, |role| role.bits)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub id: u64,
    pub name: String,
    pub bits: u64,
    pub mentionable: bool,
    /// The bot this role was created for.
    pub bot_id: Option<u64>,
}

/// A custom emoji of a guild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Emoji {
    pub id: u64,
    pub name: String,
    pub animated: bool,
    /// Deleted emoji still appear on messages, but the reactions route rejects them.
    pub deleted: bool,
}

/// A channel or thread.
#[derive(Debug)]
pub(crate) struct Channel {
    pub id: u64,
    pub guild_id: u64,
    pub kind: ChannelKind,
    pub name: String,
    pub topic: Option<String>,
    pub parent_id: Option<u64>,
    pub position: u64,
    pub overwrites: Vec<Overwrite>,
    /// Whether it is age-restricted; a thread is if its parent is.
    pub is_nsfw: bool,
    pub mix: Mix,
    pub seed: u64,
    pub log: Log,
    /// `Some` for threads.
    pub thread: Option<Thread>,
    /// IDs of its threads in the order they were added, including deleted ones.
    pub thread_ids: Vec<u64>,
    /// Whether generated contents end in a `[closed …]` marker, because @everyone
    /// couldn't see the channel when it was created.
    pub has_closed_marker: bool,
    pub deleted: bool,
}

impl Channel {
    /// The ID of the channel's webhook.
    pub(crate) const fn webhook_id(&self) -> u64 {
        snowflake::first_of(FIXTURES_MS) + dice::hash(self.seed, 21, 0) % (1 << 40)
    }

    /// `last_message_id`: the newest message, even if deleted; for a forum, its last
    /// thread.
    pub(crate) fn last_message_id(&self) -> Option<u64> {
        if self.kind.is_forum() { self.thread_ids.last().copied() } else { self.log.last_id() }
    }
}

/// What a thread has besides the fields of a channel.
#[derive(Debug, Clone)]
pub(crate) struct Thread {
    /// The owner's index in the guild's user pool.
    pub owner: u32,
    pub created_ms: i64,
    pub archived: bool,
    /// Discord's `archive_timestamp`: when it was last archived or unarchived.
    pub archive_ms: i64,
    pub locked: bool,
    /// Whether it was started from a message of its parent.
    pub has_starter: bool,
    /// Whether it existed when the world was built.
    pub is_initial: bool,
    /// Whether the bot is a member.
    pub has_bot: bool,
    /// Whether listings omit it although it can be read.
    pub is_unlisted: bool,
}

/// The custom emoji of a guild; the last one is deleted.
pub(crate) fn emojis(seed: u64, guild_id: u64) -> Vec<Emoji> {
    let names = ["takaro", "gg", "blobwave", "partyparrot", "this_is_fine", "gone"];
    let emoji = |(index, name): (usize, &&str)| Emoji {
        id: snowflake::first_of(FIXTURES_MS) + dice::hash(seed, guild_id, 40 + index as u64) % (1 << 42),
        name: (*name).to_owned(),
        animated: *name == "partyparrot",
        deleted: *name == "gone",
    };
    names.iter().enumerate().map(emoji).collect()
}
