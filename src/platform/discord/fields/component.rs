//! Message components: buttons, menus, media and layout.

use super::FieldShape::{Bool, Fields, Id, Integer, List, Text, Url};
use super::{FOR_BOTS, FieldShape, LAYOUT, ObjectFields, PICTURE, REDUNDANT};

/// An emoji within a poll or a component.
pub static EMOJI: FieldShape = Fields(&ObjectFields {
    name: "emoji",
    required: &[],
    kept: &[("id", &Id), ("name", &Text)],
    dropped: &[("animated", PICTURE)],
});

/// A file or picture, uploaded to Discord or hosted elsewhere.
static MEDIA: FieldShape = Fields(&ObjectFields {
    name: "component_media",
    required: &[],
    kept: &[
        ("url", &Url),
        ("width", &Integer),
        ("height", &Integer),
        ("content_type", &Text),
        ("attachment_id", &Id),
    ],
    dropped: &[
        ("id", FOR_BOTS),
        ("proxy_url", REDUNDANT),
        ("flags", LAYOUT),
        ("loading_state", PICTURE),
        ("placeholder", PICTURE),
        ("placeholder_version", PICTURE),
        ("content_scan_metadata", "for Discord's content filter"),
    ],
});

static GALLERY_ITEM: FieldShape = Fields(&ObjectFields {
    name: "gallery_item",
    required: &[],
    kept: &[("media", &MEDIA), ("description", &Text), ("spoiler", &Bool)],
    dropped: &[],
});

static OPTION: FieldShape = Fields(&ObjectFields {
    name: "select_option",
    required: &[],
    kept: &[("label", &Text), ("description", &Text), ("emoji", &EMOJI)],
    dropped: &[("value", FOR_BOTS), ("default", FOR_BOTS)],
});

/// A component of any kind.
pub static COMPONENT: FieldShape = Fields(&ObjectFields {
    name: "component",
    required: &[],
    kept: &[
        ("type", &Integer),
        ("style", &Integer),
        ("label", &Text),
        ("description", &Text),
        ("content", &Text),
        ("placeholder", &Text),
        ("url", &Url),
        ("disabled", &Bool),
        ("spoiler", &Bool),
        ("emoji", &EMOJI),
        ("sku_id", &Id),
        ("name", &Text),
        ("size", &Integer),
        ("file", &MEDIA),
        ("media", &MEDIA),
        ("items", &List(&GALLERY_ITEM)),
        ("options", &List(&OPTION)),
        ("accessory", &COMPONENT),
        ("component", &COMPONENT),
        ("components", &List(&COMPONENT)),
    ],
    dropped: &[
        ("id", "a number within the message"),
        ("custom_id", FOR_BOTS),
        ("default_values", "may hold user IDs"),
        ("value", FOR_BOTS),
        ("min_values", LAYOUT),
        ("max_values", LAYOUT),
        ("min_length", LAYOUT),
        ("max_length", LAYOUT),
        ("required", LAYOUT),
        ("channel_types", LAYOUT),
        ("accent_color", LAYOUT),
        ("spacing", LAYOUT),
        ("divider", LAYOUT),
    ],
});
