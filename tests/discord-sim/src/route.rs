//! Parses a path into a route.

use crate::answer::ApiError;

/// The simulated routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RouteKind {
    /// `GET /users/@me`
    CurrentUser,
    /// `GET /users/@me/guilds`
    CurrentUserGuilds,
    /// `GET /applications/@me` and `GET /oauth2/applications/@me`
    CurrentApplication,
    /// `GET /guilds/{guild}`
    Guild,
    /// `GET /guilds/{guild}/roles`
    GuildRoles,
    /// `GET /guilds/{guild}/channels`
    GuildChannels,
    /// `GET /guilds/{guild}/members`
    GuildMembers,
    /// `GET /guilds/{guild}/members/{user}`
    GuildMember,
    /// `GET /guilds/{guild}/threads/active`
    ActiveThreads,
    /// `GET /guilds/{guild}/messages/search`
    GuildSearch,
    /// `GET /channels/{channel}`
    Channel,
    /// `GET /channels/{channel}/threads/archived/public`
    ArchivedPublicThreads,
    /// `GET /channels/{channel}/threads/archived/private`
    ArchivedPrivateThreads,
    /// `GET /channels/{channel}/users/@me/threads/archived/private`
    JoinedPrivateThreads,
    /// `GET /channels/{channel}/messages`
    Messages,
    /// `GET /channels/{channel}/messages/{message}`
    Message,
    /// `GET /channels/{channel}/messages/{message}/reactions/{emoji}`
    Reactions,
}

impl RouteKind {
    /// The page size of a request without `limit`; `None` for routes without pages.
    pub(crate) const fn default_limit(self) -> Option<u64> {
        match self {
            Self::CurrentUserGuilds => Some(200),
            Self::Messages
            | Self::ArchivedPublicThreads
            | Self::ArchivedPrivateThreads
            | Self::JoinedPrivateThreads => Some(50),
            Self::Reactions | Self::GuildSearch => Some(25),
            _ => None,
        }
    }
}

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub kind: RouteKind,
    /// The path's first ID, that of a guild or channel; 0 on other routes.
    pub major: u64,
    /// The path's second ID, that of a message or user; 0 if it has none.
    pub minor: u64,
    /// The decoded emoji of a reactions route; otherwise empty.
    pub emoji: String,
}

impl Route {
    pub(crate) fn parse(path: &str) -> Result<Self, ApiError> {
        let rest = ["/api/v10/", "/api/v9/"]
            .iter()
            .find_map(|prefix| path.strip_prefix(prefix))
            .ok_or(ApiError::UNKNOWN_ROUTE)?;
        let parts: Vec<&str> = rest.split('/').collect();
        match parts[..] {
            ["guilds", guild, ref tail @ ..] => Self::in_guild(guild, tail),
            ["channels", channel, ref tail @ ..] => Self::in_channel(channel, tail),
            ["users", "@me"] => Ok(Self::of(RouteKind::CurrentUser, 0)),
            ["users", "@me", "guilds"] => Ok(Self::of(RouteKind::CurrentUserGuilds, 0)),
            ["applications", "@me"] | ["oauth2", "applications", "@me"] => {
                Ok(Self::of(RouteKind::CurrentApplication, 0))
            }
            _ => Err(ApiError::UNKNOWN_ROUTE),
        }
    }

    const fn of(kind: RouteKind, major: u64) -> Self {
        Self { kind, major, minor: 0, emoji: String::new() }
    }

    fn in_guild(guild: &str, tail: &[&str]) -> Result<Self, ApiError> {
        let (kind, user) = match tail {
            [] => (RouteKind::Guild, None),
            ["roles"] => (RouteKind::GuildRoles, None),
            ["channels"] => (RouteKind::GuildChannels, None),
            ["members"] => (RouteKind::GuildMembers, None),
            ["members", user] => (RouteKind::GuildMember, Some(user)),
            ["threads", "active"] => (RouteKind::ActiveThreads, None),
            ["messages", "search"] => (RouteKind::GuildSearch, None),
            _ => return Err(ApiError::UNKNOWN_ROUTE),
        };
        let mut route = Self::of(kind, snowflake("guild_id", guild)?);
        if let Some(user) = user {
            route.minor = snowflake("user_id", user)?;
        }
        Ok(route)
    }

    fn in_channel(channel: &str, tail: &[&str]) -> Result<Self, ApiError> {
        let (kind, message, emoji) = match tail {
            [] => (RouteKind::Channel, None, ""),
            ["threads", "archived", "public"] => (RouteKind::ArchivedPublicThreads, None, ""),
            ["threads", "archived", "private"] => (RouteKind::ArchivedPrivateThreads, None, ""),
            ["users", "@me", "threads", "archived", "private"] => (RouteKind::JoinedPrivateThreads, None, ""),
            ["messages"] => (RouteKind::Messages, None, ""),
            ["messages", message] => (RouteKind::Message, Some(message), ""),
            ["messages", message, "reactions", emoji] if !emoji.is_empty() => {
                (RouteKind::Reactions, Some(message), *emoji)
            }
            _ => return Err(ApiError::UNKNOWN_ROUTE),
        };
        let mut route = Self::of(kind, snowflake("channel_id", channel)?);
        if let Some(message) = message {
            route.minor = snowflake("message_id", message)?;
        }
        route.emoji = crate::query::decode(emoji, false);
        Ok(route)
    }

    pub(crate) const fn guild(&self) -> Option<u64> {
        match self.kind {
            RouteKind::Guild
            | RouteKind::GuildRoles
            | RouteKind::GuildChannels
            | RouteKind::GuildMembers
            | RouteKind::GuildMember
            | RouteKind::ActiveThreads
            | RouteKind::GuildSearch => Some(self.major),
            _ => None,
        }
    }

    pub(crate) const fn channel(&self) -> Option<u64> {
        match self.kind {
            RouteKind::Channel
            | RouteKind::ArchivedPublicThreads
            | RouteKind::ArchivedPrivateThreads
            | RouteKind::JoinedPrivateThreads
            | RouteKind::Messages
            | RouteKind::Message
            | RouteKind::Reactions => Some(self.major),
            _ => None,
        }
    }

    pub(crate) const fn message(&self) -> Option<u64> {
        match self.kind {
            RouteKind::Message | RouteKind::Reactions => Some(self.minor),
            _ => None,
        }
    }

    pub(crate) fn emoji(&self) -> Option<&str> {
        (self.kind == RouteKind::Reactions).then_some(self.emoji.as_str())
    }
}

fn snowflake(field: &'static str, text: &str) -> Result<u64, ApiError> {
    crate::query::snowflake(text).ok_or_else(|| ApiError::not_a_snowflake(field, text))
}
