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
    /// How its texts name people.
    pub markup: &'static dyn Markup,
    /// The environment variable that holds the token unless the file says otherwise.
    pub default_token_env: &'static str,
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
    /// A workspace with its platform, such as "Discord server".
    pub fn workspace(&self) -> String {
        format!("{} {}", self.title, self.workspace_noun)
    }
}
