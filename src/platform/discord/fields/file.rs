//! Attachments.

use super::Keep::{Column, Fields, Id, Integer, List, Number, Size, Text, Url, User};
use super::{APPLICATION, Keep, Object, PERSON, PICTURE, TWICE};

/// An application, of which the name is all that says something.
pub static NAMED_APPLICATION: Keep = Fields(&Object {
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
    ("proxy_url", TWICE),
    ("waveform", "a picture of the sound, not text"),
    ("ephemeral", "never true of a message that others can read"),
    ("placeholder", PICTURE),
    ("placeholder_version", PICTURE),
    ("original_content_type", TWICE),
    ("content_scan_version", "of Discord's content filter"),
];

/// An attachment of the message itself.
pub static ATTACHMENT: Object = Object {
    name: "attachment",
    required: &["id"],
    kept: &[
        ("id", &Column(&Id)),
        ("filename", &Column(&Text)),
        ("size", &Column(&Size)),
        ("content_type", &Column(&Text)),
        ("url", &Column(&Text)),
        ("title", &Text),
        ("description", &Text),
        ("width", &Integer),
        ("height", &Integer),
        ("duration_secs", &Number),
        ("flags", &Integer),
        ("application", &NAMED_APPLICATION),
        ("clip_created_at", &Text),
        ("clip_participants", &List(&User)),
    ],
    dropped: DROPPED,
};

/// An attachment of a forwarded message, which has columns of its own besides.
pub static FORWARDED: Keep = Fields(&Object {
    name: "attachment",
    required: &["id"],
    kept: &[
        ("id", &Id),
        ("filename", &Text),
        ("size", &Size),
        ("content_type", &Text),
        ("url", &Url),
        ("title", &Text),
        ("description", &Text),
        ("width", &Integer),
        ("height", &Integer),
        ("duration_secs", &Number),
        ("flags", &Integer),
        ("application", &NAMED_APPLICATION),
        ("clip_created_at", &Text),
        ("clip_participants", &List(&User)),
    ],
    dropped: DROPPED,
});
