//! The reactor lists that a job still has to read, by channel.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use tokio::time::Instant;

use crate::model::ChannelId;

/// Fewer lists than this say nothing about a channel's rate.
const MIN_READ: u64 = 3;

/// The backlog of a job. Filled when the reading of reactors begins.
#[derive(Debug, Default)]
pub struct ReactorBacklog(Mutex<Option<Stage>>);

/// The reading of reactors.
#[derive(Debug)]
struct Stage {
    began: Instant,
    read: u64,
    channels: HashMap<ChannelId, Channel>,
}

#[derive(Debug)]
struct Channel {
    left: u64,
    read: u64,
    opened: Option<Instant>,
}

/// The state of the backlog.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReactorProgress {
    /// Time since the reading of reactors began.
    pub elapsed: Duration,
    /// Lists read.
    pub read: u64,
    /// Channels that have lists, read or left.
    pub channels: usize,
    /// Lists left.
    pub left: u64,
    /// Lists left in the channel that has the most.
    pub largest: u64,
    /// Lists per second of the fastest channel; `None` until one is known.
    pub channel_rate: Option<f64>,
}

impl ReactorBacklog {
    /// Records that the reading of reactors begins, with the number of lists of each channel.
    pub fn begin(&self, due: impl Iterator<Item = (ChannelId, u64)>) {
        let channels = due.map(|(id, left)| (id, Channel { left, read: 0, opened: None })).collect();
        let stage = Stage { began: Instant::now(), read: 0, channels };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(stage);
    }

    /// Records that the reading of a channel's reactors begins.
    pub fn open(&self, channel: ChannelId) {
        self.update(channel, |_, channel| channel.opened = Some(Instant::now()));
    }

    /// Records that a list was read.
    pub fn read_one(&self, channel: ChannelId) {
        self.update(channel, |read, channel| {
            *read += 1;
            channel.read += 1;
            channel.left = channel.left.saturating_sub(1);
        });
    }

    /// Records that nothing more of a channel is read in this run.
    pub fn close(&self, channel: ChannelId) {
        self.update(channel, |_, channel| channel.left = 0);
    }

    fn update(&self, channel: ChannelId, change: impl FnOnce(&mut u64, &mut Channel)) {
        let mut stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stage) = stage.as_mut() else { return };
        if let Some(channel) = stage.channels.get_mut(&channel) {
            change(&mut stage.read, channel);
        }
    }

    /// The state now; `None` before the reading of reactors began.
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    pub fn progress(&self) -> Option<ReactorProgress> {
        let stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stage = stage.as_ref()?;
        let rate = |channel: &Channel| {
            let seconds = channel.opened?.elapsed().as_secs_f64();
            let is_open = channel.left > 0 && channel.read >= MIN_READ && seconds > 0.0;
            is_open.then(|| channel.read as f64 / seconds)
        };
        Some(ReactorProgress {
            elapsed: stage.began.elapsed(),
            read: stage.read,
            channels: stage.channels.len(),
            left: stage.channels.values().map(|channel| channel.left).sum(),
            largest: stage.channels.values().map(|channel| channel.left).max().unwrap_or(0),
            channel_rate: stage.channels.values().filter_map(rate).reduce(f64::max),
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn id(number: u64) -> ChannelId {
        ChannelId::new(number).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_backlog_shrinks_with_each_list_and_knows_the_largest_channel() {
        let backlog = ReactorBacklog::default();
        backlog.read_one(id(1));
        assert_eq!(backlog.progress(), None);
        backlog.begin([(id(1), 10), (id(2), 100)].into_iter());
        backlog.open(id(1));
        backlog.open(id(2));
        advance(Duration::from_secs(2)).await;
        (0..8).for_each(|_| backlog.read_one(id(2)));
        (0..2).for_each(|_| backlog.read_one(id(1)));
        let progress = backlog.progress().unwrap();
        assert_eq!((progress.read, progress.left, progress.largest, progress.channels), (10, 100, 92, 2));
        assert_eq!(progress.channel_rate, Some(4.0));
        assert_eq!(progress.elapsed, Duration::from_secs(2));
        // A channel that is left early has nothing left for this run.
        backlog.close(id(2));
        let progress = backlog.progress().unwrap();
        assert_eq!((progress.left, progress.largest, progress.channel_rate), (8, 8, None));
    }
}
