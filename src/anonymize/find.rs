//! What of a text identifies people: digits that may be an ID, as they stand and
//! in disguise, and what shows a person's picture.

use std::cmp::Reverse;
use std::ops::Range;

use super::UserHash;
use super::address::Addresses;
use super::digits::{DigitRuns, ID_DIGITS, Place, Syntax, readings, user_at};
use super::picture;
use crate::model::disguise::{MAX_LAYERS, decode, digit, is_invisible, plain_length, unescape};
use crate::model::{UserId, work};

/// A part of a text that may have to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// The user that it would name, and where that stands; `None` if it is
    /// dropped because it identifies a person's picture.
    pub(super) user: Option<(UserId, Place)>,
}

/// Everything in a text that may have to go, ascending; of what begins at the same
/// place the longest first.
pub(super) fn find(text: &str, syntax: Syntax) -> Vec<Found> {
    let mut found = Vec::new();
    Layer::undecoded(&mut Addresses::new(text), 0).find_plain(syntax, &mut found);
    found.extend(picture::without_id(text).into_iter().map(|range| Found { range, user: None }));
    disguised(text, syntax, &mut found);
    found.sort_by_key(|found| (found.range.start, Reverse(found.range.end)));
    found.dedup();
    found
}

/// Everybody whose ID may stand in bytes of any kind, also in disguise.
pub fn ids_in(bytes: &[u8]) -> impl Iterator<Item = UserHash> + '_ {
    let plain = DigitRuns::new(bytes)
        .flat_map(|run| readings(bytes, run))
        .filter(|digits| ID_DIGITS.contains(&digits.len()))
        .filter_map(|digits| std::str::from_utf8(&bytes[digits]).ok()?.parse().ok());
    let texts = bytes.utf8_chunks().map(|chunk| chunk.valid());
    let disguised = texts.flat_map(|text| {
        let mut found = Vec::new();
        disguised(text, Syntax::Text, &mut found);
        found.into_iter().filter_map(|found| match found {
            Found { user: Some((id, _)), .. } => Some(id),
            _ => None,
        })
    });
    plain.chain(disguised).map(UserHash::of)
}

/// Adds what stands in a text in escapes, in digits of other scripts, or with
/// invisible characters between the digits.
pub(super) fn disguised(text: &str, syntax: Syntax, found: &mut Vec<Found>) {
    let mut end = 0;
    for region in Regions::new(text) {
        if region.end <= end {
            continue;
        }
        let window = window(text, &region);
        end = window.end;
        find_in_layers(&text[window.clone()], window.start, syntax, found);
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
fn find_in_layers(source: &str, offset: usize, syntax: Syntax, found: &mut Vec<Found>) {
    let mut addresses = Addresses::new(source);
    Layer::undecoded(&mut addresses, offset).find_joined(syntax, found);
    let Some(mut decoded) = decode(source) else { return };
    for _ in 0..MAX_LAYERS {
        let mut layer = Layer {
            source: &mut addresses,
            offset,
            decoded: Addresses::new(&decoded.text),
            starts: Some(&decoded.starts),
        };
        layer.find_plain(syntax, found);
        layer.find_joined(syntax, found);
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
        let decoded = Addresses::new(source.text);
        Self { source, offset, decoded, starts: None }
    }

    fn of_source(&self, range: &Range<usize>) -> Range<usize> {
        self.starts.map_or_else(|| range.clone(), |starts| starts[range.start]..starts[range.end])
    }

    fn add(&mut self, range: &Range<usize>, digits: &str, syntax: Syntax, found: &mut Vec<Found>) {
        let Some((id, place)) = user_at(self.decoded.text, range, digits, syntax) else { return };
        let of_source = self.of_source(range);
        let offset = self.offset;
        let mut add = |range: Range<usize>, user| {
            found.push(Found { range: offset + range.start..offset + range.end, user });
        };
        if place == Place::Profile {
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
        add(of_source, Some((id, place)));
    }

    /// Adds runs of ASCII digits.
    fn find_plain(&mut self, syntax: Syntax, found: &mut Vec<Found>) {
        let text = self.decoded.text;
        for run in DigitRuns::new(text.as_bytes()) {
            for range in readings(text.as_bytes(), run) {
                self.add(&range, &text[range.clone()], syntax, found);
            }
        }
    }

    /// Adds digits of other scripts and those with something invisible between
    /// them. They count together, and each part that has nothing between its
    /// digits counts alone.
    fn find_joined(&mut self, syntax: Syntax, found: &mut Vec<Found>) {
        for run in JoinedRuns(self.decoded.text.char_indices().peekable()) {
            let (Some(first), Some(last)) = (run.parts.first(), run.parts.last()) else { continue };
            let whole = first.0.start..last.0.end;
            if whole.len() == run.digits.len() {
                continue;
            }
            self.add(&whole, &run.digits, syntax, found);
            let is_parted = run.parts.len() > 1;
            for (range, digits) in run.parts.iter().filter(|_| is_parted) {
                self.add(range, &run.digits[digits.clone()], syntax, found);
            }
        }
    }
}

/// Digits with nothing visible between them.
#[derive(Debug, Default)]
struct JoinedRun {
    /// In ASCII.
    digits: String,
    /// Parts without anything between: where each stands in the text and in
    /// `digits`.
    parts: Vec<(Range<usize>, Range<usize>)>,
}

impl JoinedRun {
    fn push(&mut self, at: usize, character: char, value: u8) {
        let count = self.digits.len();
        self.digits.push(char::from(b'0' + value));
        let end = at + character.len_utf8();
        match self.parts.last_mut().filter(|(range, _)| range.end == at) {
            Some((range, digits)) => (range.end, digits.end) = (end, count + 1),
            None => self.parts.push((at..end, count..count + 1)),
        }
    }
}

/// Those long enough to be an ID.
struct JoinedRuns<'a>(std::iter::Peekable<std::str::CharIndices<'a>>);

impl Iterator for JoinedRuns<'_> {
    type Item = JoinedRun;

    fn next(&mut self) -> Option<JoinedRun> {
        loop {
            while self.0.next_if(|(_, character)| digit(*character).is_none()).is_some() {}
            self.0.peek()?;
            let mut run = JoinedRun::default();
            while let Some((at, character)) =
                self.0.next_if(|(_, character)| digit(*character).is_some() || is_invisible(*character))
            {
                if let Some(value) = digit(character) {
                    run.push(at, character, value);
                }
            }
            if run.digits.len() >= *ID_DIGITS.start() {
                return Some(run);
            }
        }
    }
}

/// Parts of a text in which digits may be in disguise: what holds enough of them,
/// an escape, a digit of another script or something invisible, and no character
/// that ends every number.
struct Regions<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Regions<'a> {
    fn new(text: &'a str) -> Self {
        let is_possible = ByteCounts::of(text).allow_a_disguise();
        Self { text, position: if is_possible { 0 } else { text.len() } }
    }

    /// Whether something disguises digits at a place, and where the next place is.
    fn look_at(&self, place: usize) -> (bool, usize) {
        let rest = &self.text[place..];
        let Some(character) = rest.chars().next() else { return (false, place + 1) };
        let next = place + character.len_utf8();
        match character {
            '%' | '\\' | '&' => match unescape(rest) {
                Some((_, length)) => (true, place + length),
                None => (false, place + plain_length(rest)),
            },
            _ => (belongs_to_number(character), next),
        }
    }

    /// The characters around a place that no character parts which ends numbers.
    fn around(&self, place: usize) -> Range<usize> {
        let ends = |character: &char| !belongs_to_number(*character);
        let before = self.text[self.position..place].char_indices().rev();
        let before = before.take_while(|(_, character)| !ends(character)).last();
        let mut after = self.text[place..].char_indices().skip_while(|(_, character)| !ends(character));
        let end = after.next().map_or(self.text.len(), |(end, _)| place + end);
        let start = before.map_or(place, |(start, _)| self.position + start);
        work::note(end - start);
        start..end
    }
}

impl Iterator for Regions<'_> {
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
                if may_hold_digits(&self.text[region.clone()]) {
                    return Some(region);
                }
            }
        }
        self.position = self.text.len();
        None
    }
}

/// Whether a character can be part of a number in disguise, also as one of an
/// escape's.
fn belongs_to_number(character: char) -> bool {
    match character {
        '%' | '\\' | '&' | '#' | ';' | '{' | '}' => true,
        _ if character.is_ascii() => character.is_ascii_alphanumeric() || is_special(character as u8),
        _ => !is_plain_letter(character) && (is_invisible(character) || digit(character).is_some()),
    }
}

fn may_hold_digits(region: &str) -> bool {
    let digits = |character: &char| matches!(character, '%' | '\\' | '&') || digit(*character).is_some();
    region.chars().filter(digits).nth(ID_DIGITS.start() - 1).is_some()
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

/// How many bytes of a text are ASCII digits, and how many special. Counting takes a
/// fraction of what looking for runs of them does.
#[derive(Clone, Copy)]
struct ByteCounts {
    digits: usize,
    special: usize,
}

impl ByteCounts {
    fn of(text: &str) -> Self {
        let mut counts = Self { digits: 0, special: 0 };
        // A sum of 8 bits is made of many bytes at once.
        for chunk in text.as_bytes().chunks(usize::from(u8::MAX)) {
            counts.digits +=
                usize::from(chunk.iter().map(|byte| u8::from(byte.is_ascii_digit())).sum::<u8>());
            counts.special += usize::from(chunk.iter().map(|byte| u8::from(is_special(*byte))).sum::<u8>());
        }
        counts
    }

    const fn allow_a_disguise(self) -> bool {
        self.special > 0 && self.digits + self.special >= *ID_DIGITS.start()
    }
}

/// A quick look before the close one: most texts hold no long number.
pub(super) fn may_name_somebody(text: &str) -> bool {
    let counts = ByteCounts::of(text);
    let has_run = || DigitRuns::new(text.as_bytes()).any(|run| run.len() >= *ID_DIGITS.start());
    (counts.digits >= *ID_DIGITS.start() && has_run())
        || memchr::memchr_iter(b'@', text.as_bytes()).any(|place| text[..place].ends_with('<'))
        || picture::may_show_one(text)
        || (counts.allow_a_disguise() && Regions::new(text).next().is_some())
}
