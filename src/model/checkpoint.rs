//! The stored progress of a channel.

use super::{EndRecord, MessageId, Timestamp};

/// The stored progress of a channel, as planning needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// The checkpoint: every message from `since` up to this one has been read.
    pub last_message_id: Option<MessageId>,
    /// Whether the end of the channel was ever reached.
    pub history_complete: bool,
    /// The earliest time from which the channel was read; `None` is its beginning.
    pub since: Option<Timestamp>,
    /// When the last complete read of the refresh window began.
    pub refreshed_at: Option<Timestamp>,
    /// The unfinished backfill.
    pub backfill: Option<Box<Backfill>>,
    /// Set when a page was empty although messages of its range are archived. They become
    /// deletion candidates only when a second read finds the range empty, too.
    pub unconfirmed_empty_page: Option<UnconfirmedEmptyPage>,
    /// The stored record of the channel's end. `None` for most channels; boxed because
    /// tens of thousands are held in memory.
    pub end: Option<Box<EndRecord>>,
    /// The ranges in which malformed messages lie.
    pub malformed_ranges: Vec<MalformedRange>,
    /// The job that began the last full re-read.
    pub full_job_id: Option<String>,
    /// The last message read by that full re-read.
    pub full_cursor: Option<MessageId>,
    /// Whether the full re-read reached the end.
    pub full_done: bool,
    /// Consecutive runs that failed for a cause in the channel itself.
    pub failure_count: u32,
    /// When the last of these failed.
    pub failed_at: Option<Timestamp>,
}

impl Checkpoint {
    /// The stored record of the channel's end, or an empty record.
    pub fn end_record(&self) -> EndRecord {
        self.end.as_deref().copied().unwrap_or_default()
    }

    /// Whether the channel was never read.
    pub const fn is_new(&self) -> bool {
        self.last_message_id.is_none() && !self.history_complete
    }
}

/// Progress of a backfill: the older part that is read after `since` moved back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// The time from which the backfill reads; `None` is the channel's beginning.
    pub since: Option<Timestamp>,
    /// Every message from `since` up to this one has been read.
    pub cursor: Option<MessageId>,
}

/// The position of an empty page in whose range messages are archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnconfirmedEmptyPage {
    /// The page was requested after this message; `None` is the channel's beginning.
    pub after: Option<MessageId>,
}

/// The range in which a malformed message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedRange {
    /// Exclusive start: the message that its page was requested after; `None` is the
    /// channel's beginning.
    pub after: Option<MessageId>,
    /// Inclusive end: the message's own ID, or the last ID of its page if its own is
    /// malformed.
    pub until: MessageId,
    /// The number of attempts to read it.
    pub attempts: u32,
    /// When it was last attempted.
    pub tried_at: Timestamp,
}
