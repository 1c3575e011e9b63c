//! Discord's markup: finds mentions, IDs, and URLs of profiles and pictures in texts.
//! Changes no text; the anonymizer does.

mod picture;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::LazyLock;

use super::ids::{self, ID_DIGITS, Snowflakes};
use crate::model::disguise::{digit, is_invisible};
use crate::model::markup::layers::{self, IdSyntax};
use crate::model::markup::url_scanner::Proxy;
use crate::model::markup::{IdContext, MarkupMatch, Syntax, sort_matches};
use crate::model::{IdCodec as _, Markup, UserId, scan_meter};

/// The rules by which Discord's texts identify users.
#[derive(Debug)]
pub struct DiscordMarkup;

impl Markup for DiscordMarkup {
    fn may_contain_match(&self, text: &str) -> bool {
        layers::may_find::<Digits>(text)
            || memchr::memchr_iter(b'@', text.as_bytes()).any(|index| text[..index].ends_with('<'))
            || picture::may_hold_picture(text)
    }

    fn find_matches(&self, text: &str, syntax: Syntax) -> Vec<MarkupMatch> {
        let mut found = Vec::new();
        layers::find_plain::<Digits>(text, syntax, &mut found);
        found
            .extend(picture::picture_ranges(text).into_iter().map(|range| MarkupMatch { range, user: None }));
        layers::find_disguised::<Digits>(text, syntax, &mut found);
        sort_matches(found)
    }

    fn user_ids_in(&self, bytes: &[u8], found: &mut dyn FnMut(UserId)) {
        layers::user_ids_in::<Digits>(bytes, found);
    }

    fn min_id_chars(&self) -> usize {
        *ID_DIGITS.start()
    }

    fn ends_with_optional_mention_char(&self, before: &str) -> bool {
        before.ends_with("<@!")
    }
}

/// Discord's proxy for pictures on other sites.
static PROXY: LazyLock<Proxy> = LazyLock::new(|| Proxy::new("/external/", 20));

/// Path segments before a user's ID, in URLs of profiles and pictures and of Discord's
/// API.
/// <https://discord.com/developers/docs/reference#image-formatting>
const PROFILE_SEGMENTS: [&[u8]; 6] =
    [b"users", b"avatars", b"banners", b"user", b"members", b"avatar-decorations"];

/// `/`, plain or percent-encoded; [`is_profile`] handles JSON's `\/`.
const SLASHES: [&[u8]; 3] = [b"/", b"%2F", b"%2f"];
/// `<` in plain text, percent-encoded, in JSON and in HTML.
const OPENINGS: [&[u8]; 6] = [b"<", b"%3C", b"%3c", b"\\u003c", b"\\u003C", b"&lt;"];
/// `@`, likewise.
const AT_SIGNS: [&[u8]; 3] = [b"@", b"%40", b"\\u0040"];
/// `!`, likewise.
const EXCLAMATION_MARKS: [&[u8]; 3] = [b"!", b"%21", b"\\u0021"];
/// `>`, likewise.
const CLOSINGS: [&[u8]; 6] = [b">", b"%3E", b"%3e", b"\\u003e", b"\\u003E", b"&gt;"];

/// Prefixes of the IDs of channels and roles. These IDs are compared with the known
/// users like all digits, but not stored as ID candidates.
const REFERENCE_PREFIXES: [&[u8]; 2] = [b"<#", b"<@&"];

/// Paths of Discord's URLs that contain IDs of channels, messages and files.
const REFERENCE_PATHS: [&[u8]; 3] =
    [b"/channels/", b"cdn.discordapp.com/attachments/", b"media.discordapp.net/attachments/"];

/// The syntax of Discord's user IDs, which are decimal numbers.
struct Digits;

impl IdSyntax for Digits {
    const MIN_CHARS: usize = *ID_DIGITS.start();

    fn is_id_byte(byte: u8) -> bool {
        byte.is_ascii_digit()
    }

    fn id_byte(character: char) -> Option<u8> {
        digit(character).map(|value| b'0' + value)
    }

    fn user_at(text: &str, range: &Range<usize>, id: &str, syntax: Syntax) -> Option<(UserId, IdContext)> {
        user_at(text, range, id, syntax)
    }

    fn user(id: &str) -> Option<UserId> {
        Snowflakes.parse_user(id)
    }

    fn proxy() -> Option<&'static Proxy> {
        Some(&PROXY)
    }
}

/// Implements [`IdSyntax::user_at`].
fn user_at(text: &str, range: &Range<usize>, digits: &str, syntax: Syntax) -> Option<(UserId, IdContext)> {
    let before = text[..range.start].trim_end_matches(is_invisible).as_bytes();
    let after = text[range.end..].trim_start_matches(is_invisible).as_bytes();
    scan_meter::add(text.len() - before.len() - after.len());
    let is_mention = (before.ends_with(b"<@") || before.ends_with(b"<@!")) && after.starts_with(b">");
    if !is_mention && !ID_DIGITS.contains(&digits.len()) {
        return None;
    }
    let id = ids::number(digits).and_then(UserId::new)?;
    let context = if is_mention || (opens_mention(before) && closes_mention(after)) {
        IdContext::Mention
    } else if is_profile(before, after) {
        IdContext::Profile
    } else if is_reference(before) || (syntax == Syntax::Json && before.ends_with(b"id\":\"")) {
        IdContext::Reference
    } else {
        IdContext::Bare
    };
    Some((id, context))
}

fn opens_mention(before: &[u8]) -> bool {
    let before = strip_any(before, &EXCLAMATION_MARKS).unwrap_or(before);
    strip_any(before, &AT_SIGNS).is_some_and(|before| strip_any(before, &OPENINGS).is_some())
}

fn closes_mention(after: &[u8]) -> bool {
    // JSON nested in JSON doubles the backslash.
    let after = if after.starts_with(br"\\") { &after[1..] } else { after };
    CLOSINGS.iter().any(|closing| after.starts_with(closing))
}

/// Whether digits are the user ID in a profile's or picture's path. They aren't if
/// letters or digits follow: then they are the start of a hash.
fn is_profile(before: &[u8], after: &[u8]) -> bool {
    !after.first().is_some_and(u8::is_ascii_alphanumeric)
        && strip_any(before, &SLASHES).is_some_and(|path| {
            let path = path.strip_suffix(b"\\").unwrap_or(path);
            strip_any(path, &PROFILE_SEGMENTS).is_some()
        })
}

fn strip_any<'a>(text: &'a [u8], suffixes: &[&[u8]]) -> Option<&'a [u8]> {
    suffixes.iter().find_map(|suffix| text.strip_suffix(*suffix))
}

/// Whether the text before an ID says that it isn't a user's: one of the prefixes, one of
/// Discord's URLs, or an emoji.
fn is_reference(before: &[u8]) -> bool {
    REFERENCE_PREFIXES.iter().any(|prefix| before.ends_with(prefix)) || is_emoji(before) || is_link(before)
}

/// Whether `before` ends with `<:name:` or `<a:name:`, the start of an emoji.
fn is_emoji(before: &[u8]) -> bool {
    let Some(rest) = before.strip_suffix(b":") else { return false };
    let name = rest.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let opening = &rest[..rest.len() - name];
    name > 0 && (opening.ends_with(b"<:") || opening.ends_with(b"<a:"))
}

/// Whether `before` ends with `channels/`, `channels/1/` or `channels/1/2/`, the start of
/// a message link; likewise for a file's URL.
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
