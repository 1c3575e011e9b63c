//! How the IDs of users become hashes: plainly, or with the key of an archive.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::UserHash;

/// The bytes of a key.
const KEY_BYTES: usize = 32;

/// The key of an archive: with it a user's hash can be computed from the ID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u8; KEY_BYTES]);

impl HashKey {
    /// Creates a key from its bytes.
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A random key for output, which is not stored. It isn't fit for an archive.
    pub fn unknown() -> Self {
        let mut bytes = [0; KEY_BYTES];
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&RandomState::new().hash_one(0).to_be_bytes());
        }
        Self(bytes)
    }

    /// The hash in an archive with this key of a user with this plain hash: HMAC-SHA-256 of
    /// its hex digits.
    pub fn hash(&self, plain: &UserHash) -> UserHash {
        UserHash::keyed(self.code(&plain.to_string()), plain)
    }

    /// The marker in an archive with this key that replaces a marker made without it.
    pub fn marker(&self, plain_marker: &str) -> String {
        UserHash::from_bytes(self.code(plain_marker)).to_string()
    }

    /// A text that tells whether two keys are the same, and nothing else.
    pub fn fingerprint(&self) -> String {
        UserHash::from_bytes(self.code("verta-sync hash key")).to_string()
    }

    /// HMAC-SHA-256 of a text.
    fn code(&self, text: &str) -> [u8; 32] {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC accepts keys of any length");
        code.update(text.as_bytes());
        code.finalize().into_bytes().into()
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(redacted)")
    }
}

/// How an archive hashes users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HashScheme {
    /// SHA-256 of the ID: the same hash in every archive.
    #[default]
    Plain,
    /// HMAC-SHA-256 of that hash with the archive's key.
    Keyed(HashKey),
}

impl HashScheme {
    /// The name of plain hashes, as recorded in an archive.
    pub const PLAIN_NAME: &str = "sha256";
    /// The name of keyed hashes.
    pub const KEYED_NAME: &str = "hmac-sha256";

    /// Hashes the text of an ID.
    pub(super) fn hash(self, id: &str) -> UserHash {
        let plain = UserHash::of(id);
        self.key().map_or(plain, |key| key.hash(&plain))
    }

    /// The key; `None` if hashes are plain.
    pub const fn key(self) -> Option<HashKey> {
        match self {
            Self::Plain => None,
            Self::Keyed(key) => Some(key),
        }
    }

    /// The marker of a user who was erased before the archive got its key; `None` if it has
    /// none, or the user's ID isn't known.
    pub fn older_marker(self, user: &UserHash) -> Option<String> {
        self.key().zip(user.plain()).map(|(key, plain)| key.marker(&plain.forget_marker()))
    }

    /// All markers by which the list of erased users may know this user.
    pub fn forget_markers(self, user: &UserHash) -> impl Iterator<Item = String> {
        std::iter::once(user.forget_marker()).chain(self.older_marker(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: HashKey = HashKey::new([0x0b; KEY_BYTES]);

    /// Computed with `printf 6b86… | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b0b…`.
    #[test]
    fn keyed_hash_is_hmac_of_the_hex_digits() {
        let plain = UserHash::of("1");
        let keyed = HashScheme::Keyed(KEY).hash("1");
        assert_eq!(keyed, KEY.hash(&plain));
        assert_eq!(keyed.to_string(), "3c7a9de00a54528f9a7849502221019cd61c3781433398a09c5a28e0f463f56d");
        assert_eq!(keyed.plain(), Some(plain));
        assert_eq!(UserHash::from_hex(&keyed.to_string()), Some(keyed));
    }

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", HashScheme::Keyed(KEY)), "Keyed(HashKey(redacted))");
        assert_ne!(KEY.fingerprint(), HashKey::new([0; KEY_BYTES]).fingerprint());
        assert_ne!(HashKey::unknown(), HashKey::unknown());
    }

    #[test]
    fn users_erased_before_and_after_the_key_are_recognized() {
        let scheme = HashScheme::Keyed(KEY);
        let (plain, keyed) = (UserHash::of("1"), scheme.hash("1"));
        let markers: Vec<String> = scheme.forget_markers(&keyed).collect();
        assert_eq!(markers, [keyed.forget_marker(), KEY.marker(&plain.forget_marker())]);
        // A hash that was read from a text doesn't tell the plain one.
        let read = UserHash::from_hex(&keyed.to_string()).unwrap();
        assert_eq!(scheme.forget_markers(&read).collect::<Vec<_>>(), [keyed.forget_marker()]);
        assert_eq!(HashScheme::Plain.forget_markers(&plain).collect::<Vec<_>>(), [plain.forget_marker()]);
    }
}
