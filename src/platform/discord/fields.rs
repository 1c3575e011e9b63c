//! The lists of Discord's fields: which are kept, and which are dropped and why.
//!
//! Every property that Discord's OpenAPI description gives a message or a channel
//! stands in one of them; a test compares the lists with the description. A field
//! in neither is unknown to this version, and counted.

mod channel;
mod component;
mod embed;
mod file;
mod message;
#[cfg(test)]
mod tests;

pub use self::channel::CHANNEL;
pub use self::embed::EMBED;
pub use self::file::ATTACHMENT;
pub use self::message::{COUNT_DETAILS, MESSAGE, REACTION, REACTION_EMOJI, REFERENCE, USER};

/// The shape of a kept value.
#[derive(Debug)]
pub enum Keep {
    /// Text.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Truth,
    /// A snowflake.
    Id,
    /// A URL, kept without the signature that changes at every read.
    Url,
    /// A user object or a user's ID, kept as a mention, which the anonymizer
    /// hashes.
    User,
    /// An embed, without the people that `AutoMod` names in one.
    Embed,
    /// An object with a name of somebody or something: an embed's author, footer,
    /// provider. With the URL of a profile or an avatar, the field that is named
    /// here holds a person's name and is left out.
    Named(&'static Object, &'static str),
    /// An object of which some fields are kept.
    Fields(&'static Object),
    /// A list of such values.
    List(&'static Keep),
    /// A field that has a column, or is a fact of the message, and so stands
    /// nowhere else.
    Column(&'static Keep),
    /// In a column only: a time, ISO 8601.
    Time,
    /// In a column only: a number of 32 bits without sign.
    Small,
    /// In a column only: a number of 64 bits without sign.
    Size,
    /// In a column only: anything that is JSON.
    Any,
}

/// What becomes of an object's fields.
#[derive(Debug)]
pub struct Object {
    /// Discord's word for the object; the paths of its unknown fields begin with it.
    pub name: &'static str,
    /// Fields without which the object says nothing.
    pub required: &'static [&'static str],
    /// Fields that are kept.
    pub kept: &'static [(&'static str, &'static Keep)],
    /// Fields that are dropped, and why.
    pub dropped: &'static [(&'static str, &'static str)],
}

impl Object {
    /// The shape of a kept field.
    pub fn shape(&self, field: &str) -> Option<(&'static str, &'static Keep)> {
        self.kept.iter().find(|(name, _)| *name == field).copied()
    }

    /// Whether the field is dropped on purpose.
    pub fn drops(&self, field: &str) -> bool {
        self.dropped.iter().any(|(name, _)| *name == field)
    }
}

// Why fields are dropped.
const PERSON: &str = "identifies a person";
const TWICE: &str = "says again what another field says";
const PERSONAL: &str = "about the bot that reads, not about the message";
const PICTURE: &str = "a picture, or how one is shown while it loads";
const LAYOUT: &str = "how Discord shows it, not what it says";
const FOR_BOTS: &str = "for the application that sent it; may hold anything, user IDs too";
const APPLICATION: &str = "an application's own settings; its ID is often its bot's user ID";
const VOICE: &str = "a setting of voice calls";
const ELSEWHERE: &str = "stands in the row of the channel or thread itself";
const SCOPE: &str = "known from the request";
const VOLATILE: &str = "changes without the message";
