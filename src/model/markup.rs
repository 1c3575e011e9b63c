//! How a platform's texts name people.
//!
//! [`Markup`] is what a platform declares. [`layers`], [`address`] and [`hashes`] are
//! what a platform's markup is made of; none of them knows a platform.

pub mod address;
pub mod hashes;
pub mod layers;

use std::fmt::Debug;
use std::ops::Range;

use super::UserId;

/// What stands in the place of somebody who was erased: `<@forgotten>` for a
/// mention.
pub const FORGOTTEN: &str = "forgotten";

/// The rules by which texts of a platform name people.
pub trait Markup: Debug + Send + Sync {
    /// A quick look before [`Markup::find`]: most texts name nobody.
    fn may_name_somebody(&self, text: &str) -> bool;

    /// Everything in a text that may have to go, ascending; of what begins at the same
    /// place the longest first.
    fn find(&self, text: &str, syntax: Syntax) -> Vec<Found>;

    /// Calls `found` with everybody whose ID may stand in bytes of any kind, also in
    /// disguise.
    fn ids_in(&self, bytes: &[u8], found: &mut dyn FnMut(UserId));

    /// Characters of the shortest text that may be an ID outside of a mention.
    fn min_id_chars(&self) -> usize;

    /// Whether the text before a mentioned user's ID ends with a character that only some
    /// mentions have: it is dropped, so that all mentions of a user are the same.
    fn ends_with_optional_mark(&self, before: &str) -> bool;
}

/// A part of a text that may have to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it stands.
    pub range: Range<usize>,
    /// The user that it would name, and how; `None` if it is dropped because it
    /// identifies a person's picture.
    pub user: Option<(UserId, IdContext)>,
}

/// What the text around an ID says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdContext {
    /// A mention, also as an address, JSON or HTML writes it.
    Mention,
    /// In the address of a profile or a picture.
    Profile,
    /// In the syntax for something that isn't a user. Compared with the known users,
    /// but not worth remembering.
    Reference,
    /// Anywhere else.
    Bare,
}

/// How IDs are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// What people write.
    Text,
    /// Kept fields: those named `id` hold no user's.
    Json,
}

/// Sorts what was found as [`Markup::find`] returns it.
pub fn ascending(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
    found.dedup();
    found
}
