//! The interface of a platform adapter, and what all adapters share: typed errors,
//! retries, rate limiting.

#[cfg(test)]
mod contract;
pub mod discord;
mod error;
#[cfg(test)]
pub mod fake;
mod limit;
pub mod registry;
mod retry;

use std::time::Duration;

use async_trait::async_trait;
pub use error::{ErrorKind, PlatformError};
pub use limit::{Gate, GateSettings, InvalidRequestLimitReached};
pub use retry::RetryPolicy;

use crate::model::{
    BotIdentity, Channel, ChannelId, Emoji, IdTimes, MessageId, MessagePage, PlatformSpec, RateLimitPolicy,
    ReactorPage, Timestamp, UserId, Workspace, WorkspaceId,
};
use crate::monitor::Monitor;

/// How far in the future a message's time may lie: the platform's clocks differ.
pub const CLOCK_TOLERANCE: Duration = Duration::from_hours(1);

/// Whole milliseconds, the unit of the wait counters; saturates.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Connection settings of an adapter.
#[derive(Debug, Clone)]
pub struct AdapterSettings {
    /// `scheme://host[:port]`, without a path.
    pub api_url: String,
    /// Our own rate limit.
    pub gate: GateSettings,
    /// What to do when the platform responds with a rate limit.
    pub on_rate_limit: RateLimitPolicy,
    /// Retries after transient errors.
    pub retry: RetryPolicy,
    /// Limit for connecting and receiving the headers, and again for the body.
    pub request_timeout: Duration,
    /// Current time of this machine.
    pub now: Timestamp,
}

/// An adapter can't be created: no request can hold this address or token.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ConnectError(pub String);

/// Position of a page of messages in its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageCursor {
    /// The oldest messages after this one; from the first message if `None`.
    After(Option<MessageId>),
    /// The newest messages before this one.
    Before(MessageId),
    /// The newest messages, requested without a cursor.
    Newest,
}

/// A request for a page of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// The channel.
    pub channel: ChannelId,
    /// Position of the page.
    pub cursor: PageCursor,
    /// Most messages to return, 1 to [`PlatformAdapter::max_page`].
    pub limit: u16,
    /// Estimated number of messages left to read: among pending requests the one with
    /// the largest backlog goes first.
    pub backlog: u64,
    /// Whether a failure is a result too, so that the request is not retried.
    pub is_probe: bool,
}

impl PageRequest {
    /// The page after a message, or the first page if `None`, with an unknown backlog.
    pub const fn after(channel: ChannelId, after: Option<MessageId>, limit: u16) -> Self {
        Self { channel, cursor: PageCursor::After(after), limit, backlog: 0, is_probe: false }
    }
}

/// A request for a page of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchRequest {
    /// The workspace to search.
    pub workspace: WorkspaceId,
    /// Only messages in this channel or thread; `None` for all.
    pub channel: Option<ChannelId>,
    /// Only messages after this one.
    pub after: Option<MessageId>,
    /// Only messages before this one.
    pub before: Option<MessageId>,
    /// Number of the page, from 0.
    pub page: u16,
}

/// A channel or thread in which a search found a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WrittenChannel {
    /// Its ID.
    pub id: ChannelId,
    /// The thread's parent, if the answer names it.
    pub parent: Option<ChannelId>,
}

/// One page of a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPage {
    /// Where the messages of the page are, each channel and thread once.
    pub channels: Vec<WrittenChannel>,
    /// Number of messages on all pages, approximately.
    pub total: u64,
    /// Whether another page may follow.
    pub has_more: bool,
}

/// Read-only access to a platform.
///
/// Every method may be called from many tasks at once, waits for rate limits itself,
/// retries after transient errors, and is idempotent: it changes nothing on the
/// platform. Dropping a future cancels the request. A method reports its counters and
/// events to the monitor that it is given.
#[async_trait]
pub trait PlatformAdapter: IdTimes + Send + Sync + 'static {
    /// Static facts about the platform.
    fn spec(&self) -> &'static PlatformSpec;

    /// The bot that the token belongs to. Fails with [`ErrorKind::TokenRejected`] if the
    /// platform doesn't accept the token.
    async fn identity(&self, monitor: &dyn Monitor) -> Result<BotIdentity, PlatformError>;

    /// A workspace with its channels and categories, without threads.
    ///
    /// Channels that the bot can't see may be absent: absence proves nothing.
    /// Fails with [`ErrorKind::NotInWorkspace`] if the bot was not invited.
    async fn workspace(
        &self,
        id: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> Result<(Workspace, Vec<Channel>), PlatformError>;

    /// All active (not archived) threads of a workspace. `channels` are those of
    /// [`Self::workspace`]: a thread inherits its parent's visibility.
    async fn active_threads(
        &self,
        id: WorkspaceId,
        channels: &[Channel],
        monitor: &dyn Monitor,
    ) -> Result<Vec<Channel>, PlatformError>;

    /// One page of a channel's public threads archived before `before`, most recently
    /// archived first, and whether there are more.
    async fn archived_threads(
        &self,
        parent: &Channel,
        before: Option<Timestamp>,
        monitor: &dyn Monitor,
    ) -> Result<(Vec<Channel>, bool), PlatformError>;

    /// Where there are messages that the bot may read, by the platform's own search of the
    /// workspace, newest message first. A hint that proves nothing: the search may lag, and
    /// leave messages out. Never retried.
    /// Fails with [`ErrorKind::NoRoute`] if the platform has no search, which is the default,
    /// and with [`ErrorKind::NotReady`] while its index is being built.
    async fn search_channels(
        &self,
        _request: &SearchRequest,
        _monitor: &dyn Monitor,
    ) -> Result<SearchPage, PlatformError> {
        Err(PlatformError::new(ErrorKind::NoRoute, "the platform's search", "there is none"))
    }

    /// The current state of one channel or thread. Its visibility is computed from the
    /// permissions that [`Self::workspace`] read last; that of a thread stays empty.
    /// Fails with [`ErrorKind::Forbidden`] for a channel that the bot can't see, and with
    /// [`ErrorKind::NotFound`] for a deleted one.
    async fn channel(
        &self,
        id: ChannelId,
        workspace: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> Result<Channel, PlatformError>;

    /// One page of messages, ascending by ID. A malformed message is reported in
    /// [`MessagePage::malformed`] and doesn't fail the page. An empty page doesn't prove
    /// that nothing follows.
    async fn messages(
        &self,
        request: &PageRequest,
        monitor: &dyn Monitor,
    ) -> Result<MessagePage, PlatformError>;

    /// One page of the reactors of a message's emoji with IDs after `after`; `burst`
    /// selects the burst reactions instead of the normal ones. The request has the lowest
    /// priority. Fails with [`ErrorKind::MessageGone`] if the message or the emoji was deleted.
    async fn reactors(
        &self,
        message: (ChannelId, MessageId),
        emoji: &Emoji,
        burst: bool,
        after: Option<UserId>,
        monitor: &dyn Monitor,
    ) -> Result<ReactorPage, PlatformError>;

    /// Pages of one channel that can be read per second, on average.
    fn channel_pages_per_second(&self) -> f64;

    /// Most messages per page.
    fn max_page(&self) -> u16;
}
