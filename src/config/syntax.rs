//! From text to tables, with what isn't TOML.
//!
//! The TOML parser says where an error is. What to write instead, and whether
//! the rest of the file can be trusted, follows from the line itself.

use std::borrow::Cow;

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
        let (key, value) = key_and_value(text).unwrap_or_default();
        if is_toml(text) {
            (is_repeated(lines, line) && follows_a_whole_line(lines, line)).then_some(Self::Repeated)
        } else if is_toml(&format!("{text}\"")) {
            Some(Self::Unclosed)
        } else if key != "mode" && value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit()) {
            Some(Self::LeadingZero)
        } else {
            quoted(text).or_else(|| quoted_items(text)).map(|_| Self::Unquoted)
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

fn is_toml(line: &str) -> bool {
    DeTable::parse(line).is_ok()
}

/// The key and the value of a line, without its comment.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split('#').next()?.split_once('=')?;
    Some((key.trim(), value.trim()))
}

/// The line with quotes around its value, if that makes it TOML.
fn quoted(line: &str) -> Option<String> {
    let (key, value) = key_and_value(line)?;
    Some(format!("{key} = {}", in_quotes(value))).filter(|line| is_toml(line))
}

/// The same for the items of a list.
fn quoted_items(line: &str) -> Option<String> {
    let (key, value) = key_and_value(line)?;
    let items = value.strip_prefix('[')?.strip_suffix(']')?.split(',').map(|item| in_quotes(item.trim()));
    Some(format!("{key} = [{}]", items.collect::<Vec<_>>().join(", "))).filter(|line| is_toml(line))
}

/// The value in quotes, if it lacks nothing else.
fn in_quotes(value: &str) -> Cow<'_, str> {
    let is_bare = !value.is_empty() && !value.contains(['"', '\'', '\\', '[', '{', ',']);
    if is_bare && DeValue::parse(value).is_err() { format!("\"{value}\"").into() } else { value.into() }
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

/// False within a list that was not closed.
fn follows_a_whole_line(lines: &Lines<'_>, line: usize) -> bool {
    let is_empty = |text: &str| text.is_empty() || text.starts_with('#');
    let above = (1..line).rev().find(|line| !is_empty(lines.text(*line).trim()));
    above.is_none_or(|line| {
        let text = lines.text(line);
        is_toml(text) || text.trim().starts_with(']') || Mistake::on(lines, line).is_some()
    })
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
