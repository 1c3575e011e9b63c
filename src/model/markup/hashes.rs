//! Where hashes stand in a text in the place of people.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;

use super::FORGOTTEN;
use crate::model::work;

/// Where 64 hex digits stand, or the word for someone who was erased.
pub fn hashes(text: &str) -> Vec<Range<usize>> {
    static ERASED: LazyLock<memmem::Finder<'_>> = LazyLock::new(|| memmem::Finder::new(FORGOTTEN));
    const HASH: usize = 64;
    let bytes = text.as_bytes();
    let mut hashes = Vec::new();
    // This many hex digits stand on one of these places at least.
    let mut place = HASH - 1;
    while place < bytes.len() {
        let is_hex = |byte: &&u8| byte.is_ascii_hexdigit();
        let start = place - bytes[..place].iter().rev().take_while(is_hex).count();
        let end = place + bytes[place..].iter().take_while(is_hex).count();
        work::note(end - start);
        if end > place && end - start >= HASH {
            hashes.push(end - HASH..end);
        }
        place = end.max(place) + HASH;
    }
    hashes.extend(ERASED.find_iter(bytes).map(|start| start..start + FORGOTTEN.len()));
    hashes
}
