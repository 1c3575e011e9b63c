//! Guilds, channels and threads.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;
use twilight_http::routing::Route;

use super::answer::Answer;
use super::client::Client;
use super::ids::Snowflakes;
use super::value::Allowance;
use super::visibility::{GuildRights, RoleRights};
use super::{convert, wire};
use crate::model::{
    Channel, ChannelId, ChannelKind, IdCodec as _, Timestamp, UserId, Visibility, Workspace, WorkspaceId,
};
use crate::monitor::Monitor;
use crate::platform::PlatformError;

/// Threads a listing returns at most.
/// <https://discord.com/developers/docs/resources/channel#list-public-archived-threads>
const THREADS_PER_PAGE: u64 = 100;

/// Bytes that a channel may take: several times what the longest name, topic and tags
/// do that Discord documents.
const MOST_CHANNEL_BYTES: usize = 128 << 10;
/// Bytes that the channels of one answer may take.
const MOST_LIST_BYTES: usize = 8 << 20;
/// The longest name of a server that is read, bytes; Discord allows 100 characters.
const MOST_NAME_BYTES: usize = 4 << 10;

/// Messages that may stand behind a page of a listing, a guess: it waits for
/// channels that have more to read, and for those of which nothing is known.
const LISTING_WORK: u64 = 500;

/// A guild and its channels, each with who may see it, and the rights that this
/// was worked out from.
pub async fn workspace(
    client: &Client,
    id: WorkspaceId,
    bot: UserId,
    monitor: &dyn Monitor,
) -> Result<(Workspace, Vec<Channel>, GuildRights), PlatformError> {
    let guild_id = id.get();
    let subject = format!("server {}", &*Snowflakes.workspace_text(id));
    let route = Route::GetGuild { guild_id, with_counts: false };
    let guild = client.read(&route, &subject, monitor, |answer| read_guild(&answer, id)).await?;
    let roles = if let Some(roles) = guild.roles {
        roles
    } else {
        let route = Route::GetGuildRoles { guild_id };
        client.read(&route, &subject, monitor, |answer| read_roles(&answer, id)).await?
    };
    let bot_roles = bot_roles(client, guild_id, bot, &roles, monitor).await?;
    let rights = GuildRights::new(id, &roles, guild.owner, bot, bot_roles);
    let route = Route::GetChannels { guild_id };
    let read = |answer: Answer| channel_list(&answer, id, &rights);
    let subject = format!("channels of {subject}");
    let channels = client.read(&route, &subject, monitor, read).await?;
    Ok((Workspace { id, name: guild.name }, channels, rights))
}

/// What is needed of a guild.
pub(super) struct Guild {
    name: String,
    pub(super) owner: Option<u64>,
    pub(super) roles: Option<Vec<RoleRights>>,
}

/// A guild that isn't the one asked for, or whose roles lack @everyone, is
/// malformed: concluding from it would close every channel.
pub(super) fn read_guild(answer: &Answer, id: WorkspaceId) -> Result<Guild, PlatformError> {
    let guild: wire::Guild<'_> = answer.parse()?;
    if guild.id.is_some_and(|guild| guild.0 != id.get()) {
        return Err(answer.lacks("the server that was asked for"));
    }
    if guild.name.as_ref().is_some_and(|name| name.len() > MOST_NAME_BYTES) {
        return Err(answer.lacks("a name as short as any real one"));
    }
    Ok(Guild {
        name: guild.name.unwrap_or_default().into_owned(),
        owner: guild.owner_id.map(|owner| owner.0),
        roles: guild.roles.map(|roles| role_rights(answer, &roles, id)).transpose()?,
    })
}

pub(super) fn read_roles(answer: &Answer, id: WorkspaceId) -> Result<Vec<RoleRights>, PlatformError> {
    let roles: wire::Many<wire::Role<'_>> = answer.parse()?;
    role_rights(answer, &roles, id)
}

/// Every guild has a role @everyone, whose ID is the guild's.
/// <https://discord.com/developers/docs/topics/permissions#role-object>
fn role_rights(
    answer: &Answer,
    roles: &[wire::Role<'_>],
    id: WorkspaceId,
) -> Result<Vec<RoleRights>, PlatformError> {
    let rights: Option<Vec<RoleRights>> = roles.iter().map(RoleRights::of).collect();
    let rights = rights.ok_or_else(|| answer.lacks("readable permissions of every role"))?;
    if rights.iter().any(|role| role.is(id.get())) {
        Ok(rights)
    } else {
        Err(answer.lacks("the role @everyone"))
    }
}

/// The roles of a member besides @everyone. One that the guild doesn't have
/// contradicts the guild's roles.
pub(super) fn read_member(
    answer: &Answer,
    bot: UserId,
    roles: &[RoleRights],
) -> Result<Vec<u64>, PlatformError> {
    let member: wire::Member = answer.parse()?;
    if member.user.and_then(|user| user.id()).is_some_and(|user| user != bot) {
        return Err(answer.lacks("the member that was asked for"));
    }
    let ids: Vec<u64> = member.roles.into_iter().map(|role| role.0).collect();
    if ids.iter().all(|id| roles.iter().any(|role| role.is(*id))) {
        Ok(ids)
    } else {
        Err(answer.lacks("roles that the server has"))
    }
}

/// The roles of the bot besides @everyone; `None` if the server doesn't tell.
async fn bot_roles(
    client: &Client,
    guild_id: u64,
    bot: UserId,
    roles: &[RoleRights],
    monitor: &dyn Monitor,
) -> Result<Option<Vec<u64>>, PlatformError> {
    let route = Route::GetMember { guild_id, user_id: bot.get() };
    let subject = format!("the bot's membership of server {guild_id}");
    match client.read(&route, &subject, monitor, |answer| read_member(&answer, bot, roles)).await {
        Ok(roles) => Ok(Some(roles)),
        // A compatible server need not tell of members.
        Err(error) if error.kind.is_unsupported() => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn channel_list(
    answer: &Answer,
    id: WorkspaceId,
    rights: &GuildRights,
) -> Result<Vec<Channel>, PlatformError> {
    let raw: wire::Many<&RawValue> = answer.parse()?;
    let visibility = |wire: &wire::Channel<'_>| {
        let overwrites = wire.permission_overwrites.as_deref().unwrap_or_default();
        rights.of_channel(convert::channel_kind(wire.kind), overwrites)
    };
    within_bounds(answer, &raw, |channel| is_of(channel, id), visibility)
}

/// Whether a channel is of the guild that was asked for, or doesn't say.
fn is_of(channel: &wire::Channel<'_>, guild: WorkspaceId) -> bool {
    channel.guild_id.is_none_or(|id| id.0 == guild.get())
}

/// Why an object of a list is no channel of it.
enum NotListed {
    /// Of another server or parent. It counts as left out: if it is known, it is
    /// asked for.
    Other,
    Unreadable,
}

/// The channels of a list. One that can't be read costs only itself.
fn within_bounds(
    answer: &Answer,
    list: &[&RawValue],
    is_asked_for: impl Fn(&wire::Channel<'_>) -> bool,
    visibility: impl Fn(&wire::Channel<'_>) -> Visibility,
) -> Result<Vec<Channel>, PlatformError> {
    let (mut channels, mut bytes) = (Vec::new(), 0);
    for raw in list {
        let channel = match read(raw.get(), &answer.subject, &is_asked_for, &visibility) {
            Ok(channel) => channel,
            Err(NotListed::Other) => continue,
            Err(NotListed::Unreadable) => {
                let Some(channel) = convert::only_id(raw.get()) else { continue };
                channel
            }
        };
        bytes += channel.weight();
        if bytes > MOST_LIST_BYTES {
            return Err(answer.lacks(&format!("fewer than {} MiB of channels", MOST_LIST_BYTES >> 20)));
        }
        channels.push(channel);
    }
    Ok(channels)
}

/// A channel as a value, without the fields that are malformed.
fn value_of(raw: &str) -> serde_json::Result<Value> {
    let mut allowance = Allowance::default();
    match allowance.parse(raw) {
        Err(_) if raw.len() <= MOST_CHANNEL_BYTES => {}
        parsed => return parsed,
    }
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(raw)?;
    let fields = fields.into_iter().filter_map(|(name, raw)| Some((name, allowance.parse(raw.get()).ok()?)));
    Ok(Value::Object(fields.collect()))
}

/// A channel of a list.
fn read(
    raw: &str,
    subject: &str,
    is_asked_for: impl Fn(&wire::Channel<'_>) -> bool,
    visibility: impl Fn(&wire::Channel<'_>) -> Visibility,
) -> Result<Channel, NotListed> {
    if raw.len() > wire::MOST_OBJECT_BYTES {
        tracing::warn!(subject, "a channel of the list is longer than any real one");
        return Err(NotListed::Unreadable);
    }
    let parsed = serde_json::from_str(raw).and_then(|wire| Ok((wire, value_of(raw)?)));
    let (wire, value): (wire::Channel<'_>, Value) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            tracing::warn!(subject, column = error.column(), "a channel of the list can't be read");
            return Err(NotListed::Unreadable);
        }
    };
    if !is_asked_for(&wire) {
        tracing::warn!(subject, "the answer holds a channel that wasn't asked for");
        return Err(NotListed::Other);
    }
    let Some(channel) = convert::channel(&wire, &value, visibility(&wire)) else {
        return Err(NotListed::Unreadable);
    };
    if channel.weight() > MOST_CHANNEL_BYTES {
        tracing::warn!(subject, "a channel of the list is larger than any real one");
        return Err(NotListed::Unreadable);
    }
    Ok(channel)
}

/// All threads of the guild that aren't archived. A server that doesn't know
/// the route has none.
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

/// One page of a parent's archived public threads.
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
    client.read_page(&route, &subject, LISTING_WORK, monitor, read).await
}

/// With `Z`: an offset's `+` isn't percent-encoded on its way.
fn iso_time(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or(jiff::Timestamp::MAX).to_string()
}

pub(super) fn active_page(
    answer: &Answer,
    id: WorkspaceId,
    visibility_of: impl Fn(Option<ChannelId>) -> Option<Visibility>,
) -> Result<Vec<Channel>, PlatformError> {
    let list: wire::Threads<'_> = answer.parse()?;
    threads(answer, &list.threads, |thread| is_of(thread, id), visibility_of)
}

/// A page of archived threads, and whether there are more. Without the latter it
/// isn't known where the listing ends.
pub(super) fn archived_page(
    answer: &Answer,
    parent: &Channel,
) -> Result<(Vec<Channel>, bool), PlatformError> {
    let list: wire::Threads<'_> = answer.parse()?;
    let has_more = list.has_more.ok_or_else(|| answer.lacks("has_more"))?;
    let is_asked_for = |thread: &wire::Channel<'_>| thread.parent_id.is_none_or(|id| id.0 == parent.id.get());
    Ok((threads(answer, &list.threads, is_asked_for, |_| Some(parent.visibility.clone()))?, has_more))
}

fn threads(
    answer: &Answer,
    list: &[&RawValue],
    is_asked_for: impl Fn(&wire::Channel<'_>) -> bool,
    visibility_of: impl Fn(Option<ChannelId>) -> Option<Visibility>,
) -> Result<Vec<Channel>, PlatformError> {
    within_bounds(answer, list, is_asked_for, |wire| {
        let parent = wire.parent_id.and_then(|id| ChannelId::new(id.0));
        // A private thread has its parent's overwrites, but its members only.
        let is_public = convert::channel_kind(wire.kind).is_thread();
        visibility_of(parent).filter(|_| is_public).unwrap_or_default()
    })
}

/// One channel or thread. `rights` are those of its guild, if they are known:
/// without them, and for a thread, nobody is said to see it.
pub async fn channel(
    client: &Client,
    id: ChannelId,
    guild: WorkspaceId,
    rights: Option<&GuildRights>,
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
    rights: Option<&GuildRights>,
) -> Result<Channel, PlatformError> {
    let raw: &RawValue = answer.parse()?;
    let visibility = |wire: &wire::Channel<'_>| {
        let kind = convert::channel_kind(wire.kind);
        let has_rights_of_its_own = !kind.is_thread() && kind != ChannelKind::Other;
        match rights.filter(|_| has_rights_of_its_own) {
            Some(rights) => {
                rights.of_channel(kind, wire.permission_overwrites.as_deref().unwrap_or_default())
            }
            None => Visibility::default(),
        }
    };
    match read(
        raw.get(),
        &answer.subject,
        |channel| channel.id.0 == id.get() && is_of(channel, guild),
        visibility,
    ) {
        Ok(channel) => Ok(channel),
        Err(NotListed::Other) => Err(answer.lacks("the channel that was asked for")),
        Err(NotListed::Unreadable) => Err(answer.lacks("a channel that can be read")),
    }
}
