//! Guilds, channels and threads.

use serde_json::Value;
use serde_json::value::RawValue;
use twilight_http::routing::Route;

use super::answer::Answer;
use super::client::Client;
use super::visibility::{GuildRights, RoleRights};
use super::{convert, wire};
use crate::model::{Channel, ChannelId, Timestamp, UserId, Visibility, Workspace, WorkspaceId};
use crate::monitor::Monitor;
use crate::platform::{ErrorKind, PlatformError};

/// Threads a listing returns at most.
/// <https://discord.com/developers/docs/resources/channel#list-public-archived-threads>
const THREADS_PER_PAGE: u64 = 100;

/// Messages that may stand behind a page of a listing, a guess: it waits for
/// channels that have more to read, and for those of which nothing is known.
const LISTING_WORK: u64 = 500;

/// A guild and its channels, each with who may see it.
pub async fn workspace(
    client: &Client,
    id: WorkspaceId,
    bot: UserId,
    monitor: &dyn Monitor,
) -> Result<(Workspace, Vec<Channel>), PlatformError> {
    let guild_id = id.get();
    let subject = format!("server {id}");
    let route = Route::GetGuild { guild_id, with_counts: false };
    let guild = client.read(&route, &subject, monitor, read_guild).await.map_err(not_in_workspace)?;
    let roles = match guild.roles {
        Some(roles) => roles,
        None => client.read(&Route::GetGuildRoles { guild_id }, &subject, monitor, read_roles).await?,
    };
    let bot_roles = bot_roles(client, guild_id, bot, monitor).await?;
    let rights = GuildRights::new(id, &roles, guild.owner, bot, bot_roles);
    let route = Route::GetChannels { guild_id };
    let read = |answer: Answer| channel_list(&answer, &rights);
    let subject = format!("channels of {subject}");
    let channels = client.read(&route, &subject, monitor, read).await.map_err(not_in_workspace)?;
    Ok((Workspace { id, name: guild.name }, channels))
}

/// What is needed of a guild.
pub(super) struct Guild {
    name: String,
    pub(super) owner: Option<u64>,
    pub(super) roles: Option<Vec<RoleRights>>,
}

#[allow(clippy::needless_pass_by_value, reason = "the reader of an answer consumes it")]
pub(super) fn read_guild(answer: Answer) -> Result<Guild, PlatformError> {
    let guild: wire::Guild<'_> = answer.parse()?;
    Ok(Guild {
        name: guild.name.unwrap_or_default().into_owned(),
        owner: guild.owner_id.map(|owner| owner.0),
        roles: guild.roles.map(|roles| roles.iter().map(RoleRights::from).collect()),
    })
}

#[allow(clippy::needless_pass_by_value, reason = "the reader of an answer consumes it")]
pub(super) fn read_roles(answer: Answer) -> Result<Vec<RoleRights>, PlatformError> {
    let roles: wire::Many<wire::Role<'_>> = answer.parse()?;
    Ok(roles.iter().map(RoleRights::from).collect())
}

#[allow(clippy::needless_pass_by_value, reason = "the reader of an answer consumes it")]
pub(super) fn read_member(answer: Answer) -> Result<Vec<u64>, PlatformError> {
    let member: wire::Member = answer.parse()?;
    Ok(member.roles.unwrap_or_default().into_iter().map(|role| role.0).collect())
}

/// The roles of the bot besides @everyone; `None` if the server doesn't tell.
async fn bot_roles(
    client: &Client,
    guild_id: u64,
    bot: UserId,
    monitor: &dyn Monitor,
) -> Result<Option<Vec<u64>>, PlatformError> {
    let route = Route::GetMember { guild_id, user_id: bot.get() };
    let subject = format!("the bot's membership of server {guild_id}");
    match client.read(&route, &subject, monitor, read_member).await {
        Ok(roles) => Ok(Some(roles)),
        // A compatible server need not tell of members.
        Err(error) if error.kind.is_unsupported() => Ok(None),
        Err(error) => Err(not_in_workspace(error)),
    }
}

/// A refusal on the guild itself means that the bot isn't in it.
fn not_in_workspace(mut error: PlatformError) -> PlatformError {
    if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) {
        error.kind = ErrorKind::NotInWorkspace;
    }
    error
}

pub(super) fn channel_list(answer: &Answer, rights: &GuildRights) -> Result<Vec<Channel>, PlatformError> {
    let raw: Option<wire::Many<&RawValue>> = answer.parse()?;
    let channels = raw.unwrap_or_default().into_iter().filter_map(|raw| {
        let Some(wire) = readable(raw, &answer.subject) else { return convert::only_id(raw.get()) };
        let overwrites = wire.permission_overwrites.as_deref().unwrap_or_default();
        let visibility = rights.of_channel(convert::channel_kind(wire.kind), overwrites);
        convert::channel(&wire, &parsed(raw), visibility)
    });
    Ok(channels.collect())
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
    let read = |answer: Answer| threads(&answer, visibility_of).map(|(threads, _)| threads);
    client.read(&route, &subject, monitor, read).await.map_err(|error| match error.kind {
        ErrorKind::Forbidden => not_in_workspace(error),
        _ => error,
    })
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
    let read = |answer: Answer| threads(&answer, |_| Some(parent.visibility.clone()));
    client.read_page(&route, &subject, LISTING_WORK, monitor, read).await
}

/// With `Z`: an offset's `+` isn't percent-encoded on its way.
fn iso_time(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or(jiff::Timestamp::MAX).to_string()
}

pub(super) fn threads(
    answer: &Answer,
    visibility_of: impl Fn(Option<ChannelId>) -> Option<Visibility>,
) -> Result<(Vec<Channel>, bool), PlatformError> {
    let list: Option<wire::Threads<'_>> = answer.parse()?;
    let Some(list) = list else {
        return Ok((Vec::new(), false));
    };
    let threads = list.threads.unwrap_or_default().into_iter().filter_map(|raw| {
        let Some(wire) = readable(raw, &answer.subject) else { return convert::only_id(raw.get()) };
        let parent = wire.parent_id.and_then(|id| ChannelId::new(id.0));
        // A private thread has its parent's overwrites, but its members only.
        let is_public = convert::channel_kind(wire.kind).is_thread();
        let visibility = visibility_of(parent).filter(|_| is_public).unwrap_or_default();
        convert::channel(&wire, &parsed(raw), visibility)
    });
    Ok((threads.collect(), list.has_more.unwrap_or(false)))
}

/// One channel or thread; who may see it isn't worked out.
pub async fn channel(
    client: &Client,
    id: ChannelId,
    monitor: &dyn Monitor,
) -> Result<Channel, PlatformError> {
    let route = Route::GetChannel { channel_id: id.get() };
    client.read(&route, &format!("channel {id}"), monitor, read_channel).await
}

#[allow(clippy::needless_pass_by_value, reason = "the reader of an answer consumes it")]
pub(super) fn read_channel(answer: Answer) -> Result<Channel, PlatformError> {
    let raw: &RawValue = answer.parse()?;
    let wire: wire::Channel<'_> =
        serde_json::from_str(raw.get()).map_err(|error| answer.unreadable(&error))?;
    convert::channel(&wire, &parsed(raw), Visibility::default()).ok_or_else(|| answer.lacks("a readable id"))
}
