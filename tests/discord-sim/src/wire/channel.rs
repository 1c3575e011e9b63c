//! Channel and thread objects: Resources/Channel, "Channel Structure".

use super::Writer;
use crate::description::ChannelKind;
use crate::dice;
use crate::permissions::OverwriteKind;
use crate::world::{Channel, Scene, Thread};

/// The fields of the scene's channel or thread, inside an open object.
pub(crate) fn fields(w: &mut Writer, scene: &Scene<'_>) {
    if scene.channel.kind.is_thread() {
        thread_fields(w, scene, scene.channel);
    } else {
        channel_fields(w, scene.channel);
    }
}

fn channel_fields(w: &mut Writer, channel: &Channel) {
    let kind = channel.kind;
    w.id("id", channel.id);
    w.number("type", u64::from(kind.code()));
    w.raw("flags", "0");
    w.id("guild_id", channel.guild_id);
    w.text("name", &channel.name);
    w.id_or_null("parent_id", channel.parent_id);
    w.number("position", channel.position);
    overwrites(w, channel);
    if kind == ChannelKind::Category || kind == ChannelKind::Directory {
        return;
    }
    w.id_or_null("last_message_id", channel.last_message_id());
    w.raw("rate_limit_per_user", "0");
    w.boolean("nsfw", channel.is_nsfw);
    if kind.is_vocal() {
        w.raw("bitrate", "64000");
        w.raw("user_limit", "0");
        w.raw("rtc_region", "null");
        return;
    }
    w.text_or_null("topic", channel.topic.as_deref());
    w.raw("last_pin_timestamp", "null");
    w.raw("default_auto_archive_duration", "4320");
    if kind.is_forum() {
        forum_fields(w, channel);
    }
}

fn overwrites(w: &mut Writer, channel: &Channel) {
    w.array("permission_overwrites", |w| {
        for overwrite in &channel.overwrites {
            w.item(|w| {
                w.id("id", overwrite.id);
                w.number("type", u64::from(overwrite.kind == OverwriteKind::Member));
                w.id("allow", overwrite.allow);
                w.id("deny", overwrite.deny);
            });
        }
    });
}

/// Fields only forums have: Resources/Channel, "Forum Tag Object" and the following
/// headings.
fn forum_fields(w: &mut Writer, channel: &Channel) {
    w.array("available_tags", |w| {
        for (index, name) in ["question", "solved"].into_iter().enumerate() {
            w.item(|w| {
                w.id("id", tag_id(channel, index as u64));
                w.text("name", name);
                w.raw("moderated", "false");
                w.raw("emoji_id", "null");
                w.text("emoji_name", "✅");
            });
        }
    });
    w.raw("default_reaction_emoji", r#"{"emoji_id":null,"emoji_name":"👍"}"#);
    w.raw("default_sort_order", "null");
    w.raw("default_forum_layout", "0");
    w.raw("default_thread_rate_limit_per_user", "0");
}

const fn tag_id(forum: &Channel, index: u64) -> u64 {
    forum.id + 1 + index + dice::hash(forum.seed, 17, 0) % 1000
}

/// The fields of a thread of the scene's guild.
pub(crate) fn thread_fields(w: &mut Writer, scene: &Scene<'_>, channel: &Channel) {
    let Some(thread) = &channel.thread else {
        return;
    };
    let count = channel.log.live_count();
    w.id("id", channel.id);
    w.number("type", u64::from(channel.kind.code()));
    w.id_or_null("last_message_id", channel.last_message_id());
    w.raw("flags", "0");
    w.id("guild_id", channel.guild_id);
    w.text("name", &channel.name);
    w.id_or_null("parent_id", channel.parent_id);
    w.raw("rate_limit_per_user", "0");
    w.id("owner_id", scene.guild.pool.id(thread.owner));
    w.object("thread_metadata", |w| metadata(w, channel, thread));
    w.number("message_count", count);
    w.number("member_count", 1 + u64::from(thread.has_bot));
    w.number("total_message_sent", channel.log.end());
    let parent = channel.parent_id.and_then(|id| scene.state.channel(id));
    if let Some(parent) = parent.filter(|parent| parent.kind.is_forum()) {
        w.array("applied_tags", |w| {
            if channel.seed.is_multiple_of(3) {
                w.id_item(tag_id(parent, 0));
            }
        });
    }
    if thread.has_bot {
        w.object("member", |w| member_fields(w, scene.state.bot_id, channel, thread));
    }
}

/// Resources/Channel, "Thread Metadata Structure".
fn metadata(w: &mut Writer, channel: &Channel, thread: &Thread) {
    w.boolean("archived", thread.archived);
    w.time("archive_timestamp", thread.archive_ms);
    w.raw("auto_archive_duration", "4320");
    w.boolean("locked", thread.locked);
    w.time("create_timestamp", thread.created_ms);
    if channel.kind == ChannelKind::PrivateThread {
        w.raw("invitable", "false");
    }
}

/// Resources/Channel, "Thread Member Structure".
pub(crate) fn member_fields(w: &mut Writer, user_id: u64, channel: &Channel, thread: &Thread) {
    w.id("id", channel.id);
    w.id("user_id", user_id);
    w.time("join_timestamp", thread.created_ms);
    w.raw("flags", "0");
}
