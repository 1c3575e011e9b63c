//! Questions, and where failures are planned for them.

use crate::model::{ChannelId, MessageId, Timestamp, UserId, WorkspaceId};
use crate::platform::PageCursor;

/// A question that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// [`crate::platform::PlatformAdapter::identity`].
    Identity,
    /// [`crate::platform::PlatformAdapter::workspace`].
    Workspace(WorkspaceId),
    /// [`crate::platform::PlatformAdapter::active_threads`].
    ActiveThreads(WorkspaceId),
    /// [`crate::platform::PlatformAdapter::archived_threads`].
    ArchivedThreads {
        /// Whose threads.
        parent: ChannelId,
        /// Archived before this.
        before: Option<Timestamp>,
    },
    /// [`crate::platform::PlatformAdapter::channel`].
    Channel(ChannelId),
    /// [`crate::platform::PlatformAdapter::messages`].
    Messages {
        /// Whose messages.
        channel: ChannelId,
        /// Which of them.
        cursor: PageCursor,
        /// At most so many.
        limit: u16,
    },
    /// [`crate::platform::PlatformAdapter::reactors`].
    Reactors {
        /// Where the message stands.
        channel: ChannelId,
        /// To which message.
        message: MessageId,
        /// In a burst.
        burst: bool,
        /// Those that follow this one.
        after: Option<UserId>,
    },
}

/// Where a planned failure strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// [`crate::platform::PlatformAdapter::identity`].
    Identity,
    /// [`crate::platform::PlatformAdapter::workspace`].
    Workspace(WorkspaceId),
    /// [`crate::platform::PlatformAdapter::active_threads`].
    ActiveThreads(WorkspaceId),
    /// [`crate::platform::PlatformAdapter::archived_threads`] of a parent.
    ArchivedThreads(ChannelId),
    /// [`crate::platform::PlatformAdapter::channel`].
    Channel(ChannelId),
    /// [`crate::platform::PlatformAdapter::messages`] of a channel.
    Messages(ChannelId),
    /// [`crate::platform::PlatformAdapter::reactors`] in a channel.
    Reactors(ChannelId),
}

impl Call {
    /// Where it was asked.
    pub const fn place(self) -> Place {
        match self {
            Self::Identity => Place::Identity,
            Self::Workspace(id) => Place::Workspace(id),
            Self::ActiveThreads(id) => Place::ActiveThreads(id),
            Self::ArchivedThreads { parent, .. } => Place::ArchivedThreads(parent),
            Self::Channel(id) => Place::Channel(id),
            Self::Messages { channel, .. } => Place::Messages(channel),
            Self::Reactors { channel, .. } => Place::Reactors(channel),
        }
    }
}
