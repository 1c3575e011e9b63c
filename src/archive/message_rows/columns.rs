//! What the columns of the views of messages are made of.

/// SQL for a column of the channel with the row ID ?1. SQLite evaluates it once.
macro_rules! channel {
    ($column:literal) => {
        concat!("(SELECT c.", $column, " FROM channels c WHERE c.id = ?1)")
    };
}

/// SQL for a column of that channel's tenant.
macro_rules! tenant {
    ($column:literal) => {
        concat!(
            "(SELECT t.",
            $column,
            " FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = ?1)"
        )
    };
}

/// Where a column of a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The same for all rows of a channel: SQL over the channel `c`, its parent `p` and its tenant `t`.
    OfChannel(&'static str),
    /// SQL over the row and what its table joins; ?1 is the channel.
    OfRow(&'static str),
    /// The hash of a user, by row.
    Hash(&'static str),
    /// Whether a user is a bot.
    IsBot(&'static str),
    /// A message's ID as the platform writes it.
    MessageId(&'static str),
    /// The address of the row's message.
    Url,
    /// [`super::URL_BEFORE_ID`].
    UrlBeforeId,
    /// The message's number of one of the tallies.
    Tally(usize),
}

/// A view that has rows of messages.
#[derive(Debug)]
pub(super) struct MessageTable {
    view: &'static str,
    /// The table that has its rows, with the alias `row`.
    pub table: &'static str,
    pub row: &'static str,
    pub joins: &'static str,
    pub condition: &'static str,
    /// The ID and the time of the message that a row belongs to.
    pub message: &'static str,
    pub sent_at: &'static str,
    pub order: &'static str,
    /// Queries for numbers of messages from ?2 on, by message.
    pub tallies: &'static [&'static str],
    columns: &'static [(&'static str, Source)],
}

use super::URL_BEFORE_ID;
use Source::{Hash, IsBot, MessageId, OfChannel, OfRow, Tally, Url, UrlBeforeId};

/// Columns that all of them have.
const COMMON: [(&str, Source); 5] = [
    ("tenant", OfChannel("t.name")),
    ("guild_id", OfChannel("t.id_text")),
    ("channel_id", OfChannel("c.id_text")),
    ("channel", OfChannel("c.name")),
    ("channel_key", OfChannel("c.id")),
];

/// The message of a reaction or file.
const MESSAGE: [(&str, Source); 5] = [
    ("message_author", Hash("m.author_id")),
    ("message_author_key", OfRow("m.author_id")),
    ("message_author_is_bot", IsBot("m.author_id")),
    ("message_created_at", OfRow("m.created_at")),
    ("message_created_ms", OfRow("m.created_at")),
];

/// The emoji of a reaction.
const EMOJI: [(&str, Source); 2] = [
    ("emoji", OfRow("CASE WHEN e.platform_id IS NULL THEN e.name ELSE e.name || ':' || e.platform_id END")),
    ("emoji_kind", OfRow("CASE WHEN e.platform_id IS NULL THEN 'unicode' ELSE 'custom' END")),
];

/// What a message replies to.
const REPLY: [(&str, Source); 6] = [
    ("reply_to_message_id", MessageId("m.reply_to_message_id")),
    ("reply_to_message_key", OfRow("m.reply_to_message_id")),
    ("reply_to_author", Hash("m.reply_to_author_id")),
    ("reply_to_author_key", OfRow("m.reply_to_author_id")),
    (
        "reply_to_channel_id",
        OfRow(concat!(
            "CASE WHEN m.reply_to_channel_id IS NULL THEN NULL
              WHEN m.reply_to_channel_id = ",
            channel!("platform_id"),
            " THEN ",
            channel!("id_text"),
            "
              ELSE coalesce((SELECT o.id_text FROM channels o
                              WHERE o.tenant_id = ",
            tenant!("id"),
            " AND o.platform_id = m.reply_to_channel_id),
                            iif(",
            channel!("id_text"),
            " = CAST(",
            channel!("platform_id"),
            " AS TEXT),
                                CAST(m.reply_to_channel_id AS TEXT), NULL))
         END",
        )),
    ),
    (
        "reply_to_channel_key",
        OfRow(concat!(
            "CASE WHEN m.reply_to_channel_id IS NULL THEN NULL
              WHEN m.reply_to_channel_id = ",
            channel!("platform_id"),
            " THEN ?1
              ELSE (SELECT o.id FROM channels o
                     WHERE o.tenant_id = ",
            tenant!("id"),
            " AND o.platform_id = m.reply_to_channel_id)
         END",
        )),
    ),
];

/// Columns of the row's message itself.
const OWN: [(&str, Source); 7] = [
    ("message_id", MessageId("m.platform_id")),
    ("message_key", OfRow("m.platform_id")),
    ("author", Hash("m.author_id")),
    ("author_key", OfRow("m.author_id")),
    ("author_is_bot", IsBot("m.author_id")),
    ("created_at", OfRow("m.created_at")),
    ("created_ms", OfRow("m.created_at")),
];

static TABLES: [MessageTable; 5] = [
    MessageTable {
        view: "message_log",
        table: "messages m",
        row: "m",
        joins: "",
        condition: "",
        message: "m.platform_id",
        sent_at: "m.created_at",
        order: "m.platform_id",
        tallies: &[
            "SELECT message_id, count(*) FROM message_attachments
              WHERE channel_id = ?1 AND message_id >= ?2 GROUP BY message_id ORDER BY message_id",
            "SELECT message_id, sum(count) FROM message_reaction_counts
              WHERE channel_id = ?1 AND message_id >= ?2 GROUP BY message_id ORDER BY message_id",
        ],
        columns: &[
            ("channel_type", OfChannel("c.kind")),
            ("channel_state", OfChannel("c.state")),
            ("parent_channel_id", OfChannel("p.id_text")),
            ("parent_channel", OfChannel("p.name")),
            ("parent_channel_key", OfChannel("c.parent_id")),
            ("type", OfRow("m.kind")),
            ("content", OfRow("m.content")),
            ("edited_at", OfRow("m.edited_at")),
            ("edited_ms", OfRow("m.edited_at")),
            ("deleted_at", OfRow("m.deleted_at")),
            ("deleted_ms", OfRow("m.deleted_at")),
            ("updated_at", OfRow("m.updated_at")),
            ("updated_ms", OfRow("m.updated_at")),
            ("attachments", Tally(0)),
            ("reactions", Tally(1)),
            ("url", Url),
            (URL_BEFORE_ID, UrlBeforeId),
            ("metadata", OfRow("m.metadata")),
            ("pinned", OfRow("m.pinned")),
            (
                "is_system",
                OfRow(concat!(
                    "CASE WHEN m.kind BETWEEN 0 AND 62 THEN (",
                    tenant!("written_types"),
                    " >> m.kind) & 1 = 0
                      ELSE 1 END",
                )),
            ),
        ],
    },
    MessageTable {
        view: "reply_log",
        table: "messages m",
        row: "m",
        joins: "",
        condition: "AND m.reply_to_message_id IS NOT NULL",
        message: "m.platform_id",
        sent_at: "m.created_at",
        order: "m.platform_id",
        tallies: &[],
        columns: &[(
            "original_archived",
            OfRow(concat!(
                "CASE WHEN m.reply_to_channel_id = ",
                channel!("platform_id"),
                "
                  THEN EXISTS (SELECT 1 FROM messages o
                                WHERE o.channel_id = ?1 AND o.platform_id = m.reply_to_message_id)
                  ELSE EXISTS (SELECT 1 FROM channels oc JOIN messages o ON o.channel_id = oc.id
                                WHERE oc.tenant_id = ",
                tenant!("id"),
                " AND oc.platform_id = m.reply_to_channel_id
                                  AND o.platform_id = m.reply_to_message_id)
             END",
            )),
        )],
    },
    MessageTable {
        view: "reaction_log",
        table: "message_emoji_reactions r",
        row: "r",
        joins: "LEFT JOIN messages m ON m.channel_id = ?1 AND m.platform_id = r.message_id
                LEFT JOIN emoji e ON e.id = r.emoji_id",
        condition: "",
        message: "r.message_id",
        sent_at: "m.created_at",
        order: "r.message_id, r.emoji_id, r.burst, r.user_id",
        tallies: &[],
        columns: &[
            ("message_id", MessageId("r.message_id")),
            ("message_key", OfRow("r.message_id")),
            ("burst", OfRow("r.burst")),
            ("emoji_key", OfRow("r.emoji_id")),
            ("user", Hash("r.user_id")),
            ("user_key", OfRow("r.user_id")),
            ("user_is_bot", IsBot("r.user_id")),
            ("updated_ms", OfRow("r.updated_at")),
        ],
    },
    MessageTable {
        view: "reaction_count_log",
        table: "message_reaction_counts k",
        row: "k",
        joins: "LEFT JOIN messages m ON m.channel_id = ?1 AND m.platform_id = k.message_id
                LEFT JOIN emoji e ON e.id = k.emoji_id",
        condition: "",
        message: "k.message_id",
        sent_at: "m.created_at",
        order: "k.message_id, k.emoji_id, k.burst",
        tallies: &[],
        columns: &[
            ("message_id", MessageId("k.message_id")),
            ("message_key", OfRow("k.message_id")),
            ("burst", OfRow("k.burst")),
            ("count", OfRow("k.count")),
            ("emoji_key", OfRow("k.emoji_id")),
            ("users_read_at", OfRow("k.users_read_at")),
            ("users_read_ms", OfRow("k.users_read_at")),
            ("updated_ms", OfRow("k.updated_at")),
        ],
    },
    MessageTable {
        view: "attachment_log",
        table: "message_attachments a",
        row: "a",
        joins: "LEFT JOIN messages m ON m.channel_id = ?1 AND m.platform_id = a.message_id",
        condition: "",
        message: "a.message_id",
        sent_at: "m.created_at",
        order: "a.message_id, a.platform_id",
        tallies: &[],
        columns: &[
            ("message_id", MessageId("a.message_id")),
            ("message_key", OfRow("a.message_id")),
            ("attachment_id", OfRow("CAST(coalesce(a.id_text, a.platform_id) AS TEXT)")),
            ("attachment_key", OfRow("a.platform_id")),
            ("filename", OfRow("a.filename")),
            ("file_size", OfRow("a.file_size")),
            ("content_type", OfRow("a.content_type")),
            // Without its signature, which expires and differs at every read.
            ("url", OfRow("a.url")),
            ("metadata", OfRow("a.metadata")),
            ("updated_ms", OfRow("a.updated_at")),
        ],
    },
];

impl MessageTable {
    /// The table of a view.
    pub fn of(view: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.view == view)
    }

    /// Where a column comes from. Of several of one name, the first is meant.
    pub fn source(&self, column: &str) -> Option<Source> {
        let all = self.columns.iter().chain(&COMMON).chain(&MESSAGE).chain(&EMOJI).chain(&REPLY).chain(&OWN);
        all.into_iter().find(|(name, _)| *name == column).map(|(_, source)| *source)
    }
}

/// SQL for a message's ID as its platform writes it.
pub(super) fn message_id(id: &str) -> String {
    let (format, divisor) = (tenant!("message_id_format"), tenant!("message_id_divisor"));
    format!(
        "CAST(CASE WHEN {id} IS NULL THEN NULL WHEN {format} IS NULL THEN {id}
                   ELSE printf({format}, {id} / {divisor}, {id} % {divisor}) END AS TEXT)"
    )
}

/// SQL for a message's address.
pub(super) fn url(id: &str) -> String {
    let (format, channel) = (tenant!("message_url_format"), channel!("id_text"));
    format!("CAST(printf({format}, {channel}, {}, {id}) AS TEXT)", message_id(id))
}
