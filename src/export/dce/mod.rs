//! A JSON file per channel, in the shape that DiscordChatExporter writes.
//!
//! Its source is the only description of that shape:
//! <https://github.com/Tyrrrz/DiscordChatExporter/blob/master/DiscordChatExporter.Core/Exporting/JsonMessageWriter.cs>

mod content;
mod embeds;
mod files;
mod message;

pub use files::run;
