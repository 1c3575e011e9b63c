//! How far a channel has been read.

use super::{EndRecord, MessageId, Timestamp};

/// A channel's stored progress, as the plan needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// Every message from `since` up to this one has been read.
    pub last_message_id: Option<MessageId>,
    /// Whether the end of the channel was reached once.
    pub history_complete: bool,
    /// Where reading began; `None` is the channel's beginning.
    pub since: Option<Timestamp>,
    /// When the last finished read of the refresh window began.
    pub refreshed_at: Option<Timestamp>,
    /// The unfinished extension of the archive to an earlier beginning.
    pub backfill: Option<Box<Backfill>>,
    /// An empty page came over archived messages: it takes a second look to
    /// believe it.
    pub second_look: Option<SecondLook>,
    /// What is known of the end of the channel, if anything is. Of most channels
    /// nothing is, and tens of thousands are held at once.
    pub end: Option<Box<EndRecord>>,
    /// Messages that couldn't be read.
    pub broken: Vec<BrokenPlace>,
    /// The job that began the last full re-read.
    pub full_job_id: Option<String>,
    /// How far that re-read has come.
    pub full_cursor: Option<MessageId>,
    /// Whether it has reached the end.
    pub full_done: bool,
    /// Runs in a row that failed for causes of the channel's own.
    pub failure_count: u32,
    /// When the last of those failed.
    pub failed_at: Option<Timestamp>,
}

impl Checkpoint {
    /// What is known of the end of the channel.
    pub fn end_record(&self) -> EndRecord {
        self.end.as_deref().copied().unwrap_or_default()
    }

    /// Whether the channel was never read.
    pub const fn is_new(&self) -> bool {
        self.last_message_id.is_none() && !self.history_complete
    }
}

/// How far an extension to an earlier beginning has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// The earlier beginning; `None` is the channel's.
    pub since: Option<Timestamp>,
    /// Every message from there up to this one has been read.
    pub cursor: Option<MessageId>,
}

/// Where an empty page came over archived messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondLook {
    /// Behind this message; `None` is the channel's beginning.
    pub after: Option<MessageId>,
}

/// Where a message stands that couldn't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenPlace {
    /// Behind this message; `None` is the channel's beginning.
    pub after: Option<MessageId>,
    /// Up to this one: itself, or the last of its page if its own ID couldn't
    /// be read.
    pub until: MessageId,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was last tried.
    pub tried_at: Timestamp,
}
