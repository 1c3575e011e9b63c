//! Calls of the fake, and where failures can be planned.

use crate::model::{ChannelId, MessageId, Timestamp, UserId, WorkspaceId};
use crate::platform::{PageCursor, SearchRequest};

/// A recorded call with its arguments.
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
        /// Parent channel of the threads.
        parent: ChannelId,
        /// Archived before this.
        before: Option<Timestamp>,
    },
    /// [`crate::platform::PlatformAdapter::search_channels`].
    Search(SearchRequest),
    /// [`crate::platform::PlatformAdapter::channel`].
    Channel(ChannelId),
    /// [`crate::platform::PlatformAdapter::messages`].
    Messages {
        /// The channel.
        channel: ChannelId,
        /// Position of the page.
        cursor: PageCursor,
        /// Most messages to return.
        limit: u16,
    },
    /// [`crate::platform::PlatformAdapter::reactors`].
    Reactors {
        /// Channel of the message.
        channel: ChannelId,
        /// The message.
        message: MessageId,
        /// Whether burst reactions are requested.
        burst: bool,
        /// Last user of the page before.
        after: Option<UserId>,
    },
}

/// The calls that a planned failure applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallTarget {
    /// [`crate::platform::PlatformAdapter::identity`].
    Identity,
    /// [`crate::platform::PlatformAdapter::workspace`].
    Workspace(WorkspaceId),
    /// [`crate::platform::PlatformAdapter::active_threads`].
    ActiveThreads(WorkspaceId),
    /// [`crate::platform::PlatformAdapter::archived_threads`] of a parent.
    ArchivedThreads(ChannelId),
    /// [`crate::platform::PlatformAdapter::search_channels`].
    Search(WorkspaceId),
    /// [`crate::platform::PlatformAdapter::channel`].
    Channel(ChannelId),
    /// [`crate::platform::PlatformAdapter::messages`] of a channel.
    Messages(ChannelId),
    /// [`crate::platform::PlatformAdapter::reactors`] in a channel.
    Reactors(ChannelId),
}

impl Call {
    /// The target whose planned failures apply to it.
    pub const fn target(self) -> CallTarget {
        match self {
            Self::Identity => CallTarget::Identity,
            Self::Workspace(id) => CallTarget::Workspace(id),
            Self::ActiveThreads(id) => CallTarget::ActiveThreads(id),
            Self::ArchivedThreads { parent, .. } => CallTarget::ArchivedThreads(parent),
            Self::Search(request) => CallTarget::Search(request.workspace),
            Self::Channel(id) => CallTarget::Channel(id),
            Self::Messages { channel, .. } => CallTarget::Messages(channel),
            Self::Reactors { channel, .. } => CallTarget::Reactors(channel),
        }
    }
}
