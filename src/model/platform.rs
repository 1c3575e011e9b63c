//! What the rest of the program must know of a platform, as data.

use super::{IdCodec, Markup, WorkspaceId};

/// The facts of a platform that its adapter declares, and that the configuration
/// and its messages derive from.
#[derive(Debug)]
pub struct PlatformSpec {
    /// The value of `platform` in a `[[tenant]]`, the name of the platform's
    /// section, and its name in the archive.
    pub name: &'static str,
    /// Its name in messages.
    pub title: &'static str,
    /// The key of a `[[tenant]]` that holds the workspace's ID.
    pub workspace_key: &'static str,
    /// What a workspace is called there, such as "server".
    pub workspace_noun: &'static str,
    /// What the ID of a workspace looks like and where it is found. Follows "write its ID, ".
    pub workspace_id_help: &'static str,
    /// What to do about an ID that can't be a channel's.
    pub channel_id_help: &'static str,
    /// Reads the ID of a workspace; `None` for any other text.
    pub parse_workspace: fn(&str) -> Option<WorkspaceId>,
    /// What the ID of a user looks like and where it is found. Follows "give the ID ".
    pub user_id_help: &'static str,
    /// How its IDs are written.
    pub ids: &'static dyn IdCodec,
    /// How the archive's views write the IDs of messages.
    pub message_ids: MessageIdFormat,
    /// The address of a message: a printf format of SQLite's of the texts of the channel's
    /// and the message's ID and of the message's number, with [`WORKSPACE`] in the place of
    /// the workspace's.
    pub message_url: &'static str,
    /// How its texts name people.
    pub markup: &'static dyn Markup,
    /// The environment variable that holds the token unless the file says otherwise.
    pub default_token_env: &'static str,
    /// How a new token is made.
    pub new_token_help: &'static str,
    /// Where a token that leaked is reset. Follows "reset the token in ".
    pub token_page: &'static str,
    /// `https://host` of the API itself.
    pub default_api_url: &'static str,
    /// Domains of the API itself. Its own rate limit applies there, not at a
    /// proxy.
    pub hosts: &'static [&'static str],
    /// Requests per second unless the file says otherwise.
    pub default_requests_per_second: f64,
    /// Requests per second that the API allows.
    pub max_requests_per_second: f64,
    /// Messages per page that the API allows.
    pub max_page_size: u16,
}

/// What stands in [`PlatformSpec::message_url`] for the text of the workspace's ID.
const WORKSPACE: &str = "{workspace}";

/// How views write the ID of a message, given its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageIdFormat {
    /// In decimal.
    Decimal,
    /// By a printf format of SQLite's.
    Parts {
        /// What the number is divided by.
        divisor: u32,
        /// The format of the quotient and the remainder.
        format: &'static str,
    },
}

/// The platforms that the program knows, the default first.
pub type Platforms = &'static [&'static PlatformSpec];

/// A platform is identified by its name.
impl PartialEq for PlatformSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for PlatformSpec {}

impl PlatformSpec {
    /// The printf format of the address of a message in a workspace.
    pub fn message_url_format(&self, workspace: WorkspaceId) -> String {
        let text = self.ids.workspace_text(workspace).replace('%', "%%");
        self.message_url.replace(WORKSPACE, &text)
    }

    /// A workspace with its platform, such as "Discord server".
    pub fn workspace(&self) -> String {
        format!("{} {}", self.title, self.workspace_noun)
    }
}
