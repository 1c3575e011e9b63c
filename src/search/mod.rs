//! Searching messages by their words.
//!
//! What matches is defined on the text alone, by pure functions: `fold` makes case,
//! diacritics and width equal, `words` cuts a folded text into words, `query` parses what
//! the user wrote, and `matcher` decides whether a text matches, and where. `scan` reads an
//! archive with them, [`index`] asks an index first, and `run` chooses.

mod best;
mod fold;
pub mod index;
mod matcher;
mod message_matcher;
mod query;
mod request;
mod run;
mod scan;
mod texts;
mod words;

pub use crate::archive::message_scan::ShownMessage;
pub use fold::Folded;
pub use matcher::{Texts, matches, ranges};
pub use query::{Query, QueryError, RequiredWord, Term};
pub use request::{Found, Hit, Request, Searched};
pub use run::run;
pub use words::{append_words, append_words_of_part, parts};
