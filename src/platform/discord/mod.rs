//! Adapter for Discord's REST API v10.
//!
//! `transport` sends one request; `client` adds rate limits and retries; `wire` parses
//! responses; `repair` salvages the intact fields of malformed messages; `convert` and
//! `keep` build the model, following the field lists in `fields`; `visibility` computes
//! who may see a channel.

mod answer;
mod automod;
mod body;
mod bounded_list;
mod channels;
mod client;
mod convert;
mod fields;
mod files;
mod findings;
mod headers;
mod ids;
mod keep;
mod learned_limits;
mod markup;
mod memory;
#[cfg(test)]
mod mutation_tests;
mod repair;
mod resource_numbers;
mod search;
mod snowflake;
mod spec;
#[cfg(test)]
mod tests;
mod transport;
mod transport_error;
mod utf8;
mod value;
mod visibility;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hashbrown::HashMap;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use twilight_http::request::channel::reaction::RequestReactionType;
use twilight_http::routing::Route;
use twilight_model::id::Id;

use self::answer::Answer;
use self::client::Client;
use self::ids::Snowflakes;
use self::memory::PagePermit;
pub use self::spec::SPEC;
pub use self::transport_error::TransportError;
use self::visibility::GuildPermissions;
use super::{
    AdapterSettings, ConnectError, ErrorKind, PageCursor, PageRequest, PlatformAdapter, PlatformError,
    SearchPage, SearchRequest,
};
use crate::model::{
    BotIdentity, Channel, ChannelId, Emoji, IdCodec as _, IdTimes, MessageId, MessagePage, PlatformSpec,
    ReactorPage, Timestamp, UserId, Workspace, WorkspaceId,
};
use crate::monitor::Monitor;

/// Users on a page of reactors.
/// <https://discord.com/developers/docs/resources/message#get-reactions>
const MAX_REACTORS: u16 = 100;

/// Creates the adapter; see [`super::registry::RegisteredPlatform`].
pub(super) fn connect(
    settings: &AdapterSettings,
    token: &str,
) -> Result<Arc<dyn PlatformAdapter>, ConnectError> {
    let discord = Discord::new(settings, token).map_err(|error| ConnectError(error.to_string()))?;
    Ok(Arc::new(discord))
}

/// Discord, accessed with one bot token.
#[derive(Debug)]
pub struct Discord {
    client: Client,
    bot: OnceCell<UserId>,
    /// Permissions as of the last listing of each guild.
    rights: Mutex<HashMap<WorkspaceId, Arc<GuildPermissions>>>,
    /// This machine's time when the adapter was created.
    created_at: Timestamp,
    /// The same moment on the monotonic clock.
    created_instant: Instant,
}

impl Discord {
    /// Creates the adapter, without connecting.
    ///
    /// # Errors
    /// Returns [`TransportError`] if no request can hold the address or the token.
    pub fn new(settings: &AdapterSettings, token: &str) -> Result<Self, TransportError> {
        let client = Client::new(settings, token)?;
        let (bot, rights) = (OnceCell::new(), Mutex::default());
        Ok(Self { client, bot, rights, created_at: settings.now, created_instant: Instant::now() })
    }

    /// This machine's time, unaffected by later changes of its clock.
    fn now(&self) -> Timestamp {
        self.created_at.later(self.created_instant.elapsed())
    }

    fn rights(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Arc<GuildPermissions>>> {
        self.rights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn bot(&self, monitor: &dyn Monitor) -> Result<UserId, PlatformError> {
        let ask = || self.client.read(&Route::GetCurrentUser, "the bot's account", monitor, read_account);
        self.bot.get_or_try_init(ask).await.copied()
    }
}

/// Parses and converts a page of messages as [`Discord`] does, for benchmarks without a
/// network.
///
/// # Errors
/// Returns [`ErrorKind::Unreadable`] if the body isn't a JSON list, and
/// [`ErrorKind::TooLarge`] if its messages take too much memory.
pub fn read_page(body: bytes::Bytes, channel: ChannelId, limit: u16) -> Result<MessagePage, PlatformError> {
    let subject = format!("messages of channel {}", &*Snowflakes.channel_text(channel));
    let answer = Answer { subject, body: body.into(), date: None };
    convert::page(answer, channel, limit, Timestamp::from_millis(i64::MAX / 2))
}

#[allow(clippy::needless_pass_by_value, reason = "the signature that `Client::read` expects")]
fn read_account(answer: Answer) -> Result<UserId, PlatformError> {
    let user: wire::User = answer.parse()?;
    user.id().ok_or_else(|| answer.missing_error("a readable id"))
}

/// The bot's user ID, if the response holds it, and the bot's identity.
#[allow(clippy::needless_pass_by_value, reason = "the signature that `Client::read` expects")]
fn read_application(answer: Answer) -> Result<(Option<UserId>, BotIdentity), PlatformError> {
    let application: wire::Application = answer.parse()?;
    let bot = application.bot.and_then(|bot| bot.id());
    let identity = BotIdentity {
        reads_content: application.reads_content(),
        server_time: answer.date,
        invite_url: application.id.map(|id| visibility::invite_url(id.0, bot)),
    };
    Ok((bot, identity))
}

#[allow(clippy::needless_pass_by_value, reason = "the signature that `Client::read` expects")]
fn read_reactors(answer: Answer) -> Result<ReactorPage, PlatformError> {
    let users: wire::Page<wire::User> = answer.parse()?;
    Ok(convert::reactors(&users, MAX_REACTORS.into()))
}

/// 5 pages in 5 seconds, the limit that 429s report (discord-api-docs issue 8161).
const CHANNEL_PAGES_PER_SECOND: f64 = 1.0;

#[async_trait]
impl PlatformAdapter for Discord {
    fn spec(&self) -> &'static PlatformSpec {
        &SPEC
    }

    async fn identity(&self, monitor: &dyn Monitor) -> Result<BotIdentity, PlatformError> {
        let route = Route::GetCurrentUserApplicationInfo;
        match self.client.read(&route, "the bot's application", monitor, read_application).await {
            Ok((bot, identity)) => {
                if let Some(bot) = bot {
                    self.bot.set(bot).ok();
                }
                Ok(identity)
            }
            // A compatible server may lack the route; then reading the account proves
            // that the token is valid.
            Err(error) if error.kind.is_unsupported() => {
                self.bot(monitor).await?;
                Ok(BotIdentity { reads_content: None, server_time: None, invite_url: None })
            }
            Err(error) => Err(error),
        }
    }

    async fn workspace(
        &self,
        id: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> Result<(Workspace, Vec<Channel>), PlatformError> {
        let bot = self.bot(monitor).await?;
        let (workspace, channels, rights) = channels::workspace(&self.client, id, bot, monitor).await?;
        self.rights().insert(id, Arc::new(rights));
        Ok((workspace, channels))
    }

    async fn active_threads(
        &self,
        id: WorkspaceId,
        channels: &[Channel],
        monitor: &dyn Monitor,
    ) -> Result<Vec<Channel>, PlatformError> {
        channels::active_threads(&self.client, id, channels, monitor).await
    }

    async fn archived_threads(
        &self,
        parent: &Channel,
        before: Option<Timestamp>,
        monitor: &dyn Monitor,
    ) -> Result<(Vec<Channel>, bool), PlatformError> {
        channels::archived_threads(&self.client, parent, before, monitor).await
    }

    async fn search_channels(
        &self,
        request: &SearchRequest,
        monitor: &dyn Monitor,
    ) -> Result<SearchPage, PlatformError> {
        search::channels(&self.client, request, monitor).await
    }

    async fn channel(
        &self,
        id: ChannelId,
        workspace: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> Result<Channel, PlatformError> {
        let rights = self.rights().get(&workspace).cloned();
        channels::channel(&self.client, id, workspace, rights.as_deref(), monitor).await
    }

    async fn messages(
        &self,
        request: &PageRequest,
        monitor: &dyn Monitor,
    ) -> Result<MessagePage, PlatformError> {
        let PageRequest { channel, cursor, limit, backlog, is_probe } = *request;
        let (after, before) = match cursor {
            PageCursor::After(after) => (Some(after.map_or(0, MessageId::get)), None),
            PageCursor::Before(before) => (None, Some(before.get())),
            PageCursor::Newest => (None, None),
        };
        let route =
            Route::GetMessages { channel_id: channel.get(), after, around: None, before, limit: Some(limit) };
        let subject = format!("messages of channel {}", &*Snowflakes.channel_text(channel));
        let read = |answer, page_permit: PagePermit| {
            let mut page = convert::page(answer, channel, limit, self.now())?;
            page.reservation = page_permit.shrink_to(page.weight());
            Ok(page)
        };
        self.client.read_messages(&route, (&subject, backlog, is_probe), monitor, read).await
    }

    async fn reactors(
        &self,
        (channel, message): (ChannelId, MessageId),
        emoji: &Emoji,
        burst: bool,
        after: Option<UserId>,
        monitor: &dyn Monitor,
    ) -> Result<ReactorPage, PlatformError> {
        let subject = format!("reactors in channel {}", &*Snowflakes.channel_text(channel));
        let emoji = match emoji {
            Emoji::Unicode(name) => RequestReactionType::Unicode { name },
            // Discord documents `name:id`, and strict compatible servers accept nothing
            // else. A deleted emoji may have lost its name.
            Emoji::Custom { id, name } => {
                let id = Id::new_checked(*id).ok_or_else(|| {
                    PlatformError::new(ErrorKind::MessageGone, subject.clone(), "the emoji has no usable ID")
                })?;
                RequestReactionType::Custom { id, name: Some(name.as_str()).filter(|name| !name.is_empty()) }
            }
        };
        let route = Route::GetReactionUsers {
            after: after.map(UserId::get),
            channel_id: channel.get(),
            emoji: &emoji,
            limit: Some(MAX_REACTORS),
            message_id: message.get(),
            kind: Some(u8::from(burst)),
        };
        self.client.read_page(&route, &subject, 0, monitor, read_reactors).await
    }

    fn channel_pages_per_second(&self) -> f64 {
        CHANNEL_PAGES_PER_SECOND
    }

    fn max_page(&self) -> u16 {
        SPEC.max_page_size
    }
}

impl IdTimes for Discord {
    fn id_before(&self, time: Timestamp) -> Option<MessageId> {
        snowflake::id_before(time)
    }

    fn sent_at(&self, id: MessageId) -> Timestamp {
        snowflake::created_at(id.get())
    }
}
