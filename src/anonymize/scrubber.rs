//! The rules of one platform.

use super::{Person, UserHash};
use crate::model::{IdCodec, Markup, PlatformSpec, User, UserId};

/// Takes people out by the rules of one platform.
#[derive(Debug, Clone, Copy)]
pub struct Scrubber {
    platform: &'static PlatformSpec,
}

impl Scrubber {
    /// By the rules of this platform.
    pub const fn new(platform: &'static PlatformSpec) -> Self {
        Self { platform }
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
        UserHash::of(&self.platform.ids.user_text(user))
    }

    pub(super) fn ids(self) -> &'static dyn IdCodec {
        self.platform.ids
    }

    /// A user as the archive knows one.
    pub fn person(self, user: User) -> Person {
        Person { hash: self.hash(user.id), is_bot: user.is_bot }
    }

    /// Everybody whose ID may stand in bytes of any kind, also in disguise.
    pub fn ids_in(self, bytes: &[u8]) -> Vec<UserHash> {
        let mut hashes = Vec::new();
        self.platform.markup.ids_in(bytes, &mut |user| hashes.push(self.hash(user)));
        hashes
    }

    /// Reads the ID of a user as people copy it from the platform.
    pub fn parse_user(self, text: &str) -> Option<UserHash> {
        self.platform.ids.parse_user(text).map(|user| self.hash(user))
    }

    /// Whether a text of so many characters can hold a bare ID.
    pub fn min_id_chars(self) -> usize {
        self.platform.markup.min_id_chars()
    }
}
