//! Digits that may be a user's ID, and what the text around them says.

use std::ops::Range;

use crate::model::disguise::is_invisible;
use crate::model::{UserId, work};

/// Digits that could be an ID: a snowflake of 2015 has 18, the first have 15.
/// <https://discord.com/developers/docs/reference#snowflakes>
pub(super) const ID_DIGITS: std::ops::RangeInclusive<usize> = 15..=20;

/// Path segments that a user's ID follows, in addresses of profiles and
/// pictures, and of Discord's own API.
/// <https://discord.com/developers/docs/reference#image-formatting>
const PROFILE_SEGMENTS: [&[u8]; 6] =
    [b"users", b"avatars", b"banners", b"user", b"members", b"avatar-decorations"];

/// `/`, as it stands in an address and in one that is encoded or in JSON.
const SLASHES: [&[u8]; 3] = [b"/", b"%2F", b"%2f"];
/// `<` in text, in an address, in JSON and in HTML; then `@`, `!` and `>`.
const OPENINGS: [&[u8]; 6] = [b"<", b"%3C", b"%3c", b"\\u003c", b"\\u003C", b"&lt;"];
const AT_SIGNS: [&[u8]; 3] = [b"@", b"%40", b"\\u0040"];
const MARKS: [&[u8]; 3] = [b"!", b"%21", b"\\u0021"];
const CLOSINGS: [&[u8]; 6] = [b">", b"%3E", b"%3e", b"\\u003e", b"\\u003E", b"&gt;"];

/// What an ID of something else follows: a channel, a role. Checked against the
/// known users like all digits, but not worth remembering.
const REFERENCE_PREFIXES: [&[u8]; 2] = [b"<#", b"<@&"];

/// Addresses in which Discord itself puts IDs of channels, messages and files.
const REFERENCE_PATHS: [&[u8]; 3] =
    [b"/channels/", b"cdn.discordapp.com/attachments/", b"media.discordapp.net/attachments/"];

/// Where digits stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `<@id>` or `<@!id>`, also as an address, JSON or HTML writes it.
    Mention,
    /// In the address of a profile or a picture.
    Profile,
    /// In the syntax for something that isn't a user.
    Reference,
    /// Anywhere else.
    Bare,
}

/// How digits are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// What people write.
    Text,
    /// Kept fields: those named `id` hold no user's.
    Json,
}

/// The user that digits of a text would name, and where they stand; `None` if they
/// name nobody. `digits` is what stands at `range`, in ASCII.
pub(super) fn user_at(
    text: &str,
    range: &Range<usize>,
    digits: &str,
    syntax: Syntax,
) -> Option<(UserId, Place)> {
    let before = text[..range.start].trim_end_matches(is_invisible).as_bytes();
    let after = text[range.end..].trim_start_matches(is_invisible).as_bytes();
    work::note(text.len() - before.len() - after.len());
    let is_mention = (before.ends_with(b"<@") || before.ends_with(b"<@!")) && after.starts_with(b">");
    if !is_mention && !ID_DIGITS.contains(&digits.len()) {
        return None;
    }
    let id = digits.parse().ok()?;
    let place = if is_mention || (opens_mention(before) && closes_mention(after)) {
        Place::Mention
    } else if is_profile(before, after) {
        Place::Profile
    } else if is_reference(before) || (syntax == Syntax::Json && before.ends_with(b"id\":\"")) {
        Place::Reference
    } else {
        Place::Bare
    };
    Some((id, place))
}

fn opens_mention(before: &[u8]) -> bool {
    let before = without(before, &MARKS).unwrap_or(before);
    without(before, &AT_SIGNS).is_some_and(|before| without(before, &OPENINGS).is_some())
}

fn closes_mention(after: &[u8]) -> bool {
    // In JSON inside JSON a backslash is doubled.
    let after = if after.starts_with(br"\\") { &after[1..] } else { after };
    CLOSINGS.iter().any(|closing| after.starts_with(closing))
}

/// A hash that begins with digits goes on with letters, and is left alone.
pub(super) fn is_profile(before: &[u8], after: &[u8]) -> bool {
    !after.first().is_some_and(u8::is_ascii_alphanumeric)
        && without(before, &SLASHES).is_some_and(|path| {
            let path = path.strip_suffix(b"\\").unwrap_or(path);
            without(path, &PROFILE_SEGMENTS).is_some()
        })
}

fn without<'a>(text: &'a [u8], suffixes: &[&[u8]]) -> Option<&'a [u8]> {
    suffixes.iter().find_map(|suffix| text.strip_suffix(*suffix))
}

/// Whether something that isn't a user is named here: by one of the prefixes,
/// in Discord's own addresses, or as `<:name:id>`.
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

/// `channels/`, `channels/1/` or `channels/1/2/`: a link to a message; likewise
/// a file's address.
fn is_link(before: &[u8]) -> bool {
    let mut rest = before;
    for _ in 0..3 {
        if REFERENCE_PATHS.iter().any(|path| rest.ends_with(path)) {
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

/// How a run of digits can be read: as it stands, and without what belongs to a
/// character written as `%40`, `\u0040` or `\x40` right before an ID. Which of
/// them somebody meant can't be told.
pub(super) fn readings(text: &[u8], run: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let escaped = escaped_digits(&text[..run.start]).map(|escaped| run.start + escaped..run.end);
    let rest = escaped.filter(|rest| rest.start < rest.end);
    std::iter::once(run).chain(rest)
}

/// How many of the digits that follow belong to an escape begun before them.
fn escaped_digits(before: &[u8]) -> Option<usize> {
    let written = before.iter().rev().take(3).take_while(|byte| byte.is_ascii_hexdigit()).count();
    (0..=written).find_map(|written| {
        let opening = &before[..before.len() - written];
        if opening.ends_with(b"\\u") {
            Some(4 - written)
        } else if written < 2 && (opening.ends_with(b"%") || opening.ends_with(b"\\x")) {
            Some(2 - written)
        } else {
            None
        }
    })
}

/// The longest runs of ASCII digits in a text, as byte ranges.
pub(super) struct DigitRuns<'a> {
    text: &'a [u8],
    position: usize,
}

impl<'a> DigitRuns<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
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
