//! What is searched for, and what was found.

use std::ops::Range;

use super::Query;
use crate::archive::message_scan::{MessageFilter, MessageKey, ShownMessage};
use crate::model::Timestamp;

/// What to search for, and how to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The words.
    pub query: Query,
    /// The messages to search.
    pub filter: MessageFilter,
    /// The oldest hits first, instead of the newest.
    pub is_oldest_first: bool,
    /// Hits at most.
    pub limit: usize,
    /// Messages before and after each hit.
    pub context: u32,
    /// Whether all hits are counted.
    pub counts: bool,
}

/// A message that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The message.
    pub message: ShownMessage,
    /// Where it matches: ranges of characters of its content, ascending.
    pub ranges: Vec<Range<usize>>,
    /// The messages before it.
    pub before: Vec<ShownMessage>,
    /// The messages after it.
    pub after: Vec<ShownMessage>,
}

/// How a search was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Searched {
    /// With the index.
    Index,
    /// By reading all messages.
    #[default]
    Scan,
    /// With the index, and by reading what it doesn't hold yet.
    Both,
}

/// The keys of the messages that match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The first of them, in the order that was asked for.
    pub keys: Vec<MessageKey>,
    /// How many were found; with an index, only as far as was needed.
    pub count: u64,
    pub searched: Searched,
    /// How far was searched, if not everything: newest first, messages sent then or later;
    /// oldest first, those sent before.
    pub searched_until: Option<Timestamp>,
    /// The phrases that must occur and that no message has; right if there is no match.
    pub missing: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The hits, in the order that was asked for.
    pub hits: Vec<Hit>,
    /// All messages that match, if they were counted.
    pub count: Option<u64>,
    /// Whether there are more hits, or may be.
    pub has_more: bool,
    /// How it was searched.
    pub searched: Searched,
    /// How far was searched, `None` if everything was. With newest first, that are the
    /// messages sent then or later, with oldest first those sent before.
    pub searched_until: Option<Timestamp>,
    /// The words and phrases that must occur and that no message has, if there is no hit.
    pub missing: Vec<String>,
}

impl Found {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty() && self.count.unwrap_or(0) == 0
    }
}
