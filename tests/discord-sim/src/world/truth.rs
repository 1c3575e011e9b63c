//! The truth for tests: what a reader with only the @everyone role may see, and what
//! must stay hidden.

mod message;

pub use message::{TruthAttachment, TruthMessage, TruthReaction, TruthReply};

use super::{Channel, Pool, Scene, State, World};
use crate::message::{Author, compose};
use crate::wire::user;

/// A channel or thread that @everyone may see.
#[derive(Debug, Clone)]
pub struct TruthChannel<'w> {
    world: &'w World,
    /// Its ID.
    pub id: u64,
    /// Discord's numeric channel type.
    pub kind: u8,
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: Option<String>,
    /// The category of a channel, or the parent channel of a thread.
    pub parent_id: Option<u64>,
    /// Whether it is a thread.
    pub is_thread: bool,
    /// Always false: @everyone never sees a private thread.
    pub private: bool,
    /// Whether it is an archived thread.
    pub archived: bool,
    /// Whether it is a locked thread.
    pub locked: bool,
    /// The raw user ID of a thread's owner.
    pub owner_id: Option<u64>,
    /// Whether the bot may view the channel, connect and read the message history.
    pub bot_can_read: bool,
    /// Whether @everyone may read the message history.
    pub everyone_history: bool,
    /// Number of messages that aren't deleted.
    pub message_count: u64,
}

/// A channel or thread hidden from @everyone, which must never show up in an archive.
/// If it was hidden from the start, each generated content ends in a unique
/// `[closed …]` marker.
#[derive(Debug, Clone)]
pub struct Hidden {
    /// The ID of the channel or thread.
    pub channel_id: u64,
    /// Its name.
    pub name: String,
    /// Discord's numeric channel type.
    pub kind: u8,
    /// Whether the bot may read it.
    pub bot_can_read: bool,
    /// Up to 20 of the newest messages: ID and content.
    pub messages: Vec<(u64, String)>,
}

/// A user or bot that the API can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthUser {
    /// The raw user ID.
    pub id: u64,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// The username.
    pub username: String,
    /// What identifies the user besides the ID: names and picture hashes.
    pub names: Vec<String>,
}

impl World {
    /// What @everyone may see now: channels in their order, each followed by its
    /// threads. Includes categories, directories and forums, which have no messages.
    pub fn truth(&self, guild_id: u64) -> Vec<TruthChannel<'_>> {
        let state = self.read();
        let scenes = all_scenes(&state, guild_id);
        let public = scenes.filter(|scene| {
            let everyone = scene.everyone();
            everyone.view && everyone.connect
        });
        public.map(|scene| self.truth_of(&scene)).collect()
    }

    /// One channel of [`World::truth`]; `None` if @everyone may not see it.
    pub fn truth_channel(&self, channel_id: u64) -> Option<TruthChannel<'_>> {
        let state = self.read();
        let scene = state.scene(channel_id)?;
        let everyone = scene.everyone();
        (everyone.view && everyone.connect).then(|| self.truth_of(&scene))
    }

    fn truth_of(&self, scene: &Scene<'_>) -> TruthChannel<'_> {
        let channel = scene.channel;
        let bot = scene.bot();
        let thread = channel.thread.as_ref();
        TruthChannel {
            world: self,
            id: channel.id,
            kind: channel.kind.code(),
            name: channel.name.clone(),
            topic: channel.topic.clone(),
            parent_id: channel.parent_id,
            is_thread: channel.kind.is_thread(),
            private: false,
            archived: thread.is_some_and(|thread| thread.archived),
            locked: thread.is_some_and(|thread| thread.locked),
            owner_id: thread.map(|thread| scene.guild.pool.id(thread.owner)),
            bot_can_read: bot.view && bot.connect && bot.history,
            everyone_history: scene.everyone().history,
            message_count: channel.log.live_count(),
        }
    }

    /// Channels and threads that @everyone may not see, with samples of their messages.
    pub fn hidden(&self, guild_id: u64) -> Vec<Hidden> {
        let state = self.read();
        let scenes = all_scenes(&state, guild_id);
        let hidden = scenes.filter(|scene| {
            let everyone = scene.everyone();
            !everyone.view || !everyone.connect
        });
        hidden.map(|scene| hidden_of(&scene)).collect()
    }

    /// Every user the API can show in this guild, including those it never does.
    pub fn users(&self, guild_id: u64) -> Vec<TruthUser> {
        let state = self.read();
        let Some(guild) = state.guild(guild_id) else {
            return Vec::new();
        };
        let pool = &guild.pool;
        let mut users: Vec<TruthUser> = (0..pool.count())
            .map(|index| TruthUser {
                id: pool.id(index),
                is_bot: Pool::is_bot(index),
                username: pool.user(index).username,
                names: user::names(&pool.user(index)),
            })
            .collect();
        for (id, is_bot, name) in
            [(state.bot_id, true, state.bot_name.as_str()), (guild.owner_id, false, "owner")]
        {
            if users.iter().all(|user| user.id != id) {
                users.push(TruthUser { id, is_bot, username: name.to_owned(), names: Vec::new() });
            }
        }
        users
    }

    /// The ID of the user with this index, as used by `append_text` and `react`.
    pub fn user_id(&self, guild_id: u64, index: u32) -> Option<u64> {
        let state = self.read();
        let pool = &state.guild(guild_id)?.pool;
        (index < pool.count()).then(|| pool.id(index))
    }

    /// IDs of the reactors in ascending order, as the reactions route lists them.
    pub fn reactors(&self, channel_id: u64, message_id: u64, emoji: &str, burst: bool) -> Option<Vec<u64>> {
        let state = self.read();
        let scene = state.scene(channel_id)?;
        let position = scene.channel.log.find_live(message_id)?;
        let reactions = compose(&scene, position).reactions;
        let mut reactions = reactions.iter();
        let reaction = reactions.find(|reaction| reaction.emoji.text() == emoji)?;
        let reactors = if burst { &reaction.burst } else { &reaction.normal };
        let pool = &scene.guild.pool;
        let members = reactors.members(pool);
        Some(members.into_iter().map(|index| pool.id(index)).collect())
    }
}

/// Channels in their order, each followed by its threads.
fn all_scenes(state: &State, guild_id: u64) -> impl Iterator<Item = Scene<'_>> {
    let guild = state.guild(guild_id);
    let ids = guild.map_or(&[][..], |guild| &guild.channel_ids);
    let channels = ids.iter().filter_map(|id| state.channel(*id));
    channels
        .flat_map(|channel: &Channel| std::iter::once(&channel.id).chain(&channel.thread_ids))
        .filter_map(|id| state.scene(*id))
}

fn hidden_of(scene: &Scene<'_>) -> Hidden {
    let bot = scene.bot();
    let log = &scene.channel.log;
    let sample = log.newest(0..log.end(), 20).into_iter();
    let messages = sample.map(|position| {
        let message = compose(scene, position);
        (message.id, message.content)
    });
    Hidden {
        channel_id: scene.channel.id,
        name: scene.channel.name.clone(),
        kind: scene.channel.kind.code(),
        bot_can_read: bot.view && bot.connect && bot.history,
        messages: messages.collect(),
    }
}

fn author_id(scene: &Scene<'_>, author: Author) -> u64 {
    match author {
        Author::User(index) => scene.guild.pool.id(index),
        Author::Webhook(id) => id,
    }
}
