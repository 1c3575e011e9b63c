//! Messages, forwarded messages and their smaller parts.

use super::FieldShape::{Any, Bool, Column, Embed, Fields, Id, Integer, List, Text, Time, U32, User};
use super::channel::STARTED_THREAD;
use super::component::{COMPONENT, EMOJI};
use super::file::{APPLICATION_NAME, ATTACHMENT, FORWARDED_ATTACHMENT};
use super::{
    APPLICATION, FOR_BOTS, FROM_REQUEST, FieldShape, LAYOUT, ObjectFields, PERSON, PICTURE, READER_SPECIFIC,
    REDUNDANT,
};

/// A user; only the hash of the ID is stored, and whether it is a bot.
pub static USER: ObjectFields = ObjectFields {
    name: "user",
    required: &[],
    kept: &[("id", &Column(&Id)), ("bot", &Column(&Bool))],
    dropped: &[
        ("username", PERSON),
        ("avatar", PERSON),
        ("discriminator", PERSON),
        ("public_flags", PERSON),
        ("flags", PERSON),
        ("system", PERSON),
        ("banner", PERSON),
        ("accent_color", PERSON),
        ("global_name", PERSON),
        ("avatar_decoration_data", PERSON),
        ("collectibles", PERSON),
        ("primary_guild", PERSON),
    ],
};

static REFERENCED_MESSAGE: FieldShape = Fields(&ObjectFields {
    name: "referenced_message",
    required: &[],
    kept: &[("author", &Column(&Fields(&USER)))],
    dropped: &[],
});

/// The emoji of a reaction.
pub static REACTION_EMOJI: ObjectFields = ObjectFields {
    name: "emoji",
    required: &[],
    kept: &[("id", &Column(&Id)), ("name", &Column(&Text))],
    dropped: &[("animated", PICTURE)],
};

/// Counts of a reaction, by kind: normal and burst.
pub static COUNT_DETAILS: ObjectFields = ObjectFields {
    name: "count_details",
    required: &[],
    kept: &[("burst", &Column(&U32)), ("normal", &Column(&U32))],
    dropped: &[("vote", "for polls, which count their own votes")],
};

/// The reactions with one emoji.
pub static REACTION: ObjectFields = ObjectFields {
    name: "reaction",
    required: &["emoji"],
    kept: &[
        ("emoji", &Column(&Fields(&REACTION_EMOJI))),
        ("count", &Column(&U32)),
        ("count_details", &Column(&Fields(&COUNT_DETAILS))),
    ],
    dropped: &[
        ("burst_colors", LAYOUT),
        ("burst_count", REDUNDANT),
        ("me", READER_SPECIFIC),
        ("me_burst", READER_SPECIFIC),
        ("burst_me", READER_SPECIFIC),
        ("me_vote", READER_SPECIFIC),
    ],
};

static STICKER: FieldShape = Fields(&ObjectFields {
    name: "sticker_item",
    required: &[],
    kept: &[("id", &Id), ("name", &Text), ("format_type", &Integer)],
    dropped: &[],
});

static POLL_MEDIA: FieldShape = Fields(&ObjectFields {
    name: "poll_media",
    required: &[],
    kept: &[("text", &Text), ("emoji", &EMOJI)],
    dropped: &[],
});

static POLL_ANSWER: FieldShape = Fields(&ObjectFields {
    name: "poll_answer",
    required: &[],
    kept: &[("answer_id", &Integer), ("poll_media", &POLL_MEDIA)],
    dropped: &[],
});

static POLL_COUNT: FieldShape = Fields(&ObjectFields {
    name: "poll_count",
    required: &[],
    kept: &[("id", &Integer), ("count", &Integer)],
    dropped: &[("me_voted", READER_SPECIFIC)],
});

static POLL_RESULTS: FieldShape = Fields(&ObjectFields {
    name: "poll_results",
    required: &[],
    kept: &[("is_finalized", &Bool), ("answer_counts", &List(&POLL_COUNT))],
    dropped: &[],
});

static POLL: FieldShape = Fields(&ObjectFields {
    name: "poll",
    required: &[],
    kept: &[
        ("question", &POLL_MEDIA),
        ("answers", &List(&POLL_ANSWER)),
        ("expiry", &Text),
        ("allow_multiselect", &Bool),
        ("results", &POLL_RESULTS),
    ],
    dropped: &[("layout_type", LAYOUT)],
});

static FORWARDED_MESSAGE: FieldShape = Fields(&ObjectFields {
    name: "forwarded_message",
    required: &[],
    kept: &[
        ("type", &Integer),
        ("content", &Text),
        ("timestamp", &Text),
        ("edited_timestamp", &Text),
        ("flags", &Integer),
        ("mention_roles", &List(&Id)),
        ("embeds", &List(&Embed)),
        ("attachments", &List(&FORWARDED_ATTACHMENT)),
        ("sticker_items", &List(&STICKER)),
        ("components", &List(&COMPONENT)),
    ],
    dropped: &[("mentions", "users whom the text mentions by ID"), ("stickers", REDUNDANT)],
});

static SNAPSHOT: FieldShape = Fields(&ObjectFields {
    name: "message_snapshot",
    required: &[],
    kept: &[("message", &FORWARDED_MESSAGE)],
    dropped: &[],
});

/// The command or button that a bot's message answers, with its user.
static INTERACTION: FieldShape = Fields(&ObjectFields {
    name: "interaction",
    required: &[],
    kept: &[
        ("type", &Integer),
        ("name", &Text),
        ("user", &User),
        ("target_user", &User),
        ("target_message_id", &Id),
        ("interacted_message_id", &Id),
        ("original_response_message_id", &Id),
        ("triggering_interaction_metadata", &INTERACTION),
    ],
    dropped: &[
        ("id", FOR_BOTS),
        ("name_localized", REDUNDANT),
        ("member", PERSON),
        ("authorizing_integration_owners", PERSON),
        ("command_type", REDUNDANT),
        ("ephemerality_reason", LAYOUT),
    ],
});

/// The reference to another message: a reply, a forward, a pin, a crosspost.
pub static REFERENCE: ObjectFields = ObjectFields {
    name: "message_reference",
    required: &[],
    kept: &[("type", &Integer), ("message_id", &Id), ("channel_id", &Id), ("guild_id", &Id)],
    dropped: &[],
};

static CALL: FieldShape = Fields(&ObjectFields {
    name: "call",
    required: &[],
    kept: &[("ended_timestamp", &Text), ("participants", &List(&User))],
    dropped: &[],
});

static ACTIVITY: FieldShape = Fields(&ObjectFields {
    name: "activity",
    required: &[],
    kept: &[("type", &Integer)],
    dropped: &[("party_id", "may hold a user's ID")],
});

static MENTIONED_CHANNEL: FieldShape = Fields(&ObjectFields {
    name: "mention_channel",
    required: &[],
    kept: &[("id", &Id), ("name", &Text), ("type", &Integer), ("guild_id", &Id)],
    dropped: &[],
});

static ROLE_SUBSCRIPTION: FieldShape = Fields(&ObjectFields {
    name: "role_subscription_data",
    required: &[],
    kept: &[
        ("role_subscription_listing_id", &Id),
        ("tier_name", &Text),
        ("total_months_subscribed", &Integer),
        ("is_renewal", &Bool),
    ],
    dropped: &[],
});

static PRODUCT_PURCHASE: FieldShape = Fields(&ObjectFields {
    name: "guild_product_purchase",
    required: &[],
    kept: &[("listing_id", &Id), ("product_name", &Text)],
    dropped: &[],
});

static PURCHASE: FieldShape = Fields(&ObjectFields {
    name: "purchase_notification",
    required: &[],
    kept: &[("type", &Integer), ("guild_product_purchase", &PRODUCT_PURCHASE)],
    dropped: &[],
});

static THEME: FieldShape = Fields(&ObjectFields {
    name: "shared_client_theme",
    required: &[],
    kept: &[
        ("colors", &List(&Text)),
        ("gradient_angle", &Integer),
        ("base_mix", &Integer),
        ("base_theme", &Integer),
    ],
    dropped: &[],
});

/// A message.
pub static MESSAGE: ObjectFields = ObjectFields {
    name: "message",
    required: &["id"],
    kept: &[
        ("id", &Column(&Id)),
        ("channel_id", &Column(&Id)),
        ("type", &Column(&U32)),
        ("content", &Column(&Text)),
        ("author", &Column(&Fields(&USER))),
        ("timestamp", &Column(&Time)),
        ("edited_timestamp", &Column(&Time)),
        ("pinned", &Column(&Bool)),
        ("webhook_id", &Column(&Any)),
        ("mentions", &Column(&List(&Fields(&USER)))),
        ("attachments", &Column(&List(&Fields(&ATTACHMENT)))),
        ("reactions", &Column(&List(&Fields(&REACTION)))),
        ("referenced_message", &Column(&REFERENCED_MESSAGE)),
        ("message_reference", &Column(&Fields(&REFERENCE))),
        ("embeds", &List(&Embed)),
        ("sticker_items", &List(&STICKER)),
        ("poll", &POLL),
        ("message_snapshots", &List(&SNAPSHOT)),
        ("components", &List(&COMPONENT)),
        ("interaction", &INTERACTION),
        ("interaction_metadata", &INTERACTION),
        ("mention_everyone", &Bool),
        ("mention_roles", &List(&Id)),
        ("mention_channels", &List(&MENTIONED_CHANNEL)),
        ("tts", &Bool),
        ("flags", &Integer),
        ("thread", &STARTED_THREAD),
        ("role_subscription_data", &ROLE_SUBSCRIPTION),
        ("purchase_notification", &PURCHASE),
        ("shared_client_theme", &THEME),
        ("activity", &ACTIVITY),
        ("application", &APPLICATION_NAME),
        ("call", &CALL),
    ],
    dropped: &[
        ("guild_id", FROM_REQUEST),
        ("application_id", APPLICATION),
        ("nonce", FOR_BOTS),
        ("position", "an estimate; the order follows from the IDs"),
        ("resolved", PERSON),
        ("stickers", REDUNDANT),
        ("lobby_member", PERSON),
        ("member", PERSON),
    ],
};
