//! The properties of a platform that the rest of the program depends on, as data.

use super::{Cause, ChannelId, IdCodec, Markup, MessageId, WorkspaceId};

/// A platform's static properties. Its adapter declares them; the configuration, the
/// archive's views and the texts for users derive from them.
#[derive(Debug)]
pub struct PlatformSpec {
    /// Its identifier: the value of `platform` in a `[[tenant]]`, the name of its section
    /// in the configuration, and its name in the archive.
    pub name: &'static str,
    /// Its name in messages.
    pub title: &'static str,
    /// The key in a `[[tenant]]` that holds the workspace's ID.
    pub workspace_key: &'static str,
    /// What the platform calls a workspace, such as "server".
    pub workspace_noun: &'static str,
    /// What a workspace's ID looks like and where to find it. Follows "write its ID, ".
    pub workspace_id_help: &'static str,
    /// What to do about a malformed channel ID.
    pub channel_id_help: &'static str,
    /// Parses the ID of a workspace; `None` if the text isn't one.
    pub parse_workspace: fn(&str) -> Option<WorkspaceId>,
    /// What a user's ID looks like and where to find it. Follows "give the ID ".
    pub user_id_help: &'static str,
    /// Formats and parses its IDs, except those of messages.
    pub ids: &'static dyn IdCodec,
    /// The text format of its message IDs.
    pub message_ids: MessageIdFormat,
    /// The types of messages that people and bots write, each below 63. The platform
    /// announces something with all others, such as a new member.
    pub written_types: &'static [u32],
    /// The URL of a message, as a format for SQLite's `printf`. The arguments are the
    /// text of the channel's ID, the text of the message's ID and the message's number;
    /// [`WORKSPACE`] stands for the text of the workspace's ID.
    pub message_url: &'static str,
    /// Finds users in its texts.
    pub markup: &'static dyn Markup,
    /// The environment variable that holds the token by default.
    pub default_token_env: &'static str,
    /// How to create a new token.
    pub new_token_help: &'static str,
    /// The permissions that a bot needs to read a channel. Follows "give its role ".
    pub channel_permissions: &'static str,
    /// The setting that lets a bot read message content.
    pub content_setting: &'static str,
    /// The platform-specific advice for a cause, as one sentence; `None` if the general
    /// advice suffices.
    pub remedy: fn(Cause) -> Option<&'static str>,
    /// Where to reset a leaked token. Follows "reset the token in ".
    pub token_page: &'static str,
    /// The API's own base URL: `https://host`.
    pub default_api_url: &'static str,
    /// The API's own domains. [`Self::max_requests_per_second`] applies there, not at a
    /// proxy.
    pub hosts: &'static [&'static str],
    /// The default request rate, per second.
    pub default_requests_per_second: f64,
    /// The greatest request rate that the API allows, per second.
    pub max_requests_per_second: f64,
    /// The greatest number of messages per page that the API allows.
    pub max_page_size: u16,
}

/// The placeholder in [`PlatformSpec::message_url`] for the text of the workspace's ID.
const WORKSPACE: &str = "{workspace}";

/// The text format of a message's ID, given its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageIdFormat {
    /// In decimal.
    Decimal,
    /// As a decimal fraction, such as `1718000000.123456`.
    Fraction {
        /// The number of digits after the point.
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

    /// The divisor by which the archive's views split the number into the parts before
    /// and after the point.
    pub fn divisor(self) -> i64 {
        match self {
            Self::Decimal => 1,
            Self::Fraction { digits } => 10_i64.pow(digits),
        }
    }

    /// The format for SQLite's `printf` of the number's quotient and remainder by
    /// [`Self::divisor`]; `None` if the text is the plain number.
    pub fn printf_format(self) -> Option<String> {
        match self {
            Self::Decimal => None,
            Self::Fraction { digits } => Some(format!("%d.%0{digits}d")),
        }
    }
}

/// The supported platforms, the default first.
pub type Platforms = &'static [&'static PlatformSpec];

/// Platforms are equal if their names are.
impl PartialEq for PlatformSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for PlatformSpec {}

impl PlatformSpec {
    /// The platform with this name; `None` if it isn't supported.
    pub fn find(platforms: Platforms, name: &str) -> Option<&'static Self> {
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

    /// [`Self::message_url`] with the workspace filled in.
    pub fn message_url_format(&self, workspace: WorkspaceId) -> String {
        let text = self.ids.workspace_text(workspace).replace('%', "%%");
        self.message_url.replace(WORKSPACE, &text)
    }

    /// [`Self::written_types`] as a bit mask: bit n stands for type n.
    pub fn written_types_mask(&self) -> i64 {
        self.written_types.iter().fold(0, |mask, kind| mask | 1 << kind)
    }

    /// The name of a workspace with its platform, such as "Discord server".
    pub fn workspace_title(&self) -> String {
        format!("{} {}", self.title, self.workspace_noun)
    }
}
