//! The simulated Discord: guilds, channels and messages, and their changes.

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

/// A world that a [`Simulator`](crate::Simulator) serves and a test may change
/// meanwhile. Messages are computed, not held: millions cost nothing.
#[derive(Debug)]
pub struct World {
    clock: Clock,
    /// Low bits of new snowflakes.
    sequence: AtomicU64,
    state: RwLock<State>,
}

/// All that changes.
#[derive(Debug)]
pub(crate) struct State {
    pub seed: u64,
    pub token: String,
    pub token_revoked: bool,
    pub bot_id: u64,
    pub bot_name: String,
    pub message_content: bool,
    pub guilds: Vec<Guild>,
    /// Channels and threads by ID, deleted ones too.
    pub channels: HashMap<u64, Channel>,
}

impl State {
    pub(crate) fn guild(&self, guild_id: u64) -> Option<&Guild> {
        self.guilds.iter().find(|guild| guild.id == guild_id)
    }

    /// A custom emoji of any guild.
    pub(crate) fn emoji(&self, emoji_id: u64) -> Option<&Emoji> {
        let mut emojis = self.guilds.iter().flat_map(|guild| &guild.emojis);
        emojis.find(|emoji| emoji.id == emoji_id)
    }

    pub(crate) fn channel(&self, channel_id: u64) -> Option<&Channel> {
        let channel = self.channels.get(&channel_id);
        channel.filter(|channel| !channel.deleted)
    }
}

impl World {
    /// Builds the world of a description.
    pub fn new(description: &Description) -> Self {
        let clock = Clock::new(description.now.map(|time| time.0));
        Self { clock, sequence: AtomicU64::new(0), state: RwLock::new(build::state(description)) }
    }

    /// The world's time in Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Moves the world's time forward.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Moves the world's time back, as a clock that is put right does. What
    /// was written keeps its time.
    pub fn set_back(&self, by: Duration) {
        self.clock.set_back(by);
    }

    /// The token the world accepts.
    pub fn token(&self) -> String {
        self.read().token.clone()
    }

    /// The bot's user ID, which is the application's too.
    pub fn bot_id(&self) -> u64 {
        self.read().bot_id
    }

    /// IDs and names of the guilds.
    pub fn guilds(&self) -> Vec<(u64, String)> {
        let state = self.read();
        let guilds = state.guilds.iter();
        guilds.map(|guild| (guild.id, guild.name.clone())).collect()
    }

    /// The ID of the first channel or thread with this name, deleted ones too.
    pub fn channel_named(&self, guild_id: u64, name: &str) -> Option<u64> {
        let state = self.read();
        let of_guild = |channel: &&Channel| channel.guild_id == guild_id && channel.name == name;
        let matching = state.channels.values().filter(of_guild);
        matching.map(|channel| channel.id).min()
    }

    /// The custom emoji of a guild that aren't deleted, each as `name:id`.
    pub fn custom_emoji(&self, guild_id: u64) -> Vec<String> {
        let state = self.read();
        let emojis = state.guild(guild_id).map_or(&[][..], |guild| &guild.emojis);
        let known = emojis.iter().filter(|emoji| !emoji.deleted);
        known.map(|emoji| format!("{}:{}", emoji.name, emoji.id)).collect()
    }

    /// IDs of the threads under a channel, in order of creation.
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

    /// A new snowflake of the world's time.
    fn next_id(&self) -> u64 {
        let low = self.sequence.fetch_add(1, Ordering::Relaxed) % (1 << 22);
        crate::snowflake::first_of(self.now_ms()) + low
    }
}
