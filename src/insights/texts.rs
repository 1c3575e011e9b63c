//! Extracts from a text what is counted: words, emoji, hosts of links, questions, mentions.

use std::mem;
use std::net::Ipv4Addr;
use std::sync::LazyLock;

use emojis::{Emoji, SkinTone};
use memchr::{memchr, memchr2, memchr3, memmem};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::search::{append_words_of_part, parts};

/// Characters of a word at least.
const MIN_WORD_CHARS: usize = 2;
/// Bytes below which a part of a text cannot be a hash.
const SHORT_PART: usize = 64;
/// Characters that end an address as well as white space does.
const ADDRESS_ENDS: [char; 12] = ['<', '>', '"', '`', '|', '\\', '^', '{', '}', ']', '\u{a0}', '\u{3000}'];
/// Punctuation of the sentence around an address.
const OF_SENTENCE: &str = ".,:;!?*_~'";
const SCHEMES: [&str; 6] = ["https://", "http://", "Https://", "Http://", "HTTPS://", "HTTP://"];
/// What may follow the mark of a question: closing brackets, quotes, markup and further marks.
const CLOSERS: &str = ")]}>\"'*_~|!»”’";
/// Marks of questions: Latin, full-width, Arabic and Greek.
const QUESTION_MARKS: [char; 4] = ['?', '？', '؟', '\u{37e}'];

/// Finds the words of texts: those of a search, without mentions, addresses and e-mail addresses; neither
/// emoji nor single characters, and without digits.
#[derive(Debug, Default)]
pub struct Words {
    scratch: String,
    word: String,
    list: String,
}

impl Words {
    /// Calls `on_word` with each word of a text.
    pub fn of(&mut self, text: &str, mut on_word: impl FnMut(&str)) {
        let bytes = text.as_bytes();
        if memchr2(b'<', b'@', bytes).is_none() && !has_address(bytes) {
            parts(text, |part| self.of_part(part, &mut on_word));
            return;
        }
        let mut plain = mem::take(&mut self.scratch);
        plain.clear();
        without_markup(text, &mut plain);
        // Addresses of all kinds: runs without white space.
        for run in plain.split_whitespace() {
            if !run.contains('@') && !has_address(run.as_bytes()) {
                parts(run, |part| self.of_part(part, &mut on_word));
            }
        }
        self.scratch = plain;
    }

    fn of_part(&mut self, part: &str, on_word: &mut impl FnMut(&str)) {
        if part.len() < SHORT_PART && part.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            if part.len() >= MIN_WORD_CHARS {
                self.word.clear();
                self.word.push_str(part);
                self.word.make_ascii_lowercase();
                on_word(&self.word);
            }
        } else if part.len() >= SHORT_PART || !part.is_ascii() {
            self.list.clear();
            append_words_of_part(part, &mut self.list);
            counted_words(&self.list).for_each(on_word);
        }
    }
}

/// Whether a text can have an address: with a scheme, or one that begins with `www.`.
fn has_address(text: &[u8]) -> bool {
    static SCHEME: LazyLock<memmem::Finder<'_>> = LazyLock::new(|| memmem::Finder::new("://"));
    static WWW: LazyLock<[memmem::Finder<'_>; 3]> =
        LazyLock::new(|| ["www.", "WWW.", "Www."].map(memmem::Finder::new));
    SCHEME.find(text).is_some() || WWW.iter().any(|www| www.find(text).is_some())
}

/// Appends a text without what stands in angle brackets without white space: mentions, custom emoji,
/// times and addresses.
fn without_markup(text: &str, plain: &mut String) {
    let mut rest = text;
    while let Some(start) = memchr(b'<', rest.as_bytes()) {
        let (before, markup) = rest.split_at(start);
        plain.push_str(before);
        let inside = markup[1..].find(|char: char| matches!(char, '<' | '>') || char.is_whitespace());
        rest = match inside {
            Some(length) if markup[1 + length..].starts_with('>') => {
                plain.push(' ');
                &markup[length + 2..]
            }
            _ => {
                plain.push(' ');
                &markup[1..]
            }
        };
    }
    plain.push_str(rest);
}

/// Those words of a list that are counted.
fn counted_words(list: &str) -> impl Iterator<Item = &str> {
    list.split_terminator(' ').filter(|word| {
        // Frequent letters first: looking others up takes longer.
        let is_letter = |char: char| match char {
            'a'..='z'
            | '\u{430}'..='\u{45f}'
            | '\u{3b1}'..='\u{3c9}'
            | '\u{3041}'..='\u{3096}'
            | '\u{30a1}'..='\u{30fa}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}' => true,
            _ => char.is_alphabetic() || is_mark(char),
        };
        word.chars().nth(MIN_WORD_CHARS - 1).is_some() && word.chars().all(is_letter)
    })
}

/// A mark that belongs to a word: of the scripts of India and others, which folding keeps.
const fn is_mark(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3099}' | '\u{309a}')
}

/// An emoji in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEmoji<'t> {
    /// A character, or several that are shown as one.
    Unicode(&'static str),
    /// ID and name of a custom emoji.
    Custom(i64, &'t str),
}

/// Calls `on_emoji` with each emoji of a text.
pub fn emoji<'t>(text: &'t str, mut on_emoji: impl FnMut(TextEmoji<'t>)) {
    let mut rest = text;
    while let Some(start) = memchr(b'<', rest.as_bytes()) {
        rest = &rest[start + 1..];
        if let Some((id, name)) = custom_emoji(rest) {
            on_emoji(TextEmoji::Custom(id, name));
        }
    }
    // No emoji of Unicode is written without one of these bytes.
    if text.is_ascii() || !text.bytes().any(|byte| matches!(byte, 0xe2 | 0xe3 | 0xef | 0xf0)) {
        return;
    }
    for grapheme in text.graphemes(true).filter(|grapheme| !grapheme.is_ascii()) {
        if let Some(emoji) = emojis::get(grapheme) {
            // A symbol that is shown as a picture only if it is said so.
            let is_text = emoji.as_str() != grapheme && grapheme.chars().count() == 1;
            if !is_text {
                on_emoji(TextEmoji::Unicode(without_skin_tone(emoji).as_str()));
            }
        }
    }
}

/// ID and name of the custom emoji that a text begins with, after its `<`.
fn custom_emoji(text: &str) -> Option<(i64, &str)> {
    let inside = text.strip_prefix("a:").or_else(|| text.strip_prefix(':'))?;
    let (name, rest) = inside.split_once(':')?;
    let digits = rest.split_once('>')?.0;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_id = (15..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_name && is_id).then(|| digits.parse().ok()).flatten().map(|id| (id, name))
}

/// The emoji of a reaction, without its skin tone. As it is if it isn't known.
pub fn reaction_emoji(name: &str) -> &str {
    emojis::get(name).map_or(name, |emoji| without_skin_tone(emoji).as_str())
}

fn without_skin_tone(emoji: &'static Emoji) -> &'static Emoji {
    emoji.with_skin_tone(SkinTone::Default).unwrap_or(emoji)
}

/// Calls `on_host` with the host of each address in a text, as in the view `link_log` but with `www.`.
pub fn hosts(text: &str, mut on_host: impl FnMut(&str)) {
    if memmem::find(text.as_bytes(), b"://").is_none() {
        return;
    }
    let starts = memmem::find_iter(text.as_bytes(), b"://").filter_map(|colon| {
        let scheme = SCHEMES.iter().find(|scheme| text[..colon + 3].ends_with(**scheme))?;
        Some(colon + 3 - scheme.len())
    });
    let starts: Vec<usize> = starts.collect();
    for (index, start) in starts.iter().enumerate() {
        let next = starts.get(index + 1).copied().unwrap_or(text.len());
        let word = text[*start..next]
            .split(|char: char| matches!(char, ' ' | '\t' | '\n' | '\r') || ADDRESS_ENDS.contains(&char))
            .next()
            .unwrap_or_default();
        let address = match word.find(')') {
            Some(closing) if !word.contains('(') => &word[..closing],
            _ => word,
        };
        let address = address.trim_end_matches(|char| OF_SENTENCE.contains(char));
        if let Some((_, rest)) = address.split_once("://") {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            on_host(host.split(':').next().unwrap_or_default());
        }
    }
}

/// The registrable domain of a host by the Public Suffix List; the host itself if it is a public suffix.
/// `None` for IP addresses and names without a dot.
pub fn site(host: &str) -> Option<String> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    if !host.contains('.') || host.parse::<Ipv4Addr>().is_ok() {
        return None;
    }
    Some(psl::domain_str(host).unwrap_or(host).to_owned())
}

/// Whether a sentence of a text asks something, outside of code and addresses.
pub fn is_question(text: &str) -> bool {
    // Bytes with which the marks begin.
    if memchr(b'?', text.as_bytes()).is_none() && memchr3(0xef, 0xd8, 0xcd, text.as_bytes()).is_none() {
        return false;
    }
    let outside = |text: &str, fence: &str| {
        let parts: Vec<&str> = text.split(fence).collect();
        // A fence without another one begins no code.
        let unpaired = parts.len().is_multiple_of(2).then(|| parts[parts.len() - 1]);
        parts.iter().copied().step_by(2).chain(unpaired).collect::<Vec<_>>().join(" ")
    };
    outside(&outside(text, "```"), "`").split_whitespace().any(|run| {
        if run.contains("://") {
            return false;
        }
        let end = run.trim_end_matches(|char| CLOSERS.contains(char));
        // Full-width and Arabic marks are never part of something else.
        end.ends_with(QUESTION_MARKS) || run.contains(&QUESTION_MARKS[1..3])
    })
}

/// Calls `on_hash` with the hash of each mentioned user.
pub fn mentions(text: &str, mut on_hash: impl FnMut(&str)) {
    const HASH_DIGITS: usize = 64;
    for start in memmem::find_iter(text.as_bytes(), b"<@") {
        let rest = &text[start + 2..];
        if let Some(hash) = rest.get(..HASH_DIGITS)
            && rest[HASH_DIGITS..].starts_with('>')
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            on_hash(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        Words::default().of(text, |word| found.push(word.to_owned()));
        found
    }

    #[test]
    fn words_are_neither_addresses_nor_names() {
        let hash = "ab".repeat(32);
        for (text, expected) in [
            ("Hello, WÖRLD! v1 a 42 x2y", &["hello", "world"][..]),
            (&format!("hi <@{hash}>there <:wave:123456789012345678> <#12>"), &["hi", "there"]),
            (
                "see https://example.org/path?x=y and www.other.example or me@mail.example",
                &["see", "and", "or"],
            ),
            ("(https://example.org) <https://a.example> 1<2 b<cd", &["cd"]),
            ("👍 gg 👍🏽", &["gg"]),
            ("東京タ हिन्दी", &["東京", "京タ", "हिन्दी"]),
            (&format!("{hash} abc"), &["abc"]),
            ("", &[]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn emoji_are_custom_or_of_unicode() {
        let found = |text: &'static str| {
            let mut found = Vec::new();
            emoji(text, |one| match one {
                TextEmoji::Unicode(text) => found.push(text.to_owned()),
                TextEmoji::Custom(id, name) => found.push(format!("{name}:{id}")),
            });
            found
        };
        assert_eq!(
            found("<:gg:123456789012345678><a:x_1:123456789012345679>"),
            ["gg:123456789012345678", "x_1:123456789012345679"]
        );
        assert!(found("<:g-g:123456789012345678> <:gg:12> <:gg:x> a:b:c <:::> ™ ✓ → 1 #").is_empty());
        assert_eq!(found("👍🏽 👍 ❤️ 👨‍👩‍👧 🇩🇪 1️⃣ ⭐é"), ["👍", "👍", "❤️", "👨‍👩‍👧", "🇩🇪", "1️⃣", "⭐"]);
        assert_eq!((reaction_emoji("❤"), reaction_emoji("🫱🏻‍🫲🏿"), reaction_emoji("new")), ("❤️", "🤝", "new"));
    }

    #[test]
    fn sites_are_registered_domains() {
        let found = |text: &str| {
            let mut found = Vec::new();
            hosts(text, |host| found.extend(site(host)));
            found
        };
        for (text, expected) in [
            (
                "https://www.youtube.com/watch?v=1 HTTP://Sub.Example.CO.UK:80/",
                &["youtube.com", "example.co.uk"][..],
            ),
            ("[a](https://docs.rs/x) <https://me@alice.github.io>", &["docs.rs", "alice.github.io"]),
            ("https://127.0.0.1/ https://localhost/ ftp://a.example https:// http://.", &[]),
            ("https://a.example,https://b.example!", &["a.example", "b.example"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn questions_end_a_sentence() {
        for text in [
            "why?",
            "Why?! go",
            "(really?)",
            "**what?**",
            "なぜ？はい",
            "لماذا؟",
            "a? b",
            "`x` ok?",
            "I can`t connect, why?",
        ] {
            assert!(is_question(text), "{text}");
        }
        for text in [
            "",
            "no",
            "https://a.example/?",
            "see https://a.example?b=1?",
            "`why?`",
            "```\nwhy?\n```",
            "a?b",
            "x ?? y",
        ] {
            assert_eq!(is_question(text), text == "x ?? y", "{text}");
        }
    }

    #[test]
    fn mentions_are_hashes() {
        let hash = "0f".repeat(32);
        let mut found = Vec::new();
        mentions(&format!("<@{hash}> <@12> <@{hash}x <@"), |hash| found.push(hash.to_owned()));
        assert_eq!(found, [hash]);
    }
}
