//! The workspace of a tenant, and the bot account that reads it.

use super::{Timestamp, WorkspaceId};

/// A workspace the bot is in: a server, guild or team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The workspace's ID.
    pub id: WorkspaceId,
    /// The displayed name.
    pub name: String,
}

/// What the platform says about the account behind the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotIdentity {
    /// Whether the bot receives message content; `None` if the platform doesn't say.
    pub reads_content: Option<bool>,
    /// The platform's clock at the time of its answer, if it says.
    pub server_time: Option<Timestamp>,
    /// The URL for inviting the bot with the permissions it needs.
    pub invite_url: Option<String>,
}
