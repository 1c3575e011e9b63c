//! Addresses of people's pictures. What follows the user's ID there, the picture's
//! hash, tells anyone who has a list of members who that is. So it is dropped, and so
//! is a proxy's signature, which can be made again for each picture.
//! <https://docs.discord.com/developers/reference#image-formatting-cdn-endpoints>

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;

use super::{PROXY, is_profile};
use crate::model::disguise::decode_all;
use crate::model::markup::address::{Addresses, separator};
use crate::model::markup::hashes::hashes;

/// Bytes of the longest name of such a segment, with an encoded slash.
const SEGMENT: usize = "avatar-decorations".len() + "%2F".len();

/// Addresses without a user's ID that tell how someone looks: what follows is
/// one of six pictures of Discord's, chosen by the ID, or a decoration.
static BY_LOOKS: LazyLock<[memmem::Finder<'_>; 2]> =
    LazyLock::new(|| ["embed/avatars", "avatar-decoration-presets"].map(memmem::Finder::new));

/// Words of which each address of a picture holds one.
static WORDS: LazyLock<[memmem::Finder<'_>; 2]> =
    LazyLock::new(|| ["avatar", "banners"].map(memmem::Finder::new));

/// A quick look before the close one.
pub fn may_show_one(text: &str) -> bool {
    holds_slash(text) && WORDS.iter().any(|word| word.find(text.as_bytes()).is_some())
}

/// Whether a text holds a slash, or an escape that may stand for one.
fn holds_slash(text: &str) -> bool {
    let text = text.as_bytes();
    memchr::memchr3(b'/', b'%', b'\\', text).is_some() || memchr::memchr(b'&', text).is_some()
}

/// What is dropped of addresses of pictures in which a hash has taken the ID's
/// place already, or that hold no ID.
pub fn without_id(text: &str) -> Vec<Range<usize>> {
    if !may_show_one(text) {
        return Vec::new();
    }
    let mut addresses = Addresses::new(text, Some(&PROXY));
    let words = WORDS.each_ref().map(|word| word.find_iter(text.as_bytes()).collect::<Vec<_>>());
    // Older versions kept the paths of profiles, which tell less.
    let is_picture = |tail: &Range<usize>| {
        let mut words = words.iter().zip(WORDS.iter());
        let holds_word = words.any(|(starts, word)| {
            let first = starts.get(starts.partition_point(|start| *start < tail.start));
            first.is_some_and(|start| start + word.needle().len() <= tail.end)
        });
        holds_word && holds_slash(&text[tail.clone()])
    };
    let mut dropped = Vec::new();
    for id in hashes(text) {
        if !may_end_segment(&text.as_bytes()[..id.start]) {
            continue;
        }
        let before = decode_all(addresses.before(id.start));
        if !is_profile(before.as_bytes(), &text.as_bytes()[id.end..]) {
            continue;
        }
        if shows_one(&before) || addresses.part(id.end).as_ref().is_some_and(is_picture) {
            dropped.extend(addresses.around(&id).into_iter().flatten());
        }
    }
    for segment in BY_LOOKS.iter() {
        for start in segment.find_iter(text.as_bytes()) {
            let end = start + segment.needle().len();
            let tail = addresses.part(end).filter(|tail| tail.len() > 1 && separator(&text[end..]).is_some());
            if tail.is_some() {
                dropped.extend(addresses.signature(start).into_iter().chain(tail));
            }
        }
    }
    dropped
}

/// A quick look, before anything is decoded, at whether a path ends with the segment
/// of a profile or picture and a slash. Either may end with an escape.
fn may_end_segment(path: &[u8]) -> bool {
    let ends_with_escape =
        |path: &[u8]| path.last().is_some_and(|last| last.is_ascii_hexdigit() || b";}\\".contains(last));
    let slashes = [&b"/"[..], b"%2F", b"%2f"];
    match slashes.iter().find_map(|slash| path.strip_suffix(*slash)) {
        Some(segment) => segment.ends_with(b"s") || segment.ends_with(b"r") || ends_with_escape(segment),
        None => ends_with_escape(path),
    }
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
