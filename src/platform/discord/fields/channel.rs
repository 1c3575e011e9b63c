//! Channels and threads.

use super::FieldShape::{Any, Bool, Column, Fields, Id, Integer, List, Text, U64};
use super::{
    FROM_REQUEST, FieldShape, ObjectFields, PERSON, READER_SPECIFIC, REDUNDANT, STORED_WITH_CHANNEL, VOICE,
    VOLATILE,
};

static TAG: FieldShape = Fields(&ObjectFields {
    name: "forum_tag",
    required: &[],
    kept: &[("id", &Id), ("name", &Text), ("moderated", &Bool), ("emoji_id", &Id), ("emoji_name", &Text)],
    dropped: &[],
});

static DEFAULT_REACTION: FieldShape = Fields(&ObjectFields {
    name: "default_reaction",
    required: &[],
    kept: &[("emoji_id", &Id), ("emoji_name", &Text)],
    dropped: &[],
});

static THREAD_METADATA: FieldShape = Fields(&ObjectFields {
    name: "thread_metadata",
    required: &[],
    kept: &[
        ("archived", &Column(&Bool)),
        ("archive_timestamp", &Column(&Text)),
        ("locked", &Column(&Bool)),
        ("create_timestamp", &Column(&Text)),
    ],
    dropped: &[
        ("auto_archive_duration", "predicts when the thread will be archived; `archived` has the fact"),
        ("invitable", "private threads only, which are never read"),
    ],
});

static OVERWRITE: FieldShape = Fields(&ObjectFields {
    name: "permission_overwrite",
    required: &[],
    kept: &[("id", &Column(&Id)), ("type", &Column(&Any)), ("allow", &Column(&Any)), ("deny", &Column(&Any))],
    dropped: &[],
});

/// A channel or thread.
pub static CHANNEL: ObjectFields = ObjectFields {
    name: "channel",
    required: &["id"],
    kept: &[
        ("id", &Column(&Id)),
        ("type", &Column(&U64)),
        ("name", &Column(&Text)),
        ("topic", &Column(&Text)),
        ("parent_id", &Column(&Id)),
        ("last_message_id", &Column(&Id)),
        ("permission_overwrites", &Column(&List(&OVERWRITE))),
        ("thread_metadata", &Column(&THREAD_METADATA)),
        ("owner_id", &Column(&Id)),
        ("total_message_sent", &Column(&U64)),
        ("nsfw", &Bool),
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
        ("guild_id", FROM_REQUEST),
        ("position", "changes when other channels are moved"),
        ("last_pin_timestamp", VOLATILE),
        ("message_count", REDUNDANT),
        ("member_count", VOLATILE),
        ("member", READER_SPECIFIC),
        ("permissions", READER_SPECIFIC),
        ("bitrate", VOICE),
        ("user_limit", VOICE),
        ("rtc_region", VOICE),
        ("video_quality_mode", VOICE),
    ],
};

/// The thread that was started from a message.
pub static STARTED_THREAD: FieldShape = Fields(&ObjectFields {
    name: "thread",
    required: &[],
    kept: &[("id", &Id), ("name", &Text)],
    dropped: &[
        ("type", STORED_WITH_CHANNEL),
        ("last_message_id", STORED_WITH_CHANNEL),
        ("flags", STORED_WITH_CHANNEL),
        ("last_pin_timestamp", VOLATILE),
        ("guild_id", FROM_REQUEST),
        ("parent_id", STORED_WITH_CHANNEL),
        ("rate_limit_per_user", STORED_WITH_CHANNEL),
        ("bitrate", VOICE),
        ("user_limit", VOICE),
        ("rtc_region", VOICE),
        ("video_quality_mode", VOICE),
        ("permissions", READER_SPECIFIC),
        ("owner_id", PERSON),
        ("thread_metadata", STORED_WITH_CHANNEL),
        ("message_count", VOLATILE),
        ("member_count", VOLATILE),
        ("total_message_sent", VOLATILE),
        ("applied_tags", STORED_WITH_CHANNEL),
        ("member", READER_SPECIFIC),
    ],
});
