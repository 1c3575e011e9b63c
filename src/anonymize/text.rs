//! Text without raw user IDs. What may be one, also in the disguises that
//! docs/privacy.md lists, is for the platform's markup to say.

use std::borrow::Cow;
use std::ops::Range;

use super::{Person, Scrubber, UserHash};
use crate::model::markup::{FORGOTTEN, Found, IdContext, Syntax};
use crate::model::{User, UserId, work};

/// Text in which every mention and profile address is a hash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrubbedText {
    text: String,
    suspects: Vec<Suspect>,
}

/// What is a user's ID if the archive knows that user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// Where it stands in the text.
    range: Range<usize>,
    /// Whose ID it would be.
    pub hash: UserHash,
    /// Whether it may turn out to be a user's later.
    pub lasting: bool,
}

impl ScrubbedText {
    /// The text as it may be stored, given who is known. Borrowed when there
    /// is nothing to replace.
    pub fn resolve(&self, mut is_known: impl FnMut(&UserHash) -> bool) -> Cow<'_, str> {
        let (mut resolved, mut copied) = (String::new(), 0);
        for suspect in &self.suspects {
            // One ID may be there in two readings.
            if suspect.range.start >= copied && is_known(&suspect.hash) {
                resolved.push_str(&self.text[copied..suspect.range.start]);
                suspect.hash.push_hex(&mut resolved);
                copied = suspect.range.end;
            }
        }
        if copied == 0 {
            return Cow::Borrowed(&self.text);
        }
        resolved.push_str(&self.text[copied..]);
        Cow::Owned(resolved)
    }

    /// What can't be judged here.
    pub fn suspects(&self) -> &[Suspect] {
        &self.suspects
    }

    /// Whether it holds a user's hash, or what may be a user's ID.
    pub fn names_somebody(&self) -> bool {
        !self.suspects.is_empty() || hashes_in(&self.text).next().is_some()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// Passes over a text at most: another one follows if what was dropped brings other
/// parts together. No known text takes more than three; the bound keeps the time
/// linear in the text's length.
const MAX_PASSES: usize = 8;

impl Scrubber {
    /// Replaces mentions and profile addresses by hashes, notes every person it
    /// meets in `people`, and marks bare IDs.
    pub fn scrub(self, text: String, people: &mut Vec<Person>) -> ScrubbedText {
        self.scrub_as(text, Syntax::Text, people)
    }

    /// Like [`Self::scrub`], for JSON made of kept fields.
    pub(super) fn scrub_json_text(self, text: String, people: &mut Vec<Person>) -> ScrubbedText {
        self.scrub_as(text, Syntax::Json, people)
    }

    fn scrub_as(self, text: String, syntax: Syntax, people: &mut Vec<Person>) -> ScrubbedText {
        if self.markup().may_name_somebody(&text) {
            self.scrub_closely(&text, syntax, people)
        } else {
            ScrubbedText { text, suspects: Vec::new() }
        }
    }

    /// Like [`Self::scrub`], for a text that the archive holds; `None` if there is
    /// nobody in it.
    pub fn scrub_stored(self, text: &str, syntax: Syntax, people: &mut Vec<Person>) -> Option<ScrubbedText> {
        self.markup().may_name_somebody(text).then(|| self.scrub_closely(text, syntax, people))
    }

    fn scrub_closely(self, text: &str, syntax: Syntax, people: &mut Vec<Person>) -> ScrubbedText {
        let mut text = Cow::Borrowed(text);
        let mut passes = 0;
        loop {
            work::note(text.len());
            let scrubbing = Scrubbing::of(&text, syntax, self);
            let is_joined = scrubbing.joins_what_was_apart();
            let scrubbed = scrubbing.finish(people);
            passes += 1;
            if !is_joined || passes == MAX_PASSES {
                return scrubbed;
            }
            text = Cow::Owned(scrubbed.text);
        }
    }

    /// Scrubs stored text once more, now that `known` is a user.
    pub fn rescrub(self, stored: &str, known: &UserHash) -> String {
        self.scrub(stored.to_owned(), &mut Vec::new()).resolve(|hash| hash == known).into_owned()
    }

    /// Text as it may be said at any time: what might turn out to be a user's ID is
    /// taken for one.
    pub fn sayable(self, text: &str) -> String {
        self.scrub(text.to_owned(), &mut Vec::new()).resolve(|_| true).into_owned()
    }

    /// Whether a stored text shows who somebody is.
    pub fn exposure(
        self,
        text: &str,
        syntax: Syntax,
        mut is_known: impl FnMut(&UserHash) -> bool,
    ) -> Option<Exposure> {
        if !self.markup().may_name_somebody(text) {
            return None;
        }
        let scrubbing = Scrubbing::of(text, syntax, self);
        if scrubbing.edits.iter().any(|(_, user)| user.is_some()) {
            Some(Exposure::Mention)
        } else if scrubbing.shows_a_picture() {
            Some(Exposure::Picture)
        } else {
            let mut candidates = scrubbing.candidates.iter();
            candidates.any(|(_, id, _)| is_known(&self.hash(*id))).then_some(Exposure::Digits)
        }
    }
}

/// What a text is made of.
struct Scrubbing<'t> {
    text: &'t str,
    scrubber: Scrubber,
    /// Replaced whoever is known: by a user's hash, or by nothing. Ascending and
    /// apart.
    edits: Vec<(Range<usize>, Option<UserId>)>,
    /// What may be a user's ID: where, whose, and whether that may turn out later.
    candidates: Vec<(Range<usize>, UserId, bool)>,
}

impl<'t> Scrubbing<'t> {
    fn of(text: &'t str, syntax: Syntax, scrubber: Scrubber) -> Self {
        let mut scrubbing = Self { text, scrubber, edits: Vec::new(), candidates: Vec::new() };
        for Found { range, user } in scrubber.markup().find(text, syntax) {
            match user {
                Some((id, context @ (IdContext::Bare | IdContext::Reference))) => {
                    scrubbing.candidates.push((range, id, context == IdContext::Bare));
                }
                user => scrubbing.edit(range, user.map(|(id, _)| id)),
            }
        }
        let edits = &scrubbing.edits;
        scrubbing.candidates.retain(|(range, ..)| {
            let next = edits.partition_point(|(edit, _)| edit.end <= range.start);
            edits.get(next).is_none_or(|(edit, _)| edit.start >= range.end)
        });
        scrubbing
    }

    fn edit(&mut self, range: Range<usize>, user: Option<UserId>) {
        match self.edits.last_mut() {
            Some((last, None)) if user.is_none() && range.start < last.end => {
                last.end = last.end.max(range.end);
            }
            Some((last, _)) if range.start < last.end => {}
            _ => self.edits.push((range, user)),
        }
    }

    /// Whether the address of a profile or picture goes on behind the user.
    fn shows_a_picture(&self) -> bool {
        self.edits.iter().any(|(_, user)| user.is_none())
    }

    /// Whether characters come to stand beside each other that may mean something
    /// together: not where an address ends.
    fn joins_what_was_apart(&self) -> bool {
        let dropped = self.edits.iter().filter(|(_, user)| user.is_none());
        let mut behind = dropped.filter_map(|(range, _)| self.text.as_bytes().get(range.end));
        // Behind a proxy's signature the other address begins, with its `h`.
        behind.any(|byte| !(byte.is_ascii_whitespace() || b"\"'<>)]}|`,;^h".contains(byte)))
    }

    fn finish(self, people: &mut Vec<Person>) -> ScrubbedText {
        let mut scrubbed =
            ScrubbedText { text: String::with_capacity(self.text.len() + 64), suspects: Vec::new() };
        let mut copied = 0;
        let mut edits = self.edits.into_iter().peekable();
        let mut apply = |scrubbed: &mut ScrubbedText, until: usize, copied: &mut usize| {
            while let Some((range, user)) = edits.next_if(|(range, _)| range.end <= until) {
                scrubbed.text.push_str(&self.text[*copied..range.start]);
                *copied = range.end;
                let Some(id) = user else { continue };
                if self.scrubber.markup().ends_with_optional_mark(&scrubbed.text) {
                    scrubbed.text.pop();
                }
                let person = self.scrubber.person(User { id, is_bot: None });
                person.hash.push_hex(&mut scrubbed.text);
                people.push(person);
            }
        };
        for (range, id, lasting) in self.candidates {
            apply(&mut scrubbed, range.start, &mut copied);
            let start = scrubbed.text.len() + range.start - copied;
            let range = start..start + range.len();
            scrubbed.suspects.push(Suspect { range, hash: self.scrubber.hash(id), lasting });
        }
        apply(&mut scrubbed, self.text.len(), &mut copied);
        scrubbed.text.push_str(&self.text[copied..]);
        scrubbed
    }
}

/// A text without the hashes of those who were erased. Borrowed when there is
/// nobody to take out.
pub fn forget_in(mut text: Cow<'_, str>, mut is_forgotten: impl FnMut(&UserHash) -> bool) -> Cow<'_, str> {
    let mut gone: Vec<UserHash> = hashes_in(&text).filter(|hash| is_forgotten(hash)).collect();
    gone.sort_unstable();
    gone.dedup();
    for hash in gone {
        text = text.replace(&hash.to_string(), FORGOTTEN).into();
    }
    text
}

/// How a stored text shows who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// A mention or a profile's address holds a raw ID.
    Mention,
    /// The address of a profile or picture goes on behind the user: with the hash
    /// of an avatar, banner or decoration.
    Picture,
    /// A bare ID is a known user's, as it stands or in disguise.
    Digits,
}

/// The hashes of users that may stand in a text, also where other hex digits
/// touch them.
pub fn hashes_in(text: &str) -> impl Iterator<Item = UserHash> + '_ {
    text.as_bytes()
        .split(|byte| !byte.is_ascii_hexdigit())
        .flat_map(|run| run.windows(64))
        .filter_map(|hex| UserHash::from_hex(std::str::from_utf8(hex).ok()?))
}
