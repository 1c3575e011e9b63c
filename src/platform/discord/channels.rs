//! Requests for guilds, channels and threads, and the parsing of their responses.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;
use twilight_http::routing::Route;

use super::answer::Answer;
use super::client::Client;
use super::ids::Snowflakes;
use super::value::MemoryBudget;
use super::visibility::{GuildPermissions, RolePermissions};
use super::{convert, wire};
use crate::model::{
    Channel, ChannelId, ChannelKind, IdCodec as _, Timestamp, UserId, Visibility, Workspace, WorkspaceId,
};
use crate::monitor::Monitor;
use crate::platform::PlatformError;

/// The `guild_id` of `sync.toml.example`.
const EXAMPLE_GUILD: &str = "123456789012345678";

/// Most threads per page of a listing.
/// <https://discord.com/developers/docs/resources/channel#list-public-archived-threads>
const THREADS_PER_PAGE: u64 = 100;

/// Most bytes of memory per channel: several times what the longest name, topic and tags
/// take that Discord documents.
const MAX_CHANNEL_BYTES: usize = 128 << 10;
/// Most bytes of memory for the channels of one response.
const MAX_LIST_BYTES: usize = 8 << 20;
/// Most bytes of a server name; Discord allows 100 characters.
const MAX_NAME_BYTES: usize = 4 << 10;

/// Backlog of a request for a page of a listing, a guess in messages: channels with a
/// larger or an unknown backlog go first.
const LISTING_BACKLOG: u64 = 500;

/// Reads a guild and its channels with their visibility, and returns the permissions that
/// the visibility was computed from.
pub async fn workspace(
    client: &Client,
    id: WorkspaceId,
    bot: UserId,
    monitor: &dyn Monitor,
) -> Result<(Workspace, Vec<Channel>, GuildPermissions), PlatformError> {
    let guild_id = id.get();
    let text = Snowflakes.workspace_text(id);
    let note = if &*text == EXAMPLE_GUILD { " (the placeholder of sync.toml.example)" } else { "" };
    let subject = format!("server {}{note}", &*text);
    let route = Route::GetGuild { guild_id, with_counts: false };
    let guild = client.read(&route, &subject, monitor, |answer| read_guild(&answer, id)).await?;
    let roles = if let Some(roles) = guild.roles {
        roles
    } else {
        let route = Route::GetGuildRoles { guild_id };
        client.read(&route, &subject, monitor, |answer| read_roles(&answer, id)).await?
    };
    let bot_roles = bot_roles(client, guild_id, bot, &roles, monitor).await?;
    let rights = GuildPermissions::new(id, &roles, guild.owner, bot, bot_roles);
    let route = Route::GetChannels { guild_id };
    let read = |answer: Answer| channel_list(&answer, id, &rights);
    let subject = format!("channels of {subject}");
    let channels = client.read(&route, &subject, monitor, read).await?;
    Ok((Workspace { id, name: guild.name }, channels, rights))
}

/// The parts of a guild that are used.
pub(super) struct Guild {
    name: String,
    pub(super) owner: Option<u64>,
    pub(super) roles: Option<Vec<RolePermissions>>,
}

/// Rejects a guild that isn't the requested one, or whose roles lack @everyone: the
/// visibility computed from it would revoke every channel.
pub(super) fn read_guild(answer: &Answer, id: WorkspaceId) -> Result<Guild, PlatformError> {
    let guild: wire::Guild<'_> = answer.parse()?;
    if guild.id.is_some_and(|guild| guild.0 != id.get()) {
        return Err(answer.missing_error("the requested server"));
    }
    if guild.name.as_ref().is_some_and(|name| name.len() > MAX_NAME_BYTES) {
        return Err(answer.missing_error("a name within the size limit"));
    }
    Ok(Guild {
        name: guild.name.unwrap_or_default().into_owned(),
        owner: guild.owner_id.map(|owner| owner.0),
        roles: guild.roles.map(|roles| role_rights(answer, &roles, id)).transpose()?,
    })
}

pub(super) fn read_roles(answer: &Answer, id: WorkspaceId) -> Result<Vec<RolePermissions>, PlatformError> {
    let roles: wire::GuildList<wire::Role<'_>> = answer.parse()?;
    role_rights(answer, &roles, id)
}

/// Every guild has a role @everyone, whose ID is the guild's.
/// <https://discord.com/developers/docs/topics/permissions#role-object>
fn role_rights(
    answer: &Answer,
    roles: &[wire::Role<'_>],
    id: WorkspaceId,
) -> Result<Vec<RolePermissions>, PlatformError> {
    let rights: Option<Vec<RolePermissions>> = roles.iter().map(RolePermissions::of).collect();
    let rights = rights.ok_or_else(|| answer.missing_error("valid permissions of every role"))?;
    if rights.iter().any(|role| role.is(id.get())) {
        Ok(rights)
    } else {
        Err(answer.missing_error("the role @everyone"))
    }
}

/// The roles of a member besides @everyone. A role that the guild doesn't have is an
/// error.
pub(super) fn read_member(
    answer: &Answer,
    bot: UserId,
    roles: &[RolePermissions],
) -> Result<Vec<u64>, PlatformError> {
    let member: wire::Member = answer.parse()?;
    if member.user.and_then(|user| user.id()).is_some_and(|user| user != bot) {
        return Err(answer.missing_error("the requested member"));
    }
    let ids: Vec<u64> = member.roles.into_iter().map(|role| role.0).collect();
    if ids.iter().all(|id| roles.iter().any(|role| role.is(*id))) {
        Ok(ids)
    } else {
        Err(answer.missing_error("roles that the server has"))
    }
}

/// Reads the roles of the bot besides @everyone; `None` if the server doesn't know the
/// route.
async fn bot_roles(
    client: &Client,
    guild_id: u64,
    bot: UserId,
    roles: &[RolePermissions],
    monitor: &dyn Monitor,
) -> Result<Option<Vec<u64>>, PlatformError> {
    let route = Route::GetMember { guild_id, user_id: bot.get() };
    let subject = format!("the bot's membership of server {guild_id}");
    match client.read(&route, &subject, monitor, |answer| read_member(&answer, bot, roles)).await {
        Ok(roles) => Ok(Some(roles)),
        // A compatible server may lack the route for members.
        Err(error) if error.kind.is_unsupported() => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn channel_list(
    answer: &Answer,
    id: WorkspaceId,
    rights: &GuildPermissions,
) -> Result<Vec<Channel>, PlatformError> {
    let raw: wire::GuildList<&RawValue> = answer.parse()?;
    let visibility = |wire: &wire::Channel<'_>| {
        let overwrites = wire.permission_overwrites.as_deref().unwrap_or_default();
        rights.visibility_of(convert::channel_kind(wire.kind), overwrites)
    };
    listed_channels(answer, &raw, |channel| belongs_to(channel, id), visibility)
}

/// Whether a channel belongs to the guild, or names none.
fn belongs_to(channel: &wire::Channel<'_>, guild: WorkspaceId) -> bool {
    channel.guild_id.is_none_or(|id| id.0 == guild.get())
}

/// Why an object of a list is omitted.
enum Omitted {
    /// It belongs to another guild or parent. Counts as absent from the listing: if the
    /// archive knows it, it is requested alone.
    NotRequested,
    Malformed,
}

/// The channels of a list. Of a malformed channel only its ID is used, if it has one.
fn listed_channels(
    answer: &Answer,
    list: &[&RawValue],
    is_requested: impl Fn(&wire::Channel<'_>) -> bool,
    visibility: impl Fn(&wire::Channel<'_>) -> Visibility,
) -> Result<Vec<Channel>, PlatformError> {
    let (mut channels, mut bytes) = (Vec::new(), 0);
    for raw in list {
        let channel = match parse_channel(raw.get(), &answer.subject, &is_requested, &visibility) {
            Ok(channel) => channel,
            Err(Omitted::NotRequested) => continue,
            Err(Omitted::Malformed) => {
                let Some(channel) = convert::malformed_channel(raw.get()) else { continue };
                channel
            }
        };
        bytes += channel.weight();
        if bytes > MAX_LIST_BYTES {
            return Err(answer.missing_error(&format!("fewer than {} MiB of channels", MAX_LIST_BYTES >> 20)));
        }
        channels.push(channel);
    }
    Ok(channels)
}

/// A channel as a value, without its malformed fields.
fn lenient_value(raw: &str) -> serde_json::Result<Value> {
    let mut budget = MemoryBudget::default();
    match budget.parse(raw) {
        Err(_) if raw.len() <= MAX_CHANNEL_BYTES => {}
        parsed => return parsed,
    }
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(raw)?;
    let fields = fields.into_iter().filter_map(|(name, raw)| Some((name, budget.parse(raw.get()).ok()?)));
    Ok(Value::Object(fields.collect()))
}

/// Parses a channel of a list.
fn parse_channel(
    raw: &str,
    subject: &str,
    is_requested: impl Fn(&wire::Channel<'_>) -> bool,
    visibility: impl Fn(&wire::Channel<'_>) -> Visibility,
) -> Result<Channel, Omitted> {
    if raw.len() > wire::MAX_OBJECT_BYTES {
        tracing::warn!(subject, "a channel of the list exceeds the size limit");
        return Err(Omitted::Malformed);
    }
    let parsed = serde_json::from_str(raw).and_then(|wire| Ok((wire, lenient_value(raw)?)));
    let (wire, value): (wire::Channel<'_>, Value) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            tracing::warn!(subject, column = error.column(), "a channel of the list is malformed");
            return Err(Omitted::Malformed);
        }
    };
    if !is_requested(&wire) {
        tracing::warn!(subject, "the response contains a channel that was not requested");
        return Err(Omitted::NotRequested);
    }
    let Some(channel) = convert::channel(&wire, &value, visibility(&wire)) else {
        return Err(Omitted::Malformed);
    };
    if channel.weight() > MAX_CHANNEL_BYTES {
        tracing::warn!(subject, "a channel of the list exceeds the memory limit");
        return Err(Omitted::Malformed);
    }
    Ok(channel)
}

/// Reads the active threads of a guild.
pub async fn active_threads(
    client: &Client,
    id: WorkspaceId,
    channels: &[Channel],
    monitor: &dyn Monitor,
) -> Result<Vec<Channel>, PlatformError> {
    let route = Route::GetActiveThreads { guild_id: id.get() };
    let subject = format!("active threads of server {}", &*Snowflakes.workspace_text(id));
    let visibility_of = |parent: Option<ChannelId>| {
        channels
            .iter()
            .find(|channel| Some(channel.id) == parent && channel.kind.has_threads())
            .map(|parent| parent.visibility.clone())
    };
    let read = |answer: Answer| active_page(&answer, id, visibility_of);
    client.read(&route, &subject, monitor, read).await
}

/// Reads one page of a parent's archived public threads.
pub async fn archived_threads(
    client: &Client,
    parent: &Channel,
    before: Option<Timestamp>,
    monitor: &dyn Monitor,
) -> Result<(Vec<Channel>, bool), PlatformError> {
    let before = before.map(iso_time);
    let route = Route::GetPublicArchivedThreads {
        before: before.as_deref(),
        channel_id: parent.id.get(),
        limit: Some(THREADS_PER_PAGE),
    };
    let subject = format!("archived threads of channel {}", &*Snowflakes.channel_text(parent.id));
    let read = |answer: Answer| archived_page(&answer, parent);
    client.read_page(&route, &subject, LISTING_BACKLOG, monitor, read).await
}

/// ISO 8601 with `Z`: the `+` of an offset would not be percent-encoded in the URL.
fn iso_time(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or(jiff::Timestamp::MAX).to_string()
}

pub(super) fn active_page(
    answer: &Answer,
    id: WorkspaceId,
    visibility_of: impl Fn(Option<ChannelId>) -> Option<Visibility>,
) -> Result<Vec<Channel>, PlatformError> {
    let list: wire::Threads<'_> = answer.parse()?;
    threads(answer, &list.threads, |thread| belongs_to(thread, id), visibility_of)
}

/// A page of archived threads, and whether there are more. A page without `has_more` is
/// an error: the end of the listing would be unknown.
pub(super) fn archived_page(
    answer: &Answer,
    parent: &Channel,
) -> Result<(Vec<Channel>, bool), PlatformError> {
    let list: wire::Threads<'_> = answer.parse()?;
    let has_more = list.has_more.ok_or_else(|| answer.missing_error("has_more"))?;
    let is_requested = |thread: &wire::Channel<'_>| thread.parent_id.is_none_or(|id| id.0 == parent.id.get());
    Ok((threads(answer, &list.threads, is_requested, |_| Some(parent.visibility.clone()))?, has_more))
}

fn threads(
    answer: &Answer,
    list: &[&RawValue],
    is_requested: impl Fn(&wire::Channel<'_>) -> bool,
    visibility_of: impl Fn(Option<ChannelId>) -> Option<Visibility>,
) -> Result<Vec<Channel>, PlatformError> {
    listed_channels(answer, list, is_requested, |wire| {
        let parent = wire.parent_id.and_then(|id| ChannelId::new(id.0));
        // A private thread has its parent's overwrites, but only its members see it.
        let is_public = convert::channel_kind(wire.kind).is_thread();
        visibility_of(parent).filter(|_| is_public).unwrap_or_default()
    })
}

/// Reads one channel or thread. Without the `rights` of its guild, and for a thread, its
/// visibility stays empty.
pub async fn channel(
    client: &Client,
    id: ChannelId,
    guild: WorkspaceId,
    rights: Option<&GuildPermissions>,
    monitor: &dyn Monitor,
) -> Result<Channel, PlatformError> {
    let route = Route::GetChannel { channel_id: id.get() };
    let read = |answer: Answer| read_channel(&answer, id, guild, rights);
    client.read(&route, &format!("channel {}", &*Snowflakes.channel_text(id)), monitor, read).await
}

pub(super) fn read_channel(
    answer: &Answer,
    id: ChannelId,
    guild: WorkspaceId,
    rights: Option<&GuildPermissions>,
) -> Result<Channel, PlatformError> {
    let raw: &RawValue = answer.parse()?;
    let visibility = |wire: &wire::Channel<'_>| {
        let kind = convert::channel_kind(wire.kind);
        let has_rights_of_its_own = !kind.is_thread() && kind != ChannelKind::Other;
        match rights.filter(|_| has_rights_of_its_own) {
            Some(rights) => {
                rights.visibility_of(kind, wire.permission_overwrites.as_deref().unwrap_or_default())
            }
            None => Visibility::default(),
        }
    };
    match parse_channel(
        raw.get(),
        &answer.subject,
        |channel| channel.id.0 == id.get() && belongs_to(channel, guild),
        visibility,
    ) {
        Ok(channel) => Ok(channel),
        Err(Omitted::NotRequested) => Err(answer.missing_error("the requested channel")),
        Err(Omitted::Malformed) => Err(answer.missing_error("a well-formed channel")),
    }
}
