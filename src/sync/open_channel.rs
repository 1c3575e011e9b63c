//! A channel that is being read.

use std::sync::Arc;

use tokio::time::Instant;

use super::channel::{ChannelTask, ReadingState};
use super::estimate::Part;
use super::slots::{Grant, Slot};
use crate::model::ChannelId;

/// A channel being read.
pub struct OpenChannel {
    /// The slot it takes.
    pub slot: Slot<ChannelTask>,
    /// What is done.
    pub task: Arc<ChannelTask>,
    /// How far it is.
    pub state: Arc<ReadingState>,
    /// When it was opened.
    pub since: Instant,
}

impl OpenChannel {
    /// Opens a channel in a slot.
    pub fn new(grant: Grant<ChannelTask>) -> Self {
        let Grant { slot, work } = grant;
        Self { slot, task: Arc::new(work), state: Arc::default(), since: Instant::now() }
    }

    /// The channel.
    pub fn id(&self) -> ChannelId {
        self.task.plan.channel.id
    }

    /// How far it is, as part of its job.
    pub fn part(&self) -> Part {
        self.task.part(&self.state, self.since.elapsed())
    }
}
