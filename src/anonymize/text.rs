//! Text without raw user IDs.

use std::borrow::Cow;
use std::ops::Range;

use super::{Person, UserHash};
use crate::model::{User, UserId};

/// Digits that could be an ID: a snowflake of 2015 has 18, the first have 15.
/// <https://discord.com/developers/docs/reference#snowflakes>
const ID_DIGITS: std::ops::RangeInclusive<usize> = 15..=20;

/// Path segments that a user's ID follows, in addresses of profiles and
/// pictures. <https://discord.com/developers/docs/reference#image-formatting>
const PROFILE_SEGMENTS: [&[u8]; 4] = [b"users/", b"avatars/", b"banners/", b"user/"];

/// What an ID of something else follows: a channel, role, emoji, message link,
/// or a field of kept metadata. Checked against the known users like all
/// digits, but not worth remembering.
const REFERENCE_PREFIXES: [&[u8]; 6] = [b"<#", b"<@&", b"channels/", b"attachments/", b"id\":\"", b"emojis/"];

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
        let mut resolved = Cow::Borrowed(self.text.as_str());
        for suspect in self.suspects.iter().rev() {
            if is_known(&suspect.hash) {
                resolved.to_mut().replace_range(suspect.range.clone(), &suspect.hash.to_string());
            }
        }
        resolved
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
    if !may_hold_an_id(text.as_bytes()) {
        return ScrubbedText { text, suspects: Vec::new() };
    }
    let mut scrubbed = ScrubbedText { text: String::with_capacity(text.len() + 64), suspects: Vec::new() };
    let mut copied = 0;
    for run in DigitRuns::new(text.as_bytes()) {
        let (before, after) = (&text.as_bytes()[..run.start], &text.as_bytes()[run.end..]);
        let Some((id, place)) = user_at(&text[run.clone()], before, after) else {
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

fn user_at(digits: &str, before: &[u8], after: &[u8]) -> Option<(UserId, Place)> {
    let is_mention = (before.ends_with(b"<@") || before.ends_with(b"<@!")) && after.starts_with(b">");
    if !is_mention && !ID_DIGITS.contains(&digits.len()) {
        return None;
    }
    let id = digits.parse().ok()?;
    let place = if is_mention {
        Place::Mention
    } else if PROFILE_SEGMENTS.iter().any(|segment| before.ends_with(segment)) {
        Place::Profile
    } else if is_reference(before) {
        Place::Reference
    } else {
        Place::Bare
    };
    Some((id, place))
}

/// Whether something that isn't a user is named here: by one of the prefixes,
/// as the second or third part of a link, or as `<:name:id>`.
fn is_reference(before: &[u8]) -> bool {
    if REFERENCE_PREFIXES.iter().any(|prefix| before.ends_with(prefix)) {
        return true;
    }
    let tail = &before[before.len().saturating_sub(64)..];
    match before.last() {
        Some(b'/') => [&b"channels/"[..], b"attachments/"]
            .iter()
            .any(|segment| memchr::memmem::find(tail, segment).is_some()),
        Some(b':') => tail.iter().rposition(|byte| *byte == b'<').is_some_and(|at| {
            matches!(&tail[at..], [b'<', b':' | b'a' | b'/', ..]) && !tail[at..].contains(&b' ')
        }),
        _ => false,
    }
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
            format!("{{\"emoji_id\":\"{ID}\"}}"),
        ] {
            let scrubbed = scrubbed(&text).0;
            assert_eq!(scrubbed.resolve(|_| false), text);
            assert!(!scrubbed.suspects().is_empty(), "{text}");
            assert!(scrubbed.suspects().iter().all(|suspect| !suspect.lasting), "{text}");
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
