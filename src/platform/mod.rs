//! What a platform must be able to do, and what all of them share: typed
//! errors, retries, limits.

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
pub use limit::{Gate, GateSettings, GuardTripped};
pub use retry::RetryPolicy;

use crate::model::{
    BotIdentity, Channel, ChannelId, Emoji, IdTimes, MessageId, MessagePage, OnRateLimit, PlatformSpec,
    ReactorPage, Timestamp, UserId, Workspace, WorkspaceId,
};
use crate::monitor::Monitor;

/// How far a message may lie in the future: the platform's clocks differ.
pub const CLOCK_TOLERANCE: Duration = Duration::from_hours(1);

/// A length of time as it is counted; saturates.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How an adapter reaches its platform, and how fast.
#[derive(Debug, Clone)]
pub struct AdapterSettings {
    /// `scheme://host[:port]`, without a path.
    pub api_url: String,
    /// Limits of ours.
    pub gate: GateSettings,
    /// What to do at a rate limit.
    pub on_rate_limit: OnRateLimit,
    /// Passing faults.
    pub retry: RetryPolicy,
    /// For connecting with headers, and for the body, each.
    pub request_timeout: Duration,
    /// This machine's time.
    pub now: Timestamp,
}

/// An adapter can't be made: the address or the token can't be put into a request.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ConnectError(pub String);

/// Which messages of a channel a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageCursor {
    /// Those that follow this one; from the first when `None`.
    After(Option<MessageId>),
    /// The newest of those that come before this one.
    Before(MessageId),
    /// The newest ones, asked for without a cursor.
    Newest,
}

/// A request for a page of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// The channel.
    pub channel: ChannelId,
    /// Where the page is.
    pub cursor: PageCursor,
    /// Messages at most, from 1 to [`PlatformAdapter::max_page`].
    pub limit: u16,
    /// A guess at how many messages are still to come: where requests have to
    /// wait for each other, the largest backlog goes first.
    pub backlog: u64,
    /// Whether a failure is an answer, and is not to be asked again.
    pub is_probe: bool,
}

impl PageRequest {
    /// The page that follows a message, or the first when `None`, of nobody
    /// knows how many.
    pub const fn after(channel: ChannelId, after: Option<MessageId>, limit: u16) -> Self {
        Self { channel, cursor: PageCursor::After(after), limit, backlog: 0, is_probe: false }
    }
}

/// A platform, read-only.
///
/// Every method may be called from many tasks at once, waits for the
/// platform's limits itself, sends a request again after a passing fault, and
/// can be repeated: nothing is changed on the platform. Dropping a future ends
/// the request. What a method counts goes to the monitor it is given.
#[async_trait]
pub trait PlatformAdapter: IdTimes + Send + Sync + 'static {
    /// The platform.
    fn spec(&self) -> &'static PlatformSpec;

    /// Who the token belongs to. Fails with [`ErrorKind::TokenRejected`] if
    /// nobody.
    async fn identity(&self, monitor: &dyn Monitor) -> Result<BotIdentity, PlatformError>;

    /// A workspace and its channels and categories, threads left out.
    ///
    /// Channels that the bot can't see may be absent: absence means nothing.
    /// Fails with [`ErrorKind::NotInWorkspace`] if the bot was not invited.
    async fn workspace(
        &self,
        id: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> Result<(Workspace, Vec<Channel>), PlatformError>;

    /// The threads of a workspace that are not archived. `channels` are those
    /// of [`Self::workspace`]: threads take their visibility from them.
    async fn active_threads(
        &self,
        id: WorkspaceId,
        channels: &[Channel],
        monitor: &dyn Monitor,
    ) -> Result<Vec<Channel>, PlatformError>;

    /// One page of a channel's archived public threads, newest archived first,
    /// all archived before `before`, and whether there are more.
    async fn archived_threads(
        &self,
        parent: &Channel,
        before: Option<Timestamp>,
        monitor: &dyn Monitor,
    ) -> Result<(Vec<Channel>, bool), PlatformError>;

    /// One channel or thread as it is now. Who sees it is worked out from the
    /// rights that [`Self::workspace`] found last, and for a thread left empty.
    /// Fails with [`ErrorKind::Forbidden`] for a channel that the bot can't see,
    /// and with [`ErrorKind::NotFound`] for one that was deleted.
    async fn channel(
        &self,
        id: ChannelId,
        workspace: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> Result<Channel, PlatformError>;

    /// One page of messages, ascending by ID. A malformed message is in
    /// [`MessagePage::broken`] and fails nothing. An empty page is no proof that
    /// nothing follows.
    async fn messages(
        &self,
        request: &PageRequest,
        monitor: &dyn Monitor,
    ) -> Result<MessagePage, PlatformError>;

    /// One page of who reacted to a message with an emoji, behind `after`: in a
    /// burst, or normally. Waits until nothing else has to be asked. Fails
    /// with [`ErrorKind::Gone`] if the message or the emoji was deleted.
    async fn reactors(
        &self,
        message: (ChannelId, MessageId),
        emoji: &Emoji,
        burst: bool,
        after: Option<UserId>,
        monitor: &dyn Monitor,
    ) -> Result<ReactorPage, PlatformError>;

    /// Pages of one channel that can be read in a second, on average.
    fn channel_pages_per_second(&self) -> f64;

    /// Most messages a page can hold.
    fn max_page(&self) -> u16;
}
