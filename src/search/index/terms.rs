//! The words that a message is listed under, and those that a query asks for.

use crate::archive::message_scan::ScannedMessage;
use crate::search::words::append_words;
use crate::search::{Query, Term, texts};

/// Raised when a text is cut into other words than before, or more is listed.
const VERSION: u32 = 1;

/// By which rules the words of an index were cut. An index of other rules is built anew.
pub fn format() -> String {
    let versions = (unicode_normalization::UNICODE_VERSION, char::UNICODE_VERSION);
    format!("{VERSION}, Unicode {versions:?}")
}

/// The words of a message, separated by spaces; empty if it has no text.
pub fn document(message: &ScannedMessage<'_>) -> String {
    let mut list = String::new();
    let mut add = |text: &str| append_words(text, &mut list);
    add(message.content);
    if let Some(metadata) = message.metadata {
        texts::of_metadata(metadata, true, &mut add);
    }
    message.file_names.into_iter().flat_map(str::lines).for_each(add);
    list
}

/// The FTS5 expression for the candidates of a query; `None` if every message is one.
pub fn expression(query: &Query) -> Option<String> {
    match query {
        Query::All(parts) => all_of(parts.iter().filter_map(expression)),
        Query::Any(parts) => {
            let parts: Vec<String> = parts.iter().map(expression).collect::<Option<_>>()?;
            Some(format!("({})", parts.join(" OR ")))
        }
        Query::Not(_) => None,
        Query::Phrase(terms) => all_of(
            terms
                .iter()
                .flat_map(Term::required_words)
                .map(|word| format!("\"{}\"{}", word.text, if word.is_prefix { " *" } else { "" })),
        ),
    }
}

fn all_of(parts: impl Iterator<Item = String>) -> Option<String> {
    let parts: Vec<String> = parts.collect();
    match parts.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("({})", parts.join(" AND "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_ask_for_the_words_that_must_occur() {
        for (query, expected) in [
            ("Hello", "\"hello\""),
            ("a b", "(\"a\" AND \"b\")"),
            ("a (b OR snake_case) -c", "(\"a\" AND (\"b\" OR (\"snake\" AND \"case\")))"),
            ("pre*", "\"pre\" *"),
            ("\"one tw*\"", "(\"one\" AND \"tw\" *)"),
            ("foo-*", "\"foo\""),
            ("東京", "\"東京\""),
            ("京", "\"京\" *"),
            ("x東京都", "(\"x\" AND \"東京\" AND \"京都\")"),
            ("gg👍", "(\"gg\" AND \"👍\")"),
        ] {
            let expression = expression(&Query::parse(query).unwrap());
            assert_eq!(expression.as_deref(), Some(expected), "{query}");
        }
    }
}
