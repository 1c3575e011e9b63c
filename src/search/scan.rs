//! Answers a search by reading every message that its filter selects.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use super::{Folded, Query, Texts, matches, ranges, texts};
use crate::archive::message_scan::{MessageFilter, MessageKey, MessagePart, ScannedMessage, ShownMessage};
use crate::archive::{ArchiveError, Reader};

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

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The hits, in the order that was asked for.
    pub hits: Vec<Hit>,
    /// All messages that match, also those beyond the limit.
    pub total: u64,
    /// The messages that were read.
    pub read: u64,
    /// The words and phrases that must occur and that no message has.
    pub missing: Vec<String>,
}

/// Searches by reading. `on_read` is called now and then with the number of messages read; it
/// may end the search.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn scan(
    reader: &Reader,
    request: &Request,
    mut on_read: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Found, ArchiveError> {
    /// Messages between two calls of `on_read`.
    const STEP: u64 = 4096;
    let mut best = Best { keys: BTreeSet::new(), request };
    let mut found = Found::default();
    let mut missing = request.query.required_phrases();
    let searches_threads = request.filter.has.contains(&MessagePart::Thread);
    reader.scan_messages(&request.filter, |message| {
        found.read += 1;
        let texts = texts_of(&message, searches_threads);
        missing.retain(|phrase| !matches(phrase, &texts));
        if matches(&request.query, &texts) {
            found.total += 1;
            best.add(message.key);
        }
        if found.read.is_multiple_of(STEP) { on_read(found.read) } else { ControlFlow::Continue(()) }
    })?;
    found.missing = missing.iter().map(ToString::to_string).collect();
    for key in best.into_sorted() {
        let Some(message) = reader.shown_message(key)? else { continue };
        let ranges = ranges(&request.query, &Folded::of(&message.content));
        let (before, after) = if request.context > 0 {
            reader.messages_around(key, request.context)?
        } else {
            (Vec::new(), Vec::new())
        };
        found.hits.push(Hit { message, ranges, before, after });
    }
    Ok(found)
}

/// The texts of a message that are searched; its content is the first.
fn texts_of(message: &ScannedMessage<'_>, searches_threads: bool) -> Texts {
    let mut all = vec![Folded::of(message.content)];
    let mut add = |text: &str| all.push(Folded::of(text));
    if let Some(metadata) = message.metadata {
        texts::of_metadata(metadata, &mut add);
        if searches_threads {
            texts::of_thread(metadata, &mut add);
        }
    }
    message.file_names.into_iter().flat_map(str::lines).for_each(add);
    Texts::from_folded(all)
}

/// The best keys so far, at most as many as hits are wanted.
struct Best<'r> {
    keys: BTreeSet<MessageKey>,
    request: &'r Request,
}

impl Best<'_> {
    fn add(&mut self, key: MessageKey) {
        self.keys.insert(key);
        if self.keys.len() > self.request.limit {
            if self.request.is_oldest_first {
                self.keys.pop_last();
            } else {
                self.keys.pop_first();
            }
        }
    }

    fn into_sorted(self) -> Vec<MessageKey> {
        if self.request.is_oldest_first {
            self.keys.into_iter().collect()
        } else {
            self.keys.into_iter().rev().collect()
        }
    }
}
