//! Channels that stop being public, or readable, while a run reads them.

use hashbrown::HashMap;
use tokio::sync::watch;

use crate::model::{ChannelId, ProvenState};

/// Why nothing more of a channel is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The channel was closed; `None` if a listing says so and nothing confirms
    /// it.
    Channel(Option<ProvenState>),
    /// The bot isn't in the workspace any more, or it can't be told what is
    /// public there.
    Workspace,
}

/// Channels of a tenant that were closed during the run. A thread is closed
/// with its parent.
#[derive(Debug)]
pub struct Closings(watch::Sender<Closed>);

#[derive(Debug, Default)]
struct Closed {
    channels: HashMap<ChannelId, Option<ProvenState>>,
    workspace: bool,
}

impl Closed {
    fn of(&self, root: ChannelId) -> Option<Closing> {
        if self.workspace {
            return Some(Closing::Workspace);
        }
        self.channels.get(&root).copied().map(Closing::Channel)
    }
}

impl Default for Closings {
    fn default() -> Self {
        Self(watch::Sender::new(Closed::default()))
    }
}

impl Closings {
    /// Waits until a channel is closed. `root` is the channel itself, or a thread's
    /// parent.
    pub async fn closed(&self, root: ChannelId) -> Closing {
        let mut closings = self.0.subscribe();
        loop {
            if let Some(closing) = closings.borrow_and_update().of(root) {
                return closing;
            }
            if closings.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// How a channel was closed, if it was. `root` is the channel itself, or a
    /// thread's parent.
    pub fn of(&self, root: ChannelId) -> Option<Closing> {
        self.0.borrow().of(root)
    }

    /// Whether nothing of the workspace is to be read.
    pub fn has_lost_workspace(&self) -> bool {
        self.0.borrow().workspace
    }

    /// Closes all channels.
    pub fn lose_workspace(&self) {
        self.0.send_modify(|closings| closings.workspace = true);
    }

    /// Closes channels.
    pub fn add(&self, closed: impl IntoIterator<Item = (ChannelId, Option<ProvenState>)>) {
        let closed: Vec<_> = closed.into_iter().collect();
        if !closed.is_empty() {
            self.0.send_modify(|closings| closings.channels.extend(closed));
        }
    }
}
