//! A channel that is being read: its slot, its task and its progress.

use std::sync::Arc;

use tokio::time::Instant;

use super::channel::{ChannelTask, ReadingState};
use super::estimate::ReadProgress;
use super::slots::{Grant, Slot};
use crate::model::ChannelId;

/// A channel being read.
pub struct OpenChannel {
    /// The slot it occupies; freed when this is dropped.
    pub slot: Slot<ChannelTask>,
    /// What is read.
    pub task: Arc<ChannelTask>,
    /// The reading's progress, shared with its task.
    pub state: Arc<ReadingState>,
    /// When it was opened.
    pub since: Instant,
}

impl OpenChannel {
    /// Opens the granted channel in its slot.
    pub fn new(grant: Grant<ChannelTask>) -> Self {
        let Grant { slot, work } = grant;
        Self { slot, task: Arc::new(work), state: Arc::default(), since: Instant::now() }
    }

    /// The channel's ID.
    pub fn id(&self) -> ChannelId {
        self.task.plan.channel.id
    }

    /// The channel's contribution to its job's progress.
    pub fn progress(&self) -> ReadProgress {
        self.task.progress(&self.state, self.since.elapsed())
    }
}
