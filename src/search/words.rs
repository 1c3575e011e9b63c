//! Cuts a folded text into words: what an index holds, and what a query asks for.
//!
//! A word is a run of letters and digits. Scripts that do not separate words by spaces
//! (Chinese, Japanese, Thai and others) and Korean, whose particles are attached, are cut
//! into overlapping pairs of characters and the last character by itself. An emoji is a word.
//! No word holds 15 or more digits in a row, which may be an ID, or 64 hexadecimal digits,
//! which may be a hash.

use std::ops::Range;
use std::sync::LazyLock;

use super::Folded;

/// Digits in a row from which a word counts as an ID.
const ID_DIGITS: usize = 15;
/// Hexadecimal digits in a row from which a word counts as a hash.
const HASH_DIGITS: usize = 64;

/// What a character is for words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CharClass {
    /// A letter, digit or mark of a script with spaces.
    Letter,
    /// A character of a script that is cut into pairs.
    Dense,
    /// An emoji.
    Emoji,
    /// Anything else: it separates words.
    Separator,
}

impl CharClass {
    /// The class of a folded character.
    pub fn of(char: char) -> Self {
        match char {
            '\0'..='\x7f' if char.is_ascii_alphanumeric() => Self::Letter,
            '\0'..='\x7f' => Self::Separator,
            _ if is_dense(char) => Self::Dense,
            _ if is_emoji(char) => Self::Emoji,
            _ if char.is_alphanumeric() || unicode_normalization::char::is_combining_mark(char) => {
                Self::Letter
            }
            _ => Self::Separator,
        }
    }
}

/// Han, kana, bopomofo, Hangul, Yi; Thai, Lao, Tibetan, Myanmar and Khmer.
const fn is_dense(char: char) -> bool {
    matches!(char,
        '\u{e00}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' | '\u{3100}'..='\u{318f}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{a000}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Symbols that are shown as pictures.
const fn is_emoji(char: char) -> bool {
    matches!(char,
        '\u{203c}' | '\u{2049}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}'
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

/// The words of folded characters, each as its range of them, in order. Pairs overlap.
pub fn words(chars: &[char]) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = 0;
    while start < chars.len() {
        let class = CharClass::of(chars[start]);
        let length = chars[start..].iter().take_while(|char| CharClass::of(**char) == class).count();
        let run = start..start + length;
        match class {
            CharClass::Letter if is_hidden(&chars[run.clone()]) => {}
            CharClass::Letter => words.push(run.clone()),
            CharClass::Dense => words.extend(run.clone().map(|index| index..(index + 2).min(run.end))),
            CharClass::Emoji => words.extend(run.clone().map(|index| index..index + 1)),
            CharClass::Separator => {}
        }
        start = run.end;
    }
    words
}

/// Appends the words of a text to a list, each followed by a space. The same as folding the text and
/// cutting it into [`words`], in less time where the text is ASCII.
pub fn append_words(text: &str, list: &mut String) {
    parts(text, |part| append_words_of_part(part, list));
}

/// Calls `on_part` with the parts of a text that words are in: each begins and ends where words do.
pub fn parts<'t>(text: &'t str, mut on_part: impl FnMut(&'t str)) {
    let bytes = text.as_bytes();
    let is_part = |byte: &u8| !byte.is_ascii() || byte.is_ascii_alphanumeric();
    let mut start = 0;
    while let Some(skipped) = bytes[start..].iter().position(is_part) {
        start += skipped;
        let mut end = start;
        while end < bytes.len() && (is_part(&bytes[end]) || Folded::goes_on(&text[end + 1..])) {
            end += 1;
        }
        // A mark that follows a separator belongs to it.
        while start > 0 && Folded::goes_on(&text[start..]) {
            start -= 1;
        }
        on_part(&text[start..end]);
        start = end;
    }
}

/// Appends the words of one of the [`parts`] of a text.
pub fn append_words_of_part(part: &str, list: &mut String) {
    if part.is_ascii() {
        if part.len() < ID_DIGITS || !is_hidden(&part.chars().collect::<Vec<char>>()) {
            list.extend(part.bytes().map(|byte| char::from(byte.to_ascii_lowercase())));
            list.push(' ');
        }
        return;
    }
    if append_low_word(part, list) {
        return;
    }
    let folded = Folded::of(part);
    for word in words(folded.chars()) {
        list.extend(&folded.chars()[word]);
        list.push(' ');
    }
}

/// Appends a part if it is one word of Latin, Greek, Cyrillic, Hebrew or Arabic letters without separate
/// marks; that takes a fraction of the time of folding it.
fn append_low_word(part: &str, list: &mut String) -> bool {
    if part.len() >= HASH_DIGITS || part.len() >= ID_DIGITS && part.chars().any(char::is_numeric) {
        return false;
    }
    let start = list.len();
    for char in part.chars() {
        let Some(letters) = LowLetters::get(char) else {
            list.truncate(start);
            return false;
        };
        list.push_str(letters);
    }
    list.push(' ');
    true
}

/// What characters with small numbers fold to, if that is letters or digits and they are no marks.
struct LowLetters;

impl LowLetters {
    /// The first character that isn't listed.
    const END: u32 = 0x800;

    fn get(char: char) -> Option<&'static str> {
        static TABLE: LazyLock<Vec<Option<Box<str>>>> = LazyLock::new(|| {
            (0..LowLetters::END).map(|code| LowLetters::folded(char::from_u32(code)?)).collect()
        });
        if char as u32 >= Self::END {
            return None;
        }
        TABLE.get(char as usize)?.as_deref()
    }

    fn folded(char: char) -> Option<Box<str>> {
        let text = char.to_string();
        let folded = Folded::of(&text);
        let is_word = !folded.chars().is_empty()
            && folded.chars().iter().all(|char| CharClass::of(*char) == CharClass::Letter);
        (is_word && !Folded::goes_on(&text)).then(|| folded.chars().iter().collect())
    }
}

/// Whether a run of letters may be an ID or a hash, which are never searched for.
pub fn is_hidden(run: &[char]) -> bool {
    let has_run = |length: usize, belongs: fn(&char) -> bool| {
        run.len() >= length && run.windows(length).any(|window| window.iter().all(belongs))
    };
    has_run(ID_DIGITS, |char| char.is_numeric()) || has_run(HASH_DIGITS, char::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Folded;

    fn words_of(text: &str) -> Vec<String> {
        let folded = Folded::of(text);
        words(folded.chars()).into_iter().map(|word| folded.chars()[word].iter().collect()).collect()
    }

    #[test]
    fn words_are_runs_pairs_and_emoji() {
        for (text, expected) in [
            ("Hello, wörld!", &["hello", "world"][..]),
            ("snake_case v1.2.3 C++ a-b", &["snake", "case", "v1", "2", "3", "c", "a", "b"]),
            ("user@host https://a.b/c?d=e", &["user", "host", "https", "a", "b", "c", "d", "e"]),
            ("東京タワー", &["東京", "京タ", "タワ", "ワー", "ー"]),
            ("한국어 a", &["한국", "국어", "어", "a"]),
            ("ไทย", &["ไท", "ทย", "ย"]),
            ("हिन्दी में", &["हिन्दी", "में"]),
            ("gg👍🏽👍 ok", &["gg", "👍", "👍", "ok"]),
            ("x東", &["x", "東"]),
            ("", &[]),
        ] {
            assert_eq!(words_of(text), expected, "{text}");
        }
    }

    #[test]
    fn appended_words_are_those_of_the_folded_text() {
        const PARTS: [&str; 24] = [
            "a",
            "B1",
            " ",
            ".",
            "=",
            "\u{338}",
            "é",
            "e\u{301}",
            "\u{200d}",
            "東",
            "京",
            "ｶﾞ",
            "ﾞ",
            "ไท",
            "한",
            "\u{1161}",
            "👍",
            "🏽",
            "_",
            "123456789012345",
            "ß",
            "’",
            "\n",
            "\u{308}",
        ];
        let mut rng = fastrand::Rng::with_seed(17);
        for _ in 0..60_000 {
            let text: String = (0..rng.usize(..9)).map(|_| PARTS[rng.usize(..PARTS.len())]).collect();
            let mut list = String::new();
            append_words(&text, &mut list);
            let appended: Vec<&str> = list.split_terminator(' ').collect();
            assert_eq!(appended, words_of(&text), "{text:?}");
        }
    }

    #[test]
    fn neither_ids_nor_hashes_are_words() {
        let (id, hash) = ("1".repeat(18), "ab".repeat(32));
        for hidden in [id.clone(), format!("a{id}b"), hash.clone(), format!("0{hash}"), "٣".repeat(15)] {
            assert_eq!(words_of(&format!("x {hidden} y")), ["x", "y"], "{hidden}");
        }
        assert_eq!(words_of(&"1".repeat(14)), ["1".repeat(14)]);
        assert_eq!(words_of("<@&55> <:wave:123456789012345678>"), ["55", "wave"]);
    }
}
