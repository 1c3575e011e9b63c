//! Every column of text of the schema. What goes through texts (erasing, scrubbing,
//! purging, the search for raw IDs) goes through these tables; a test compares them
//! with the schema of a new archive.

use crate::model::markup::Syntax;

/// A table with texts that people wrote or that may name people.
#[derive(Debug)]
pub(super) struct TextTable {
    pub(super) name: &'static str,
    /// The primary key.
    pub(super) key: &'static [&'static str],
    pub(super) columns: &'static [TextColumn],
    /// Where the ID candidates of a row are remembered.
    pub(super) place: Place,
    /// SQL for what tells a row from the others, for people.
    pub(super) shown_place: &'static str,
}

/// A column of such a table.
#[derive(Debug)]
pub(super) struct TextColumn {
    pub(super) name: &'static str,
    /// Plain, or JSON of kept fields.
    pub(super) syntax: Syntax,
}

/// Where the unresolved ID candidates of a text are remembered (`suspect_digits`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At a message; the key begins with the channel's row and the message.
    Message {
        /// The column with the message.
        id: &'static str,
    },
    /// At a channel; the key is its row.
    Channel,
    /// Nowhere: all rows are gone through when a user turns up, or nothing that
    /// people wrote is in them.
    Elsewhere,
}

const fn plain(name: &'static str) -> TextColumn {
    TextColumn { name, syntax: Syntax::Text }
}

const fn json(name: &'static str) -> TextColumn {
    TextColumn { name, syntax: Syntax::Json }
}

impl Place {
    /// SQL for the channel's row of a row.
    pub(super) const fn channel(self) -> &'static str {
        match self {
            Self::Message { .. } => "channel_id",
            Self::Channel => "id",
            Self::Elsewhere => "NULL",
        }
    }
}

/// SQL for the ID of a message as its platform writes it, where the message's tenant is
/// `t`.
macro_rules! message_text {
    ($id:literal) => {
        concat!(
            "CASE WHEN ",
            $id,
            " IS NULL OR t.message_id_format IS NULL THEN CAST(",
            $id,
            " AS TEXT) ELSE printf(t.message_id_format, ",
            $id,
            " / t.message_id_divisor, ",
            $id,
            " % t.message_id_divisor) END"
        )
    };
}
pub(super) use message_text;

/// SQL for a message and its channel, in the IDs of their platform.
macro_rules! shown_message {
    ($what:literal, $id:literal) => {
        concat!(
            "(SELECT '",
            $what,
            " ' || ",
            message_text!($id),
            " || ' of channel ' || c.id_text
               FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = channel_id)"
        )
    };
}

/// The tables with texts that may name people.
pub(super) const TEXT_TABLES: [TextTable; 10] = [
    TextTable {
        name: "messages",
        key: &["channel_id", "platform_id"],
        columns: &[plain("content"), json("metadata")],
        place: Place::Message { id: "platform_id" },
        shown_place: shown_message!("message", "messages.platform_id"),
    },
    TextTable {
        name: "message_attachments",
        key: &["channel_id", "message_id", "platform_id"],
        columns: &[
            plain("filename"),
            plain("url"),
            plain("url_signature"),
            plain("content_type"),
            json("metadata"),
        ],
        place: Place::Message { id: "message_id" },
        shown_place: shown_message!("attachment of message", "message_attachments.message_id"),
    },
    TextTable {
        name: "channels",
        key: &["id"],
        columns: &[plain("name"), plain("topic"), json("metadata")],
        place: Place::Channel,
        shown_place: "'channel ' || id_text",
    },
    TextTable {
        name: "emoji",
        key: &["id"],
        columns: &[plain("name")],
        place: Place::Elsewhere,
        shown_place: "'emoji ' || id",
    },
    TextTable {
        name: "broken_messages",
        key: &["channel_id", "platform_id"],
        columns: &[plain("reason")],
        place: Place::Message { id: "platform_id" },
        shown_place: shown_message!("message", "broken_messages.platform_id"),
    },
    TextTable {
        name: "tenants",
        key: &["id"],
        columns: &[plain("name"), plain("last_error")],
        place: Place::Elsewhere,
        shown_place: "'tenant ' || id",
    },
    TextTable {
        name: "sync_progress",
        key: &["channel_id"],
        columns: &[plain("last_error")],
        place: Place::Elsewhere,
        shown_place: "'channel ' || (SELECT c.id_text FROM channels c WHERE c.id = channel_id)",
    },
    TextTable {
        name: "sync_jobs",
        key: &["id"],
        columns: &[json("error_details")],
        place: Place::Elsewhere,
        shown_place: "'job ' || id",
    },
    TextTable {
        name: "channel_sync_jobs",
        key: &["id"],
        columns: &[json("error_details")],
        place: Place::Elsewhere,
        shown_place: "'channel ' || (SELECT c.id_text FROM channels c WHERE c.id = channel_id)",
    },
    TextTable {
        name: "audit_log",
        key: &["id"],
        columns: &[json("details")],
        place: Place::Elsewhere,
        shown_place: "'row ' || id",
    },
];

/// Columns of text that hold no more than words, numbers and hashes of this program, and
/// the IDs of other things than people.
#[cfg(test)]
pub(super) const OWN_TEXTS: [(&str, &[&str]); 14] = [
    ("archive_info", &["key", "value"]),
    (
        "tenants",
        &[
            "platform",
            "status",
            "full_job_id",
            "last_cause",
            "last_selection",
            "success_selection",
            "id_text",
            "message_id_format",
            "message_url_format",
        ],
    ),
    ("users", &["anonymized_id"]),
    ("forgotten", &["marker"]),
    ("channels", &["kind", "state", "id_text"]),
    ("message_attachments", &["id_text"]),
    ("sync_progress", &["status", "full_job_id", "last_cause"]),
    ("sync_jobs", &["id", "run_id", "kind", "status", "counts"]),
    ("changes", &["kind"]),
    ("change_subscribers", &["name", "token"]),
    ("channel_sync_jobs", &["job_id", "status"]),
    ("audit_log", &["action", "job_id"]),
    ("excluded_channels", &["entry_hash"]),
    // Names of fields that look like the platform's: no run of digits is one.
    ("unknown_fields", &["path"]),
];
