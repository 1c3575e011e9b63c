//! From text to tables, with what isn't TOML.

use toml::de::{DeTable, Error};

use super::input::InvalidValue;
use super::lines::Lines;
use super::pasted::presentable;
use super::problem::Found;

/// Errors after which the parser knows where it is, and what to write instead.
const HARMLESS: [(&str, &str); 4] = [
    ("string values must be quoted", "put the value in double quotes"),
    ("unexpected leading zero", "put the value in double quotes if it is text, or remove the zero"),
    ("duplicate key", "keep one of the two"),
    ("invalid basic string", "end the text with a double quote"),
];

/// The file's tables, or `None` if the rest can't be understood. The lines that
/// are no TOML are settled.
pub(super) fn parse<'t>(text: &'t str, lines: &Lines<'_>, found: &mut Found) -> Option<DeTable<'t>> {
    let (table, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(offset);
    for error in &errors {
        report(error, lines, found);
        // What follows any other error is the parser's guess.
        remedy(error, lines)?;
    }
    Some(table.into_inner())
}

fn report(error: &Error, lines: &Lines<'_>, found: &mut Found) {
    let at = offset(error);
    let (line, column) = (lines.line(at), lines.column(at));
    if error.message().starts_with("duplicate key") && repeats_tenant(lines, line) {
        return;
    }
    let excerpt = presentable(lines, line);
    let quoted = excerpt.as_deref().filter(|_| lacks_quotes(error, lines)).and_then(quoted);
    let (what, fix) = if let Some(quoted) = quoted {
        ("text needs quotes".to_owned(), format!("write {quoted}"))
    } else {
        let message = error.message().trim_end_matches(", expected nothing");
        let fix = match header(lines.text(line)).as_deref() {
            Some("[tenant]") => "write [[tenant]] in double brackets, once for each Discord server",
            _ => remedy(error, lines).unwrap_or("correct this line, or the one before it"),
        };
        (format!("this is not TOML: {message}"), fix.to_owned())
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

fn remedy(error: &Error, lines: &Lines<'_>) -> Option<&'static str> {
    let message = error.message();
    let known = HARMLESS.iter().find(|(begin, _)| message.starts_with(begin)).map(|(_, remedy)| *remedy);
    known.or_else(|| lacks_quotes(error, lines).then_some("put the value in double quotes"))
}

/// A word is taken for a misspelt `true` or `nan` by its first letter, and a
/// file mode for a number.
fn lacks_quotes(error: &Error, lines: &Lines<'_>) -> bool {
    let message = error.message();
    let Some((key, value)) = key_and_value(lines.text(lines.line(offset(error)))) else { return false };
    message.starts_with("string values must be quoted")
        || (message.starts_with("invalid") && value.starts_with(|char: char| char.is_alphabetic()))
        || (message.starts_with("unexpected leading zero") && key == "mode")
}

fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split('#').next()?.split_once('=')?;
    Some((key.trim(), value.trim()))
}

/// The line with quotes around its value, if it is a single one.
fn quoted(line: &str) -> Option<String> {
    let (key, value) = key_and_value(line)?;
    let is_single = !value.contains(['"', '\'', '\\', '[', '{', ',']);
    is_single.then(|| format!("{key} = \"{value}\""))
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
