//! URLs of people's pictures. The picture's hash, which follows the user's ID, identifies
//! the user to anyone who has a list of members. So the hash is dropped, and so is a
//! proxy's signature, which can be recomputed for each candidate picture.
//! <https://docs.discord.com/developers/reference#image-formatting-cdn-endpoints>

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;

use super::{PROXY, is_profile};
use crate::model::disguise::decode_all;
use crate::model::markup::hashes::hash_ranges;
use crate::model::markup::url_scanner::{UrlScanner, separator};

/// Bytes of the longest picture segment with an encoded slash.
const MAX_SEGMENT_BYTES: usize = "avatar-decorations".len() + "%2F".len();

/// Paths of pictures without a user's ID: a default picture, one of six that Discord
/// chooses by the ID, or a decoration.
static ANONYMOUS_PICTURE_PATHS: LazyLock<[memmem::Finder<'_>; 2]> =
    LazyLock::new(|| ["embed/avatars", "avatar-decoration-presets"].map(memmem::Finder::new));

/// Every picture's URL contains one of these words.
static PICTURE_WORDS: LazyLock<[memmem::Finder<'_>; 2]> =
    LazyLock::new(|| ["avatar", "banners"].map(memmem::Finder::new));

/// A cheap pre-check for [`picture_ranges`].
pub fn may_hold_picture(text: &str) -> bool {
    may_hold_slash(text) && PICTURE_WORDS.iter().any(|word| word.find(text.as_bytes()).is_some())
}

/// Whether a text contains a slash, or a character that begins an escape of one.
fn may_hold_slash(text: &str) -> bool {
    let text = text.as_bytes();
    memchr::memchr3(b'/', b'%', b'\\', text).is_some() || memchr::memchr(b'&', text).is_some()
}

/// Ranges to drop from URLs of pictures in which a hash already replaces the user's ID,
/// or that contain no ID.
pub fn picture_ranges(text: &str) -> Vec<Range<usize>> {
    if !may_hold_picture(text) {
        return Vec::new();
    }
    let mut scanner = UrlScanner::new(text, Some(&PROXY));
    let words = PICTURE_WORDS.each_ref().map(|word| word.find_iter(text.as_bytes()).collect::<Vec<_>>());
    // The path after a profile's ID, which older versions stored, stays: it reveals less.
    let is_picture = |tail: &Range<usize>| {
        let mut words = words.iter().zip(PICTURE_WORDS.iter());
        let holds_word = words.any(|(starts, word)| {
            let first = starts.get(starts.partition_point(|start| *start < tail.start));
            first.is_some_and(|start| start + word.needle().len() <= tail.end)
        });
        holds_word && may_hold_slash(&text[tail.clone()])
    };
    let mut dropped = Vec::new();
    for id in hash_ranges(text) {
        if !may_end_segment(&text.as_bytes()[..id.start]) {
            continue;
        }
        let before = decode_all(scanner.before(id.start));
        if !is_profile(before.as_bytes(), &text.as_bytes()[id.end..]) {
            continue;
        }
        if ends_with_picture_segment(&before) || scanner.segment(id.end).as_ref().is_some_and(is_picture) {
            dropped.extend(scanner.ranges_around_id(&id).into_iter().flatten());
        }
    }
    for segment in ANONYMOUS_PICTURE_PATHS.iter() {
        for start in segment.find_iter(text.as_bytes()) {
            let end = start + segment.needle().len();
            let tail =
                scanner.segment(end).filter(|tail| tail.len() > 1 && separator(&text[end..]).is_some());
            if tail.is_some() {
                dropped.extend(scanner.signature(start).into_iter().chain(tail));
            }
        }
    }
    dropped
}

/// A cheap pre-check, without decoding: whether a path may end with the segment of a
/// profile or picture and a slash. Both may end with an escape.
fn may_end_segment(path: &[u8]) -> bool {
    let ends_with_escape =
        |path: &[u8]| path.last().is_some_and(|last| last.is_ascii_hexdigit() || b";}\\".contains(last));
    let slashes = [&b"/"[..], b"%2F", b"%2f"];
    match slashes.iter().find_map(|slash| path.strip_suffix(*slash)) {
        Some(segment) => segment.ends_with(b"s") || segment.ends_with(b"r") || ends_with_escape(segment),
        None => ends_with_escape(path),
    }
}

/// Whether the last segment of a path is a picture's.
fn ends_with_picture_segment(path: &str) -> bool {
    let segment = path.len().saturating_sub(MAX_SEGMENT_BYTES);
    path.as_bytes().get(segment..).is_some_and(|segment| {
        [&b"avatars"[..], b"banners", b"avatar-decorations"]
            .iter()
            .any(|name| memmem::find(segment, name).is_some())
    })
}
