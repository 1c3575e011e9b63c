//! Scrubs texts: replaces or marks the user IDs in them. The platform's markup finds the
//! IDs, including the disguised forms that `docs/privacy.md` lists.

use std::borrow::Cow;
use std::ops::Range;

use super::{Person, Scrubber, UserHash};
use crate::model::markup::{FORGOTTEN, IdContext, MarkupMatch, Syntax};
use crate::model::{User, UserId, scan_meter};

/// The hex digits of a hash.
const HASH_DIGITS: usize = 64;

/// Text in which hashes replace the users in mentions and profile URLs, and bare IDs are
/// marked as candidates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrubbedText {
    text: String,
    id_candidates: Vec<IdCandidate>,
}

/// An ID candidate: digits that are a user's ID if the archive knows that user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdCandidate {
    /// Its byte range in the text.
    range: Range<usize>,
    /// The hash of the user whose ID it would be.
    pub hash: UserHash,
    /// Whether to remember it if it matches no known user: it may turn out to be a
    /// user's ID later.
    pub should_record: bool,
}

impl ScrubbedText {
    /// The text as it may be stored: the candidates that match known users are replaced
    /// by hashes. Borrowed if nothing is replaced.
    pub fn resolve(&self, mut is_known: impl FnMut(&UserHash) -> bool) -> Cow<'_, str> {
        let (mut resolved, mut copied) = (String::new(), 0);
        for candidate in &self.id_candidates {
            // Candidates overlap where digits have two readings: the first match wins.
            if candidate.range.start >= copied && is_known(&candidate.hash) {
                resolved.push_str(&self.text[copied..candidate.range.start]);
                candidate.hash.push_hex(&mut resolved);
                copied = candidate.range.end;
            }
        }
        if copied == 0 {
            return Cow::Borrowed(&self.text);
        }
        resolved.push_str(&self.text[copied..]);
        Cow::Owned(resolved)
    }

    /// The ID candidates, by position.
    pub fn id_candidates(&self) -> &[IdCandidate] {
        &self.id_candidates
    }

    /// Whether it contains a user's hash or an ID candidate.
    pub fn may_name_user(&self) -> bool {
        !self.id_candidates.is_empty() || hashes_in(&self.text).next().is_some()
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// The greatest number of passes over a text. Another pass follows if a dropped range
/// joins text that was separated before. No known text needs more than three; the limit
/// keeps the time linear in the text's length.
const MAX_PASSES: usize = 8;

impl Scrubber {
    /// Replaces the users in mentions and profile URLs by hashes, adds them to `people`,
    /// and marks bare IDs as candidates.
    pub fn scrub(self, text: String, people: &mut Vec<Person>) -> ScrubbedText {
        self.scrub_as(text, Syntax::Text, people)
    }

    /// Like [`Self::scrub`], for the JSON of archived fields.
    pub(super) fn scrub_json_text(self, text: String, people: &mut Vec<Person>) -> ScrubbedText {
        self.scrub_as(text, Syntax::Json, people)
    }

    fn scrub_as(self, text: String, syntax: Syntax, people: &mut Vec<Person>) -> ScrubbedText {
        if self.markup().may_contain_match(&text) {
            self.scrub_in_passes(&text, syntax, people)
        } else {
            ScrubbedText { text, id_candidates: Vec::new() }
        }
    }

    /// Like [`Self::scrub`], for a text from the archive; `None` if it identifies no
    /// user.
    pub fn scrub_stored(self, text: &str, syntax: Syntax, people: &mut Vec<Person>) -> Option<ScrubbedText> {
        self.markup().may_contain_match(text).then(|| self.scrub_in_passes(text, syntax, people))
    }

    /// Scrubs a text repeatedly until no dropped range joins separated text any more.
    fn scrub_in_passes(self, text: &str, syntax: Syntax, people: &mut Vec<Person>) -> ScrubbedText {
        let mut text = Cow::Borrowed(text);
        let mut passes = 0;
        loop {
            scan_meter::add(text.len());
            let scrubbing = Scrubbing::of(&text, syntax, self);
            let is_joined = scrubbing.joins_separated_text();
            let scrubbed = scrubbing.finish(people);
            passes += 1;
            if !is_joined || passes == MAX_PASSES {
                return scrubbed;
            }
            text = Cow::Owned(scrubbed.text);
        }
    }

    /// Scrubs a stored text again, with `known` as the only known user.
    pub fn rescrub(self, stored: &str, known: &UserHash) -> String {
        self.scrub(stored.to_owned(), &mut Vec::new()).resolve(|hash| hash == known).into_owned()
    }

    /// The text as it may be displayed or logged: every ID candidate is replaced by a
    /// hash, whether or not the user is known.
    pub fn redact_all(self, text: &str) -> String {
        self.scrub(text.to_owned(), &mut Vec::new()).resolve(|_| true).into_owned()
    }

    /// Whether and how a stored text exposes a user's identity.
    pub fn exposure(
        self,
        text: &str,
        syntax: Syntax,
        mut is_known: impl FnMut(&UserHash) -> bool,
    ) -> Option<Exposure> {
        if !self.markup().may_contain_match(text) {
            return None;
        }
        let scrubbing = Scrubbing::of(text, syntax, self);
        if scrubbing.edits.iter().any(|(_, user)| user.is_some()) {
            Some(Exposure::Mention)
        } else if scrubbing.has_picture() {
            Some(Exposure::PictureUrl)
        } else {
            let mut candidates = scrubbing.candidates.iter();
            candidates.any(|(_, id, _)| is_known(&self.hash(*id))).then_some(Exposure::BareId)
        }
    }
}

/// One pass over a text: what to replace in it.
struct Scrubbing<'t> {
    text: &'t str,
    scrubber: Scrubber,
    /// Ranges to replace by the user's hash, or to drop if there is no user. Ascending
    /// and disjoint.
    edits: Vec<(Range<usize>, Option<UserId>)>,
    /// ID candidates outside of the edits, ascending: range, user, and whether to
    /// remember it (see [`IdCandidate::should_record`]).
    candidates: Vec<(Range<usize>, UserId, bool)>,
}

impl<'t> Scrubbing<'t> {
    fn of(text: &'t str, syntax: Syntax, scrubber: Scrubber) -> Self {
        let mut scrubbing = Self { text, scrubber, edits: Vec::new(), candidates: Vec::new() };
        for MarkupMatch { range, user } in scrubber.markup().find_matches(text, syntax) {
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

    /// Adds an edit. Overlapping ranges to drop are merged; otherwise, the earlier of two
    /// overlapping edits wins.
    fn edit(&mut self, range: Range<usize>, user: Option<UserId>) {
        match self.edits.last_mut() {
            Some((last, None)) if user.is_none() && range.start < last.end => {
                last.end = last.end.max(range.end);
            }
            Some((last, _)) if range.start < last.end => {}
            _ => self.edits.push((range, user)),
        }
    }

    /// Whether part of a picture's URL is to be dropped.
    fn has_picture(&self) -> bool {
        self.edits.iter().any(|(_, user)| user.is_none())
    }

    /// Whether a dropped range joins the text before and after it in a way that may form
    /// a new ID. Not so if a delimiter of URLs follows.
    fn joins_separated_text(&self) -> bool {
        let dropped = self.edits.iter().filter(|(_, user)| user.is_none());
        let mut following = dropped.filter_map(|(range, _)| self.text.as_bytes().get(range.end));
        // `h`: after a proxy's signature, the picture's original URL begins.
        following.any(|byte| !(byte.is_ascii_whitespace() || b"\"'<>)]}|`,;^h".contains(byte)))
    }

    /// Applies the edits. Adds the users of the replaced IDs to `people`.
    fn finish(self, people: &mut Vec<Person>) -> ScrubbedText {
        let mut scrubbed =
            ScrubbedText { text: String::with_capacity(self.text.len() + 64), id_candidates: Vec::new() };
        let mut copied = 0;
        let mut edits = self.edits.into_iter().peekable();
        let mut apply = |scrubbed: &mut ScrubbedText, until: usize, copied: &mut usize| {
            while let Some((range, user)) = edits.next_if(|(range, _)| range.end <= until) {
                scrubbed.text.push_str(&self.text[*copied..range.start]);
                *copied = range.end;
                let Some(id) = user else { continue };
                if self.scrubber.markup().ends_with_optional_mention_char(&scrubbed.text) {
                    scrubbed.text.pop();
                }
                let person = self.scrubber.person(User { id, is_bot: None });
                person.hash.push_hex(&mut scrubbed.text);
                people.push(person);
            }
        };
        for (range, id, should_record) in self.candidates {
            apply(&mut scrubbed, range.start, &mut copied);
            let start = scrubbed.text.len() + range.start - copied;
            let range = start..start + range.len();
            scrubbed.id_candidates.push(IdCandidate { range, hash: self.scrubber.hash(id), should_record });
        }
        apply(&mut scrubbed, self.text.len(), &mut copied);
        scrubbed.text.push_str(&self.text[copied..]);
        scrubbed
    }
}

/// Replaces the hashes of erased users by [`FORGOTTEN`]. Borrowed text stays borrowed if
/// there are none.
pub fn replace_forgotten(
    text: Cow<'_, str>,
    mut is_forgotten: impl FnMut(&UserHash) -> bool,
) -> Cow<'_, str> {
    let mut forgotten: Vec<UserHash> = hashes_in(&text).filter(|hash| is_forgotten(hash)).collect();
    forgotten.sort_unstable();
    let replacement =
        |hash: &UserHash, _| forgotten.binary_search(hash).is_ok().then(|| FORGOTTEN.to_owned());
    replace_hashes(&text, replacement).map_or(text, Cow::Owned)
}

/// The hashes that stand alone in a text: runs of exactly 64 hex digits.
pub fn hashes_alone_in(text: &str) -> impl Iterator<Item = UserHash> + '_ {
    text.as_bytes()
        .split(|byte| !byte.is_ascii_hexdigit())
        .filter(|run| run.len() == HASH_DIGITS)
        .filter_map(|hex| UserHash::from_hex(std::str::from_utf8(hex).ok()?))
}

/// The text with the hashes replaced, in lower or upper case, for which `replacement` returns
/// something; `None` if there are none. It is also told whether the hash is a mention.
pub fn replace_hashes(text: &str, replacement: impl Fn(&UserHash, bool) -> Option<String>) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut replaced, mut copied, mut start) = (String::new(), 0, 0);
    while start < bytes.len() {
        let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let end = start + digits;
        while start + HASH_DIGITS <= end {
            let hash_end = start + HASH_DIGITS;
            let is_mention = text[..start].ends_with("<@") && text[hash_end..].starts_with('>');
            let hash = UserHash::from_hex(&text[start..hash_end]);
            match hash.and_then(|hash| replacement(&hash, is_mention)) {
                Some(new) => {
                    replaced.push_str(&text[copied..start]);
                    replaced.push_str(&new);
                    (copied, start) = (hash_end, hash_end);
                }
                None => start += 1,
            }
        }
        start = end + 1;
    }
    if copied == 0 {
        return None;
    }
    replaced.push_str(&text[copied..]);
    Some(replaced)
}

/// How a stored text exposes a user's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// A mention or profile URL contains a raw ID.
    Mention,
    /// The URL of a profile or picture identifies the picture: by the hash of an avatar,
    /// banner or decoration, or by a proxy's signature.
    PictureUrl,
    /// A bare ID, plain or disguised, is a known user's.
    BareId,
    /// In a keyed archive: the hash without key of a known user.
    PlainHash,
}

/// All user hashes that may occur in a text: every window of 64 hex digits, since other
/// hex digits may directly precede or follow a hash.
pub fn hashes_in(text: &str) -> impl Iterator<Item = UserHash> + '_ {
    text.as_bytes()
        .split(|byte| !byte.is_ascii_hexdigit())
        .flat_map(|run| run.windows(HASH_DIGITS))
        .filter_map(|hex| UserHash::from_hex(std::str::from_utf8(hex).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_replaced_wherever_they_stand() {
        let (one, two, new) = ("ab".repeat(32), "12".repeat(32), "f0".repeat(32));
        let replace = |text: &str| {
            replace_hashes(text, |hash, is_mention| {
                (is_mention || hash.to_string() == one).then(|| new.clone())
            })
        };
        for (text, expected) in [
            (one.clone(), Some(new.clone())),
            (format!("é<@{two}> {two} {one}é"), Some(format!("é<@{new}> {two} {new}é"))),
            (format!("a{one}{two}"), Some(format!("a{new}{two}"))),
            (format!("{one}{one}"), Some(format!("{new}{new}"))),
            (one.to_uppercase(), Some(new.clone())),
            (two.clone(), None),
            (one[1..].to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(replace(&text), expected, "{text}");
        }
    }
}
