//! Determines how far a URL extends before and after a position in it.
//!
//! URLs may contain each other, so that most of a text can belong to thousands of them.
//! To keep the work linear, each stretch of text is scanned once, not once per URL.

use std::ops::Range;

use memchr::memmem;

use crate::model::disguise::{is_invisible, unescape};
use crate::model::scan_meter;

/// A platform's proxy for external pictures. Its URLs contain a signature, followed by
/// the picture's original URL.
#[derive(Debug)]
pub struct Proxy {
    /// Finds the path that precedes the signature.
    path: memmem::FinderRev<'static>,
    /// The least number of bytes in a segment of the signature, without its slash.
    min_signature_bytes: usize,
}

impl Proxy {
    /// `path` precedes the signature; it begins and ends with a slash.
    pub fn new(path: &'static str, min_signature_bytes: usize) -> Self {
        Self { path: memmem::FinderRev::new(path), min_signature_bytes }
    }
}

/// Bytes before a position that are searched for the beginning of its URL: for a proxy's
/// path, and for the path segment before an ID.
const LOOK_BACK_BYTES: usize = 400;

/// Finds the extent of URLs in one text, with caches of what was already scanned.
#[derive(Debug)]
pub struct UrlScanner<'t> {
    /// The text.
    pub text: &'t str,
    proxy: Option<&'t Proxy>,
    /// The stretches last scanned as a plain URL (0) and as an encoded URL (1).
    scanned: [ScannedStretch; 2],
    /// Ends of the parts of the URL last followed by [`Self::last_end`], ascending.
    part_ends: Vec<usize>,
}

/// A stretch of text up to a character that ends a URL.
#[derive(Debug, Default)]
struct ScannedStretch {
    range: Range<usize>,
    /// Its end without trailing punctuation of the surrounding sentence.
    kept_end: usize,
}

impl<'t> UrlScanner<'t> {
    /// Creates empty caches for a text. `proxy` is the platform's, if it has one.
    pub fn new(text: &'t str, proxy: Option<&'t Proxy>) -> Self {
        Self { text, proxy, scanned: Default::default(), part_ends: Vec::new() }
    }

    /// The same text with empty caches.
    #[must_use]
    pub fn unscanned(&self) -> Self {
        Self::new(self.text, self.proxy)
    }

    /// The ranges to drop around a user's ID in the URL of a profile or picture: a
    /// proxy's signature before it, and the rest of the URL after it.
    pub fn ranges_around_id(&mut self, id: &Range<usize>) -> [Option<Range<usize>>; 2] {
        [self.signature(id.start), self.tail(id.end)]
    }

    /// The rest of a URL after an ID that ends at `end`, without trailing punctuation of
    /// the surrounding sentence. Includes further parts that follow after invisible
    /// characters only: dropping the first part would make them the rest of the URL.
    pub fn tail(&mut self, end: usize) -> Option<Range<usize>> {
        let part = self.segment(end)?;
        Some(end..self.last_end(part.end))
    }

    /// Like [`Self::tail`], without the further parts.
    pub fn segment(&mut self, end: usize) -> Option<Range<usize>> {
        let (begin, is_encoded) = path_start(self.text, end)?;
        let scanned = &mut self.scanned[usize::from(is_encoded)];
        if !scanned.range.contains(&begin) {
            *scanned = ScannedStretch::from(self.text, begin, is_encoded);
        }
        Some(end..scanned.kept_end.max(begin))
    }

    /// The end of the last part in the sequence of parts that follows a part ending at
    /// `end`. It depends only on `end`, so the sequence is followed once and cached for
    /// the other URLs that contain it.
    pub fn last_end(&mut self, end: usize) -> usize {
        if !self.text[end..].starts_with(is_invisible) {
            return end;
        }
        if self.part_ends.binary_search(&end).is_err() {
            self.part_ends.clear();
            let mut next = Some(end);
            while let Some(end) = next {
                self.part_ends.push(end);
                let start = path_start(self.text, end);
                next = start
                    .map(|(begin, is_encoded)| ScannedStretch::from(self.text, begin, is_encoded).kept_end);
            }
        }
        self.part_ends.last().copied().unwrap_or(end)
    }

    /// The signature in the proxy's URL that contains the position `end`, with all
    /// directly following segments that have the form of a signature.
    pub fn signature(&self, end: usize) -> Option<Range<usize>> {
        let proxy = self.proxy?;
        // Cheap pre-check: most URLs are not the proxy's.
        proxy.path.rfind(&self.text.as_bytes()[end.saturating_sub(LOOK_BACK_BYTES)..end])?;
        let before = self.before(end);
        let begin = proxy.path.rfind(before)? + proxy.path.needle().len();
        let is_signature =
            |segment: &&str| segment.len() > proxy.min_signature_bytes && segment.ends_with('/');
        let signatures = before[begin..].split_inclusive('/').take_while(is_signature);
        let length: usize = signatures.map(str::len).sum();
        let begin = end - before.len() + begin;
        (length > 0).then_some(begin..begin + length)
    }

    /// The text before `end` that can belong to the same URL, at most
    /// `LOOK_BACK_BYTES`.
    pub fn before(&self, end: usize) -> &'t str {
        let mut start = end.saturating_sub(LOOK_BACK_BYTES);
        while !self.text.is_char_boundary(start) {
            start += 1;
        }
        let before = &self.text[start..end];
        scan_meter::add(before.len());
        before.rfind(ends_address).map_or(before, |space| &before[space..])
    }
}

impl ScannedStretch {
    fn from(text: &str, begin: usize, is_encoded: bool) -> Self {
        let mut end = begin;
        while let Some(next) = text[end..].chars().next() {
            end += match unescape(&text[end..]) {
                // In an encoded URL, the delimiters of the surrounding text are encoded,
                // too; in a plain one, a percent-encoded delimiter is part of the URL.
                Some((character, _)) if (is_encoded || next != '%') && ends_address(character) => break,
                Some((_, taken)) => taken,
                None if ends_address(next) || next == '\\' || (is_encoded && next == '&') => break,
                None => next.len_utf8(),
            };
        }
        scan_meter::add(end - begin);
        let of_sentence = |character: char| ".!?:*_~|".contains(character);
        let kept_end = begin + text[begin..end].trim_end_matches(of_sentence).len();
        Self { range: begin..end, kept_end }
    }
}

/// The start of the path that follows an ID ending at `end`, behind its first character,
/// and whether the URL is encoded. `None` if the ID ends the URL.
fn path_start(text: &str, end: usize) -> Option<(usize, bool)> {
    let visible = text[end..].trim_start_matches(is_invisible);
    let begin = text.len() - visible.len();
    scan_meter::add(begin - end);
    let (length, is_encoded) =
        separator(visible).or_else(|| suffix(visible).map(|length| (length, false)))?;
    Some((begin + length, is_encoded))
}

/// A slash at the start of a text, plain or escaped: its length in bytes, and whether
/// its URL is encoded. A slash escaped with a backslash doesn't count.
pub fn separator(text: &str) -> Option<(usize, bool)> {
    if text.starts_with('/') {
        return Some((1, false));
    }
    unescape(text)
        .filter(|(character, _)| *character == '/')
        .map(|(_, length)| (length, !text.starts_with('\\')))
}

/// The length of a character that connects an ID directly with the rest of a picture's
/// name or a query, as other programs write it: one of `.-_?~` before a letter or digit.
fn suffix(text: &str) -> Option<usize> {
    let mut characters = text.chars();
    let first = characters.next().filter(|first| ".-_?~".contains(*first))?;
    characters.next().filter(|next| next.is_alphanumeric()).map(|_| first.len_utf8())
}

/// Whether a character delimits a URL from the surrounding text.
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
