//! Embeds and their parts.

use super::FieldShape::{Bool, Fields, Integer, List, Named, Text, Url};
use super::component::COMPONENT;
use super::{FieldShape, ObjectFields, PICTURE, REDUNDANT};

static MEDIA: FieldShape = Fields(&ObjectFields {
    name: "embed_media",
    required: &[],
    kept: &[
        ("url", &Url),
        ("width", &Integer),
        ("height", &Integer),
        ("content_type", &Text),
        ("description", &Text),
        ("flags", &Integer),
    ],
    dropped: &[("proxy_url", REDUNDANT), ("placeholder", PICTURE), ("placeholder_version", PICTURE)],
});

static AUTHOR: ObjectFields = ObjectFields {
    name: "embed_author",
    required: &[],
    kept: &[("name", &Text), ("url", &Url)],
    dropped: &[("icon_url", PICTURE), ("proxy_icon_url", PICTURE)],
};

static FOOTER: ObjectFields = ObjectFields {
    name: "embed_footer",
    required: &[],
    kept: &[("text", &Text)],
    dropped: &[("icon_url", PICTURE), ("proxy_icon_url", PICTURE)],
};

static PROVIDER: ObjectFields = ObjectFields {
    name: "embed_provider",
    required: &[],
    kept: &[("name", &Text), ("url", &Url)],
    dropped: &[],
};

static FIELD: FieldShape = Fields(&ObjectFields {
    name: "embed_field",
    required: &[],
    kept: &[("name", &Text), ("value", &Text), ("inline", &Bool)],
    dropped: &[],
});

/// An embed.
pub static EMBED: ObjectFields = ObjectFields {
    name: "embed",
    required: &[],
    kept: &[
        ("type", &Text),
        ("title", &Text),
        ("description", &Text),
        ("url", &Url),
        ("timestamp", &Text),
        ("color", &Integer),
        ("footer", &Named(&FOOTER, "text")),
        ("author", &Named(&AUTHOR, "name")),
        ("provider", &Named(&PROVIDER, "name")),
        ("fields", &List(&FIELD)),
        ("image", &MEDIA),
        ("thumbnail", &MEDIA),
        ("video", &MEDIA),
        ("flags", &Integer),
        ("components", &List(&COMPONENT)),
    ],
    dropped: &[
        ("content_scan_version", "for Discord's content filter"),
        ("reference_id", "internal to Discord"),
    ],
};
