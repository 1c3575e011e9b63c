//! Channels that stop being public, or readable, while a run reads them.

use hashbrown::HashMap;
use tokio::sync::watch;

use crate::model::{Channel, ChannelId, ChannelState};

/// Channels of a tenant that were closed during the run. A thread is closed
/// with its parent.
#[derive(Debug)]
pub struct Closings(watch::Sender<HashMap<ChannelId, ChannelState>>);

impl Default for Closings {
    fn default() -> Self {
        Self(watch::Sender::new(HashMap::new()))
    }
}

impl Closings {
    /// Waits until a channel is closed.
    pub async fn closed(&self, channel: &Channel) -> ChannelState {
        let mut closings = self.0.subscribe();
        loop {
            if let Some(state) = closings.borrow_and_update().get(&channel.root()) {
                return *state;
            }
            if closings.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// How a channel was closed, if it was. `root` is the channel itself, or a
    /// thread's parent.
    pub fn of(&self, root: ChannelId) -> Option<ChannelState> {
        self.0.borrow().get(&root).copied()
    }

    /// Closes channels.
    pub fn add(&self, closed: impl IntoIterator<Item = (ChannelId, ChannelState)>) {
        let closed: Vec<_> = closed.into_iter().collect();
        if !closed.is_empty() {
            self.0.send_modify(|closings| closings.extend(closed));
        }
    }
}
