//! The only maker of what the archive accepts.
//!
//! A user becomes the lowercase hex SHA-256 of the ID as the platform writes it. In
//! text, mentions and profile addresses are replaced here; a bare ID may be anything,
//! so it leaves here with its hash attached ([`Suspect`]) and the archive, which knows
//! the users, decides in the transaction that stores it. What names people in a text
//! is for the platform's markup to say, and nothing here knows a platform.
//!
//! [`UserHash`] and [`ScrubbedText`] have no public constructor besides
//! [`Scrubber`]: what has not been here can't be stored.

mod channel;
mod message;
mod scrubber;
mod text;
mod user;

pub use channel::{Channel, Thread};
pub use message::{Attachment, Message, Page, ReactionCount, Reply};
pub use scrubber::Scrubber;
pub use text::{Exposure, ScrubbedText, Suspect, forget_in, hashes_in};
pub use user::{Person, SCHEME, UserHash, text_hash};
