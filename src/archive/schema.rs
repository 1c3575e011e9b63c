//! Declares every text column of the schema. Everything that processes texts (erasing,
//! scrubbing, purging, the search for raw IDs) iterates over these tables. A test
//! compares them with the schema of a new archive.

use crate::model::markup::Syntax;

/// A table with texts that users wrote or that may contain user IDs.
#[derive(Debug)]
pub(super) struct TextTable {
    pub(super) name: &'static str,
    /// Columns of the primary key.
    pub(super) key: &'static [&'static str],
    pub(super) columns: &'static [TextColumn],
    /// Where the unresolved ID candidates of a row's texts are recorded.
    pub(super) candidate_location: CandidateLocation,
    /// SQL for a label that identifies a row to the user.
    pub(super) row_label_sql: &'static str,
}

/// A text column of a [`TextTable`].
#[derive(Debug)]
pub(super) struct TextColumn {
    pub(super) name: &'static str,
    /// Plain text, or JSON (such as the archived fields of an object).
    pub(super) syntax: Syntax,
}

/// Where the unresolved ID candidates of a text are recorded (`suspect_digits`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CandidateLocation {
    /// With a message; the table's key starts with the channel's row and the message ID.
    Message {
        /// The column of the message ID.
        id: &'static str,
    },
    /// With a channel; the table's key is the channel's row.
    Channel,
    /// Nowhere: either all rows are scrubbed when a user becomes known, or they hold no
    /// text that users wrote.
    Unrecorded,
}

const fn plain(name: &'static str) -> TextColumn {
    TextColumn { name, syntax: Syntax::Text }
}

const fn json(name: &'static str) -> TextColumn {
    TextColumn { name, syntax: Syntax::Json }
}

impl CandidateLocation {
    /// SQL for the channel that a row belongs to.
    pub(super) const fn channel(self) -> &'static str {
        match self {
            Self::Message { .. } => "channel_id",
            Self::Channel => "id",
            Self::Unrecorded => "NULL",
        }
    }
}

/// SQL for a message ID in the platform's notation; `t` is the message's tenant.
macro_rules! message_id_sql {
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
pub(super) use message_id_sql;

/// SQL for a label with the IDs of a message and its channel.
macro_rules! message_label {
    ($what:literal, $id:literal) => {
        concat!(
            "(SELECT '",
            $what,
            " ' || ",
            message_id_sql!($id),
            " || ' of channel ' || c.id_text
               FROM channels c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = channel_id)"
        )
    };
}

/// All tables with texts that users wrote or that may contain user IDs.
pub(super) const TEXT_TABLES: [TextTable; 10] = [
    TextTable {
        name: "messages",
        key: &["channel_id", "platform_id"],
        columns: &[plain("content"), json("metadata")],
        candidate_location: CandidateLocation::Message { id: "platform_id" },
        row_label_sql: message_label!("message", "messages.platform_id"),
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
        candidate_location: CandidateLocation::Message { id: "message_id" },
        row_label_sql: message_label!("attachment of message", "message_attachments.message_id"),
    },
    TextTable {
        name: "channels",
        key: &["id"],
        columns: &[plain("name"), plain("topic"), json("metadata")],
        candidate_location: CandidateLocation::Channel,
        row_label_sql: "'channel ' || id_text",
    },
    TextTable {
        name: "emoji",
        key: &["id"],
        columns: &[plain("name")],
        candidate_location: CandidateLocation::Unrecorded,
        row_label_sql: "'emoji ' || id",
    },
    TextTable {
        name: "broken_messages",
        key: &["channel_id", "platform_id"],
        columns: &[plain("reason")],
        candidate_location: CandidateLocation::Message { id: "platform_id" },
        row_label_sql: message_label!("message", "broken_messages.platform_id"),
    },
    TextTable {
        name: "tenants",
        key: &["id"],
        columns: &[plain("name"), plain("last_error")],
        candidate_location: CandidateLocation::Unrecorded,
        row_label_sql: "'tenant ' || id",
    },
    TextTable {
        name: "sync_progress",
        key: &["channel_id"],
        columns: &[plain("last_error")],
        candidate_location: CandidateLocation::Unrecorded,
        row_label_sql: "'channel ' || (SELECT c.id_text FROM channels c WHERE c.id = channel_id)",
    },
    TextTable {
        name: "sync_jobs",
        key: &["id"],
        columns: &[json("error_details")],
        candidate_location: CandidateLocation::Unrecorded,
        row_label_sql: "'job ' || id",
    },
    TextTable {
        name: "channel_sync_jobs",
        key: &["id"],
        columns: &[json("error_details")],
        candidate_location: CandidateLocation::Unrecorded,
        row_label_sql: "'channel ' || (SELECT c.id_text FROM channels c WHERE c.id = channel_id)",
    },
    TextTable {
        name: "audit_log",
        key: &["id"],
        columns: &[json("details")],
        candidate_location: CandidateLocation::Unrecorded,
        row_label_sql: "'row ' || id",
    },
];

/// The other text columns: they hold only words, numbers and hashes that this program
/// writes, and IDs that aren't users'.
#[cfg(test)]
pub(super) const PROGRAM_TEXTS: [(&str, &[&str]); 14] = [
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
    // Field names that look like the platform's own; a run of digits is never one.
    ("unknown_fields", &["path"]),
];
