//! Finds IDs in a text, both plain and disguised: in layers of escapes, in digits of
//! other scripts, with invisible characters in between.

use std::iter::Peekable;
use std::marker::PhantomData;
use std::ops::Range;
use std::str::CharIndices;

use super::url_scanner::{Proxy, UrlScanner};
use super::{IdContext, MarkupMatch, Syntax};
use crate::model::disguise::{MAX_LAYERS, decode, is_invisible, plain_length, unescape};
use crate::model::{UserId, scan_meter};

/// The syntax of a platform's user IDs and of the text around them. An ID consists of
/// ASCII characters, such as digits.
pub trait IdSyntax {
    /// The number of characters in the shortest ID.
    const MIN_CHARS: usize;

    /// Whether an ASCII character can be part of an ID.
    fn is_id_byte(byte: u8) -> bool;

    /// The ID character (ASCII) that corresponds to a character of any script; `None` if
    /// there is none.
    fn id_byte(character: char) -> Option<u8>;

    /// The user with this ID, and the context that the text around it gives it; `None` if
    /// it can't be a user's. `range` is its position in the text, `id` its ASCII form.
    fn user_at(text: &str, range: &Range<usize>, id: &str, syntax: Syntax) -> Option<(UserId, IdContext)>;

    /// The user with this ID, regardless of the text around it.
    fn user(id: &str) -> Option<UserId>;

    /// The platform's proxy for external pictures.
    fn proxy() -> Option<&'static Proxy>;
}

/// Adds the plain IDs in a text: those in ASCII.
pub fn find_plain<S: IdSyntax>(text: &str, syntax: Syntax, found: &mut Vec<MarkupMatch>) {
    let mut scanner = UrlScanner::new(text, S::proxy());
    Layer::undecoded(&mut scanner, 0).find_plain::<S>(syntax, found);
}

/// Adds the disguised IDs in a text: in escapes, in digits of other scripts, or with
/// invisible characters between the digits.
pub fn find_disguised<S: IdSyntax>(text: &str, syntax: Syntax, found: &mut Vec<MarkupMatch>) {
    let mut end = 0;
    for region in Regions::<S>::new(text) {
        if region.end <= end {
            continue;
        }
        let window = window(text, &region);
        end = window.end;
        find_in_layers::<S>(&text[window.clone()], window.start, syntax, found);
    }
}

/// Extends a region to the white space around it, so that it includes, for example, the
/// whole URL.
fn window(text: &str, region: &Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let is_space = |byte: &u8| byte.is_ascii_whitespace();
    let start = bytes[..region.start].iter().rposition(is_space).map_or(0, |space| space + 1);
    let end = bytes[region.end..].iter().position(is_space);
    let window = start..end.map_or(bytes.len(), |space| region.end + space);
    scan_meter::add(window.len());
    window
}

/// Searches a text, then the text with one layer of escapes decoded, and so on up to
/// [`MAX_LAYERS`]. `offset` is the position of `source` in the whole text.
fn find_in_layers<S: IdSyntax>(source: &str, offset: usize, syntax: Syntax, found: &mut Vec<MarkupMatch>) {
    let mut scanner = UrlScanner::new(source, S::proxy());
    Layer::undecoded(&mut scanner, offset).find_joined::<S>(syntax, found);
    let Some(mut decoded) = decode(source) else { return };
    for _ in 0..MAX_LAYERS {
        let mut layer = Layer {
            source: &mut scanner,
            offset,
            decoded: UrlScanner::new(&decoded.text, S::proxy()),
            starts: Some(&decoded.starts),
        };
        layer.find_plain::<S>(syntax, found);
        layer.find_joined::<S>(syntax, found);
        let Some(mut next) = decode(&decoded.text) else { return };
        next.starts.iter_mut().for_each(|start| *start = decoded.starts[*start]);
        decoded = next;
    }
}

/// A text with some layers of escapes decoded.
struct Layer<'a, 's> {
    /// The text with no layer decoded.
    source: &'a mut UrlScanner<'s>,
    /// The position of `source` in the whole text.
    offset: usize,
    /// The decoded text.
    decoded: UrlScanner<'a>,
    /// For each byte of `decoded`, the start of its character in `source`; `None` if no
    /// layer is decoded.
    starts: Option<&'a [usize]>,
}

impl<'a, 's: 'a> Layer<'a, 's> {
    fn undecoded(source: &'a mut UrlScanner<'s>, offset: usize) -> Self {
        let decoded = source.unscanned();
        Self { source, offset, decoded, starts: None }
    }

    /// Converts a range of `decoded` to the range of `source` that it was decoded from.
    fn source_range(&self, range: &Range<usize>) -> Range<usize> {
        self.starts.map_or_else(|| range.clone(), |starts| starts[range.start]..starts[range.end])
    }

    /// Adds the ID at a range of `decoded`, if it may be a user's, and for the URL of a
    /// profile or picture the ranges to drop around it.
    fn add<S: IdSyntax>(
        &mut self,
        range: &Range<usize>,
        id: &str,
        syntax: Syntax,
        found: &mut Vec<MarkupMatch>,
    ) {
        let Some((user, context)) = S::user_at(self.decoded.text, range, id, syntax) else { return };
        let source_range = self.source_range(range);
        let offset = self.offset;
        let mut add = |range: Range<usize>, user| {
            found.push(MarkupMatch { range: offset + range.start..offset + range.end, user });
        };
        if context == IdContext::Profile {
            let [signature, tail] = self.source.ranges_around_id(&source_range);
            let decoded =
                self.starts.map(|_| (self.decoded.signature(range.start), self.decoded.segment(range.end)));
            let (decoded_signature, decoded_part) = decoded.unwrap_or_default();
            let signature = signature.or_else(|| decoded_signature.map(|range| self.source_range(&range)));
            let tail = tail.or_else(|| {
                let part = self.source_range(&decoded_part?);
                Some(part.start..self.source.last_end(part.end))
            });
            for range in signature.into_iter().chain(tail) {
                add(range, None);
            }
        }
        add(source_range, Some((user, context)));
    }

    /// Adds the IDs in ASCII.
    fn find_plain<S: IdSyntax>(&mut self, syntax: Syntax, found: &mut Vec<MarkupMatch>) {
        let text = self.decoded.text;
        for run in IdRuns::<S>::new(text.as_bytes()) {
            for range in readings(text.as_bytes(), run) {
                self.add::<S>(&range, &text[range.clone()], syntax, found);
            }
        }
    }

    /// Adds the IDs that contain characters of other scripts or invisible characters. A
    /// run of ID characters separated by invisible ones is read both as a whole and as
    /// its contiguous parts.
    fn find_joined<S: IdSyntax>(&mut self, syntax: Syntax, found: &mut Vec<MarkupMatch>) {
        for run in JoinedRuns::<S>::new(self.decoded.text) {
            let (Some(first), Some(last)) = (run.parts.first(), run.parts.last()) else { continue };
            let whole = first.0.start..last.0.end;
            if whole.len() == run.id.len() {
                continue;
            }
            self.add::<S>(&whole, &run.id, syntax, found);
            let has_several_parts = run.parts.len() > 1;
            for (range, id) in run.parts.iter().filter(|_| has_several_parts) {
                self.add::<S>(range, &run.id[id.clone()], syntax, found);
            }
        }
    }
}

/// A run of ID characters of any script with nothing visible between them.
#[derive(Debug, Default)]
struct JoinedRun {
    /// The ID characters in ASCII.
    id: String,
    /// The contiguous parts: the range of each in the text, and in `id`.
    parts: Vec<(Range<usize>, Range<usize>)>,
}

impl JoinedRun {
    fn push(&mut self, at: usize, character: char, id_byte: u8) {
        let count = self.id.len();
        self.id.push(char::from(id_byte));
        let end = at + character.len_utf8();
        match self.parts.last_mut().filter(|(range, _)| range.end == at) {
            Some((range, id)) => (range.end, id.end) = (end, count + 1),
            None => self.parts.push((at..end, count..count + 1)),
        }
    }
}

/// The joined runs of a text that are long enough to be an ID.
struct JoinedRuns<'a, S> {
    rest: Peekable<CharIndices<'a>>,
    id_syntax: PhantomData<S>,
}

impl<'a, S> JoinedRuns<'a, S> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.char_indices().peekable(), id_syntax: PhantomData }
    }
}

impl<S: IdSyntax> Iterator for JoinedRuns<'_, S> {
    type Item = JoinedRun;

    fn next(&mut self) -> Option<JoinedRun> {
        loop {
            while self.rest.next_if(|(_, character)| S::id_byte(*character).is_none()).is_some() {}
            self.rest.peek()?;
            let mut run = JoinedRun::default();
            while let Some((at, character)) = self
                .rest
                .next_if(|(_, character)| S::id_byte(*character).is_some() || is_invisible(*character))
            {
                if let Some(id_byte) = S::id_byte(character) {
                    run.push(at, character, id_byte);
                }
            }
            if run.id.len() >= S::MIN_CHARS {
                return Some(run);
            }
        }
    }
}

/// The regions of a text that may contain disguised IDs. A region contains enough ID
/// characters and at least one escape, character of another script or invisible
/// character, and only characters that can belong to a disguised ID.
struct Regions<'a, S> {
    text: &'a str,
    position: usize,
    id_syntax: PhantomData<S>,
}

impl<'a, S: IdSyntax> Regions<'a, S> {
    fn new(text: &'a str) -> Self {
        let is_possible = ByteCounts::of::<S>(text).allow_disguise::<S>();
        Self { text, position: if is_possible { 0 } else { text.len() }, id_syntax: PhantomData }
    }

    /// Whether the character or escape at a position can disguise an ID, and the position
    /// after it.
    fn disguise_at(&self, position: usize) -> (bool, usize) {
        let rest = &self.text[position..];
        let Some(character) = rest.chars().next() else { return (false, position + 1) };
        let next = position + character.len_utf8();
        match character {
            '%' | '\\' | '&' => match unescape(rest) {
                Some((_, length)) => (true, position + length),
                None => (false, position + plain_length(rest)),
            },
            _ => (belongs_to_id::<S>(character), next),
        }
    }

    /// The longest range around a position in which every character can belong to a
    /// disguised ID.
    fn around(&self, position: usize) -> Range<usize> {
        let ends = |character: &char| !belongs_to_id::<S>(*character);
        let before = self.text[self.position..position].char_indices().rev();
        let before = before.take_while(|(_, character)| !ends(character)).last();
        let mut after = self.text[position..].char_indices().skip_while(|(_, character)| !ends(character));
        let end = after.next().map_or(self.text.len(), |(end, _)| position + end);
        let start = before.map_or(position, |(start, _)| self.position + start);
        scan_meter::add(end - start);
        start..end
    }
}

impl<S: IdSyntax> Iterator for Regions<'_, S> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let mut position = self.position;
        while let Some(special) = next_special(self.text.as_bytes(), position) {
            let (is_disguise, next) = self.disguise_at(special);
            position = next;
            if is_disguise {
                let region = self.around(special);
                self.position = region.end;
                position = region.end.max(next);
                if may_hold_id::<S>(&self.text[region.clone()]) {
                    return Some(region);
                }
            }
        }
        self.position = self.text.len();
        None
    }
}

/// Whether a character can belong to a disguised ID, itself or as part of an escape.
fn belongs_to_id<S: IdSyntax>(character: char) -> bool {
    match character {
        '%' | '\\' | '&' | '#' | ';' | '{' | '}' => true,
        _ if character.is_ascii() => character.is_ascii_alphanumeric() || is_special(character as u8),
        _ => !is_plain_letter(character) && (is_invisible(character) || S::id_byte(character).is_some()),
    }
}

/// Whether a region has enough ID characters and escapes for an ID.
fn may_hold_id<S: IdSyntax>(region: &str) -> bool {
    let is_part =
        |character: &char| matches!(character, '%' | '\\' | '&') || S::id_byte(*character).is_some();
    region.chars().filter(is_part).nth(S::MIN_CHARS - 1).is_some()
}

/// Whether a byte is special: the first of an escape or of a non-ASCII character, or a
/// control character. A disguised ID has at least one special byte.
#[allow(clippy::needless_bitwise_bool, reason = "branch-free code is vectorized")]
const fn is_special(byte: u8) -> bool {
    (byte == b'%')
        | (byte == b'\\')
        | (byte == b'&')
        | (byte >= 0xc2)
        | (byte < 9)
        | (byte == 0x7f)
        | ((byte > 0x0d) & (byte < 0x20))
}

/// The position of the next special byte. Tests whole chunks at once for speed.
fn next_special(bytes: &[u8], from: usize) -> Option<usize> {
    const CHUNK_BYTES: usize = 32;
    let mut start = from.min(bytes.len());
    for chunk in bytes[start..].chunks(CHUNK_BYTES) {
        if chunk.iter().fold(false, |any, byte| any | is_special(*byte)) {
            return chunk.iter().position(|byte| is_special(*byte)).map(|position| start + position);
        }
        start += chunk.len();
    }
    None
}

/// Whether a character is a letter, syllable or emoji of the most common scripts: a
/// shortcut past the table lookups.
const fn is_plain_letter(character: char) -> bool {
    matches!(
        character as u32,
        0xc0..=0x2ff | 0x370..=0x482 | 0x48a..=0x61b | 0x3041..=0x3163 | 0x3165..=0xa61f | 0xac00..=0xd7ff
            | 0x1f200..=0x1faff
    )
}

/// The number of bytes in a text that can belong to an ID, and of special bytes. Counting
/// them is much cheaper than searching for runs of them.
#[derive(Clone, Copy)]
struct ByteCounts {
    id_bytes: usize,
    special_bytes: usize,
}

impl ByteCounts {
    fn of<S: IdSyntax>(text: &str) -> Self {
        let mut counts = Self { id_bytes: 0, special_bytes: 0 };
        // Sums of 8 bits are vectorized best, and a chunk is too short to overflow one.
        for chunk in text.as_bytes().chunks(usize::from(u8::MAX)) {
            counts.id_bytes +=
                usize::from(chunk.iter().map(|byte| u8::from(S::is_id_byte(*byte))).sum::<u8>());
            counts.special_bytes +=
                usize::from(chunk.iter().map(|byte| u8::from(is_special(*byte))).sum::<u8>());
        }
        counts
    }

    /// Whether the text may contain a disguised ID.
    const fn allow_disguise<S: IdSyntax>(self) -> bool {
        self.special_bytes > 0 && self.id_bytes + self.special_bytes >= S::MIN_CHARS
    }
}

/// A cheap pre-check: whether a text may contain an ID of at least
/// [`IdSyntax::MIN_CHARS`] characters, plain or disguised.
pub fn may_find<S: IdSyntax>(text: &str) -> bool {
    let counts = ByteCounts::of::<S>(text);
    let has_run = || IdRuns::<S>::new(text.as_bytes()).any(|run| run.len() >= S::MIN_CHARS);
    (counts.id_bytes >= S::MIN_CHARS && has_run())
        || (counts.allow_disguise::<S>() && Regions::<S>::new(text).next().is_some())
}

/// Calls `found` with each user whose ID may occur, even disguised, in arbitrary bytes.
pub fn user_ids_in<S: IdSyntax>(bytes: &[u8], found: &mut dyn FnMut(UserId)) {
    for run in IdRuns::<S>::new(bytes) {
        for id in readings(bytes, run).filter(|id| id.len() >= S::MIN_CHARS) {
            let user = std::str::from_utf8(&bytes[id]).ok().and_then(S::user);
            user.into_iter().for_each(&mut *found);
        }
    }
    let mut disguised = Vec::new();
    for text in bytes.utf8_chunks() {
        find_disguised::<S>(text.valid(), Syntax::Text, &mut disguised);
        for (user, _) in disguised.drain(..).filter_map(|found| found.user) {
            found(user);
        }
    }
}

/// The possible readings of a run of ID characters: the whole run, and the run without
/// its first characters if these may end an escape such as `%40`, `\u0040` or `\x40`.
/// Both are possible, so both are returned.
fn readings(text: &[u8], run: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let escaped = escaped_digits(&text[..run.start]).map(|escaped| run.start + escaped..run.end);
    let rest = escaped.filter(|rest| rest.start < rest.end);
    std::iter::once(run).chain(rest)
}

/// The number of following characters that complete an escape begun at the end of
/// `before`; `None` if none was begun.
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

/// The maximal runs of ASCII ID characters in a text, as byte ranges.
struct IdRuns<'a, S> {
    text: &'a [u8],
    position: usize,
    id_syntax: PhantomData<S>,
}

impl<'a, S> IdRuns<'a, S> {
    const fn new(text: &'a [u8]) -> Self {
        Self { text, position: 0, id_syntax: PhantomData }
    }
}

impl<S: IdSyntax> Iterator for IdRuns<'_, S> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = &self.text[self.position..];
        let start = self.position + rest.iter().position(|byte| S::is_id_byte(*byte))?;
        let run = &self.text[start..];
        let end = start + run.iter().position(|byte| !S::is_id_byte(*byte)).unwrap_or(run.len());
        self.position = end;
        Some(start..end)
    }
}
