//! The simulated Discord: guilds, channels and messages, and the changes tests make to
//! them. It never handles requests or writes JSON.

mod build;
mod change;
mod guild;
mod log;
mod scene;
mod truth;
mod user;

pub(crate) use guild::{Channel, Emoji, Guild, Role, Thread};
pub(crate) use log::{Log, Position};
pub(crate) use scene::Scene;
pub use truth::{Hidden, TruthAttachment, TruthChannel, TruthMessage, TruthReaction, TruthReply, TruthUser};
pub(crate) use user::{Pool, User};

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::description::Description;
use crate::time::Clock;

/// A world that a [`Simulator`](crate::Simulator) serves and a test may change in the
/// meantime. Messages are computed on demand, so that millions of messages
/// take no memory.
#[derive(Debug)]
pub struct World {
    clock: Clock,
    /// Increment for the low 22 bits of new snowflakes.
    sequence: AtomicU64,
    state: RwLock<State>,
}

/// The mutable state, behind the world's lock.
#[derive(Debug)]
pub(crate) struct State {
    pub seed: u64,
    pub token: String,
    pub token_revoked: bool,
    pub bot_id: u64,
    pub bot_name: String,
    /// Whether the bot has the message-content intent.
    pub message_content: bool,
    /// Age at which the server search finds a message.
    pub search_delay: Duration,
    /// Whether the search index is still being built.
    pub is_search_indexing: bool,
    pub guilds: Vec<Guild>,
    /// Channels and threads by ID, including deleted ones.
    pub channels: HashMap<u64, Channel>,
}

impl State {
    pub(crate) fn guild(&self, guild_id: u64) -> Option<&Guild> {
        self.guilds.iter().find(|guild| guild.id == guild_id)
    }

    /// A custom emoji of any guild, even if it is deleted.
    pub(crate) fn emoji(&self, emoji_id: u64) -> Option<&Emoji> {
        let mut emojis = self.guilds.iter().flat_map(|guild| &guild.emojis);
        emojis.find(|emoji| emoji.id == emoji_id)
    }

    /// A channel or thread that isn't deleted.
    pub(crate) fn channel(&self, channel_id: u64) -> Option<&Channel> {
        let channel = self.channels.get(&channel_id);
        channel.filter(|channel| !channel.deleted)
    }
}

impl World {
    /// Builds the world that `description` describes.
    pub fn new(description: &Description) -> Self {
        let clock = Clock::new(description.now.map(|time| time.0));
        Self { clock, sequence: AtomicU64::new(0), state: RwLock::new(build::state(description)) }
    }

    /// The world's current time in Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Moves the world's time forward.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Moves the world's time back, as a clock correction does. Existing messages keep
    /// their timestamps.
    pub fn set_back(&self, by: Duration) {
        self.clock.set_back(by);
    }

    /// The token the world accepts.
    pub fn token(&self) -> String {
        self.read().token.clone()
    }

    /// The bot's user ID, which is also its application ID.
    pub fn bot_id(&self) -> u64 {
        self.read().bot_id
    }

    /// IDs and names of the guilds.
    pub fn guilds(&self) -> Vec<(u64, String)> {
        let state = self.read();
        let guilds = state.guilds.iter();
        guilds.map(|guild| (guild.id, guild.name.clone())).collect()
    }

    /// The lowest ID among the channels and threads with this name, including deleted
    /// ones.
    pub fn channel_named(&self, guild_id: u64, name: &str) -> Option<u64> {
        let state = self.read();
        let of_guild = |channel: &&Channel| channel.guild_id == guild_id && channel.name == name;
        let matching = state.channels.values().filter(of_guild);
        matching.map(|channel| channel.id).min()
    }

    /// The guild's custom emoji that aren't deleted, each as `name:id`.
    pub fn custom_emoji(&self, guild_id: u64) -> Vec<String> {
        let state = self.read();
        let emojis = state.guild(guild_id).map_or(&[][..], |guild| &guild.emojis);
        let existing = emojis.iter().filter(|emoji| !emoji.deleted);
        existing.map(|emoji| format!("{}:{}", emoji.name, emoji.id)).collect()
    }

    /// IDs of a channel's threads in the order they were added, including deleted ones.
    pub fn threads_of(&self, channel_id: u64) -> Vec<u64> {
        let state = self.read();
        let channel = state.channel(channel_id);
        channel.map_or_else(Vec::new, |channel| channel.thread_ids.clone())
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new snowflake with the world's current time.
    fn next_id(&self) -> u64 {
        let low = self.sequence.fetch_add(1, Ordering::Relaxed) % (1 << 22);
        crate::snowflake::first_of(self.now_ms()) + low
    }
}
