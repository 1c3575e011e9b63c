//! The only maker of what the archive accepts.
//!
//! A user becomes the lowercase hex SHA-256 of the decimal ID. In text,
//! mentions and profile addresses are replaced here; a bare run of digits may
//! be anything, so it leaves here with its hash attached ([`Suspect`]) and the
//! archive, which knows the users, decides in the transaction that stores it.
//! Digits in disguise count as the digits that they stand for.
//!
//! [`UserHash`] and [`ScrubbedText`] have no public constructor besides the
//! functions of this module: what has not been here can't be stored.

mod address;
mod channel;
mod digits;
mod find;
#[cfg(test)]
mod hostile_tests;
mod message;
mod picture;
#[cfg(test)]
mod tests;
mod text;
mod user;

pub use channel::{Channel, Thread, channel};
pub use find::ids_in;
pub use message::{Attachment, Message, Page, ReactionCount, Reply, page};
pub use text::{
    Exposure, ScrubbedText, Suspect, exposure, forget_in, hashes_in, rescrub, sayable, scrub, scrub_stored,
};
pub use user::{FORGOTTEN, Person, SCHEME, UserHash, text_hash};
