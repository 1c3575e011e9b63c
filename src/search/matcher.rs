//! Decides whether a message matches a query, and where.

use std::ops::Range;

use super::words::{CharClass, is_hidden};
use super::{Folded, Query, Term};

/// The folded texts of a message. A phrase matches within one of them.
#[derive(Debug, Clone, Default)]
pub struct Texts(Vec<Folded>);

impl Texts {
    /// Folds the texts.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self(texts.into_iter().map(Folded::of).collect())
    }

    /// The texts, folded already.
    pub const fn from_folded(texts: Vec<Folded>) -> Self {
        Self(texts)
    }
}

/// Where the query's words and phrases occur in a text, as ranges of its characters:
/// ascending, and joined where they touch.
pub fn ranges(query: &Query, text: &Folded) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    collect(query, text, &mut ranges);
    ranges.sort_by_key(|range: &Range<usize>| (range.start, range.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// Whether a message with these texts matches.
pub fn matches(query: &Query, texts: &Texts) -> bool {
    match query {
        Query::All(parts) => parts.iter().all(|part| matches(part, texts)),
        Query::Any(parts) => parts.iter().any(|part| matches(part, texts)),
        Query::Not(part) => !matches(part, texts),
        Query::Phrase(terms) => texts.0.iter().any(|text| phrases(terms, text.chars()).next().is_some()),
    }
}

fn collect(query: &Query, text: &Folded, ranges: &mut Vec<Range<usize>>) {
    match query {
        Query::All(parts) | Query::Any(parts) => parts.iter().for_each(|part| collect(part, text, ranges)),
        Query::Not(_) => {}
        Query::Phrase(terms) => {
            ranges.extend(phrases(terms, text.chars()).map(|range| text.origin(range)));
        }
    }
}

/// Where the terms follow each other.
fn phrases<'t>(terms: &'t [Term], text: &'t [char]) -> impl Iterator<Item = Range<usize>> + 't {
    (0..text.len()).filter_map(move |start| {
        let (first, rest) = terms.split_first()?;
        let mut end = end_of(first, text, start)?;
        for term in rest {
            let gap = text[end..].iter().take_while(|char| CharClass::of(**char) == CharClass::Separator);
            let next = end + gap.count();
            // A term may begin with separators of its own.
            let lead = term.chars.iter().take_while(|char| CharClass::of(**char) == CharClass::Separator);
            end = end_of(term, text, next.checked_sub(lead.count())?.max(end))?;
        }
        Some(start..end)
    })
}

/// Where a term ends that occurs in a text from `start`.
fn end_of(term: &Term, text: &[char], start: usize) -> Option<usize> {
    let end = start + term.chars.len();
    if text.get(start..end)? != term.chars {
        return None;
    }
    let class = |index: Option<usize>| {
        index.and_then(|index| text.get(index)).map_or(CharClass::Separator, |char| CharClass::of(*char))
    };
    let joins = |one, next| one == CharClass::Letter && next == CharClass::Letter;
    let begins = !joins(class(start.checked_sub(1)), class(Some(start)));
    if term.is_prefix {
        let rest = text[end..].iter().take_while(|char| CharClass::of(**char) == CharClass::Letter).count();
        let end = if joins(class(end.checked_sub(1)), class(Some(end))) { end + rest } else { end };
        let word =
            text[..end].iter().rev().take_while(|char| CharClass::of(**char) == CharClass::Letter).count();
        return (begins && !is_hidden(&text[end - word..end])).then_some(end);
    }
    let ends = !joins(class(end.checked_sub(1)), class(Some(end)));
    (begins && ends).then_some(end)
}

#[cfg(test)]
mod tests;
