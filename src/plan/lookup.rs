//! Looks up channels and threads by ID.

use crate::model::{Channel, ChannelId, ChannelState, WorkspaceId};
use crate::monitor::Monitor;
use crate::platform::{PlatformAdapter, PlatformError};

/// Give up after this many consecutive failed lookups: the platform is failing, and each
/// lookup then takes long.
const MAX_CONSECUTIVE_FAILURES: usize = 3;

/// The answer to one lookup.
pub(super) enum LookupAnswer {
    /// The channel exists and the bot may see it.
    Found(Box<Channel>),
    /// A refusal that proves the channel's state.
    Refused(ChannelState),
    /// The request failed and proves nothing.
    Failed(PlatformError),
}

/// Sequential lookups in one workspace.
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

    /// Whether too many consecutive lookups failed.
    pub(super) const fn gave_up(&self) -> bool {
        self.consecutive_failures >= MAX_CONSECUTIVE_FAILURES
    }

    /// Looks up one channel.
    ///
    /// # Errors
    /// Returns a [`PlatformError`] that must end the run.
    pub(super) async fn look_up(&mut self, channel: ChannelId) -> Result<LookupAnswer, PlatformError> {
        let answer = match self.platform.channel(channel, self.workspace, self.monitor).await {
            Ok(channel) => LookupAnswer::Found(Box::new(channel)),
            Err(error) if error.kind.ends_run() => return Err(error),
            Err(error) => {
                error.kind.proven_channel_state().map_or(LookupAnswer::Failed(error), LookupAnswer::Refused)
            }
        };
        let has_failed = matches!(answer, LookupAnswer::Failed(_));
        self.consecutive_failures = if has_failed { self.consecutive_failures + 1 } else { 0 };
        Ok(answer)
    }
}
