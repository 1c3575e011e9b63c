//! Searching messages by their words.
//!
//! What matches is defined on the text alone, by pure functions: `fold` makes case,
//! diacritics and width equal, `words` cuts a folded text into words, `query` parses what
//! the user wrote, and `matcher` decides whether a text matches, and where.

mod fold;
mod matcher;
mod query;
mod words;

pub use fold::Folded;
pub use matcher::{Texts, matches, ranges};
pub use query::{Query, QueryError, Term};
