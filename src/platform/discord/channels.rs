//! Guilds, channels and threads.

use serde_json::Value;
use serde_json::value::RawValue;
use twilight_http::routing::Route;

use super::answer::Answer;
use super::client::Client;
use super::visibility::{GuildRights, RoleRights};
use super::{convert, wire};
use crate::model::{Channel, ChannelId, ChannelKind, Timestamp, UserId, Visibility, Workspace, WorkspaceId};
use crate::monitor::Monitor;
use crate::platform::PlatformError;

/// Threads a listing returns at most.
/// <https://discord.com/developers/docs/resources/channel#list-public-archived-threads>
const THREADS_PER_PAGE: u64 = 100;

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
    let subject = format!("server {id}");
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
    let channels = raw.into_iter().filter_map(|raw| {
        let Some(wire) = readable(raw, &answer.subject) else { return convert::only_id(raw.get()) };
        if !is_of(&wire, id) {
            return other(&answer.subject);
        }
        let overwrites = wire.permission_overwrites.as_deref().unwrap_or_default();
        let visibility = rights.of_channel(convert::channel_kind(wire.kind), overwrites);
        convert::channel(&wire, &parsed(raw), visibility)
    });
    Ok(channels.collect())
}

/// Whether a channel is of the guild that was asked for, or doesn't say.
fn is_of(channel: &wire::Channel<'_>, guild: WorkspaceId) -> bool {
    channel.guild_id.is_none_or(|id| id.0 == guild.get())
}

/// A channel of a list. One that can't be read costs only itself.
fn readable<'a>(raw: &'a RawValue, subject: &str) -> Option<wire::Channel<'a>> {
    if raw.get().len() > wire::MOST_OBJECT_BYTES {
        tracing::warn!(subject, "a channel of the list is longer than any real one");
        return None;
    }
    let wire = serde_json::from_str(raw.get());
    if let Err(error) = &wire {
        tracing::warn!(subject, column = error.column(), "a channel of the list can't be read");
    }
    wire.ok()
}

/// One that wasn't asked for counts as left out: if it is known, it is asked for.
fn other(subject: &str) -> Option<Channel> {
    tracing::warn!(subject, "the list holds a channel that wasn't asked for");
    None
}

fn parsed(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
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
    let subject = format!("active threads of server {id}");
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
    let subject = format!("archived threads of channel {}", parent.id);
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
    Ok(threads(answer, list.threads, |thread| is_of(thread, id), visibility_of))
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
    Ok((threads(answer, list.threads, is_asked_for, |_| Some(parent.visibility.clone())), has_more))
}

fn threads(
    answer: &Answer,
    list: wire::Many<&RawValue>,
    is_asked_for: impl Fn(&wire::Channel<'_>) -> bool,
    visibility_of: impl Fn(Option<ChannelId>) -> Option<Visibility>,
) -> Vec<Channel> {
    let threads = list.into_iter().filter_map(|raw| {
        let Some(wire) = readable(raw, &answer.subject) else { return convert::only_id(raw.get()) };
        if !is_asked_for(&wire) {
            return other(&answer.subject);
        }
        let parent = wire.parent_id.and_then(|id| ChannelId::new(id.0));
        // A private thread has its parent's overwrites, but its members only.
        let is_public = convert::channel_kind(wire.kind).is_thread();
        let visibility = visibility_of(parent).filter(|_| is_public).unwrap_or_default();
        convert::channel(&wire, &parsed(raw), visibility)
    });
    threads.collect()
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
    client.read(&route, &format!("channel {id}"), monitor, read).await
}

pub(super) fn read_channel(
    answer: &Answer,
    id: ChannelId,
    guild: WorkspaceId,
    rights: Option<&GuildRights>,
) -> Result<Channel, PlatformError> {
    let raw: &RawValue = answer.parse()?;
    let wire: wire::Channel<'_> =
        serde_json::from_str(raw.get()).map_err(|error| answer.unreadable(&error))?;
    if wire.id.0 != id.get() || !is_of(&wire, guild) {
        return Err(answer.lacks("the channel that was asked for"));
    }
    let kind = convert::channel_kind(wire.kind);
    let has_rights_of_its_own = !kind.is_thread() && kind != ChannelKind::Other;
    let visibility = match rights.filter(|_| has_rights_of_its_own) {
        Some(rights) => rights.of_channel(kind, wire.permission_overwrites.as_deref().unwrap_or_default()),
        None => Visibility::default(),
    };
    convert::channel(&wire, &parsed(raw), visibility).ok_or_else(|| answer.lacks("a readable id"))
}
