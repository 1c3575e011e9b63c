//! What the rest of the program must know of a platform, as data.

use super::{Cause, ChannelId, IdCodec, Markup, MessageId, WorkspaceId};

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
    /// How the IDs of its messages are written.
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
    /// What a bot needs to read a channel. Follows "give its role ".
    pub channel_rights: &'static str,
    /// What lets a bot read the content of messages.
    pub content_right: &'static str,
    /// What to do about a cause where more can be said than on any platform, one
    /// sentence.
    pub remedy: fn(Cause) -> Option<&'static str>,
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

/// How the ID of a message is written, given its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageIdFormat {
    /// In decimal.
    Decimal,
    /// With a point before the last digits, as in `1718000000.123456`.
    Fraction {
        /// How many digits follow the point.
        digits: u32,
    },
}

impl MessageIdFormat {
    /// The text of an ID.
    pub fn text(self, message: MessageId) -> String {
        let (number, divisor) = (message.as_i64(), self.divisor());
        match self {
            Self::Decimal => number.to_string(),
            Self::Fraction { digits } => {
                format!("{}.{:0width$}", number / divisor, number % divisor, width = digits as usize)
            }
        }
    }

    /// What views divide the number by.
    pub fn divisor(self) -> i64 {
        match self {
            Self::Decimal => 1,
            Self::Fraction { digits } => 10_i64.pow(digits),
        }
    }

    /// SQLite's printf format of the quotient and the remainder; `None` for the number
    /// itself.
    pub fn printf_format(self) -> Option<String> {
        match self {
            Self::Decimal => None,
            Self::Fraction { digits } => Some(format!("%d.%0{digits}d")),
        }
    }
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
    /// The platform of this name; `None` for one that the program doesn't know.
    pub fn named(platforms: Platforms, name: &str) -> Option<&'static Self> {
        platforms.iter().copied().find(|platform| platform.name == name)
    }

    /// The text of a workspace's ID.
    pub fn workspace_text(&self, workspace: WorkspaceId) -> String {
        self.ids.workspace_text(workspace).to_string()
    }

    /// The text of a channel's ID.
    pub fn channel_text(&self, channel: ChannelId) -> String {
        self.ids.channel_text(channel).to_string()
    }

    /// The text of a message's ID.
    pub fn message_text(&self, message: MessageId) -> String {
        self.message_ids.text(message)
    }

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
