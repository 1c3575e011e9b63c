//! Text without raw user IDs.

use std::borrow::Cow;
use std::ops::Range;

use super::{Person, UserHash};
use crate::model::{User, UserId};

/// Digits that could be an ID: a snowflake of 2015 has 18, the first have 15.
/// <https://discord.com/developers/docs/reference#snowflakes>
const ID_DIGITS: std::ops::RangeInclusive<usize> = 15..=20;

/// SHA-256 in hex.
const HASH_DIGITS: usize = 64;

/// Path segments that a user's ID follows, in addresses of profiles and
/// pictures. <https://discord.com/developers/docs/reference#image-formatting>
const PROFILE_SEGMENTS: [&[u8]; 4] = [b"users/", b"avatars/", b"banners/", b"user/"];

/// What an ID of something else follows: a channel, a role. Checked against the
/// known users like all digits, but not worth remembering.
const REFERENCE_PREFIXES: [&[u8]; 2] = [b"<#", b"<@&"];

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
            if is_known(&suspect.hash) {
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

/// How digits are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Syntax {
    /// What people write.
    Text,
    /// Kept fields: those named `id` hold no user's, and control characters
    /// are written with digits.
    Json,
}

fn scrub_as(text: String, syntax: Syntax, people: &mut Vec<Person>) -> ScrubbedText {
    if !may_hold_an_id(text.as_bytes()) {
        return ScrubbedText { text, suspects: Vec::new() };
    }
    let mut scrubbed = ScrubbedText { text: String::with_capacity(text.len() + 64), suspects: Vec::new() };
    let mut copied = 0;
    for run in DigitRuns::new(text.as_bytes()) {
        let run = match syntax {
            Syntax::Json => without_escape(text.as_bytes(), run),
            Syntax::Text => run,
        };
        if is_in_hash(text.as_bytes(), &run) {
            continue;
        }
        let (before, after) = (&text.as_bytes()[..run.start], &text.as_bytes()[run.end..]);
        let Some((id, place)) = user_at(&text[run.clone()], before, after, syntax) else {
            continue;
        };
        scrubbed.text.push_str(&text[copied..run.start]);
        place.push(id, &text[run.clone()], &mut scrubbed, people);
        copied = run.end;
    }
    scrubbed.text.push_str(&text[copied..]);
    scrubbed
}

/// Scrubs stored text once more, now that `known` is a user.
pub fn rescrub(stored: &str, known: &UserHash) -> String {
    scrub(stored.to_owned(), &mut Vec::new()).resolve(|hash| hash == known).into_owned()
}

/// Where a run of digits stands.
enum Place {
    /// `<@id>` or `<@!id>`.
    Mention,
    /// In the address of a profile or a picture.
    Profile,
    /// In the syntax for something that isn't a user.
    Reference,
    /// Anywhere else.
    Bare,
}

impl Place {
    fn push(self, id: UserId, digits: &str, scrubbed: &mut ScrubbedText, people: &mut Vec<Person>) {
        let hash = UserHash::of(id);
        match self {
            Self::Mention | Self::Profile => {
                if scrubbed.text.ends_with("<@!") {
                    scrubbed.text.pop();
                }
                hash.push_hex(&mut scrubbed.text);
                people.push(Person::from(User { id, is_bot: None }));
            }
            Self::Reference | Self::Bare => {
                let start = scrubbed.text.len();
                scrubbed.text.push_str(digits);
                let lasting = matches!(self, Self::Bare);
                scrubbed.suspects.push(Suspect { range: start..start + digits.len(), hash, lasting });
            }
        }
    }
}

fn user_at(digits: &str, before: &[u8], after: &[u8], syntax: Syntax) -> Option<(UserId, Place)> {
    let is_mention = (before.ends_with(b"<@") || before.ends_with(b"<@!")) && after.starts_with(b">");
    if !is_mention && !ID_DIGITS.contains(&digits.len()) {
        return None;
    }
    let id = digits.parse().ok()?;
    let place = if is_mention {
        Place::Mention
    } else if PROFILE_SEGMENTS.iter().any(|segment| before.ends_with(segment)) {
        Place::Profile
    } else if is_reference(before) || (syntax == Syntax::Json && before.ends_with(b"id\":\"")) {
        Place::Reference
    } else {
        Place::Bare
    };
    Some((id, place))
}

/// Whether something that isn't a user is named here: by one of the prefixes,
/// in a message link, or as `<:name:id>`.
fn is_reference(before: &[u8]) -> bool {
    REFERENCE_PREFIXES.iter().any(|prefix| before.ends_with(prefix)) || is_emoji(before) || is_link(before)
}

/// `<:name:` or `<a:name:`.
fn is_emoji(before: &[u8]) -> bool {
    let Some(rest) = before.strip_suffix(b":") else { return false };
    let name = rest.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let opening = &rest[..rest.len() - name];
    name > 0 && (opening.ends_with(b"<:") || opening.ends_with(b"<a:"))
}

/// `channels/`, `channels/1/` or `channels/1/2/`: a link to a message.
fn is_link(before: &[u8]) -> bool {
    let mut rest = before;
    for _ in 0..3 {
        if rest.ends_with(b"/channels/") {
            return true;
        }
        let Some(shorter) = rest.strip_suffix(b"/") else { return false };
        let digits = shorter.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        rest = &shorter[..shorter.len() - digits];
    }
    false
}

/// In JSON `\u0001` is a control character; digits that follow are their own.
fn without_escape(text: &[u8], run: Range<usize>) -> Range<usize> {
    let Some(before) = text[..run.start].strip_suffix(b"u") else { return run };
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
    let escaped = if backslashes % 2 == 1 { 4 } else { 0 };
    (run.start + escaped).min(run.end)..run.end
}

/// Whether digits are part of a user's hash: 64 hex digits. No further is
/// looked: a text of hex digits alone has many runs.
fn is_in_hash(text: &[u8], run: &Range<usize>) -> bool {
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let before = text[..run.start].iter().rev().take(HASH_DIGITS).take_while(|byte| is_hex(byte)).count();
    let after = text[run.end..].iter().take(HASH_DIGITS).take_while(|byte| is_hex(byte)).count();
    before + run.len() + after == HASH_DIGITS
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

/// The hashes of users that stand in a text.
pub fn hashes_in(text: &str) -> impl Iterator<Item = UserHash> + '_ {
    text.split(|char: char| !char.is_ascii_hexdigit())
        .filter(|run| run.len() == 64)
        .filter_map(UserHash::from_hex)
}

/// A cheap look before the careful one: most messages hold no long number.
fn may_hold_an_id(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"<@").is_some()
        || DigitRuns::new(text).any(|run| ID_DIGITS.contains(&run.len()))
}

/// The longest runs of ASCII digits in a text, as byte ranges.
struct DigitRuns<'a> {
    text: &'a [u8],
    position: usize,
}

impl<'a> DigitRuns<'a> {
    const fn new(text: &'a [u8]) -> Self {
        Self { text, position: 0 }
    }
}

impl Iterator for DigitRuns<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = &self.text[self.position..];
        let start = self.position + rest.iter().position(u8::is_ascii_digit)?;
        let run = &self.text[start..];
        let end = start + run.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(run.len());
        self.position = end;
        Some(start..end)
    }
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
        let known = UserHash::of(ID.parse().unwrap());
        assert_eq!(rescrub(&stored, &known), stored);
        assert_eq!(hashes_in(&format!("<@{known}> and {known}x")).count(), 2);
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
