//! The hashes that represent users in the archive.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest as _, Sha256};

/// SHA-256 of a text, in lowercase hex. For texts that may contain anything and only need
/// to be compared.
pub fn text_hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// The hash that represents a user in an archive: SHA-256 of the ID in the platform's
/// format, or HMAC-SHA-256 of that with the archive's key.
#[derive(Clone, Copy)]
pub struct UserHash {
    bytes: [u8; 32],
    /// The hash without key, if this one was computed from it.
    plain: Option<[u8; 32]>,
}

impl UserHash {
    /// SHA-256 of the text of an ID.
    pub(super) fn of(id: &str) -> Self {
        Self::from_bytes(Sha256::digest(id).into())
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { bytes, plain: None }
    }

    /// A hash with key, and the one that it was computed from.
    pub(super) const fn keyed(bytes: [u8; 32], plain: &Self) -> Self {
        Self { bytes, plain: Some(plain.bytes) }
    }

    /// The hash without key that this one was computed from; `None` if it has no key, or was
    /// read from the archive.
    pub(super) fn plain(&self) -> Option<Self> {
        self.plain.map(Self::from_bytes)
    }

    /// Parses 64 hex digits, as written by [`fmt::Display`]; `None` for any other text.
    pub fn from_hex(hex: &str) -> Option<Self> {
        let digits: Vec<u8> = hex
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit)).collect();
        (digits.len() == 64).then(|| bytes.try_into().ok().map(Self::from_bytes)).flatten()
    }

    /// The marker of this user in the list of erased users, in hex. It doesn't reveal the
    /// hash, but a known hash can be compared with it.
    pub fn forget_marker(&self) -> String {
        let marker: [u8; 32] = Sha256::digest(format!("verta-forget:{self}")).into();
        Self::from_bytes(marker).to_string()
    }

    /// The first eight bytes as an integer for SQLite: an index key, not unique.
    pub fn prefix(&self) -> i64 {
        let mut head = [0; 8];
        head.copy_from_slice(&self.bytes[..8]);
        i64::from_be_bytes(head)
    }

    /// Appends the 64 lowercase hex digits.
    pub fn push_hex(&self, text: &mut String) {
        const HEX: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        for byte in self.bytes {
            text.push(HEX[usize::from(byte >> 4)]);
            text.push(HEX[usize::from(byte & 15)]);
        }
    }
}

/// A user, identified by hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// The hash of the user's ID.
    pub hash: UserHash,
    /// Whether it is a bot; `None` if unknown.
    pub is_bot: Option<bool>,
}

/// Where a hash comes from makes no difference.
impl PartialEq for UserHash {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for UserHash {}

impl PartialOrd for UserHash {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UserHash {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

/// Hashes only the prefix, which is as uniformly distributed as the whole.
impl Hash for UserHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_i64(self.prefix());
    }
}

impl fmt::Display for UserHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = String::with_capacity(64);
        self.push_hex(&mut hex);
        f.write_str(&hex)
    }
}

impl fmt::Debug for UserHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_hash_is_sha256_of_the_id_text() {
        let expected = Sha256::digest(b"80351110224678912");
        assert_eq!(UserHash::of("80351110224678912").bytes, expected[..]);
        assert_eq!(
            UserHash::of("1").to_string(),
            "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
        );
    }

    #[test]
    fn hex_round_trips() {
        let hash = UserHash::of("42");
        assert_eq!(UserHash::from_hex(&hash.to_string()), Some(hash));
        for wrong in ["", "6b86", "zz", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(UserHash::from_hex(wrong), None);
        }
    }
}
