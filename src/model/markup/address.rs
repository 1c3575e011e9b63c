//! How far an address reaches before and behind a place in it.
//!
//! Addresses may hold each other, so that most of a text can belong to thousands of
//! them: each stretch is scanned once, not once for each address.

use std::ops::Range;

use memchr::memmem;

use crate::model::disguise::{is_invisible, unescape};
use crate::model::work;

/// A platform's proxy of pictures elsewhere, whose addresses hold a signature and then
/// the picture's own address.
#[derive(Debug)]
pub struct Proxy {
    /// Finds the path before the signature.
    path: memmem::FinderRev<'static>,
    /// Bytes that a segment of the signature has at least, without its slash.
    min_signature_bytes: usize,
}

impl Proxy {
    /// `path` begins and ends with a slash.
    pub fn new(path: &'static str, min_signature_bytes: usize) -> Self {
        Self { path: memmem::FinderRev::new(path), min_signature_bytes }
    }
}

/// Bytes before a picture's address that are looked at: for a proxy's address, and
/// for the name of the path segment before an ID.
const LOOK_BACK: usize = 400;

/// The addresses of one text.
#[derive(Debug)]
pub struct Addresses<'t> {
    /// The text.
    pub text: &'t str,
    proxy: Option<&'t Proxy>,
    /// What was scanned last as a plain and as an encoded address.
    scanned: [Scanned; 2],
    /// Where the parts of the address end that was continued last, ascending.
    part_ends: Vec<usize>,
}

/// A stretch of a text up to what ends an address.
#[derive(Debug, Default)]
struct Scanned {
    range: Range<usize>,
    /// Its end without the punctuation of the sentence around it.
    kept_end: usize,
}

impl<'t> Addresses<'t> {
    /// Nothing is scanned yet. `proxy` is the platform's, if it has one.
    pub fn new(text: &'t str, proxy: Option<&'t Proxy>) -> Self {
        Self { text, proxy, scanned: Default::default(), part_ends: Vec::new() }
    }

    /// Those of the same text, with nothing scanned.
    #[must_use]
    pub fn unscanned(&self) -> Self {
        Self::new(self.text, self.proxy)
    }

    /// What is dropped around a user's ID in the address of a profile or picture: a
    /// proxy's signature before it, the path behind it.
    pub fn around(&mut self, id: &Range<usize>) -> [Option<Range<usize>>; 2] {
        [self.signature(id.start), self.tail(id.end)]
    }

    /// The rest of an address behind an ID, without the punctuation of the sentence
    /// around it; with each further part that follows once what is between is
    /// dropped, behind nothing but invisible characters.
    pub fn tail(&mut self, end: usize) -> Option<Range<usize>> {
        let part = self.part(end)?;
        Some(end..self.last_end(part.end))
    }

    /// Like [`Self::tail`], without further parts.
    pub fn part(&mut self, end: usize) -> Option<Range<usize>> {
        let (begin, is_encoded) = opening(self.text, end)?;
        let scanned = &mut self.scanned[usize::from(is_encoded)];
        if !scanned.range.contains(&begin) {
            *scanned = Scanned::from(self.text, begin, is_encoded);
        }
        Some(end..scanned.kept_end.max(begin))
    }

    /// Where the last of the parts ends that follow one which ends at `end`. That
    /// depends on nothing else, and parts are between spaces: no other address has
    /// to go through them again.
    pub fn last_end(&mut self, end: usize) -> usize {
        if !self.text[end..].starts_with(is_invisible) {
            return end;
        }
        if self.part_ends.binary_search(&end).is_err() {
            self.part_ends.clear();
            let mut next = Some(end);
            while let Some(end) = next {
                self.part_ends.push(end);
                let opening = opening(self.text, end);
                next =
                    opening.map(|(begin, is_encoded)| Scanned::from(self.text, begin, is_encoded).kept_end);
            }
        }
        self.part_ends.last().copied().unwrap_or(end)
    }

    /// The signature of the proxy in whose address a picture's stands that begins
    /// before `end`, with whatever could be taken for one behind it.
    pub fn signature(&self, end: usize) -> Option<Range<usize>> {
        let proxy = self.proxy?;
        // Most addresses are no proxy's.
        proxy.path.rfind(&self.text.as_bytes()[end.saturating_sub(LOOK_BACK)..end])?;
        let before = self.before(end);
        let begin = proxy.path.rfind(before)? + proxy.path.needle().len();
        let is_signature =
            |segment: &&str| segment.len() > proxy.min_signature_bytes && segment.ends_with('/');
        let signatures = before[begin..].split_inclusive('/').take_while(is_signature);
        let length: usize = signatures.map(str::len).sum();
        let begin = end - before.len() + begin;
        (length > 0).then_some(begin..begin + length)
    }

    /// What stands before a place and can belong to the same address.
    pub fn before(&self, end: usize) -> &'t str {
        let mut start = end.saturating_sub(LOOK_BACK);
        while !self.text.is_char_boundary(start) {
            start += 1;
        }
        let before = &self.text[start..end];
        work::note(before.len());
        before.rfind(ends_address).map_or(before, |space| &before[space..])
    }
}

impl Scanned {
    fn from(text: &str, begin: usize, is_encoded: bool) -> Self {
        let mut end = begin;
        while let Some(next) = text[end..].chars().next() {
            end += match unescape(&text[end..]) {
                // In an encoded address a sign of the text around is encoded as well.
                Some((character, _)) if (is_encoded || next != '%') && ends_address(character) => break,
                Some((_, taken)) => taken,
                None if ends_address(next) || next == '\\' || (is_encoded && next == '&') => break,
                None => next.len_utf8(),
            };
        }
        work::note(end - begin);
        let of_sentence = |character: char| ".!?:*_~|".contains(character);
        let kept_end = begin + text[begin..end].trim_end_matches(of_sentence).len();
        Self { range: begin..end, kept_end }
    }
}

/// Where the path of an address begins behind an ID that ends at `end`, and whether
/// it is encoded.
fn opening(text: &str, end: usize) -> Option<(usize, bool)> {
    let visible = text[end..].trim_start_matches(is_invisible);
    let begin = text.len() - visible.len();
    work::note(begin - end);
    let (length, is_encoded) =
        separator(visible).or_else(|| suffix(visible).map(|length| (length, false)))?;
    Some((begin + length, is_encoded))
}

/// The slash at the beginning of a text: its bytes, and whether it is encoded.
pub fn separator(text: &str) -> Option<(usize, bool)> {
    if text.starts_with('/') {
        return Some((1, false));
    }
    unescape(text)
        .filter(|(character, _)| *character == '/')
        .map(|(_, length)| (length, !text.starts_with('\\')))
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
