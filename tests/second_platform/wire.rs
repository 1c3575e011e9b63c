//! Parley's protocol: one connection per request, a line of JSON each way. The answer is
//! `Result<T, Refusal>`; each [`Question`] documents its `T`.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    pub token: String,
    pub question: Question,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// The server's time in milliseconds.
    Time,
    /// A [`Team`].
    Team(String),
    /// A [`Channel`].
    Channel(String),
    /// At most `limit` of a channel's [`Message`]s, ascending: those following `after`
    /// (from the first one if it is empty), else the newest, or the newest before `before`.
    History { channel: String, after: Option<String>, before: Option<String>, limit: u16 },
    /// At most [`REACTORS_PER_PAGE`] user IDs following `after`, ascending.
    Reactors { channel: String, message: String, emoji: String, after: Option<String> },
}

pub const REACTORS_PER_PAGE: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    InvalidToken,
    NotInTeam,
    ChannelNotFound,
    MessageNotFound,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Team {
    pub name: String,
    pub channels: Vec<Channel>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Channel {
    pub id: String,
    pub name: String,
    pub created_ms: i64,
    pub is_private: bool,
    pub newest: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Message {
    pub id: String,
    pub user: String,
    pub text: String,
    pub edited_ms: Option<i64>,
    /// The ID and the author of the message that this one replies to.
    pub reply_to: Option<(String, String)>,
    pub files: Vec<File>,
    /// Emoji with their counts.
    pub reactions: Vec<(String, u64)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct File {
    pub id: String,
    pub name: String,
    pub bytes: u64,
    pub url: String,
}
