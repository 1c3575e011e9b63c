//! From text to tables, with what isn't TOML.
//!
//! The TOML parser says where an error is. What to write instead, and whether
//! the rest of the file can be trusted, follows from the line itself.

use toml::de::{DeTable, DeValue, Error};

use super::input::InvalidValue;
use super::lines::Lines;
use super::pasted::presentable;
use super::problem::Found;
use crate::model::PlatformSpec;

/// A mistake that is confined to its line, so that what follows can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// The value, or an item of it, is text without quotes.
    Unquoted,
    /// A number begins with a zero.
    LeadingZero,
    /// Text has no closing quote.
    Unclosed,
    /// The section already has this key, or the file this section.
    Repeated,
}

impl Mistake {
    const fn remedy(self) -> &'static str {
        match self {
            Self::Unquoted => "put the value in double quotes",
            Self::LeadingZero => "put the value in double quotes if it is text, or remove the zero",
            Self::Unclosed => "end the text with a double quote",
            Self::Repeated => "keep one of the two",
        }
    }

    /// What is wrong with this line, if it is one of these.
    fn on(lines: &Lines<'_>, line: usize) -> Option<Self> {
        let text = lines.text(line);
        if DeTable::parse(text).is_ok() {
            return is_repeated(lines, line).then_some(Self::Repeated);
        }
        let (key, value) = key_and_value(text)?;
        if !is_bare_key(key) {
            None
        } else if value.starts_with('"') {
            is_unclosed(text).then_some(Self::Unclosed)
        } else if value.starts_with('[') {
            has_bare_words(value).then_some(Self::Unquoted)
        } else if !is_single(value) {
            None
        } else if key != "mode" && is_zero_padded(value) {
            Some(Self::LeadingZero)
        } else {
            Some(Self::Unquoted)
        }
    }
}

/// The file's tables, or `None` if the rest can't be understood. The lines that
/// are no TOML are settled.
pub(super) fn parse<'t>(
    text: &'t str,
    platform: &PlatformSpec,
    lines: &Lines<'_>,
    found: &mut Found,
) -> Option<DeTable<'t>> {
    let (table, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(offset);
    for error in &errors {
        let mistake = Mistake::on(lines, lines.line(offset(error)));
        report(error, mistake, platform, lines, found);
        // What follows any other error is the parser's guess.
        mistake?;
    }
    Some(table.into_inner())
}

fn report(
    error: &Error,
    mistake: Option<Mistake>,
    platform: &PlatformSpec,
    lines: &Lines<'_>,
    found: &mut Found,
) {
    let at = offset(error);
    let (line, column) = (lines.line(at), lines.column(at));
    if mistake == Some(Mistake::Repeated) && repeats_tenant(lines, line) {
        return;
    }
    let excerpt = presentable(lines, line);
    let quoted = excerpt.as_deref().filter(|_| mistake == Some(Mistake::Unquoted)).and_then(quoted);
    let (what, fix) = if let Some(quoted) = quoted {
        ("text needs quotes".to_owned(), format!("write {quoted}"))
    } else {
        let message = error.message().trim_end_matches(", expected nothing");
        let fix = match header(lines.text(line)).as_deref() {
            Some("[tenant]") => {
                format!("write [[tenant]] in double brackets, once for each {}", platform.workspace())
            }
            _ => mistake.map_or("correct this line, or the one before it", Mistake::remedy).to_owned(),
        };
        (format!("this is not TOML: {message}"), fix)
    };
    let excerpt = excerpt.map(|text| underlined(&text, line, column));
    found.at_position((line, column), InvalidValue::new(what, fix), excerpt);
    found.settle(line);
}

fn underlined(text: &str, line: usize, column: usize) -> String {
    let number = line.to_string();
    format!("      {number} | {text}\n      {:blank$} | {:>column$}", "", "^", blank = number.len())
}

fn offset(error: &Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

/// The key and the value of a line, without its comment.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split('#').next()?.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    (!value.is_empty()).then_some((key, value))
}

fn is_bare_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// True for a value that only lacks quotes.
fn is_single(value: &str) -> bool {
    !value.contains(['"', '\'', '\\', '[', '{', ','])
}

fn is_zero_padded(value: &str) -> bool {
    value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// True if the line's text in double quotes goes on to the line's end.
fn is_unclosed(line: &str) -> bool {
    let Some((_, value)) = line.split_once('"') else { return false };
    let mut escaped = false;
    let is_end = |char: char| {
        let is_end = char == '"' && !escaped;
        escaped = char == '\\' && !escaped;
        is_end
    };
    !value.contains(is_end)
}

/// True for a list that ends on its line and would be one if its words had quotes.
fn has_bare_words(list: &str) -> bool {
    let Some(items) = list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return false };
    let is_bare = |item: &&str| DeValue::parse(item).is_err();
    let mut bare = items.split(',').map(str::trim).filter(|item| !item.is_empty()).filter(is_bare).peekable();
    bare.peek().is_some() && bare.all(is_single)
}

/// The line with quotes around its value, if it is a single one.
fn quoted(line: &str) -> Option<String> {
    let (key, value) = key_and_value(line)?;
    is_single(value).then(|| format!("{key} = \"{value}\""))
}

/// True if the same key stands above in the same section, or the same section
/// above in the file.
fn is_repeated(lines: &Lines<'_>, line: usize) -> bool {
    let mut above = (1..line).rev().map(|line| lines.text(line));
    if let Some(section) = header(lines.text(line)) {
        let is_same = |other: String| brackets_off(&other) == brackets_off(&section);
        return above.any(|text| header(text).is_some_and(is_same));
    }
    let Some((key, _)) = key_and_value(lines.text(line)) else { return false };
    let mut in_section = above.take_while(|text| header(text).is_none()).filter_map(key_and_value);
    in_section.any(|(other, _)| other == key) || repeats_tenant(lines, line)
}

fn brackets_off(header: &str) -> &str {
    header.trim_matches(['[', ']'])
}

/// Below a second `[tenant]`, or it itself: what to write instead is said of the
/// first.
fn repeats_tenant(lines: &Lines<'_>, line: usize) -> bool {
    let last = (1..=line).rev().find_map(|line| Some((line, header(lines.text(line))?)));
    last.is_some_and(|(line, text)| {
        matches!(text.as_str(), "[tenant]" | "[[tenant]]")
            && (1..line).any(|earlier| header(lines.text(earlier)).as_deref() == Some("[tenant]"))
    })
}

/// The header of a section without blanks and comment; `None` for other lines.
fn header(line: &str) -> Option<String> {
    let text = line.trim_start().strip_prefix('[')?.split('#').next()?;
    Some(std::iter::once('[').chain(text.chars().filter(|char| !char.is_whitespace())).collect())
}
