//! Addresses of people's pictures. What follows the user's ID there, the picture's
//! hash, tells whoever has a list of members who that is. So it is dropped, and so
//! is a proxy's signature, which can be made again for each picture.
//! <https://docs.discord.com/developers/reference#image-formatting-cdn-endpoints>

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;

use super::digits::is_profile;
use super::text::FORGOTTEN;
use crate::model::disguise::{decode_all, is_invisible, unescape};

/// Discord's proxy of pictures elsewhere: a signature follows.
const PROXY: &str = "/external/";
/// Characters that a proxy's signature has at least.
const SIGNATURE: usize = 20;
/// Bytes before a picture's address that a proxy's can take.
const PROXY_LENGTH: usize = 400;

/// Bytes of the longest name of such a segment, with an encoded slash.
const SEGMENT: usize = "avatar-decorations".len() + "%2F".len();

/// Addresses without a user's ID that tell how somebody looks: what follows is
/// one of six pictures of Discord's, chosen by the ID, or a decoration.
static BY_LOOKS: LazyLock<[memmem::Finder<'_>; 2]> =
    LazyLock::new(|| ["embed/avatars", "avatar-decoration-presets"].map(memmem::Finder::new));

/// A quick look before the close one.
pub(super) fn may_show_one(text: &str) -> bool {
    static WORDS: LazyLock<[memmem::Finder<'_>; 2]> =
        LazyLock::new(|| ["avatar", "banners"].map(memmem::Finder::new));
    let text = text.as_bytes();
    let is_address =
        memchr::memchr3(b'/', b'%', b'\\', text).is_some() || memchr::memchr(b'&', text).is_some();
    is_address && WORDS.iter().any(|word| word.find(text).is_some())
}

/// What is dropped around a user's ID in the address of a profile or picture: a
/// proxy's signature before it, the path behind it.
pub(super) fn around(text: &str, id: &Range<usize>) -> [Option<Range<usize>>; 2] {
    [signature(text, id.start), tail(text, id.end)]
}

/// What is dropped of addresses of pictures in which a hash has taken the ID's
/// place already, or that hold no ID.
pub(super) fn without_id(text: &str) -> Vec<Range<usize>> {
    if !may_show_one(text) {
        return Vec::new();
    }
    let mut dropped = Vec::new();
    for id in hashes(text) {
        let before = decode_all(before(text, id.start));
        let dropped_here = around(text, &id);
        // Older versions kept the paths of profiles, which tell less.
        let is_picture = |tail: &Range<usize>| may_show_one(&text[tail.clone()]);
        if is_profile(before.as_bytes(), &text.as_bytes()[id.end..])
            && (shows_one(&before) || dropped_here[1].as_ref().is_some_and(is_picture))
        {
            dropped.extend(dropped_here.into_iter().flatten());
        }
    }
    for segment in BY_LOOKS.iter() {
        for start in segment.find_iter(text.as_bytes()) {
            let end = start + segment.needle().len();
            let tail = tail(text, end).filter(|tail| tail.len() > 1 && separator(&text[end..]).is_some());
            if tail.is_some() {
                dropped.extend(signature(text, start).into_iter().chain(tail));
            }
        }
    }
    dropped
}

/// Whether the last segment of a path is one of pictures.
fn shows_one(path: &str) -> bool {
    let segment = path.len().saturating_sub(SEGMENT);
    path.as_bytes().get(segment..).is_some_and(|segment| {
        [&b"avatars"[..], b"banners", b"avatar-decorations"]
            .iter()
            .any(|name| memmem::find(segment, name).is_some())
    })
}

/// Where 64 hex digits stand, or the word for somebody who was erased.
fn hashes(text: &str) -> Vec<Range<usize>> {
    static ERASED: LazyLock<memmem::Finder<'_>> = LazyLock::new(|| memmem::Finder::new(FORGOTTEN));
    const HASH: usize = 64;
    let bytes = text.as_bytes();
    let mut hashes = Vec::new();
    // So many hex digits stand on one of these places at least.
    let mut place = HASH - 1;
    while place < bytes.len() {
        let is_hex = |byte: &&u8| byte.is_ascii_hexdigit();
        let start = place - bytes[..place].iter().rev().take_while(is_hex).count();
        let end = place + bytes[place..].iter().take_while(is_hex).count();
        if end > place && end - start >= HASH {
            hashes.push(end - HASH..end);
        }
        place = end.max(place) + HASH;
    }
    hashes.extend(ERASED.find_iter(bytes).map(|start| start..start + FORGOTTEN.len()));
    hashes
}

/// The slash at the beginning of a text: its bytes, and whether it is encoded.
fn separator(text: &str) -> Option<(usize, bool)> {
    if text.starts_with('/') {
        return Some((1, false));
    }
    unescape(text)
        .filter(|(character, _)| *character == '/')
        .map(|(_, length)| (length, !text.starts_with('\\')))
}

/// The rest of an address behind an ID, without the punctuation of the sentence
/// around it.
fn tail(text: &str, end: usize) -> Option<Range<usize>> {
    let rest = &text[end..];
    let visible = rest.trim_start_matches(is_invisible);
    let skipped = rest.len() - visible.len();
    let (begin, is_encoded) = separator(visible).or_else(|| suffix(visible).map(|length| (length, false)))?;
    let mut length = skipped + begin;
    while let Some(next) = rest[length..].chars().next() {
        length += match unescape(&rest[length..]) {
            // In an encoded address a sign of the text around is encoded as well.
            Some((character, _)) if (is_encoded || next != '%') && ends_address(character) => break,
            Some((_, taken)) => taken,
            None if ends_address(next) || next == '\\' || (is_encoded && next == '&') => break,
            None => next.len_utf8(),
        };
    }
    let of_sentence = |character: char| ".!?:*_~|".contains(character);
    let kept = rest[skipped + begin..length].trim_end_matches(of_sentence).len();
    Some(end..end + skipped + begin + kept)
}

/// What may follow an ID directly where other programs name a picture by it: a
/// dot, a dash, a question mark, with a letter or digit behind.
fn suffix(text: &str) -> Option<usize> {
    let mut characters = text.chars();
    let first = characters.next().filter(|first| ".-_?~".contains(*first))?;
    characters.next().filter(|next| next.is_alphanumeric()).map(|_| first.len_utf8())
}

fn ends_address(character: char) -> bool {
    match character {
        '"' | '\'' | '<' | '>' | ')' | ']' | '}' | '|' | '`' | ',' | ';' | '^' => true,
        _ if character.is_ascii() => character.is_ascii_whitespace(),
        '\u{3000}'..='\u{303f}' | '（' | '）' | '，' | '；' | '“' | '”' | '‘' | '’' | '«' | '»' => {
            true
        }
        _ => character.is_whitespace(),
    }
}

/// The signature of the proxy in whose address a picture's stands that begins
/// before `end`.
fn signature(text: &str, end: usize) -> Option<Range<usize>> {
    static PROXY_FINDER: LazyLock<memmem::FinderRev<'_>> = LazyLock::new(|| memmem::FinderRev::new(PROXY));
    // Most addresses are no proxy's.
    PROXY_FINDER.rfind(&text.as_bytes()[end.saturating_sub(PROXY_LENGTH)..end])?;
    let before = before(text, end);
    let begin = end - before.len() + before.rfind(PROXY)? + PROXY.len();
    let length = text[begin..end].find('/')?;
    (length >= SIGNATURE).then_some(begin..begin + length + 1)
}

/// What stands before a place and can belong to the same address.
fn before(text: &str, end: usize) -> &str {
    let mut start = end.saturating_sub(PROXY_LENGTH);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let before = &text[start..end];
    before.rfind(ends_address).map_or(before, |space| &before[space..])
}
