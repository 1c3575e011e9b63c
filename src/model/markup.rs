//! Finds users in a platform's texts.
//!
//! Each platform implements [`Markup`]. [`layers`], [`url_scanner`] and [`hashes`] are
//! building blocks for it that know no particular platform. Nothing here replaces text or
//! knows the archive's users: that is up to `anonymize` and `archive`.

pub mod hashes;
pub mod layers;
pub mod url_scanner;

use std::fmt::Debug;
use std::ops::Range;

use super::UserId;

/// Replaces the hash of an erased user in stored texts; a mention becomes
/// `<@forgotten>`.
pub const FORGOTTEN: &str = "forgotten";

/// The rules by which a platform's texts identify users.
pub trait Markup: Debug + Send + Sync {
    /// A cheap pre-check for [`Markup::find_matches`]: most texts identify no user. May
    /// only err by returning true.
    fn may_contain_match(&self, text: &str) -> bool;

    /// All ranges of a text that may have to be replaced or dropped, sorted by start, the
    /// longest first among those with the same start. They may overlap.
    fn find_matches(&self, text: &str, syntax: Syntax) -> Vec<MarkupMatch>;

    /// Calls `found` with each user whose ID may occur, even disguised, in arbitrary
    /// bytes.
    fn user_ids_in(&self, bytes: &[u8], found: &mut dyn FnMut(UserId));

    /// The number of characters in the shortest ID that is recognized outside of a
    /// mention.
    fn min_id_chars(&self) -> usize;

    /// Whether the text before a mentioned user's ID ends with a character that not all
    /// mentions have. It is dropped, so that all mentions of a user are equal.
    fn ends_with_optional_mention_char(&self, before: &str) -> bool;
}

/// A range of a text that may have to be replaced or dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkupMatch {
    /// The byte range in the text.
    pub range: Range<usize>,
    /// The user whose ID it is or may be, and its context. `None` if it is to be dropped
    /// because it identifies a user's picture.
    pub user: Option<(UserId, IdContext)>,
}

/// The context of an ID, according to the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdContext {
    /// A mention, also as encoded in a URL, JSON or HTML.
    Mention,
    /// The URL of a profile or picture.
    Profile,
    /// The syntax for an object that isn't a user. It is an ID candidate, but isn't
    /// remembered if it matches no known user.
    Reference,
    /// Anywhere else: an ID candidate.
    Bare,
}

/// The kind of text, on which the classification of IDs depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// Text written by people.
    Text,
    /// JSON of archived fields. A field named `id` holds no user's ID.
    Json,
}

/// Sorts and deduplicates as specified for [`Markup::find_matches`].
pub fn sort_matches(mut found: Vec<MarkupMatch>) -> Vec<MarkupMatch> {
    found.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
    found.dedup();
    found
}
