//! Asks for channels and threads by their ID.

use crate::model::{Channel, ChannelId, ChannelState, WorkspaceId};
use crate::monitor::Monitor;
use crate::platform::{PlatformAdapter, PlatformError};

/// Give up after this many consecutive lookups without an answer: the platform
/// is in trouble, and each takes long then.
const MOST_FAILURES: usize = 3;

/// The answer for one channel.
pub(super) enum Answer {
    /// It is there.
    Found(Box<Channel>),
    /// A refusal, which proves its state.
    Refused(ChannelState),
    /// None: nothing is known of it.
    Failed(PlatformError),
}

/// Lookups in one workspace, one after the other.
pub(super) struct Lookups<'a> {
    platform: &'a dyn PlatformAdapter,
    workspace: WorkspaceId,
    monitor: &'a dyn Monitor,
    consecutive_failures: usize,
}

impl<'a> Lookups<'a> {
    pub(super) fn new(
        platform: &'a dyn PlatformAdapter,
        workspace: WorkspaceId,
        monitor: &'a dyn Monitor,
    ) -> Self {
        Self { platform, workspace, monitor, consecutive_failures: 0 }
    }

    /// Whether too many failed in a row to go on.
    pub(super) const fn gave_up(&self) -> bool {
        self.consecutive_failures >= MOST_FAILURES
    }

    /// Asks for one channel.
    ///
    /// # Errors
    /// When the run must end.
    pub(super) async fn ask(&mut self, channel: ChannelId) -> Result<Answer, PlatformError> {
        let answer = match self.platform.channel(channel, self.workspace, self.monitor).await {
            Ok(channel) => Answer::Found(Box::new(channel)),
            Err(error) if error.kind.ends_run() => return Err(error),
            Err(error) => error.kind.proves().map_or(Answer::Failed(error), Answer::Refused),
        };
        let has_failed = matches!(answer, Answer::Failed(_));
        self.consecutive_failures = if has_failed { self.consecutive_failures + 1 } else { 0 };
        Ok(answer)
    }
}
