//! What a platform must be able to do, and what all of them share: typed
//! errors, retries, limits.

#[cfg(test)]
mod contract;
pub mod discord;
mod error;
#[cfg(test)]
pub mod fake;
mod limit;
mod retry;

use std::future::Future;
use std::time::Duration;

pub use error::{ErrorKind, PlatformError};
pub use limit::{Gate, GateSettings, GuardTripped};
pub use retry::RetryPolicy;

use crate::model::{
    BotIdentity, Channel, ChannelId, Emoji, MessageId, MessagePage, ReactorPage, Timestamp, UserId,
    Workspace, WorkspaceId,
};
use crate::monitor::Monitor;

/// A length of time as it is counted; saturates.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A platform, read-only.
///
/// Every method may be called from many tasks at once, waits for the
/// platform's limits itself, sends a request again after a passing fault, and
/// can be repeated: nothing is changed on the platform. Dropping a future ends
/// the request. What a method counts goes to the monitor it is given.
pub trait PlatformAdapter: Send + Sync + 'static {
    /// Who the token belongs to. Fails with [`ErrorKind::TokenRejected`] if
    /// nobody.
    fn identity(
        &self,
        monitor: &dyn Monitor,
    ) -> impl Future<Output = Result<BotIdentity, PlatformError>> + Send;

    /// A workspace and its channels and categories, threads left out.
    ///
    /// Channels that the bot can't see may be absent: absence means nothing.
    /// Fails with [`ErrorKind::NotInWorkspace`] if the bot was not invited.
    fn workspace(
        &self,
        id: WorkspaceId,
        monitor: &dyn Monitor,
    ) -> impl Future<Output = Result<(Workspace, Vec<Channel>), PlatformError>> + Send;

    /// The threads of a workspace that are not archived. `channels` are those
    /// of [`Self::workspace`]: threads take their visibility from them.
    fn active_threads(
        &self,
        id: WorkspaceId,
        channels: &[Channel],
        monitor: &dyn Monitor,
    ) -> impl Future<Output = Result<Vec<Channel>, PlatformError>> + Send;

    /// One page of a channel's archived public threads, newest archived first,
    /// all archived before `before`, and whether there are more.
    fn archived_threads(
        &self,
        parent: &Channel,
        before: Option<Timestamp>,
        monitor: &dyn Monitor,
    ) -> impl Future<Output = Result<(Vec<Channel>, bool), PlatformError>> + Send;

    /// One channel or thread as it is now, its `visibility` left empty. Fails
    /// with [`ErrorKind::Forbidden`] or [`ErrorKind::NotFound`] for a channel
    /// that was closed or deleted.
    fn channel(
        &self,
        id: ChannelId,
        monitor: &dyn Monitor,
    ) -> impl Future<Output = Result<Channel, PlatformError>> + Send;

    /// The `limit` (at most [`Self::MAX_PAGE`]) messages that follow `after`,
    /// ascending by ID; from the first when `after` is `None`. A page without
    /// messages is the end. A message that can't be read is in
    /// [`MessagePage::broken`] and fails nothing. `expected` is a guess at how
    /// many messages are still to come: where requests have to wait for each
    /// other, the largest work goes first.
    fn messages(
        &self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u16,
        expected: u64,
        monitor: &dyn Monitor,
    ) -> impl Future<Output = Result<MessagePage, PlatformError>> + Send;

    /// One page of who reacted to a message with an emoji, behind `after`: in a
    /// burst, or normally. Waits until nothing else has to be asked. Fails
    /// with [`ErrorKind::Gone`] if the message or the emoji was deleted.
    fn reactors(
        &self,
        message: (ChannelId, MessageId),
        emoji: &Emoji,
        burst: bool,
        after: Option<UserId>,
        monitor: &dyn Monitor,
    ) -> impl Future<Output = Result<ReactorPage, PlatformError>> + Send;

    /// Pages of one channel that can be read in a second, on average.
    const CHANNEL_PAGES_PER_SECOND: f64;

    /// Most messages a page can hold.
    const MAX_PAGE: u16;

    /// The greatest ID that is before every message sent at `time` or later;
    /// `None` if every ID is after it.
    fn id_before(&self, time: Timestamp) -> Option<MessageId>;

    /// When a message with this ID was sent.
    fn sent_at(&self, id: MessageId) -> Timestamp;
}
