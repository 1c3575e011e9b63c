//! Text without raw user IDs.
//!
//! An ID is a run of 15 to 20 digits, whatever other characters touch it: ASCII,
//! as Discord and programs write one, or in one of the disguises that docs/privacy.md
//! lists. Longer runs stay as they were written: they are other numbers.

use std::borrow::Cow;
use std::ops::Range;

use super::digits::{Place, Syntax};
use super::find::{Found, find, may_name_somebody};
use super::user::{FORGOTTEN, Person, UserHash};
use crate::model::{User, UserId, work};

/// Text in which every mention and profile address is a hash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrubbedText {
    text: String,
    suspects: Vec<Suspect>,
}

/// A run of digits that is a user's ID if the archive knows that user.
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
            // One run may be there in two readings.
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

    /// The runs of digits that can't be judged here.
    pub fn suspects(&self) -> &[Suspect] {
        &self.suspects
    }

    /// Whether it holds a user's hash, or digits that may be a user's ID.
    pub fn names_somebody(&self) -> bool {
        !self.suspects.is_empty() || hashes_in(&self.text).next().is_some()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// Replaces mentions and profile addresses by hashes, notes every person it
/// meets in `people`, and marks bare digits.
pub fn scrub(text: String, people: &mut Vec<Person>) -> ScrubbedText {
    scrub_as(text, Syntax::Text, people)
}

/// Like [`scrub`], for JSON made of kept fields.
pub(super) fn scrub_json_text(text: String, people: &mut Vec<Person>) -> ScrubbedText {
    scrub_as(text, Syntax::Json, people)
}

fn scrub_as(text: String, syntax: Syntax, people: &mut Vec<Person>) -> ScrubbedText {
    if may_name_somebody(&text) {
        scrub_closely(&text, syntax, people)
    } else {
        ScrubbedText { text, suspects: Vec::new() }
    }
}

/// Like [`scrub`], for a text that the archive holds, as text or as JSON; `None`
/// if there is nobody in it.
pub fn scrub_stored(text: &str, is_json: bool, people: &mut Vec<Person>) -> Option<ScrubbedText> {
    let syntax = if is_json { Syntax::Json } else { Syntax::Text };
    may_name_somebody(text).then(|| scrub_closely(text, syntax, people))
}

/// Passes over a text at most: another one follows if what was dropped brings other
/// parts together. No known text takes more than three; the bound keeps the time
/// linear in the text's length.
const MAX_PASSES: usize = 8;

fn scrub_closely(text: &str, syntax: Syntax, people: &mut Vec<Person>) -> ScrubbedText {
    let mut text = Cow::Borrowed(text);
    let mut passes = 0;
    loop {
        work::note(text.len());
        let scrubbing = Scrubbing::of(&text, syntax);
        let is_joined = scrubbing.joins_what_was_apart();
        let scrubbed = scrubbing.finish(people);
        passes += 1;
        if !is_joined || passes == MAX_PASSES {
            return scrubbed;
        }
        text = Cow::Owned(scrubbed.text);
    }
}

/// What a text is made of.
struct Scrubbing<'t> {
    text: &'t str,
    /// Replaced whoever is known: by a user's hash, or by nothing. Ascending and
    /// apart.
    edits: Vec<(Range<usize>, Option<UserId>)>,
    /// What may be a user's ID: where, whose, and whether that may turn out later.
    candidates: Vec<(Range<usize>, UserId, bool)>,
}

impl<'t> Scrubbing<'t> {
    fn of(text: &'t str, syntax: Syntax) -> Self {
        let mut scrubbing = Self { text, edits: Vec::new(), candidates: Vec::new() };
        for Found { range, user } in find(text, syntax) {
            match user {
                Some((id, place @ (Place::Bare | Place::Reference))) => {
                    scrubbing.candidates.push((range, id, place == Place::Bare));
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
                if scrubbed.text.ends_with("<@!") {
                    scrubbed.text.pop();
                }
                UserHash::of(id).push_hex(&mut scrubbed.text);
                people.push(Person::from(User { id, is_bot: None }));
            }
        };
        for (range, id, lasting) in self.candidates {
            apply(&mut scrubbed, range.start, &mut copied);
            let start = scrubbed.text.len() + range.start - copied;
            let range = start..start + range.len();
            scrubbed.suspects.push(Suspect { range, hash: UserHash::of(id), lasting });
        }
        apply(&mut scrubbed, self.text.len(), &mut copied);
        scrubbed.text.push_str(&self.text[copied..]);
        scrubbed
    }
}

/// Scrubs stored text once more, now that `known` is a user.
pub fn rescrub(stored: &str, known: &UserHash) -> String {
    scrub(stored.to_owned(), &mut Vec::new()).resolve(|hash| hash == known).into_owned()
}

/// Text as it may be said at any time: digits that might turn out to be a user's
/// are taken for one's.
pub fn sayable(text: &str) -> String {
    scrub(text.to_owned(), &mut Vec::new()).resolve(|_| true).into_owned()
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
    /// Digits are the ID of a known user, as they stand or in disguise.
    Digits,
}

/// Whether a stored text, JSON or not, shows who somebody is.
pub fn exposure(text: &str, is_json: bool, mut is_known: impl FnMut(&UserHash) -> bool) -> Option<Exposure> {
    if !may_name_somebody(text) {
        return None;
    }
    let syntax = if is_json { Syntax::Json } else { Syntax::Text };
    let scrubbing = Scrubbing::of(text, syntax);
    if scrubbing.edits.iter().any(|(_, user)| user.is_some()) {
        Some(Exposure::Mention)
    } else if scrubbing.shows_a_picture() {
        Some(Exposure::Picture)
    } else {
        let mut candidates = scrubbing.candidates.iter();
        candidates.any(|(_, id, _)| is_known(&UserHash::of(*id))).then_some(Exposure::Digits)
    }
}

/// The hashes of users that may stand in a text, also where other hex digits
/// touch them.
pub fn hashes_in(text: &str) -> impl Iterator<Item = UserHash> + '_ {
    text.as_bytes()
        .split(|byte| !byte.is_ascii_hexdigit())
        .flat_map(|run| run.windows(64))
        .filter_map(|hex| UserHash::from_hex(std::str::from_utf8(hex).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "123456789012345678";

    fn hash() -> String {
        UserHash::of(ID.parse().unwrap()).to_string()
    }

    fn scrubbed(text: &str) -> (ScrubbedText, usize) {
        let mut people = Vec::new();
        let text = scrub(text.to_owned(), &mut people);
        (text, people.len())
    }

    #[test]
    fn mentions_and_profile_addresses_become_hashes() {
        let hash = hash();
        for (raw, expected) in [
            (format!("hi <@{ID}>!"), format!("hi <@{hash}>!")),
            (format!("<@!{ID}><@!{ID}>"), format!("<@{hash}><@{hash}>")),
            (format!("https://discord.com/users/{ID}"), format!("https://discord.com/users/{hash}")),
            (format!("/avatars/{ID}/a.png"), format!("/avatars/{hash}")),
            (format!("/guilds/1/users/{ID}/avatars/x"), format!("/guilds/1/users/{hash}")),
        ] {
            let (text, people) = scrubbed(&raw);
            assert_eq!(text.resolve(|_| false), expected);
            assert!(people > 0, "{raw}");
        }
    }

    #[test]
    fn a_mention_of_any_length_is_hashed() {
        let one = UserHash::of("7".parse().unwrap());
        assert_eq!(scrubbed("<@7>").0.resolve(|_| false), format!("<@{one}>"));
    }

    #[test]
    fn bare_digits_are_hashed_only_when_the_user_is_known() {
        let (text, people) = scrubbed(&format!("id {ID}, {ID} and 12345"));
        assert_eq!(people, 0);
        assert_eq!(text.resolve(|_| false), format!("id {ID}, {ID} and 12345"));
        let hash = hash();
        assert_eq!(text.resolve(|_| true), format!("id {hash}, {hash} and 12345"));
        assert!(text.suspects().iter().all(|suspect| suspect.lasting));
    }

    #[test]
    fn ids_of_other_things_stay_and_are_not_remembered() {
        for text in [
            format!("<#{ID}>"),
            format!("<@&{ID}>"),
            format!("<:name:{ID}>"),
            format!("<a:na_me:{ID}>"),
            format!("https://discord.com/channels/{ID}/{ID}/{ID}"),
            format!("https://cdn.discordapp.com/attachments/{ID}/{ID}/a.png"),
        ] {
            let scrubbed = scrubbed(&text).0;
            assert_eq!(scrubbed.resolve(|_| false), text);
            assert!(!scrubbed.suspects().is_empty(), "{text}");
            assert!(scrubbed.suspects().iter().all(|suspect| !suspect.lasting), "{text}");
        }
    }

    #[test]
    fn ids_of_kept_fields_are_not_remembered_and_escapes_are_not_digits() {
        let json = format!(r#"{{"emoji_id":"{ID}","text":"\u0001{ID} \\u{ID}"}}"#);
        let scrubbed = scrub_json_text(json, &mut Vec::new());
        let lasting: Vec<bool> = scrubbed.suspects().iter().map(|suspect| suspect.lasting).collect();
        assert_eq!(lasting, [false, true, true]);
        assert!(!scrubbed.resolve(|_| true).contains(ID));
    }

    #[test]
    fn what_only_looks_like_a_reference_is_remembered() {
        for text in [
            format!("{{\"user_id\":\"{ID}\"}}"),
            format!("channels are great / {ID}"),
            format!("attachments/1/2/{ID}.png"),
            format!("<:a:1>,user:{ID}"),
        ] {
            let scrubbed = scrubbed(&text).0;
            assert!(scrubbed.suspects().iter().any(|suspect| suspect.lasting), "{text}");
        }
    }

    #[test]
    fn a_hash_is_not_mistaken_for_digits() {
        let stored = format!("/users/123456789012345678{}", "a".repeat(46));
        let known = UserHash::of("998877665544332211".parse().unwrap());
        assert_eq!(rescrub(&stored, &known), stored);
        assert_eq!(exposure(&stored, false, |hash| *hash == known), None);
        assert_eq!(hashes_in(&format!("<@{known}> and {known}x")).count(), 2);
    }

    #[test]
    fn an_id_between_hex_digits_is_an_id_and_its_hash_is_found_again() {
        let known = UserHash::of(ID.parse().unwrap());
        for text in [format!("bad{ID}face"), format!("{ID}{}", "a".repeat(46)), format!("/users/{ID}abc")] {
            let stored = scrubbed(&text).0.resolve(|hash| *hash == known).into_owned();
            assert!(!stored.contains(ID), "{stored}");
            let forgotten = forget_in(stored.into(), |hash| *hash == known);
            assert!(!forgotten.contains(&known.to_string()) && forgotten.contains(FORGOTTEN), "{forgotten}");
        }
    }

    #[test]
    fn a_mention_or_address_that_was_encoded_is_hashed() {
        let hash = hash();
        for (before, after) in [
            ("%3C%40", "%3E"),
            ("%3c@!", "%3e"),
            (r"\u003c@", r"\u003e"),
            (r"\\u003C@!", r"\\u003E"),
            (r"<\u0040", ">"),
            ("&lt;@", "&gt;"),
            ("discord.com%2Fusers%2F", ""),
            (r"https:\/\/discord.com\/users\/", "\""),
            ("/guilds/1/members/", ""),
            ("/avatar-decorations/", ""),
        ] {
            let (text, people) = scrubbed(&format!("{before}{ID}{after}"));
            assert_eq!(text.resolve(|_| false), format!("{before}{hash}{after}"));
            assert_eq!((people, text.suspects().len()), (1, 0));
        }
    }

    #[test]
    fn digits_of_an_escape_hide_no_id() {
        let known = UserHash::of(ID.parse().unwrap());
        for before in
            ["%40", "%2F", "%c3%A9", "%E9", r"\u0040", r"\u00e9", r"\u00E9", r"\x40", "100%", r"\u", "u"]
        {
            let text = format!("{before}{ID}.");
            assert_eq!(scrubbed(&text).0.resolve(|hash| *hash == known), format!("{before}{known}."));
            assert_eq!(scrubbed(&text).0.resolve(|_| false), text);
        }
    }

    #[test]
    fn whatever_touches_an_id_does_not_hide_it() {
        let known = UserHash::of(ID.parse().unwrap());
        for (before, after) in [
            ("**<@", ">**"),
            ("||", "||"),
            ("`", "`"),
            ("x", "y"),
            ("_", "_"),
            ("1.", ".5"),
            ("-", "e10"),
            ("0", ""),
            ("ü", "界"),
            ("<\\@", ">"),
            ("~~", "~~"),
            ("(<https://discord.com/users/", ">)"),
        ] {
            let text =
                scrubbed(&format!("{before}{ID}{after}")).0.resolve(|hash| *hash == known).into_owned();
            assert!(text.contains(&known.to_string()) && !text.contains(ID), "{text}");
        }
    }

    #[test]
    fn longer_and_shorter_numbers_stay() {
        for text in [format!("{ID}000"), format!("777{ID}"), "12345678901234".to_owned()] {
            assert_eq!(scrubbed(&text).0.resolve(|_| true), text);
        }
    }

    #[test]
    fn a_user_known_later_is_scrubbed_from_stored_text() {
        let known = UserHash::of(ID.parse().unwrap());
        let stored = format!("ask {ID} or <@{known}> about 998877665544332211");
        assert_eq!(rescrub(&stored, &known), format!("ask {known} or <@{known}> about 998877665544332211"));
    }

    #[test]
    fn text_around_is_left_alone_whatever_it_is() {
        for text in ["", "plain", "ü <@> <@!> <@x> 🏳️‍🌈 1234", "0", "<@99999999999999999999999>"] {
            assert_eq!(scrubbed(text).0.resolve(|_| true), text);
        }
    }
}
