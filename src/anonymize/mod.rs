//! Converts platform data into the only types that the archive accepts.
//!
//! A user is represented by the lowercase hex SHA-256 of the ID in the platform's format, in
//! an archive with a key by the HMAC-SHA-256 of that ([`HashScheme`]).
//! In texts, the users in mentions and profile URLs are replaced by hashes here. A bare
//! ID may be any number, so it is passed on as an [`IdCandidate`] with its hash, and the
//! archive, which knows the users, resolves it in the transaction that stores the text.
//! The platform's markup finds the IDs; nothing here knows a particular platform.
//!
//! Platform data becomes a [`UserHash`] or [`ScrubbedText`] only through [`Scrubber`], so
//! that nothing can be stored without being scrubbed.

mod channel;
mod message;
mod rules;
mod scheme;
mod scrubber;
mod text;
mod user;

pub use channel::{Channel, Thread};
pub use message::{Attachment, Message, Page, ReactionCount, Reply};
pub use rules::Rules;
pub use scheme::{HashKey, HashScheme};
pub use scrubber::Scrubber;
pub use text::{
    Exposure, IdCandidate, ScrubbedText, hashes_alone_in, hashes_in, replace_forgotten, replace_hashes,
};
pub use user::{Person, UserHash, text_hash};
