//! The words that a message is listed under, and those that a query asks for.

use crate::archive::message_scan::{FilterRows, MessageFilter};
use crate::archive::word_index::{IndexedChannel, IndexedMessage};
use crate::archive::{ArchiveError, Reader};
use crate::search::words::words;
use crate::search::{Folded, Query, Term, texts};

/// Raised when a text is cut into other words than before, or more is listed.
const VERSION: u32 = 1;
/// Rows of a kind that a filter may name to be asked for by word.
const MAX_ROWS: usize = 32;

/// By which rules the words of an index were cut. An index of other rules is built anew.
pub fn format() -> String {
    let (major, minor, patch) = unicode_normalization::UNICODE_VERSION;
    format!("{VERSION}, Unicode {major}.{minor}.{patch}")
}

/// The words of a message, separated by spaces, with those of its author, channel and tenant;
/// empty if it has no text.
pub fn document(message: &IndexedMessage<'_>, channel: &IndexedChannel) -> String {
    let mut list = String::new();
    let mut add = |text: &str| {
        let folded = Folded::of(text);
        for word in words(folded.chars()) {
            list.extend(&folded.chars()[word]);
            list.push(' ');
        }
    };
    add(message.texts.content);
    if let Some(metadata) = message.texts.metadata {
        texts::of_metadata(metadata, true, &mut add);
    }
    message.texts.file_names.into_iter().flat_map(str::lines).for_each(add);
    if !list.is_empty() {
        list.push_str(&tenant_word(channel.tenant));
        list.push(' ');
        list.push_str(&channel_word(channel.row.number()));
        if let Some(author) = message.author {
            list.push(' ');
            list.push_str(&author_word(author));
        }
    }
    list
}

// No word of a text holds an underscore.
fn tenant_word(row: i64) -> String {
    format!("_t{row}")
}

fn channel_word(row: i64) -> String {
    format!("_c{row}")
}

fn author_word(row: i64) -> String {
    format!("_a{row}")
}

/// The FTS5 expression for the candidates of a query; `None` if every message is one.
pub fn expression(query: &Query) -> Option<String> {
    match query {
        Query::All(parts) => all_of(parts.iter().filter_map(expression)),
        Query::Any(parts) => Some(any_of(&parts.iter().map(expression).collect::<Option<Vec<_>>>()?)),
        Query::Not(_) => None,
        Query::Phrase(terms) => all_of(
            terms
                .iter()
                .flat_map(Term::required_words)
                .map(|word| format!("\"{}\"{}", word.text, if word.is_prefix { " *" } else { "" })),
        ),
    }
}

/// The expression for the candidates that a filter leaves, as far as it can be asked for.
pub fn filtered(expression: String, reader: &Reader, filter: &MessageFilter) -> Result<String, ArchiveError> {
    let FilterRows { tenants, channels, authors } = reader.filter_rows(filter, MAX_ROWS)?;
    let quoted = |rows: Option<Vec<i64>>, word: fn(i64) -> String| {
        // A filter that names nothing leaves nothing.
        rows.map(|rows| match rows.as_slice() {
            [] => "\"_\"".to_owned(),
            rows => any_of(&rows.iter().map(|row| format!("\"{}\"", word(*row))).collect::<Vec<_>>()),
        })
    };
    // A channel is of a tenant.
    let tenants = tenants.filter(|_| channels.is_none());
    let parts = [
        Some(expression),
        quoted(authors, author_word),
        quoted(channels, channel_word),
        quoted(tenants, tenant_word),
    ];
    Ok(all_of(parts.into_iter().flatten()).unwrap_or_default())
}

fn all_of(parts: impl Iterator<Item = String>) -> Option<String> {
    let parts: Vec<String> = parts.collect();
    match parts.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("({})", parts.join(" AND "))),
    }
}

fn any_of(parts: &[String]) -> String {
    if let [one] = parts { one.clone() } else { format!("({})", parts.join(" OR ")) }
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
