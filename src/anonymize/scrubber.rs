//! The scrubber, which applies one platform's rules.

use super::{HashScheme, Person, UserHash};
use crate::model::{IdCodec, Markup, PlatformSpec, User, UserId};

/// Hashes users and scrubs texts by the rules of one platform.
#[derive(Debug, Clone, Copy)]
pub struct Scrubber {
    platform: &'static PlatformSpec,
    scheme: HashScheme,
}

impl Scrubber {
    /// Creates a scrubber for a platform.
    pub const fn new(platform: &'static PlatformSpec, scheme: HashScheme) -> Self {
        Self { platform, scheme }
    }

    /// The platform.
    pub const fn platform(self) -> &'static PlatformSpec {
        self.platform
    }

    pub(super) fn markup(self) -> &'static dyn Markup {
        self.platform.markup
    }

    /// Hashes a user.
    pub fn hash(self, user: UserId) -> UserHash {
        self.scheme.hash(&self.platform.ids.user_text(user))
    }

    pub(super) fn ids(self) -> &'static dyn IdCodec {
        self.platform.ids
    }

    /// The user with the ID hashed.
    pub fn person(self, user: User) -> Person {
        Person { hash: self.hash(user.id), is_bot: user.is_bot }
    }

    /// The hashes of all users whose ID may occur, even disguised, in arbitrary bytes.
    pub fn user_ids_in(self, bytes: &[u8]) -> Vec<UserHash> {
        let mut hashes = Vec::new();
        self.platform.markup.user_ids_in(bytes, &mut |user| hashes.push(self.hash(user)));
        hashes
    }

    /// Parses and hashes the ID of a user as copied from the platform; `None` if the text
    /// isn't one.
    pub fn parse_user(self, text: &str) -> Option<UserHash> {
        self.platform.ids.parse_user(text).map(|user| self.hash(user))
    }

    /// The number of characters in the shortest bare ID.
    pub fn min_id_chars(self) -> usize {
        self.platform.markup.min_id_chars()
    }
}
