//! Attachments.

use super::FieldShape::{Column, Fields, Id, Integer, List, Number, Text, U64, Url, User};
use super::{APPLICATION, FieldShape, ObjectFields, PERSON, PICTURE, REDUNDANT};

/// An application, of which only the name is kept.
pub static APPLICATION_NAME: FieldShape = Fields(&ObjectFields {
    name: "application",
    required: &[],
    kept: &[("name", &Text)],
    dropped: &[
        ("id", APPLICATION),
        ("icon", PICTURE),
        ("description", APPLICATION),
        ("summary", APPLICATION),
        ("type", APPLICATION),
        ("cover_image", PICTURE),
        ("primary_sku_id", APPLICATION),
        ("bot", PERSON),
        ("slug", APPLICATION),
        ("guild_id", APPLICATION),
        ("rpc_origins", APPLICATION),
        ("bot_public", APPLICATION),
        ("bot_require_code_grant", APPLICATION),
        ("terms_of_service_url", APPLICATION),
        ("privacy_policy_url", APPLICATION),
        ("custom_install_url", APPLICATION),
        ("install_params", APPLICATION),
        ("integration_types_config", APPLICATION),
        ("verify_key", APPLICATION),
        ("flags", APPLICATION),
        ("flags_new", APPLICATION),
        ("max_participants", APPLICATION),
        ("tags", APPLICATION),
    ],
});

const DROPPED: &[(&str, &str)] = &[
    ("proxy_url", REDUNDANT),
    ("waveform", "a picture of the sound, not text"),
    ("ephemeral", "never true of a message that others can read"),
    ("placeholder", PICTURE),
    ("placeholder_version", PICTURE),
    ("original_content_type", REDUNDANT),
    ("content_scan_version", "for Discord's content filter"),
];

/// An attachment of the message itself.
pub static ATTACHMENT: ObjectFields = ObjectFields {
    name: "attachment",
    required: &["id"],
    kept: &[
        ("id", &Column(&Id)),
        ("filename", &Column(&Text)),
        ("size", &Column(&U64)),
        ("content_type", &Column(&Text)),
        ("url", &Column(&Text)),
        ("title", &Text),
        ("description", &Text),
        ("width", &Integer),
        ("height", &Integer),
        ("duration_secs", &Number),
        ("flags", &Integer),
        ("application", &APPLICATION_NAME),
        ("clip_created_at", &Text),
        ("clip_participants", &List(&User)),
    ],
    dropped: DROPPED,
};

/// An attachment of a forwarded message. Unlike [`ATTACHMENT`], it is kept whole in the
/// metadata, in addition to its row.
pub static FORWARDED_ATTACHMENT: FieldShape = Fields(&ObjectFields {
    name: "attachment",
    required: &["id"],
    kept: &[
        ("id", &Id),
        ("filename", &Text),
        ("size", &U64),
        ("content_type", &Text),
        ("url", &Url),
        ("title", &Text),
        ("description", &Text),
        ("width", &Integer),
        ("height", &Integer),
        ("duration_secs", &Number),
        ("flags", &Integer),
        ("application", &APPLICATION_NAME),
        ("clip_created_at", &Text),
        ("clip_participants", &List(&User)),
    ],
    dropped: DROPPED,
});
