//! Decides whether archived messages match a query.

use std::cell::OnceCell;

use memchr::memmem;

use super::request::Request;
use super::{Folded, Query, Texts, matches, texts};
use crate::archive::message_scan::{MessagePart, ScannedMessage};

/// Matches messages, one after the other.
pub struct MessageMatcher<'q> {
    query: &'q Query,
    /// The phrases that every match has.
    required: Vec<Needle<'q>>,
    searches_threads: bool,
    lowered: Lowered,
}

impl<'q> MessageMatcher<'q> {
    /// Matches messages against the query of a request.
    pub fn new(request: &'q Request) -> Self {
        Self {
            query: &request.query,
            required: request.query.required_phrases().into_iter().map(Needle::of).collect(),
            searches_threads: request.filter.has.contains(&MessagePart::Thread),
            lowered: Lowered::default(),
        }
    }

    /// Whether a message matches.
    pub fn matches(&mut self, message: &ScannedMessage<'_>) -> bool {
        let is_all = message.metadata.is_none() && message.file_names.is_none();
        let lowered = self.lowered.of(message.content, is_all);
        let (query, texts, searches_threads) = (self.query, OnceCell::new(), self.searches_threads);
        let matches =
            |query: &Query| matches(query, texts.get_or_init(|| texts_of(message, searches_threads)));
        for needle in self.required.iter_mut().filter(|needle| !needle.was_found) {
            needle.was_found = !needle.is_absent(lowered) && matches(needle.phrase);
        }
        !self.required.iter().any(|needle| needle.is_absent(lowered)) && matches(query)
    }

    /// The phrases that must occur and that no message had so far.
    pub fn missing(&self) -> Vec<String> {
        let missing = self.required.iter().filter(|needle| !needle.was_found);
        missing.map(|needle| needle.phrase.to_string()).collect()
    }
}

/// A phrase that every match has, and a cheap way to rule most messages out.
struct Needle<'q> {
    phrase: &'q Query,
    /// Finds its first term in ASCII text of lower case.
    finder: Option<memmem::Finder<'static>>,
    /// Whether a message had it.
    was_found: bool,
}

impl<'q> Needle<'q> {
    fn of(phrase: &'q Query) -> Self {
        let first = match phrase {
            Query::Phrase(terms) => terms.first(),
            _ => None,
        };
        let finder = first.filter(|term| term.chars.iter().all(char::is_ascii)).map(|term| {
            let text: String = term.chars.iter().collect();
            memmem::Finder::new(text.as_bytes()).into_owned()
        });
        Self { phrase, finder, was_found: false }
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
