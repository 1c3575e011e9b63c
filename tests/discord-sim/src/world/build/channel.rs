//! Builds channels.

use super::{Span, thread};
use crate::description::{ChannelDescription, ChannelKind, Visibility};
use crate::dice;
use crate::permissions::{CONNECT, Overwrite, READ_MESSAGE_HISTORY, VIEW_CHANNEL};
use crate::snowflake::{self, Layout};
use crate::world::{Channel, Log, State};

/// Adds a channel with its threads to the guild at `guild_index`.
pub(super) fn add(
    state: &mut State,
    guild_index: usize,
    described: &ChannelDescription,
    span: Span,
    created_ms: i64,
) -> u64 {
    let guild = &state.guilds[guild_index];
    let (guild_id, pool, position) = (guild.id, guild.pool.clone(), guild.channel_ids.len());
    let id = match described.id {
        0 => free_id(state, created_ms + position as i64 * 60_000, guild_id),
        id => id,
    };
    let mut channel = channel(state, guild_id, described, id, span);
    channel.position = position as u64;
    channel.parent_id = described.category.as_deref().and_then(|name| category(state, guild_index, name));
    let builder = thread::ThreadBuilder { described, span, pool };
    builder.add_to(state, &mut channel);
    state.guilds[guild_index].channel_ids.push(id);
    let ids: Vec<u64> = channel.thread_ids.iter().copied().chain([id]).collect();
    state.channels.insert(id, channel);
    for id in ids {
        set_closed_marker(state, id);
    }
    id
}

/// Sets `has_closed_marker` if @everyone can't see the channel.
fn set_closed_marker(state: &mut State, id: u64) {
    let everyone = state.scene(id).map(|scene| scene.everyone());
    let is_closed = everyone.is_some_and(|everyone| !everyone.view || !everyone.connect);
    if let Some(channel) = state.channels.get_mut(&id) {
        channel.has_closed_marker = is_closed;
    }
}

/// Adds a channel to an existing world; its first message is from `now_ms`.
pub(in crate::world) fn add_at_runtime(
    state: &mut State,
    guild_id: u64,
    described: &ChannelDescription,
    now_ms: i64,
) -> Option<u64> {
    let mut guilds = state.guilds.iter();
    let guild_index = guilds.position(|guild| guild.id == guild_id)?;
    let span = Span { first_ms: now_ms, last_ms: now_ms + described.messages as i64 };
    Some(add(state, guild_index, described, span, now_ms))
}

/// The ID of the guild's category with this name.
fn category(state: &State, guild_index: usize, name: &str) -> Option<u64> {
    let ids = state.guilds[guild_index].channel_ids.iter();
    let mut channels = ids.filter_map(|id| state.channel(*id));
    let found = channels.find(|channel| channel.kind == ChannelKind::Category && channel.name == name)?;
    Some(found.id)
}

/// An unused channel ID, at or after `created_ms`.
fn free_id(state: &State, created_ms: i64, salt: u64) -> u64 {
    let low = dice::hash(state.seed, salt, created_ms as u64) % (1 << 22);
    let mut id = snowflake::first_of(created_ms) + low;
    while state.channels.contains_key(&id) {
        id += 1;
    }
    id
}

fn channel(state: &State, guild_id: u64, described: &ChannelDescription, id: u64, span: Span) -> Channel {
    let seed = dice::hash(state.seed, guild_id, id);
    let count = if described.kind.has_messages() { described.messages } else { 0 };
    let mut log = Log::new(None, Layout::new(seed, span.first_ms, span.last_ms, count));
    for offset in 1..=described.deleted_last.min(count) {
        let id = log.entry(count - offset).id;
        log.delete(id);
    }
    let mut overwrites = visibility(described.visibility, guild_id, state.bot_id);
    overwrites.extend_from_slice(&described.overwrites);
    Channel {
        id,
        guild_id,
        kind: described.kind,
        name: described.name.clone(),
        topic: described.topic.clone(),
        parent_id: None,
        position: 0,
        overwrites,
        is_nsfw: false,
        mix: described.mix,
        seed,
        log,
        thread: None,
        thread_ids: Vec::new(),
        has_closed_marker: false,
        deleted: false,
    }
}

/// The overwrites a [`Visibility`] stands for.
pub(in crate::world) fn visibility(visibility: Visibility, everyone_id: u64, bot_id: u64) -> Vec<Overwrite> {
    let everyone = |deny| Overwrite::role(everyone_id, 0, deny);
    let allow_bot = |allow| Overwrite::member(bot_id, allow, 0);
    let deny_bot = |deny| Overwrite::member(bot_id, 0, deny);
    match visibility {
        Visibility::Everyone => Vec::new(),
        Visibility::Hidden => vec![everyone(VIEW_CHANNEL), allow_bot(VIEW_CHANNEL)],
        Visibility::BotHidden => vec![deny_bot(VIEW_CHANNEL)],
        Visibility::NoHistory => vec![everyone(READ_MESSAGE_HISTORY)],
        Visibility::HistoryForBot => vec![everyone(READ_MESSAGE_HISTORY), allow_bot(READ_MESSAGE_HISTORY)],
        Visibility::BotNoHistory => vec![deny_bot(READ_MESSAGE_HISTORY)],
        Visibility::NoConnect => vec![everyone(CONNECT), allow_bot(CONNECT)],
        Visibility::BotNoConnect => vec![deny_bot(CONNECT)],
    }
}
