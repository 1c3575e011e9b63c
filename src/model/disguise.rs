//! Decodes the disguises in which an ID can be written: escapes, digits of other scripts
//! and invisible characters.
//!
//! `docs/privacy.md` lists the supported forms for users.

use std::borrow::Cow;

use super::scan_meter;

/// The greatest number of nested encodings that are decoded. An HTML entity in a URL in
/// JSON has three.
pub const MAX_LAYERS: usize = 4;

/// The greatest number of characters read for the number in an escape.
const MAX_NUMBER_CHARS: usize = 10;

/// Non-ASCII characters whose Unicode property `Numeric_Type` is `Decimal` or `Digit`,
/// ascending, as runs of consecutive digits: first character, its value, length.
/// <https://www.unicode.org/Public/UCD/latest/ucd/extracted/DerivedNumericType.txt>
#[rustfmt::skip]
const DIGITS: [(u32, u8, u8); 94] = [
    (0xb2, 2, 2), (0xb9, 1, 1), (0x660, 0, 10), (0x6f0, 0, 10), (0x7c0, 0, 10), (0x966, 0, 10),
    (0x9e6, 0, 10), (0xa66, 0, 10), (0xae6, 0, 10), (0xb66, 0, 10), (0xbe6, 0, 10), (0xc66, 0, 10),
    (0xce6, 0, 10), (0xd66, 0, 10), (0xde6, 0, 10), (0xe50, 0, 10), (0xed0, 0, 10), (0xf20, 0, 10),
    (0x1040, 0, 10), (0x1090, 0, 10), (0x1369, 1, 9), (0x17e0, 0, 10), (0x1810, 0, 10), (0x1946, 0, 10),
    (0x19d0, 0, 10), (0x19da, 1, 1), (0x1a80, 0, 10), (0x1a90, 0, 10), (0x1b50, 0, 10), (0x1bb0, 0, 10),
    (0x1c40, 0, 10), (0x1c50, 0, 10), (0x2070, 0, 1), (0x2074, 4, 6), (0x2080, 0, 10), (0x2460, 1, 9),
    (0x2474, 1, 9), (0x2488, 1, 9), (0x24ea, 0, 1), (0x24f5, 1, 9), (0x24ff, 0, 1), (0x2776, 1, 9),
    (0x2780, 1, 9), (0x278a, 1, 9), (0xa620, 0, 10), (0xa8d0, 0, 10), (0xa900, 0, 10), (0xa9d0, 0, 10),
    (0xa9f0, 0, 10), (0xaa50, 0, 10), (0xabf0, 0, 10), (0xff10, 0, 10), (0x104a0, 0, 10),
    (0x10a40, 1, 4), (0x10d30, 0, 10), (0x10d40, 0, 10), (0x10e60, 1, 9), (0x11052, 1, 9),
    (0x11066, 0, 10), (0x110f0, 0, 10), (0x11136, 0, 10), (0x111d0, 0, 10), (0x112f0, 0, 10),
    (0x11450, 0, 10), (0x114d0, 0, 10), (0x11650, 0, 10), (0x116c0, 0, 10), (0x116d0, 0, 10),
    (0x116da, 0, 10), (0x11730, 0, 10), (0x118e0, 0, 10), (0x11950, 0, 10), (0x11bf0, 0, 10),
    (0x11c50, 0, 10), (0x11d50, 0, 10), (0x11da0, 0, 10), (0x16a60, 0, 10), (0x16ac0, 0, 10),
    (0x16b50, 0, 10), (0x16d70, 0, 10), (0x1ccf0, 0, 10), (0x1d7ce, 0, 10), (0x1d7d8, 0, 10),
    (0x1d7e2, 0, 10), (0x1d7ec, 0, 10), (0x1d7f6, 0, 10), (0x1e140, 0, 10), (0x1e2f0, 0, 10),
    (0x1e4f0, 0, 10), (0x1e5f1, 0, 10), (0x1e950, 0, 10), (0x1f100, 0, 1), (0x1f101, 0, 10),
    (0x1fbf0, 0, 10),
];

/// Characters that are invisible between two digits, or show only space: controls,
/// joiners, marks, format characters and non-ASCII spaces. Ascending inclusive ranges.
/// <https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point>
#[rustfmt::skip]
const INVISIBLE: [(u32, u32); 36] = [
    (0x00, 0x08), (0x0e, 0x1f), (0x7f, 0x84), (0x86, 0xa0), (0xad, 0xad), (0x300, 0x36f), (0x483, 0x489),
    (0x61c, 0x61c), (0x115f, 0x1160), (0x1680, 0x1680), (0x17b4, 0x17b5), (0x180b, 0x180f),
    (0x1ab0, 0x1aff), (0x1dc0, 0x1dff), (0x2000, 0x200f), (0x202a, 0x202f), (0x205f, 0x206f),
    (0x20d0, 0x20ff), (0x2800, 0x2800), (0x3000, 0x3000), (0x3164, 0x3164), (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f), (0xfeff, 0xfeff), (0xffa0, 0xffa0), (0xfff0, 0xfffb), (0x10a01, 0x10a0f),
    (0x1107f, 0x1107f), (0x13430, 0x1345f), (0x1bca0, 0x1bca3), (0x1d165, 0x1d169), (0x1d16d, 0x1d182),
    (0x1d185, 0x1d18b), (0x1d1aa, 0x1d1ad), (0x1e8d0, 0x1e8d6), (0xe0000, 0xe0fff),
];

/// Named HTML entities that can occur in or around an ID.
/// <https://html.spec.whatwg.org/multipage/named-characters.html>
const ENTITIES: [(&str, char); 24] = [
    ("amp;", '&'),
    ("lt;", '<'),
    ("gt;", '>'),
    ("quot;", '"'),
    ("apos;", '\''),
    ("num;", '#'),
    ("percnt;", '%'),
    ("sol;", '/'),
    ("bsol;", '\\'),
    ("commat;", '@'),
    ("excl;", '!'),
    ("colon;", ':'),
    ("semi;", ';'),
    ("nbsp;", '\u{a0}'),
    ("shy;", '\u{ad}'),
    ("ensp;", '\u{2002}'),
    ("emsp;", '\u{2003}'),
    ("thinsp;", '\u{2009}'),
    ("ZeroWidthSpace;", '\u{200b}'),
    ("zwnj;", '\u{200c}'),
    ("zwj;", '\u{200d}'),
    ("lrm;", '\u{200e}'),
    ("rlm;", '\u{200f}'),
    ("NoBreak;", '\u{2060}'),
];

/// The value of a decimal digit of any script, including superscript, subscript and
/// circled digits.
pub fn digit(character: char) -> Option<u8> {
    if character.is_ascii() {
        return character.to_digit(10).and_then(|value| u8::try_from(value).ok());
    }
    let code = u32::from(character);
    let index = DIGITS.partition_point(|(first, ..)| *first <= code).checked_sub(1)?;
    let (first, value, count) = DIGITS[index];
    let offset = u8::try_from(code - first).ok().filter(|offset| *offset < count)?;
    Some(value + offset)
}

/// Whether a character is invisible between two digits, or shows only space. ASCII white
/// space is not: it separates words.
pub fn is_invisible(character: char) -> bool {
    if matches!(character, ' '..='~') {
        return false;
    }
    let code = u32::from(character);
    let index = INVISIBLE.partition_point(|(first, _)| *first <= code);
    index.checked_sub(1).is_some_and(|index| code <= INVISIBLE[index].1)
}

/// Decodes an escape at the start of a text: percent-encoding, a JSON or JavaScript
/// escape or an HTML entity, even if encoded repeatedly in the same way. Returns the
/// character and the escape's length in bytes.
pub fn unescape(text: &str) -> Option<(char, usize)> {
    match text.as_bytes().first()? {
        b'%' => percent(text),
        b'\\' => backslash(text),
        b'&' => entity(text),
        _ => None,
    }
}

/// The number of bytes to skip at the start of a text if no escape begins there: one
/// character, or a whole run of backslashes, since the same text follows each of them.
pub fn plain_length(text: &str) -> usize {
    match text.bytes().take_while(|byte| *byte == b'\\').count() {
        0 => text.chars().next().map_or(0, char::len_utf8),
        backslashes => backslashes,
    }
}

/// Decodes a percent-encoded character, also the obsolete `%u0031`.
fn percent(text: &str) -> Option<(char, usize)> {
    if let Some(code) = text.strip_prefix("%u").and_then(|rest| hex(rest, 4)) {
        return Some((char::from_u32(code)?, 6));
    }
    let (first, mut length) = percent_byte(text)?;
    let bytes = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let mut encoded = [first, 0, 0, 0];
    for byte in &mut encoded[1..bytes] {
        let Some((next, taken)) = percent_byte(&text[length..]) else { break };
        *byte = next;
        length += taken;
    }
    match std::str::from_utf8(&encoded[..bytes]).ok().and_then(|decoded| decoded.chars().next()) {
        Some(character) => Some((character, length)),
        // Not UTF-8: the byte is taken as Latin-1.
        None => percent_byte(text).map(|(byte, length)| (char::from(byte), length)),
    }
}

/// Decodes `%31`, and also `%2531`, in which the percent sign is encoded again.
fn percent_byte(text: &str) -> Option<(u8, usize)> {
    let mut rest = text.strip_prefix('%')?;
    while let Some(inner) = rest.strip_prefix("25").filter(|inner| hex(inner, 2).is_some()) {
        rest = inner;
    }
    scan_meter::add(text.len() - rest.len());
    let byte = u8::try_from(hex(rest, 2)?).ok()?;
    Some((byte, text.len() - rest.len() + 2))
}

/// Decodes an escape that begins with any number of backslashes: each level of JSON in
/// JSON doubles them.
fn backslash(text: &str) -> Option<(char, usize)> {
    let rest = text.trim_start_matches('\\');
    let before = text.len() - rest.len();
    scan_meter::add(before);
    if rest.starts_with('/') {
        return Some(('/', before + 1));
    }
    for (prefix, digits) in [("u", 4), ("x", 2), ("U", 8)] {
        let Some(number) = rest.strip_prefix(prefix) else { continue };
        if let Some((code, length)) = number.strip_prefix('{').and_then(braced) {
            return Some((char::from_u32(code)?, before + 1 + length));
        }
        let code = hex(number, digits)?;
        let length = before + 1 + digits;
        return match char::from_u32(code) {
            Some(character) => Some((character, length)),
            None => surrogate(code, &text[length..]).map(|(character, low)| (character, length + low)),
        };
    }
    // A digit in octal, as in C and old JavaScript.
    let octal = rest.get(..3).filter(|octal| octal.starts_with("06") || octal.starts_with("07"))?;
    let code = u8::from_str_radix(octal, 8).ok().filter(u8::is_ascii_digit)?;
    Some((char::from(code), before + 3))
}

/// Decodes the low surrogate at the start of a text and combines it with `high`. Returns
/// the character and the length of the low surrogate's escape.
fn surrogate(high: u32, text: &str) -> Option<(char, usize)> {
    let rest = text.trim_start_matches('\\').strip_prefix('u')?;
    let low = hex(rest, 4).filter(|low| (0xdc00..0xe000).contains(low))?;
    let code = 0x10000 + (high.checked_sub(0xd800).filter(|high| *high < 0x400)? << 10) + (low - 0xdc00);
    Some((char::from_u32(code)?, text.len() - rest.len() + 4))
}

/// Decodes `31}`, the rest of a number in braces. Returns the number, and its length with
/// both braces.
fn braced(text: &str) -> Option<(u32, usize)> {
    let end = text.bytes().take(MAX_NUMBER_CHARS).position(|byte| byte == b'}')?;
    Some((hex(text, end)?, end + 2))
}

/// Decodes an HTML entity. Like browsers, it accepts a number without a semicolon.
fn entity(text: &str) -> Option<(char, usize)> {
    let mut rest = text.strip_prefix('&')?;
    while let Some(inner) = rest.strip_prefix("amp;") {
        rest = inner;
    }
    let before = text.len() - rest.len();
    scan_meter::add(before);
    let Some(number) = rest.strip_prefix('#') else {
        let named = ENTITIES.iter().find(|(name, _)| rest.starts_with(name));
        return match named {
            Some((name, character)) => Some((*character, before + name.len())),
            None => (before > 1).then_some(('&', before)),
        };
    };
    let (radix, number) = match number.strip_prefix(['x', 'X']) {
        Some(number) => (16, number),
        None => (10, number),
    };
    let digits = number.chars().take(MAX_NUMBER_CHARS).take_while(|digit| digit.is_digit(radix)).count();
    let character = u32::from_str_radix(&number[..digits], radix).ok().and_then(char::from_u32)?;
    let semicolon = usize::from(number[digits..].starts_with(';'));
    Some((character, text.len() - number.len() + digits + semicolon))
}

/// The value of the number made of the first `digits` characters, all hex digits.
fn hex(text: &str, digits: usize) -> Option<u32> {
    let number = text.get(..digits).filter(|number| number.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(number, 16).ok()
}

/// A text with one layer of escapes decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The decoded text.
    pub text: String,
    /// For each byte of `text`, where its character begins in the source; finally the
    /// length of the source.
    pub starts: Vec<usize>,
}

/// Decodes one layer of escapes; `None` if there is none.
pub fn decode(source: &str) -> Option<Decoded> {
    scan_meter::add(source.len());
    let is_escape = |character: char| matches!(character, '%' | '\\' | '&');
    let mut decoded: Option<Decoded> = None;
    let mut position = 0;
    while let Some(character) = source[position..].chars().next() {
        let rest = &source[position..];
        let escape = if is_escape(character) { unescape(rest) } else { None };
        let Some((character, length)) = escape else {
            let length = if character == '\\' { plain_length(rest) } else { character.len_utf8() };
            if let Some(decoded) = &mut decoded {
                decoded.push_plain(&rest[..length], position);
            }
            position += length;
            continue;
        };
        let decoded = decoded.get_or_insert_with(|| {
            let mut decoded = Decoded { text: String::new(), starts: Vec::new() };
            decoded.push_plain(&source[..position], 0);
            decoded
        });
        decoded.text.push(character);
        decoded.starts.resize(decoded.text.len(), position);
        position += length;
    }
    if let Some(decoded) = &mut decoded {
        decoded.starts.push(source.len());
    }
    decoded
}

impl Decoded {
    /// Appends unescaped characters, which begin at `position` in the source.
    fn push_plain(&mut self, plain: &str, position: usize) {
        for (start, character) in plain.char_indices() {
            self.text.push(character);
            // All bytes of a character map to its start.
            self.starts.resize(self.text.len(), position + start);
        }
    }
}

/// A text with up to [`MAX_LAYERS`] layers of escapes decoded.
pub fn decode_all(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..MAX_LAYERS {
        let Some(decoded) = decode(&text) else { break };
        text = Cow::Owned(decoded.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(DIGITS.windows(2).all(|pair| pair[0].0 + u32::from(pair[0].2) <= pair[1].0));
        assert!(INVISIBLE.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(INVISIBLE.iter().all(|(first, last)| first <= last));
    }

    #[test]
    fn digits_of_every_script_have_their_value() {
        for (text, value) in [("0٠۰०๐０𝟎𝟘𝟢𝟬𝟶⁰₀⓪🯰", 0), ("9٩۹९๙９𝟗𝟡𝟫𝟿⁹₉⑨🯹", 9), ("3³٣③❸", 3)]
        {
            for character in text.chars() {
                assert_eq!(digit(character), Some(value), "{character}");
            }
        }
        for character in "a½Ⅷ十〇〡٪\u{200b} ".chars() {
            assert_eq!(digit(character), None, "{character}");
        }
    }

    #[test]
    fn joiners_marks_and_controls_are_invisible() {
        for character in
            "\u{ad}\u{200b}\u{200d}\u{202e}\u{2066}\u{feff}\u{fe0f}\u{20e3}\u{a0}\u{2009}\u{1}".chars()
        {
            assert!(is_invisible(character), "{character:?}");
        }
        for character in " \t\n\r0aü界-.,🦀".chars() {
            assert!(!is_invisible(character), "{character:?}");
        }
    }

    #[test]
    fn every_form_of_escape_is_decoded() {
        for escape in [
            "%31",
            "%2531",
            "%252531",
            "%u0031",
            r"\u0031",
            r"\\u0031",
            r"\x31",
            r"\u{31}",
            r"\x{31}",
            r"\U00000031",
            r"\061",
            "&#49;",
            "&#49",
            "&#0049;",
            "&#x31;",
            "&#X31;",
            "&amp;#49;",
            "&amp;amp;#x31;",
        ] {
            assert_eq!(unescape(escape), Some(('1', escape.len())), "{escape}");
        }
        for (escape, character) in [
            ("%E2%80%8B", '\u{200b}'),
            ("%25E2%2580%258B", '\u{200b}'),
            ("%EF%BC%91", '１'),
            ("%E9", 'é'),
            (r"\ud835\udfcf", '𝟏'),
            (r"\/", '/'),
            ("&lt;", '<'),
            ("&amp;", '&'),
            ("&ZeroWidthSpace;", '\u{200b}'),
        ] {
            assert_eq!(unescape(escape), Some((character, escape.len())), "{escape}");
        }
        for text in
            ["", "%", "%3", "%zz", "\\", r"\n", r"\u12", r"\ud800", "&", "&x;", "&#;", "&#x;", "1", "%é1"]
        {
            assert_eq!(unescape(text), None, "{text}");
        }
    }

    #[test]
    fn a_decoded_text_maps_to_positions_in_its_source() {
        let decoded = decode("ü%31界&#x32;!").unwrap();
        assert_eq!(decoded.text, "ü1界2!");
        assert_eq!(decoded.starts, [0, 0, 2, 5, 5, 5, 8, 14, 15]);
        assert_eq!(decode("50% of x&y \\o/"), None);
        assert_eq!(decode_all("%26%2349%3B"), "1");
    }
}
