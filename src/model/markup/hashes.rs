//! Finds the hashes that replace users in a text.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;

use super::FORGOTTEN;
use crate::model::scan_meter;

/// The byte ranges of user hashes: the last 64 digits of each run of at least 64 hex
/// digits, then all occurrences of [`FORGOTTEN`].
pub fn hash_ranges(text: &str) -> Vec<Range<usize>> {
    static FORGOTTEN_FINDER: LazyLock<memmem::Finder<'_>> = LazyLock::new(|| memmem::Finder::new(FORGOTTEN));
    const HASH: usize = 64;
    let bytes = text.as_bytes();
    let mut hashes = Vec::new();
    // A run of HASH hex digits covers at least one of the positions that are HASH apart.
    let mut position = HASH - 1;
    while position < bytes.len() {
        let is_hex = |byte: &&u8| byte.is_ascii_hexdigit();
        let start = position - bytes[..position].iter().rev().take_while(is_hex).count();
        let end = position + bytes[position..].iter().take_while(is_hex).count();
        scan_meter::add(end - start);
        if end > position && end - start >= HASH {
            hashes.push(end - HASH..end);
        }
        position = end.max(position) + HASH;
    }
    hashes.extend(FORGOTTEN_FINDER.find_iter(bytes).map(|start| start..start + FORGOTTEN.len()));
    hashes
}
