//! The server side of a tenant, and the account that reads it.

use super::{Timestamp, WorkspaceId};

/// A workspace the bot is in: a server, guild or team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its own ID.
    pub id: WorkspaceId,
    /// The name people see.
    pub name: String,
}

/// The account behind the token, and the platform's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotIdentity {
    /// Whether messages come with their content; `None` if the platform
    /// doesn't say.
    pub reads_content: Option<bool>,
    /// The platform's time when it answered, if it says.
    pub server_time: Option<Timestamp>,
    /// Where somebody who may invite the bot does so, with the rights it needs.
    pub invite_url: Option<String>,
}
