//! Channels and threads.

use super::Keep::{Any, Column, Fields, Id, Integer, List, Size, Text, Truth};
use super::{ELSEWHERE, Keep, Object, PERSON, PERSONAL, SCOPE, TWICE, VOICE, VOLATILE};

static TAG: Keep = Fields(&Object {
    name: "forum_tag",
    required: &[],
    kept: &[("id", &Id), ("name", &Text), ("moderated", &Truth), ("emoji_id", &Id), ("emoji_name", &Text)],
    dropped: &[],
});

static DEFAULT_REACTION: Keep = Fields(&Object {
    name: "default_reaction",
    required: &[],
    kept: &[("emoji_id", &Id), ("emoji_name", &Text)],
    dropped: &[],
});

static THREAD_METADATA: Keep = Fields(&Object {
    name: "thread_metadata",
    required: &[],
    kept: &[
        ("archived", &Column(&Truth)),
        ("archive_timestamp", &Column(&Text)),
        ("locked", &Column(&Truth)),
        ("create_timestamp", &Column(&Text)),
    ],
    dropped: &[
        ("auto_archive_duration", "says when the thread will be archived; archived says that it is"),
        ("invitable", "private threads only, which are never read"),
    ],
});

static OVERWRITE: Keep = Fields(&Object {
    name: "permission_overwrite",
    required: &[],
    kept: &[("id", &Column(&Id)), ("type", &Column(&Any)), ("allow", &Column(&Any)), ("deny", &Column(&Any))],
    dropped: &[],
});

/// A channel or thread.
pub static CHANNEL: Object = Object {
    name: "channel",
    required: &["id"],
    kept: &[
        ("id", &Column(&Id)),
        ("type", &Column(&Size)),
        ("name", &Column(&Text)),
        ("topic", &Column(&Text)),
        ("parent_id", &Column(&Id)),
        ("last_message_id", &Column(&Id)),
        ("permission_overwrites", &Column(&List(&OVERWRITE))),
        ("thread_metadata", &Column(&THREAD_METADATA)),
        ("owner_id", &Column(&Id)),
        ("total_message_sent", &Column(&Size)),
        ("nsfw", &Truth),
        ("rate_limit_per_user", &Integer),
        ("flags", &Integer),
        ("available_tags", &List(&TAG)),
        ("applied_tags", &List(&Id)),
        ("default_auto_archive_duration", &Integer),
        ("default_thread_rate_limit_per_user", &Integer),
        ("default_reaction_emoji", &DEFAULT_REACTION),
        ("default_sort_order", &Integer),
        ("default_forum_layout", &Integer),
        ("default_tag_setting", &Text),
    ],
    dropped: &[
        ("guild_id", SCOPE),
        ("position", "changes when other channels are moved"),
        ("last_pin_timestamp", VOLATILE),
        ("message_count", TWICE),
        ("member_count", VOLATILE),
        ("member", PERSONAL),
        ("permissions", PERSONAL),
        ("bitrate", VOICE),
        ("user_limit", VOICE),
        ("rtc_region", VOICE),
        ("video_quality_mode", VOICE),
    ],
};

/// The thread that was started from a message.
pub static STARTED_THREAD: Keep = Fields(&Object {
    name: "thread",
    required: &[],
    kept: &[("id", &Id), ("name", &Text)],
    dropped: &[
        ("type", ELSEWHERE),
        ("last_message_id", ELSEWHERE),
        ("flags", ELSEWHERE),
        ("last_pin_timestamp", VOLATILE),
        ("guild_id", SCOPE),
        ("parent_id", ELSEWHERE),
        ("rate_limit_per_user", ELSEWHERE),
        ("bitrate", VOICE),
        ("user_limit", VOICE),
        ("rtc_region", VOICE),
        ("video_quality_mode", VOICE),
        ("permissions", PERSONAL),
        ("owner_id", PERSON),
        ("thread_metadata", ELSEWHERE),
        ("message_count", VOLATILE),
        ("member_count", VOLATILE),
        ("total_message_sent", VOLATILE),
        ("applied_tags", ELSEWHERE),
        ("member", PERSONAL),
    ],
});
