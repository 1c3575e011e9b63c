//! A channel that is being read.

use std::sync::Arc;

use tokio::time::Instant;

use super::channel::{ChannelTask, ReadingState};
use super::estimate::Part;
use crate::model::ChannelId;

/// A channel being read.
pub struct Open {
    /// The index of its tenant.
    pub tenant: usize,
    /// The channel.
    pub channel: ChannelId,
    /// The slot it takes.
    pub slot: usize,
    /// What is done.
    pub task: Arc<ChannelTask>,
    /// How far it is.
    pub state: Arc<ReadingState>,
    /// When it was opened.
    pub since: Instant,
}

impl Open {
    /// Opens a channel of a tenant.
    pub fn new(tenant: usize, slot: usize, task: ChannelTask) -> Self {
        Self {
            tenant,
            channel: task.plan.channel.id,
            slot,
            task: Arc::new(task),
            state: Arc::default(),
            since: Instant::now(),
        }
    }

    /// How far it is, as part of its job.
    pub fn part(&self) -> Part {
        self.task.part(&self.state, self.since.elapsed())
    }
}
