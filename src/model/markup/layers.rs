//! Finds IDs in a text, as they stand and in disguise: in layers of escapes, in
//! characters of other scripts, with something invisible between them.

use std::iter::Peekable;
use std::marker::PhantomData;
use std::ops::Range;
use std::str::CharIndices;

use super::address::{Addresses, Proxy};
use super::{Found, IdContext, Syntax};
use crate::model::disguise::{MAX_LAYERS, decode, is_invisible, plain_length, unescape};
use crate::model::{UserId, work};

/// What IDs of a platform's users look like, and the syntax around them. IDs are made
/// of characters that are one byte in ASCII, such as digits.
pub trait IdSyntax {
    /// Characters of the shortest ID.
    const MIN_CHARS: usize;

    /// Whether an ASCII character can be part of an ID.
    fn is_id_byte(byte: u8) -> bool;

    /// The ASCII character of an ID that a character of any script stands for.
    fn id_byte(character: char) -> Option<u8>;

    /// The user that an ID in a text would name, and how; `None` if it names nobody.
    /// `id` is what stands at `range`, in ASCII.
    fn user_at(text: &str, range: &Range<usize>, id: &str, syntax: Syntax) -> Option<(UserId, IdContext)>;

    /// The user that an ID would name if nothing were known of the text around it.
    fn user(id: &str) -> Option<UserId>;

    /// The platform's proxy of pictures elsewhere.
    fn proxy() -> Option<&'static Proxy>;
}

/// Adds the IDs of a text that stand there in ASCII.
pub fn find_plain<S: IdSyntax>(text: &str, syntax: Syntax, found: &mut Vec<Found>) {
    let mut addresses = Addresses::new(text, S::proxy());
    Layer::undecoded(&mut addresses, 0).find_plain::<S>(syntax, found);
}

/// Adds what stands in a text in escapes, in digits of other scripts, or with
/// invisible characters between the digits.
pub fn find_disguised<S: IdSyntax>(text: &str, syntax: Syntax, found: &mut Vec<Found>) {
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

/// The region with what stands around it up to white space: an address, or what
/// there is between two spaces of JSON.
fn window(text: &str, region: &Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let is_space = |byte: &u8| byte.is_ascii_whitespace();
    let start = bytes[..region.start].iter().rposition(is_space).map_or(0, |space| space + 1);
    let end = bytes[region.end..].iter().position(is_space);
    let window = start..end.map_or(bytes.len(), |space| region.end + space);
    work::note(window.len());
    window
}

/// Looks through a text, then through what one layer of its escapes hides, and so
/// on. `offset` is added to every place.
fn find_in_layers<S: IdSyntax>(source: &str, offset: usize, syntax: Syntax, found: &mut Vec<Found>) {
    let mut addresses = Addresses::new(source, S::proxy());
    Layer::undecoded(&mut addresses, offset).find_joined::<S>(syntax, found);
    let Some(mut decoded) = decode(source) else { return };
    for _ in 0..MAX_LAYERS {
        let mut layer = Layer {
            source: &mut addresses,
            offset,
            decoded: Addresses::new(&decoded.text, S::proxy()),
            starts: Some(&decoded.starts),
        };
        layer.find_plain::<S>(syntax, found);
        layer.find_joined::<S>(syntax, found);
        let Some(mut next) = decode(&decoded.text) else { return };
        next.starts.iter_mut().for_each(|start| *start = decoded.starts[*start]);
        decoded = next;
    }
}

/// A text with some layers of its escapes decoded.
struct Layer<'a, 's> {
    /// The text with all of them, and where that stands in the whole.
    source: &'a mut Addresses<'s>,
    offset: usize,
    /// The decoded text.
    decoded: Addresses<'a>,
    /// For each byte of it where its character begins in `source`; `None` if
    /// nothing is decoded.
    starts: Option<&'a [usize]>,
}

impl<'a, 's: 'a> Layer<'a, 's> {
    fn undecoded(source: &'a mut Addresses<'s>, offset: usize) -> Self {
        let decoded = source.unscanned();
        Self { source, offset, decoded, starts: None }
    }

    fn of_source(&self, range: &Range<usize>) -> Range<usize> {
        self.starts.map_or_else(|| range.clone(), |starts| starts[range.start]..starts[range.end])
    }

    fn add<S: IdSyntax>(&mut self, range: &Range<usize>, id: &str, syntax: Syntax, found: &mut Vec<Found>) {
        let Some((user, context)) = S::user_at(self.decoded.text, range, id, syntax) else { return };
        let of_source = self.of_source(range);
        let offset = self.offset;
        let mut add = |range: Range<usize>, user| {
            found.push(Found { range: offset + range.start..offset + range.end, user });
        };
        if context == IdContext::Profile {
            let [signature, tail] = self.source.around(&of_source);
            let decoded =
                self.starts.map(|_| (self.decoded.signature(range.start), self.decoded.part(range.end)));
            let (decoded_signature, decoded_part) = decoded.unwrap_or_default();
            let signature = signature.or_else(|| decoded_signature.map(|range| self.of_source(&range)));
            let tail = tail.or_else(|| {
                let part = self.of_source(&decoded_part?);
                Some(part.start..self.source.last_end(part.end))
            });
            for range in signature.into_iter().chain(tail) {
                add(range, None);
            }
        }
        add(of_source, Some((user, context)));
    }

    /// Adds IDs in ASCII.
    fn find_plain<S: IdSyntax>(&mut self, syntax: Syntax, found: &mut Vec<Found>) {
        let text = self.decoded.text;
        for run in IdRuns::<S>::new(text.as_bytes()) {
            for range in readings(text.as_bytes(), run) {
                self.add::<S>(&range, &text[range.clone()], syntax, found);
            }
        }
    }

    /// Adds IDs in characters of other scripts and those with something invisible
    /// between the characters. They count together, and each part that has nothing
    /// between its characters counts alone.
    fn find_joined<S: IdSyntax>(&mut self, syntax: Syntax, found: &mut Vec<Found>) {
        for run in JoinedRuns::<S>::new(self.decoded.text) {
            let (Some(first), Some(last)) = (run.parts.first(), run.parts.last()) else { continue };
            let whole = first.0.start..last.0.end;
            if whole.len() == run.id.len() {
                continue;
            }
            self.add::<S>(&whole, &run.id, syntax, found);
            let is_parted = run.parts.len() > 1;
            for (range, id) in run.parts.iter().filter(|_| is_parted) {
                self.add::<S>(range, &run.id[id.clone()], syntax, found);
            }
        }
    }
}

/// Characters of an ID with nothing visible between them.
#[derive(Debug, Default)]
struct JoinedRun {
    /// In ASCII.
    id: String,
    /// Parts without anything between: where each stands in the text and in `id`.
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

/// Those long enough to be an ID.
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

/// Parts of a text in which IDs may be in disguise: what holds enough of their
/// characters, an escape, a character of another script or something invisible, and
/// no character that ends every ID.
struct Regions<'a, S> {
    text: &'a str,
    position: usize,
    id_syntax: PhantomData<S>,
}

impl<'a, S: IdSyntax> Regions<'a, S> {
    fn new(text: &'a str) -> Self {
        let is_possible = ByteCounts::of::<S>(text).allow_a_disguise::<S>();
        Self { text, position: if is_possible { 0 } else { text.len() }, id_syntax: PhantomData }
    }

    /// Whether something disguises an ID at a place, and where the next place is.
    fn look_at(&self, place: usize) -> (bool, usize) {
        let rest = &self.text[place..];
        let Some(character) = rest.chars().next() else { return (false, place + 1) };
        let next = place + character.len_utf8();
        match character {
            '%' | '\\' | '&' => match unescape(rest) {
                Some((_, length)) => (true, place + length),
                None => (false, place + plain_length(rest)),
            },
            _ => (belongs_to_id::<S>(character), next),
        }
    }

    /// The characters around a place that no character parts which ends IDs.
    fn around(&self, place: usize) -> Range<usize> {
        let ends = |character: &char| !belongs_to_id::<S>(*character);
        let before = self.text[self.position..place].char_indices().rev();
        let before = before.take_while(|(_, character)| !ends(character)).last();
        let mut after = self.text[place..].char_indices().skip_while(|(_, character)| !ends(character));
        let end = after.next().map_or(self.text.len(), |(end, _)| place + end);
        let start = before.map_or(place, |(start, _)| self.position + start);
        work::note(end - start);
        start..end
    }
}

impl<S: IdSyntax> Iterator for Regions<'_, S> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let mut place = self.position;
        while let Some(found) = next_special(self.text.as_bytes(), place) {
            let (is_disguised, next) = self.look_at(found);
            place = next;
            if is_disguised {
                let region = self.around(found);
                self.position = region.end;
                place = region.end.max(next);
                if may_hold_id::<S>(&self.text[region.clone()]) {
                    return Some(region);
                }
            }
        }
        self.position = self.text.len();
        None
    }
}

/// Whether a character can be part of an ID in disguise, also as one of an escape's.
fn belongs_to_id<S: IdSyntax>(character: char) -> bool {
    match character {
        '%' | '\\' | '&' | '#' | ';' | '{' | '}' => true,
        _ if character.is_ascii() => character.is_ascii_alphanumeric() || is_special(character as u8),
        _ => !is_plain_letter(character) && (is_invisible(character) || S::id_byte(character).is_some()),
    }
}

fn may_hold_id<S: IdSyntax>(region: &str) -> bool {
    let is_part =
        |character: &char| matches!(character, '%' | '\\' | '&') || S::id_byte(*character).is_some();
    region.chars().filter(is_part).nth(S::MIN_CHARS - 1).is_some()
}

/// Bytes that an ID in disguise has at least one of: the beginning of an escape, of
/// a character beyond ASCII, or a control character.
#[allow(clippy::needless_bitwise_bool, reason = "without branches, many bytes are looked at together")]
const fn is_special(byte: u8) -> bool {
    (byte == b'%')
        | (byte == b'\\')
        | (byte == b'&')
        | (byte >= 0xc2)
        | (byte < 9)
        | (byte == 0x7f)
        | ((byte > 0x0d) & (byte < 0x20))
}

fn next_special(bytes: &[u8], from: usize) -> Option<usize> {
    const TOGETHER: usize = 32;
    let mut start = from.min(bytes.len());
    for chunk in bytes[start..].chunks(TOGETHER) {
        if chunk.iter().fold(false, |any, byte| any | is_special(*byte)) {
            return chunk.iter().position(|byte| is_special(*byte)).map(|position| start + position);
        }
        start += chunk.len();
    }
    None
}

/// Letters, syllables and pictures of the scripts that are written most.
const fn is_plain_letter(character: char) -> bool {
    matches!(
        character as u32,
        0xc0..=0x2ff | 0x370..=0x482 | 0x48a..=0x61b | 0x3041..=0x3163 | 0x3165..=0xa61f | 0xac00..=0xd7ff
            | 0x1f200..=0x1faff
    )
}

/// How many bytes of a text can be an ID's, and how many special. Counting takes a
/// fraction of what looking for runs of them does.
#[derive(Clone, Copy)]
struct ByteCounts {
    of_ids: usize,
    special: usize,
}

impl ByteCounts {
    fn of<S: IdSyntax>(text: &str) -> Self {
        let mut counts = Self { of_ids: 0, special: 0 };
        // A sum of 8 bits is made of many bytes at once.
        for chunk in text.as_bytes().chunks(usize::from(u8::MAX)) {
            counts.of_ids += usize::from(chunk.iter().map(|byte| u8::from(S::is_id_byte(*byte))).sum::<u8>());
            counts.special += usize::from(chunk.iter().map(|byte| u8::from(is_special(*byte))).sum::<u8>());
        }
        counts
    }

    const fn allow_a_disguise<S: IdSyntax>(self) -> bool {
        self.special > 0 && self.of_ids + self.special >= S::MIN_CHARS
    }
}

/// A quick look at whether a text holds an ID, as it stands or in disguise.
pub fn may_find<S: IdSyntax>(text: &str) -> bool {
    let counts = ByteCounts::of::<S>(text);
    let has_run = || IdRuns::<S>::new(text.as_bytes()).any(|run| run.len() >= S::MIN_CHARS);
    (counts.of_ids >= S::MIN_CHARS && has_run())
        || (counts.allow_a_disguise::<S>() && Regions::<S>::new(text).next().is_some())
}

/// Calls `found` with everybody whose ID may stand in bytes of any kind, also in
/// disguise.
pub fn ids_in<S: IdSyntax>(bytes: &[u8], found: &mut dyn FnMut(UserId)) {
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

/// How a run of an ID's characters can be read: as it stands, and without what belongs
/// to a character written as `%40`, `\u0040` or `\x40` right before an ID. Which of
/// them somebody meant can't be told.
fn readings(text: &[u8], run: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let escaped = escaped_digits(&text[..run.start]).map(|escaped| run.start + escaped..run.end);
    let rest = escaped.filter(|rest| rest.start < rest.end);
    std::iter::once(run).chain(rest)
}

/// How many of the characters that follow belong to an escape begun before them.
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

/// The longest runs of an ID's ASCII characters in a text, as byte ranges.
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
