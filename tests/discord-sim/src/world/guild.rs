//! Guilds, channels and threads as they stand.

use super::{Log, Pool};
use crate::description::{ChannelKind, Mix};
use crate::dice;
use crate::permissions::Overwrite;
use crate::snowflake;

/// 2023-06-01: webhooks and emoji are older than any message.
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
    /// ID and bits of the bot's roles, without @everyone.
    pub bot_roles: Vec<(u64, u64)>,
    /// Channels without threads, in their order.
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
    /// The bot whose role it is.
    pub bot_id: Option<u64>,
}

/// A custom emoji of a guild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Emoji {
    pub id: u64,
    pub name: String,
    pub animated: bool,
    /// Still shown on messages, but unknown to the reactions route.
    pub deleted: bool,
}

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
    pub mix: Mix,
    pub seed: u64,
    pub log: Log,
    pub thread: Option<Thread>,
    /// Threads under it, oldest first, deleted ones too.
    pub thread_ids: Vec<u64>,
    /// Closed to @everyone when it was made: its generated texts say so.
    pub is_marked: bool,
    pub deleted: bool,
}

impl Channel {
    /// The channel's webhook.
    pub(crate) const fn webhook_id(&self) -> u64 {
        snowflake::first_of(FIXTURES_MS) + dice::hash(self.seed, 21, 0) % (1 << 40)
    }

    /// `last_message_id`: the newest message, deleted or not; on forums the newest thread.
    pub(crate) fn last_message_id(&self) -> Option<u64> {
        if self.kind.is_forum() { self.thread_ids.last().copied() } else { self.log.last_id() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Thread {
    pub owner: u32,
    pub created_ms: i64,
    pub archived: bool,
    pub archive_ms: i64,
    pub locked: bool,
    /// Whether it began with a message of its parent.
    pub has_starter: bool,
    /// Whether the world began with it.
    pub is_original: bool,
    pub has_bot: bool,
    /// Whether no listing has it, although it can be read.
    pub is_unlisted: bool,
}

/// The custom emoji of a guild, the last one deleted.
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
