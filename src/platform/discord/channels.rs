//! Guilds, channels and threads.

use serde_json::Value;
use serde_json::value::RawValue;
use twilight_http::routing::Route;

use super::answer::Answer;
use super::client::Client;
use super::visibility::GuildRights;
use super::{convert, wire};
use crate::model::{Channel, ChannelId, Timestamp, UserId, Visibility, Workspace, WorkspaceId};
use crate::monitor::Monitor;
use crate::platform::{ErrorKind, PlatformError};

/// Threads a listing returns at most.
/// <https://discord.com/developers/docs/resources/channel#list-public-archived-threads>
const THREADS_PER_PAGE: u64 = 100;

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
    let answer = client.get(&route, &subject, monitor).await.map_err(not_in_workspace)?;
    let guild: wire::Guild<'_> = answer.parse()?;
    let route = Route::GetMember { guild_id, user_id: bot.get() };
    let member_answer = client.get(&route, &format!("the bot's membership of {subject}"), monitor).await;
    let bot_roles = match member_answer {
        Ok(answer) => answer.parse::<wire::Member>()?.roles.unwrap_or_default(),
        // The guild has just been read, so the bot is in it: a compatible
        // server that doesn't tell of members is taken to give it no roles.
        Err(error) if error.kind.is_of_channel() => Vec::new(),
        Err(error) => return Err(error),
    };
    let bot_roles = bot_roles.into_iter().map(|role| role.0).collect();
    let owner = guild.owner_id.map(|owner| owner.0);
    let roles_answer;
    let roles = if let Some(roles) = guild.roles {
        roles
    } else {
        roles_answer = client.get(&Route::GetGuildRoles { guild_id }, &subject, monitor).await?;
        roles_answer.parse()?
    };
    let rights = GuildRights::new(id, &roles, owner, bot, bot_roles);
    let route = Route::GetChannels { guild_id };
    let read = |answer: Answer| channel_list(&answer, &rights);
    let channels = client
        .read(&route, &format!("channels of {subject}"), monitor, read)
        .await
        .map_err(not_in_workspace)?;
    Ok((Workspace { id, name: guild.name.unwrap_or_default().into_owned() }, channels))
}

/// A refusal on the guild itself means that the bot isn't in it.
fn not_in_workspace(mut error: PlatformError) -> PlatformError {
    if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) {
        error.kind = ErrorKind::NotInWorkspace;
    }
    error
}

fn channel_list(answer: &Answer, rights: &GuildRights) -> Result<Vec<Channel>, PlatformError> {
    let raw: Option<Vec<&RawValue>> = answer.parse()?;
    let channels = raw.unwrap_or_default().into_iter().map(|raw| {
        let wire: wire::Channel<'_> =
            serde_json::from_str(raw.get()).map_err(|error| answer.unreadable(&error))?;
        let overwrites = wire.permission_overwrites.as_deref().unwrap_or_default();
        let visibility = rights.of_channel(convert::channel_kind(wire.kind), overwrites);
        convert::channel(&wire, &parsed(raw), visibility).ok_or_else(|| no_id(answer))
    });
    channels.collect()
}

fn no_id(answer: &Answer) -> PlatformError {
    PlatformError::new(ErrorKind::Unreadable, answer.subject.clone(), "a channel without a readable ID")
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
    let read = |answer: Answer| threads(&answer, |_| Some(parent.visibility.clone()));
    client.read(&route, &subject, monitor, read).await
}

/// With `Z`: an offset's `+` isn't percent-encoded on its way.
fn iso_time(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or(jiff::Timestamp::MAX).to_string()
}

fn threads(
    answer: &Answer,
    visibility_of: impl Fn(Option<ChannelId>) -> Option<Visibility>,
) -> Result<(Vec<Channel>, bool), PlatformError> {
    let list: Option<wire::Threads<'_>> = answer.parse()?;
    let Some(list) = list else {
        return Ok((Vec::new(), false));
    };
    let threads = list.threads.unwrap_or_default().into_iter().map(|raw| {
        let wire: wire::Channel<'_> =
            serde_json::from_str(raw.get()).map_err(|error| answer.unreadable(&error))?;
        let parent = wire.parent_id.and_then(|id| ChannelId::new(id.0));
        let visibility = visibility_of(parent).unwrap_or_default();
        convert::channel(&wire, &parsed(raw), visibility).ok_or_else(|| no_id(answer))
    });
    Ok((threads.collect::<Result<_, _>>()?, list.has_more.unwrap_or(false)))
}

/// One channel or thread; who may see it isn't worked out.
pub async fn channel(
    client: &Client,
    id: ChannelId,
    monitor: &dyn Monitor,
) -> Result<Channel, PlatformError> {
    let route = Route::GetChannel { channel_id: id.get() };
    let read = |answer: Answer| {
        let raw: &RawValue = answer.parse()?;
        let wire: wire::Channel<'_> =
            serde_json::from_str(raw.get()).map_err(|error| answer.unreadable(&error))?;
        convert::channel(&wire, &parsed(raw), Visibility::default()).ok_or_else(|| no_id(&answer))
    };
    client.read(&route, &format!("channel {id}"), monitor, read).await
}
