//! Text without raw user IDs.
//!
//! An ID is a run of 15 to 20 ASCII digits, whatever other characters touch it:
//! that is how Discord and programs write one. What somebody disguises, in the
//! digits of other scripts (`123`), with separators or spelled out, stays as
//! it was written, and so do longer runs: they are other numbers.

use std::borrow::Cow;
use std::ops::Range;

use super::digits::{DigitRuns, Place, Syntax, may_hold_an_id, readings, user_at};
use super::{Person, UserHash};
use crate::model::User;

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
    if !may_hold_an_id(text.as_bytes()) {
        return ScrubbedText { text, suspects: Vec::new() };
    }
    let mut scrubbed = ScrubbedText { text: String::with_capacity(text.len() + 64), suspects: Vec::new() };
    let mut copied = 0;
    for run in DigitRuns::new(text.as_bytes()) {
        let (noted, end) = (scrubbed.suspects.len(), run.end);
        for digits in readings(text.as_bytes(), run) {
            let Some((id, place)) = user_at(&text, &digits, syntax) else { continue };
            let hash = UserHash::of(id);
            if matches!(place, Place::Mention | Place::Profile) {
                scrubbed.suspects.truncate(noted);
                scrubbed.text.push_str(&text[copied..digits.start]);
                if scrubbed.text.ends_with("<@!") {
                    scrubbed.text.pop();
                }
                hash.push_hex(&mut scrubbed.text);
                people.push(Person::from(User { id, is_bot: None }));
                copied = end;
                break;
            }
            let start = scrubbed.text.len() + digits.start - copied;
            let range = start..start + digits.len();
            scrubbed.suspects.push(Suspect { range, hash, lasting: place == Place::Bare });
        }
    }
    scrubbed.text.push_str(&text[copied..]);
    scrubbed
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

/// What stands in the place of somebody who was erased: `<@forgotten>` for a
/// mention.
pub const FORGOTTEN: &str = "forgotten";

/// A text without the hashes of those who were erased. Borrowed when there is
/// nobody to take out.
pub fn forget_in(mut text: Cow<'_, str>, mut is_forgotten: impl FnMut(&UserHash) -> bool) -> Cow<'_, str> {
    let gone: Vec<UserHash> = hashes_in(&text).filter(|hash| is_forgotten(hash)).collect();
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
    /// Bare digits are the ID of a known user.
    Digits,
}

/// Whether a stored text, JSON or not, shows a raw ID.
pub fn exposure(text: &str, is_json: bool, mut is_known: impl FnMut(&UserHash) -> bool) -> Option<Exposure> {
    let mut people = Vec::new();
    let syntax = if is_json { Syntax::Json } else { Syntax::Text };
    let scrubbed = scrub_as(text.to_owned(), syntax, &mut people);
    if !people.is_empty() {
        return Some(Exposure::Mention);
    }
    scrubbed.suspects.iter().any(|suspect| is_known(&suspect.hash)).then_some(Exposure::Digits)
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
            (format!("/avatars/{ID}/a.png"), format!("/avatars/{hash}/a.png")),
            (format!("/guilds/1/users/{ID}/avatars/x"), format!("/guilds/1/users/{hash}/avatars/x")),
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
            ("discord.com%2Fusers%2F", "%2F"),
            (r"https:\/\/discord.com\/users\/", "\""),
            ("/guilds/1/members/", ""),
            ("/avatar-decorations/", "/a.png"),
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
    fn longer_numbers_and_digits_of_other_scripts_stay() {
        let fullwidth: String =
            ID.chars().filter_map(|digit| char::from_u32(digit as u32 + 0xfee0)).collect();
        for text in [format!("{ID}000"), format!("777{ID}"), fullwidth, "12345678901234".to_owned()] {
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
