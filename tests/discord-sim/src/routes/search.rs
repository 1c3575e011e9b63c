//! The server search: OpenAPI, `guild_search` and `GuildSearchResponse`.

use super::{Call, guild};
use crate::answer::{ApiError, RouteResult};
use crate::permissions::READ_MESSAGE_HISTORY;
use crate::snowflake;
use crate::wire::{self, Writer};
use crate::world::{Channel, Position, Scene};

/// Documented filters that aren't simulated: a request with one is refused, so that no
/// test takes its answer for Discord's.
const NOT_SIMULATED: [&str; 16] = [
    "content",
    "slop",
    "author_id",
    "author_type",
    "mentions",
    "mentions_role_id",
    "replied_to_user_id",
    "replied_to_message_id",
    "mention_everyone",
    "has",
    "link_hostname",
    "embed_provider",
    "embed_type",
    "attachment_extension",
    "attachment_filename",
    "pinned",
];

/// Which messages a request asks for.
struct Filter {
    min_id: u64,
    max_id: u64,
    /// Empty for all channels.
    channel_ids: Vec<u64>,
    includes_nsfw: bool,
    /// The time up to which messages are in the index.
    indexed_ms: i64,
}

/// One page of the messages that the filter selects, in nested lists; without the
/// message-content intent or `READ_MESSAGE_HISTORY` a 403, and a 202 while the index is
/// being built. By relevance, which isn't documented, the newest message comes first.
pub(super) fn messages(call: &Call<'_>) -> RouteResult {
    let guild = guild::joined_guild(call)?;
    if !call.state.message_content {
        return Err(ApiError::MISSING_ACCESS);
    }
    if call.state.bot_in(guild).in_channel(&[]) & READ_MESSAGE_HISTORY == 0 {
        return Err(ApiError::MISSING_PERMISSIONS);
    }
    let limit = call.query.number("limit", 1, 25, 25)? as usize;
    let offset = call.query.number("offset", 0, 9975, 0)? as usize;
    call.query.choice("sort_by", &["timestamp", "relevance"])?;
    let is_ascending = call.query.choice("sort_order", &["desc", "asc"])? == "asc";
    let filter = filter(call)?;
    if call.state.is_search_indexing {
        return Err(ApiError::INDEX_NOT_READY);
    }
    let channels = call.state.channels.values();
    let of_guild = channels.filter(|channel| !channel.deleted && channel.guild_id == guild.id);
    let scenes = of_guild.filter_map(|channel| call.state.scene(channel.id));
    let mut found: Vec<(u64, Scene<'_>, Position)> =
        scenes.filter(|scene| filter.selects(scene)).flat_map(|scene| filter.messages_of(scene)).collect();
    found.sort_by_key(|(id, scene, _)| (*id, scene.channel.id));
    if !is_ascending {
        found.reverse();
    }
    let page: Vec<&(u64, Scene<'_>, Position)> = found.iter().skip(offset).take(limit).collect();
    let mut w = Writer::with_capacity(64 + page.len() * 1024);
    w.item(|w| {
        w.array("messages", |w| {
            for (_, scene, position) in &page {
                w.list(|w| wire::message::found_item(w, scene, &call.show, *position));
            }
        });
        w.raw("doing_deep_historical_index", "false");
        w.number("total_results", found.len() as u64);
        threads(w, call, &page);
    });
    Ok(w)
}

fn filter(call: &Call<'_>) -> Result<Filter, ApiError> {
    if let Some(key) = call.query.any_of(&NOT_SIMULATED) {
        let message = "The simulator doesn't know this filter.".to_owned();
        return Err(ApiError::invalid_form(key, "NOT_SIMULATED", message));
    }
    let channel_ids = call.query.snowflakes("channel_id")?;
    if channel_ids.len() > 500 {
        let message = "Must be 500 or fewer in length.".to_owned();
        return Err(ApiError::invalid_form("channel_id", "BASE_TYPE_MAX_LENGTH", message));
    }
    let delay_ms = i64::try_from(call.state.search_delay.as_millis()).unwrap_or(i64::MAX);
    Ok(Filter {
        min_id: call.query.snowflake("min_id")?.unwrap_or(0),
        max_id: call.query.snowflake("max_id")?.unwrap_or(u64::MAX),
        channel_ids,
        includes_nsfw: call.query.flag("include_nsfw"),
        indexed_ms: call.show.now_ms.saturating_sub(delay_ms),
    })
}

impl Filter {
    /// Whether the channel's messages are searched: the bot can read it, and the request
    /// names it, if it names any.
    fn selects(&self, scene: &Scene<'_>) -> bool {
        let bot = scene.bot();
        let parent = scene.channel.parent_id.and_then(|id| scene.state.channel(id));
        let is_nsfw = |channel: &Channel| channel.is_nsfw;
        let is_nsfw = is_nsfw(scene.channel) || scene.channel.kind.is_thread() && parent.is_some_and(is_nsfw);
        let is_named = self.channel_ids.is_empty() || self.channel_ids.contains(&scene.channel.id);
        bot.view && bot.connect && bot.history && is_named && (self.includes_nsfw || !is_nsfw)
    }

    /// The messages between `min_id` and `max_id`, both excluded, that are in the index.
    fn messages_of<'a>(
        &self,
        scene: Scene<'a>,
    ) -> impl Iterator<Item = (u64, Scene<'a>, Position)> + use<'a> {
        let log = &scene.channel.log;
        let end = self.max_id.min(snowflake::first_of(self.indexed_ms.saturating_add(1)));
        let begin = if self.min_id == 0 { 0 } else { log.rank(self.min_id + 1) };
        let range = begin..log.rank(end).max(begin);
        let positions = log.oldest(range, usize::MAX);
        positions.into_iter().map(move |position| (scene.channel.log.entry(position).id, scene, position))
    }
}

/// The threads that hold messages of the page, and the bot's memberships in them.
fn threads(w: &mut Writer, call: &Call<'_>, page: &[&(u64, Scene<'_>, Position)]) {
    let mut threads: Vec<&Scene<'_>> =
        page.iter().map(|(_, scene, _)| scene).filter(|scene| scene.channel.thread.is_some()).collect();
    threads.sort_by_key(|scene| scene.channel.id);
    threads.dedup_by_key(|scene| scene.channel.id);
    w.array("threads", |w| {
        for scene in &threads {
            w.item(|w| wire::channel::fields(w, scene));
        }
    });
    w.array("members", |w| {
        for scene in &threads {
            if let Some(thread) = scene.channel.thread.as_ref().filter(|thread| thread.has_bot) {
                w.item(|w| wire::channel::member_fields(w, call.state.bot_id, scene.channel, thread));
            }
        }
    });
}
