//! Revoked channels: channels that stop being public or readable while a run reads them.

use hashbrown::HashMap;
use tokio::sync::watch;

use crate::model::{ChannelId, ProvenState};

/// Why no more of a channel may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// The channel was closed; `None` if only a listing says so and nothing confirms it.
    Channel(Option<ProvenState>),
    /// The bot isn't in the workspace any more, or visibility couldn't be re-checked for
    /// too long.
    Workspace,
}

/// A tenant's channels that were revoked during the run. Threads are revoked with their
/// parent: `root` is the channel itself, or a thread's parent.
#[derive(Debug)]
pub struct RevokedChannels(watch::Sender<Revoked>);

#[derive(Debug, Default)]
struct Revoked {
    channels: HashMap<ChannelId, Option<ProvenState>>,
    workspace: bool,
}

impl Revoked {
    fn of(&self, root: ChannelId) -> Option<Revocation> {
        if self.workspace {
            return Some(Revocation::Workspace);
        }
        self.channels.get(&root).copied().map(Revocation::Channel)
    }
}

impl Default for RevokedChannels {
    fn default() -> Self {
        Self(watch::Sender::new(Revoked::default()))
    }
}

impl RevokedChannels {
    /// Waits until the channel is revoked.
    pub async fn revoked(&self, root: ChannelId) -> Revocation {
        let mut revoked = self.0.subscribe();
        loop {
            if let Some(revocation) = revoked.borrow_and_update().of(root) {
                return revocation;
            }
            if revoked.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// How the channel was revoked, if it was.
    pub fn of(&self, root: ChannelId) -> Option<Revocation> {
        self.0.borrow().of(root)
    }

    /// Whether the whole workspace was revoked.
    pub fn is_workspace_revoked(&self) -> bool {
        self.0.borrow().workspace
    }

    /// Revokes the whole workspace.
    pub fn revoke_workspace(&self) {
        self.0.send_modify(|revoked| revoked.workspace = true);
    }

    /// Revokes channels, each with its proven state if there is one.
    pub fn add(&self, channels: impl IntoIterator<Item = (ChannelId, Option<ProvenState>)>) {
        let channels: Vec<_> = channels.into_iter().collect();
        if !channels.is_empty() {
            self.0.send_modify(|revoked| revoked.channels.extend(channels));
        }
    }
}
