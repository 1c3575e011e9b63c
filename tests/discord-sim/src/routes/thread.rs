//! Thread listings: Resources/Guild, "List Active Guild Threads";
//! Resources/Channel, "List Public Archived Threads" and its private siblings.

use super::{Call, guild};
use crate::answer::{ApiError, RouteResult};
use crate::description::ChannelKind;
use crate::permissions::MANAGE_THREADS;
use crate::wire::{self, Writer};
use crate::world::{Scene, Thread};

/// All active threads of the guild that the bot can view, newest first.
pub(super) fn active(call: &Call<'_>) -> RouteResult {
    let guild = guild::joined_guild(call)?;
    let parents = guild.channel_ids.iter();
    let parents = parents.filter_map(|id| call.state.channel(*id));
    let mut scenes: Vec<Scene<'_>> = parents
        .flat_map(|parent| &parent.thread_ids)
        .filter_map(|id| call.state.scene(*id))
        .filter(|scene| thread_of(scene).is_some_and(|thread| !thread.archived && !thread.is_unlisted))
        .filter(|scene| scene.bot().view)
        .collect();
    scenes.sort_by_key(|scene| std::cmp::Reverse(scene.channel.id));
    Ok(listing(call, &scenes, None))
}

const fn thread_of<'a>(scene: &Scene<'a>) -> Option<&'a Thread> {
    scene.channel.thread.as_ref()
}

/// Public archived threads of the type that the channel creates now. Threads from before
/// the channel's type was changed aren't listed.
pub(super) fn archived_public(call: &Call<'_>) -> RouteResult {
    let parent = call.scene()?;
    archived(call, parent.channel.kind.public_thread())
}

/// Private archived threads; requires `MANAGE_THREADS` and `READ_MESSAGE_HISTORY`.
pub(super) fn archived_private(call: &Call<'_>) -> RouteResult {
    let parent = call.scene()?;
    if parent.bot().bits & MANAGE_THREADS == 0 {
        return Err(ApiError::MISSING_PERMISSIONS);
    }
    archived(call, ChannelKind::PrivateThread)
}

/// Private archived threads that the bot is a member of, newest ID first; `before` is a
/// snowflake.
pub(super) fn joined_private(call: &Call<'_>) -> RouteResult {
    let before = call.query.snowflake("before")?.unwrap_or(u64::MAX);
    let limit = call.query.number("limit", 2, 100, 50)? as usize;
    let mut scenes = archived_in(call)?;
    scenes.retain(|scene| {
        let has_bot = thread_of(scene).is_some_and(|thread| thread.has_bot);
        scene.is_private() && has_bot && scene.channel.id < before
    });
    scenes.sort_by_key(|scene| std::cmp::Reverse(scene.channel.id));
    Ok(page(call, scenes, limit))
}

/// Archived threads of one type, newest archive time first; `before` is an ISO 8601 time,
/// `limit` is 2 to 100.
fn archived(call: &Call<'_>, kind: ChannelKind) -> RouteResult {
    let before_us = call.query.time_us("before")?.unwrap_or(i64::MAX);
    let limit = call.query.number("limit", 2, 100, 50)? as usize;
    let archive_ms = |scene: &Scene<'_>| thread_of(scene).map_or(0, |thread| thread.archive_ms);
    let mut scenes = archived_in(call)?;
    scenes.retain(|scene| scene.channel.kind == kind && archive_ms(scene) * 1000 < before_us);
    scenes.sort_by_key(|scene| std::cmp::Reverse((archive_ms(scene), scene.channel.id)));
    Ok(page(call, scenes, limit))
}

/// All archived threads of the channel.
fn archived_in<'a>(call: &Call<'a>) -> Result<Vec<Scene<'a>>, ApiError> {
    let parent = call.scene()?;
    if !parent.channel.kind.has_threads() {
        return Err(ApiError::WRONG_CHANNEL_TYPE);
    }
    if !parent.bot().history {
        return Err(ApiError::MISSING_PERMISSIONS);
    }
    let ids = parent.channel.thread_ids.iter();
    let scenes = ids.filter_map(|id| call.state.scene(*id));
    Ok(scenes
        .filter(|scene| thread_of(scene).is_some_and(|thread| thread.archived && !thread.is_unlisted))
        .collect())
}

fn page(call: &Call<'_>, mut scenes: Vec<Scene<'_>>, limit: usize) -> Writer {
    let has_more = scenes.len() > limit;
    scenes.truncate(limit);
    listing(call, &scenes, Some(has_more))
}

fn listing(call: &Call<'_>, scenes: &[Scene<'_>], has_more: Option<bool>) -> Writer {
    let mut w = Writer::with_capacity(scenes.len() * 640);
    w.item(|w| {
        w.array("threads", |w| {
            for scene in scenes {
                w.item(|w| wire::channel::fields(w, scene));
            }
        });
        w.array("members", |w| {
            for scene in scenes {
                if let Some(thread) = thread_of(scene).filter(|thread| thread.has_bot) {
                    let bot_id = call.state.bot_id;
                    w.item(|w| wire::channel::member_fields(w, bot_id, scene.channel, thread));
                }
            }
        });
        w.boolean("has_more", has_more.unwrap_or(false));
    });
    w
}
