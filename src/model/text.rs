//! Formats numbers and untrusted text for terminals.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::color::color_sequence;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// A number with a comma between groups of three digits.
pub fn with_separators(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun, which gets an `s` unless the number is 1.
pub fn with_noun(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", with_separators(number))
}

/// Makes text from a platform safe for a terminal: control characters become spaces,
/// invisible and bidirectional ones are removed, and it is cut to `width` columns.
pub fn terminal_safe(text: &str, width: usize) -> String {
    let breaks = |char: char| char.is_control() || matches!(char, '\u{2028}' | '\u{2029}');
    let visible = text.chars().filter(|char| !is_invisible(*char));
    let clean: String = visible.map(|char| if breaks(char) { ' ' } else { char }).collect();
    if clean.width() <= width {
        return clean;
    }
    let mut cut = String::new();
    let mut room = width.saturating_sub(1);
    for char in clean.chars() {
        let Some(rest) = room.checked_sub(char.width().unwrap_or(0)) else { break };
        room = rest;
        cut.push(char);
    }
    cut.push('…');
    cut
}

/// Replaces control and bidirectional characters by JSON escapes (`\u009b`), so that a
/// line of JSON keeps its value. Line breaks and tabs stay.
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    escape(text, |char| !matches!(char, '\n' | '\t') && (char.is_control() || is_direction(char)))
}

/// Like [`escape_controls`], for text that the program itself colored: the sequences that set a
/// colour stay.
pub fn escape_controls_in_color(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return escape_controls(text);
    }
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        let (before, sequence) = rest.split_at(start);
        let length = color_sequence(sequence);
        escaped.push_str(&escape_controls(before));
        escaped.push_str(&sequence[..length]);
        escaped.push_str(if length == 0 { "\\u001b" } else { "" });
        rest = &sequence[length.max(1)..];
    }
    escaped.push_str(&escape_controls(rest));
    Cow::Owned(escaped)
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Most lines need no escape.
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_escaped(char) {
            // Four digits suffice: all escaped characters are in the first plane.
            // Writing to a String never fails.
            write!(escaped, "\\u{:04x}", u32::from(char)).ok();
        } else {
            escaped.push(char);
        }
    }
    Cow::Owned(escaped)
}

/// Marks, embeddings, overrides and isolates of the bidirectional algorithm
/// (UAX #9, section 2), and the line and paragraph separators.
const fn is_direction(char: char) -> bool {
    matches!(
        char,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Characters without a visible shape: direction marks, joiners, variation selectors,
/// tags (Unicode Standard, sections 23.2 to 23.9).
const fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(with_separators(0), "0");
        assert_eq!(with_separators(1_234_567), "1,234,567");
        assert_eq!(with_noun(1, "message"), "1 message");
        assert_eq!(with_noun(1000, "message"), "1,000 messages");
    }

    #[test]
    fn control_and_invisible_characters_are_not_shown() {
        assert_eq!(terminal_safe("a\u{1b}[31mb", 20), "a [31mb");
        assert_eq!(
            terminal_safe("a\u{202e}b\u{2066}c\u{200f}d\u{200b}e\u{fe0f}f\u{e0041}g\u{2028}h", 20),
            "abcdefg h"
        );
    }

    #[test]
    fn escaping_control_characters_keeps_the_value_of_json() {
        let text = "a\u{9b}2Jb\u{202e}c\u{2066}d\u{7f}e\u{2028}f\u{61c}\tg\n";
        assert_eq!(escape_controls(text), "a\\u009b2Jb\\u202ec\\u2066d\\u007fe\\u2028f\\u061c\tg\n");
        assert_eq!(escape_controls("\u{1b}[2J\u{9b}"), "\\u001b[2J\\u009b");
        assert_eq!(escape_controls_in_color("\u{1b}[2J\u{9b}"), "\\u001b[2J\\u009b");
        assert_eq!(escape_controls_in_color("\u{1b}[1;33m\u{9b}\u{1b}[0m"), "\u{1b}[1;33m\\u009b\u{1b}[0m");
        let value = serde_json::json!({ "name": format!("{text}\u{1b}é🏳️\u{200d}🌈") });
        let line = value.to_string();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escape_controls(&line)).unwrap(), value);
        assert!(!escape_controls(&line).contains(|char: char| char.is_control() || is_direction(char)));
        assert!(matches!(escape_controls("plain é🏳️\u{200d}🌈"), Cow::Borrowed(_)));
    }

    #[test]
    fn wide_text_is_cut_by_columns() {
        assert_eq!(terminal_safe("abcde", 5), "abcde");
        assert_eq!(terminal_safe("abcdefghij", 5), "abcd…");
        assert_eq!(terminal_safe("日本語日本語", 6), "日本…");
        assert_eq!(terminal_safe("日本語日本語", 5), "日本…");
        assert_eq!(terminal_safe("日本", 0), "…");
    }
}
