//! IDs of a platform's objects, as typed numbers and as text.

use std::fmt;
use std::ops::Deref;

use super::Timestamp;

/// Why a text can't be parsed as an ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// It doesn't have the form of an ID; it may be a name.
    #[error("not an ID")]
    NotIdSyntax,
    /// It has the form of an ID but is out of range. Holds a description of valid IDs.
    #[error("not an ID: expected {0}")]
    OutOfRange(&'static str),
}

macro_rules! platform_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A number from 1 to 2^63 - 1, so that it fits SQLite's INTEGER. The platform's
        /// [`IdCodec`] formats it.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// `None` for 0 and for numbers above 2^63 - 1.
            pub const fn new(raw: u64) -> Option<Self> {
                if raw == 0 || raw > i64::MAX as u64 {
                    None
                } else {
                    Some(Self(raw))
                }
            }

            /// The number itself.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The number as SQLite stores it.
            #[allow(clippy::cast_possible_wrap, reason = "new() keeps it below 2^63")]
            pub const fn as_i64(self) -> i64 {
                self.0 as i64
            }

            /// The inverse of [`Self::as_i64`]; `None` for 0 and negative numbers.
            pub fn from_i64(stored: i64) -> Option<Self> {
                u64::try_from(stored).ok().and_then(Self::new)
            }
        }
    };
}

macro_rules! debug_shows_number {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

platform_id!(
    /// A workspace: what the platform calls a server, guild or team.
    WorkspaceId
);
platform_id!(
    /// A channel, thread or category.
    ChannelId
);
platform_id!(
    /// A message. Within a channel, a greater ID is a later message.
    MessageId
);
platform_id!(
    /// An attachment of a message.
    AttachmentId
);
platform_id!(
    /// A person or bot, unhashed. `Debug` hides the number, so that it can't reach a log
    /// by accident.
    UserId
);

debug_shows_number!(WorkspaceId);
debug_shows_number!(ChannelId);
debug_shows_number!(MessageId);
debug_shows_number!(AttachmentId);

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(redacted)")
    }
}

/// Converts between message IDs and times, on platforms whose message IDs ascend with
/// time.
pub trait IdTimes {
    /// The greatest ID below those of all messages sent at `time` or later; `None` if
    /// there is none, because `time` precedes the first ID.
    fn id_before(&self, time: Timestamp) -> Option<MessageId>;

    /// The send time encoded in the ID of a message.
    fn sent_at(&self, id: MessageId) -> Timestamp;
}

/// Formats and parses a platform's IDs.
pub trait IdCodec: fmt::Debug + Send + Sync {
    /// The text of a workspace's ID.
    fn workspace_text(&self, workspace: WorkspaceId) -> IdText;

    /// The text of a channel's ID.
    fn channel_text(&self, channel: ChannelId) -> IdText;

    /// The text of an attachment's ID; `None` if it is the number in decimal.
    fn attachment_text(&self, _attachment: AttachmentId) -> Option<IdText> {
        None
    }

    /// The text of a user's ID. The archive stores its SHA-256 in place of the user.
    fn user_text(&self, user: UserId) -> IdText;

    /// Parses the ID of a channel, the inverse of [`Self::channel_text`].
    ///
    /// # Errors
    /// Returns [`ParseIdError`] if the text isn't the ID of a channel.
    fn parse_channel(&self, text: &str) -> Result<ChannelId, ParseIdError>;

    /// Parses the ID of a user as copied from the platform. `None` if it isn't one, or
    /// is too short to be distinguished from other numbers or words.
    fn parse_user(&self, text: &str) -> Option<UserId>;

    /// The text with `…` in place of everything that may be an ID, even a mistyped one.
    fn mask(&self, text: &str) -> String;
}

/// The text of an ID. Kept on the stack, because one is made for each user of each page.
#[derive(Clone, Copy)]
pub struct IdText {
    /// The text occupies the last `length` bytes.
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl IdText {
    /// The greatest length in bytes.
    pub const CAPACITY: usize = 24;

    /// Formats a number in decimal.
    pub fn decimal(mut number: u64) -> Self {
        let mut bytes = [0; Self::CAPACITY];
        let mut start = Self::CAPACITY;
        loop {
            start -= 1;
            bytes[start] = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
            if number == 0 {
                return Self { bytes, length: Self::CAPACITY - start };
            }
        }
    }

    /// Copies a text; `None` if it is longer than [`Self::CAPACITY`] bytes.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::CAPACITY];
        let start = Self::CAPACITY.checked_sub(text.len())?;
        bytes[start..].copy_from_slice(text.as_bytes());
        Some(Self { bytes, length: text.len() })
    }
}

impl PartialEq for IdText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for IdText {}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdText(redacted)")
    }
}

impl Deref for IdText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.bytes[Self::CAPACITY - self.length..]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_fit_sqlite_and_are_never_zero() {
        assert_eq!(ChannelId::new(0), None);
        assert_eq!(ChannelId::new(1 << 63), None);
        let greatest = ChannelId::new(i64::MAX as u64).unwrap();
        assert_eq!(ChannelId::from_i64(greatest.as_i64()), Some(greatest));
        assert_eq!(ChannelId::from_i64(-1), None);
    }

    #[test]
    fn id_text_holds_a_decimal_number_or_a_short_text() {
        for (number, text) in [(0, "0"), (7, "7"), (u64::MAX, "18446744073709551615")] {
            assert_eq!(&*IdText::decimal(number), text);
            assert_eq!(IdText::new(text).as_deref(), Some(text));
        }
        assert!(IdText::new(&"1".repeat(IdText::CAPACITY + 1)).is_none());
    }

    #[test]
    fn debug_of_a_user_id_is_redacted() {
        let user = UserId::new(123_456_789_012_345_678).unwrap();
        assert_eq!(format!("{user:?}"), "UserId(redacted)");
    }
}
