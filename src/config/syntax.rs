//! Parses the file's text into TOML tables and reports syntax errors.
//!
//! The TOML parser only says where an error is. The remedy, and whether the parser's
//! recovery after it can be trusted, are derived from the line itself.

use toml::de::{DeTable, DeValue, Error};

use super::lines::Lines;
use super::problem::{InvalidValue, Problems};
use super::redact::shown_line;
use crate::model::PlatformSpec;

/// A syntax error confined to one line, so that the lines after it can be parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineError {
    /// The value, or an item of a list, is text without quotes.
    Unquoted,
    LeadingZero,
    /// A string lacks its closing quote.
    Unclosed,
    /// The section already has this key, or the file already has this section.
    Repeated,
}

impl LineError {
    const fn remedy(self) -> &'static str {
        match self {
            Self::Unquoted => "put the value in double quotes",
            Self::LeadingZero => "put the value in double quotes if it is text, or remove the zero",
            Self::Unclosed => "add the closing double quote",
            Self::Repeated => "keep one of the two",
        }
    }

    /// Classifies the error on this line; `None` if it may affect other lines.
    fn on(lines: &Lines<'_>, line: usize) -> Option<Self> {
        let text = lines.text(line);
        let (key, value) = key_and_value(text).unwrap_or_default();
        if is_toml(text) {
            (is_repeated(lines, line) && follows_complete_line(lines, line)).then_some(Self::Repeated)
        } else if is_toml(&format!("{text}\"")) {
            Some(Self::Unclosed)
        } else if key != "mode" && value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit()) {
            Some(Self::LeadingZero)
        } else {
            (quoted(text).is_some() || is_list_without_quotes(text)).then_some(Self::Unquoted)
        }
    }
}

/// The file's tables, or `None` if an error makes the rest of the file ambiguous.
pub(super) fn parse<'t>(
    text: &'t str,
    platform: &PlatformSpec,
    problems: &mut Problems<'_>,
) -> Option<DeTable<'t>> {
    let (table, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(offset);
    for error in &errors {
        let line = problems.lines.line(offset(error));
        let line_error = LineError::on(&problems.lines, line);
        if line_error != Some(LineError::Repeated) || !repeats_tenant(&problems.lines, line) {
            let text = problems.lines.text(line);
            let excerpt = shown_line(text);
            let quoted =
                excerpt.as_deref().filter(|_| line_error == Some(LineError::Unquoted)).and_then(quoted);
            let invalid = match quoted {
                Some(quoted) => InvalidValue::new("missing quotes", format!("use {quoted}")),
                None => not_toml(error, text, line_error, platform),
            };
            problems.at_offset(offset(error), &invalid, excerpt.as_deref());
        }
        // After any other error the parser's recovery is a guess.
        line_error?;
    }
    Some(table.into_inner())
}

fn not_toml(
    error: &Error,
    text: &str,
    line_error: Option<LineError>,
    platform: &PlatformSpec,
) -> InvalidValue {
    let what = format!("invalid TOML: {}", error.message().trim_end_matches(", expected nothing"));
    if header(text).as_deref() == Some("[tenant]") {
        return InvalidValue::new(what, double_brackets(platform));
    }
    InvalidValue::new(what, line_error.map_or("correct this line or the previous one", LineError::remedy))
}

/// Remedy for `[tenant]` in single brackets.
pub(super) fn double_brackets(platform: &PlatformSpec) -> String {
    format!("use [[tenant]] in double brackets, once for each {}", platform.workspace_title())
}

fn offset(error: &Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

fn is_toml(line: &str) -> bool {
    DeTable::parse(line).is_ok()
}

/// A line's key and value, without the comment.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split('#').next()?.split_once('=')?;
    Some((key.trim(), value.trim()))
}

/// The line with its value quoted, if that makes it valid TOML.
fn quoted(line: &str) -> Option<String> {
    let (key, value) = key_and_value(line)?;
    Some(format!("{key} = {}", in_quotes(value))).filter(|line| is_toml(line))
}

/// True if quoting the items of a list makes the line valid TOML.
fn is_list_without_quotes(line: &str) -> bool {
    let Some((key, value)) = key_and_value(line) else { return false };
    let items = value.strip_prefix('[').and_then(|items| items.strip_suffix(']'));
    items.is_some_and(|items| {
        let quoted: Vec<_> = items.split(',').map(|item| in_quotes(item.trim())).collect();
        is_toml(&format!("{key} = [{}]", quoted.join(",")))
    })
}

/// The value in quotes if quotes are all it lacks, else the value unchanged.
fn in_quotes(value: &str) -> String {
    let is_bare = !value.is_empty() && !value.contains(['"', '\'', '\\', '[', '{', ',']);
    if is_bare && DeValue::parse(value).is_err() { format!("\"{value}\"") } else { value.to_owned() }
}

/// True if the same section has the key above this line, or the file has the section
/// above it.
fn is_repeated(lines: &Lines<'_>, line: usize) -> bool {
    let mut above = (1..line).rev().map(|line| lines.text(line));
    let name = |header: String| header.replace(['[', ']'], "");
    if let Some(section) = header(lines.text(line)).map(name) {
        return above.any(|text| header(text).map(name).as_ref() == Some(&section));
    }
    let Some((key, _)) = key_and_value(lines.text(line)) else { return false };
    let mut in_section = above.take_while(|text| header(text).is_none()).filter_map(key_and_value);
    in_section.any(|(other, _)| other == key) || repeats_tenant(lines, line)
}

/// True if the previous line is complete; false within an unclosed list.
fn follows_complete_line(lines: &Lines<'_>, line: usize) -> bool {
    let is_empty = |text: &str| text.is_empty() || text.starts_with('#');
    let above = (1..line).rev().find(|line| !is_empty(lines.text(*line).trim()));
    above.is_none_or(|line| {
        let text = lines.text(line);
        is_toml(text) || text.trim().starts_with(']') || LineError::on(lines, line).is_some()
    })
}

/// True in a tenant section below an earlier `[tenant]`, whose problem already carries
/// the remedy.
fn repeats_tenant(lines: &Lines<'_>, line: usize) -> bool {
    let mut headers = (1..=line).rev().filter_map(|line| header(lines.text(line)));
    let is_tenant = headers.next().is_some_and(|last| matches!(last.as_str(), "[tenant]" | "[[tenant]]"));
    is_tenant && headers.any(|earlier| earlier == "[tenant]")
}

/// A section's header without whitespace and comment; `None` for other lines.
pub(super) fn header(line: &str) -> Option<String> {
    let text = line.trim_start().strip_prefix('[')?.split('#').next()?;
    Some(format!("[{}", text.replace(char::is_whitespace, "")))
}
