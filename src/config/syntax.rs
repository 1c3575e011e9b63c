//! From text to tables, with what isn't TOML.

use toml::de::{DeTable, Error};

use super::input::InvalidValue;
use super::lines::Lines;
use super::pasted::presentable;
use super::problem::Found;

/// Errors after which the parser knows where it is, and what to write instead.
const HARMLESS: [(&str, &str); 4] = [
    ("string values must be quoted", "put the value in double quotes"),
    ("unexpected leading zero", "put the value in double quotes, such as mode = \"0600\""),
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
        remedy(error)?;
    }
    Some(table.into_inner())
}

fn report(error: &Error, lines: &Lines<'_>, found: &mut Found) {
    let at = offset(error);
    let (line, column) = (lines.line(at), lines.column(at));
    let message = error.message().trim_end_matches(", expected nothing");
    let what = format!("this is not TOML: {message}");
    let fix = remedy(error).unwrap_or("correct this line, or the one before it");
    let excerpt = presentable(lines, line).map(|text| underlined(&text, line, column));
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

fn remedy(error: &Error) -> Option<&'static str> {
    HARMLESS.iter().find(|(message, _)| error.message().starts_with(message)).map(|(_, remedy)| *remedy)
}
