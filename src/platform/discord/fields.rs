//! Declares the fields of Discord's objects: which are kept, and which are dropped and
//! why.
//!
//! Each property of a message or channel in Discord's OpenAPI description is listed
//! here; a test compares the two. A field that isn't listed is unknown: it isn't
//! stored, only counted.

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
pub enum FieldShape {
    /// Text.
    Text,
    /// A 64-bit integer, signed or unsigned.
    Integer,
    /// Any number.
    Number,
    /// A boolean.
    Bool,
    /// A snowflake.
    Id,
    /// A URL, kept without the signature, which differs in each response.
    Url,
    /// A user object or a user's ID, kept as a mention, which the anonymizer
    /// hashes.
    User,
    /// An embed, without the user names and IDs of `AutoMod`'s alerts.
    Embed,
    /// An object with a display name: an embed's author, footer or provider. The field
    /// named here is dropped if the object has the URL of a profile or an avatar,
    /// because it then holds a person's name.
    Named(&'static ObjectFields, &'static str),
    /// An object, by its own list of fields.
    Fields(&'static ObjectFields),
    /// A list of values of one shape.
    List(&'static FieldShape),
    /// A field that is stored in a column, or read into the model, and so isn't part of
    /// the metadata.
    Column(&'static FieldShape),
    /// A time, ISO 8601; only in [`FieldShape::Column`].
    Time,
    /// An unsigned 32-bit integer; only in [`FieldShape::Column`].
    U32,
    /// An unsigned 64-bit integer.
    U64,
    /// Any JSON; only in [`FieldShape::Column`].
    Any,
}

/// The kept and dropped fields of an object.
#[derive(Debug)]
pub struct ObjectFields {
    /// The object's name, which prefixes the paths of its unknown fields.
    pub name: &'static str,
    /// Fields without which the object is malformed.
    pub required: &'static [&'static str],
    /// Kept fields and their shapes.
    pub kept: &'static [(&'static str, &'static FieldShape)],
    /// Dropped fields and the reasons.
    pub dropped: &'static [(&'static str, &'static str)],
}

impl ObjectFields {
    /// Name and shape of a kept field; `None` if the field isn't kept.
    pub fn shape(&self, field: &str) -> Option<(&'static str, &'static FieldShape)> {
        self.kept.iter().find(|(name, _)| *name == field).copied()
    }

    /// Whether the field is listed as dropped.
    pub fn drops(&self, field: &str) -> bool {
        self.dropped.iter().any(|(name, _)| *name == field)
    }
}

// Reasons to drop a field.
const PERSON: &str = "identifies a person";
const REDUNDANT: &str = "repeats another field";
const READER_SPECIFIC: &str = "about the bot that reads, not about the message";
const PICTURE: &str = "a picture or its placeholder";
const LAYOUT: &str = "presentation, not content";
const FOR_BOTS: &str = "data of the application that sent it; may hold user IDs";
const APPLICATION: &str = "an application's own settings; its ID is often its bot's user ID";
const VOICE: &str = "a setting of voice calls";
const STORED_WITH_CHANNEL: &str = "stored with the channel or thread itself";
const FROM_REQUEST: &str = "known from the request";
const VOLATILE: &str = "changes independently of the message";
