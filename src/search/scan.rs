//! Answers a search by reading every message that its filter selects.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::Range;

use memchr::memmem;

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

/// Searches by reading. `on_read` is called now and then with the number of messages read.
///
/// # Errors
/// Returns [`ArchiveError`] if SQLite fails.
pub fn scan(reader: &Reader, request: &Request, mut on_read: impl FnMut(u64)) -> Result<Found, ArchiveError> {
    /// Messages between two calls of `on_read`.
    const STEP: u64 = 4096;
    let mut best = Best { keys: BTreeSet::new(), request };
    let mut found = Found::default();
    let required: Vec<Needle<'_>> = request.query.required_phrases().into_iter().map(Needle::of).collect();
    let mut missing: Vec<&Needle<'_>> = required.iter().collect();
    let mut lowered = Lowered::default();
    let searches_threads = request.filter.has.contains(&MessagePart::Thread);
    reader.scan_messages(&request.filter, |message| {
        found.read += 1;
        let is_all = message.metadata.is_none() && message.file_names.is_none();
        let lowered = lowered.of(message.content, is_all);
        let texts = OnceCell::new();
        let matches =
            |query: &Query| matches(query, texts.get_or_init(|| texts_of(&message, searches_threads)));
        missing.retain(|needle| needle.is_absent(lowered) || !matches(needle.phrase));
        if !required.iter().any(|needle| needle.is_absent(lowered)) && matches(&request.query) {
            found.total += 1;
            best.add(message.key);
        }
        if found.read.is_multiple_of(STEP) {
            on_read(found.read);
        }
    })?;
    found.missing = missing.iter().map(|needle| needle.phrase.to_string()).collect();
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

/// A phrase that every match has, and a cheap way to rule most messages out.
struct Needle<'q> {
    phrase: &'q Query,
    /// Finds its first term in ASCII text of lower case.
    finder: Option<memmem::Finder<'static>>,
}

impl<'q> Needle<'q> {
    fn of(phrase: &'q Query) -> Self {
        let first = match phrase {
            Query::Phrase(terms) => terms.first(),
            _ => None,
        };
        let bytes = first.filter(|term| term.chars.iter().all(char::is_ascii)).map(|term| {
            let text: String = term.chars.iter().collect();
            memmem::Finder::new(text.as_bytes()).into_owned()
        });
        Self { phrase, finder: bytes }
    }

    /// Whether the message can't have it.
    fn is_absent(&self, lowered: Option<&[u8]>) -> bool {
        let finder = self.finder.as_ref().zip(lowered);
        finder.is_some_and(|(finder, lowered)| finder.find(lowered).is_none())
    }
}

/// The content of a message in lower case, in memory that is used again.
#[derive(Default)]
struct Lowered(Vec<u8>);

impl Lowered {
    /// The folded content, if it is all that is searched, and folding it is that simple.
    fn of(&mut self, content: &str, is_all: bool) -> Option<&[u8]> {
        if !is_all || !content.is_ascii() {
            return None;
        }
        self.0.clear();
        self.0.extend(content.bytes().map(|byte| byte.to_ascii_lowercase()));
        Some(&self.0)
    }
}

/// The texts of a message that are searched; its content is the first.
fn texts_of(message: &ScannedMessage<'_>, searches_threads: bool) -> Texts {
    let mut all = vec![Folded::of(message.content)];
    let mut add = |text: &str| all.push(Folded::of(text));
    if let Some(metadata) = message.metadata {
        texts::of_metadata(metadata, searches_threads, &mut add);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_that_matches_is_ruled_out() {
        const PARTS: [&str; 12] = ["a", "AB", "c++", ".", " ", "-", "x", "é", "東", "👍", "B", "_"];
        let mut rng = fastrand::Rng::with_seed(4);
        let mut random =
            |max: usize| (0..rng.usize(1..max)).map(|_| PARTS[rng.usize(..PARTS.len())]).collect::<String>();
        let (mut lowered, mut absent) = (Lowered::default(), 0);
        for _ in 0..20_000 {
            let (content, written) =
                (random(8), format!("{}{}", random(3), if random(2) == "a" { "*" } else { "" }));
            let Ok(query) = Query::parse(&written) else { continue };
            for phrase in query.required_phrases() {
                if Needle::of(phrase).is_absent(lowered.of(&content, true)) {
                    absent += 1;
                    assert!(!matches(phrase, &Texts::of([content.as_str()])), "{written:?} in {content:?}");
                }
            }
        }
        assert!(absent > 500, "{absent}");
    }
}
