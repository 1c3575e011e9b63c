//! The reactor lists that a job still has to read, by channel.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use tokio::time::Instant;

use crate::model::ChannelId;

/// A channel's rate is that of its last lists.
const RECENT_LISTS: usize = 16;
/// Fewer lists than this say nothing about a channel's rate.
const MIN_LISTS: usize = 3;

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

#[derive(Debug, Default)]
struct Channel {
    left: u64,
    opened: Option<Instant>,
    /// When its last lists were read, the oldest first.
    recent: VecDeque<Instant>,
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
    /// Recent lists per second of that channel, or else of the fastest one; `None` until one
    /// is known.
    pub channel_rate: Option<f64>,
    /// Seconds that all lists took, with the waits for limits, summed over the channels.
    pub busy_seconds: f64,
}

impl ReactorBacklog {
    /// Records that the reading of reactors begins, with the number of lists of each channel.
    pub fn begin(&self, due: impl Iterator<Item = (ChannelId, u64)>) {
        let channels = due.map(|(id, left)| (id, Channel { left, ..Channel::default() })).collect();
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
            channel.recent.push_back(Instant::now());
            if channel.recent.len() > RECENT_LISTS {
                channel.recent.pop_front();
            }
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
    pub fn progress(&self) -> Option<ReactorProgress> {
        let stage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stage = stage.as_ref()?;
        let channels = || stage.channels.values();
        let largest = channels().max_by_key(|channel| channel.left);
        let fastest = || channels().filter(|channel| channel.left > 0).filter_map(Channel::rate);
        Some(ReactorProgress {
            elapsed: stage.began.elapsed(),
            read: stage.read,
            channels: stage.channels.len(),
            left: channels().map(|channel| channel.left).sum(),
            largest: largest.map_or(0, |channel| channel.left),
            channel_rate: largest.and_then(Channel::rate).or_else(|| fastest().reduce(f64::max)),
            busy_seconds: channels().filter_map(Channel::busy).map(|busy| busy.as_secs_f64()).sum(),
        })
    }
}

impl Channel {
    /// Recent lists per second; `None` if too few were read.
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    fn rate(&self) -> Option<f64> {
        let (first, last) = (self.recent.front()?, self.recent.back()?);
        let seconds = last.duration_since(*first).as_secs_f64();
        let is_known = self.recent.len() >= MIN_LISTS && seconds > 0.0;
        is_known.then(|| (self.recent.len() - 1) as f64 / seconds)
    }

    /// Time until its last list was read.
    fn busy(&self) -> Option<Duration> {
        Some(self.recent.back()?.duration_since(self.opened?))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn id(number: u64) -> ChannelId {
        ChannelId::new(number).unwrap()
    }

    #[allow(clippy::float_cmp, reason = "sums of whole numbers")]
    #[tokio::test(start_paused = true)]
    async fn the_backlog_shrinks_with_each_list_and_knows_the_largest_channel() {
        let backlog = ReactorBacklog::default();
        backlog.read_one(id(1));
        assert_eq!(backlog.progress(), None);
        backlog.begin([(id(1), 10), (id(2), 100)].into_iter());
        backlog.open(id(1));
        backlog.open(id(2));
        for _ in 0..8 {
            advance(Duration::from_millis(250)).await;
            backlog.read_one(id(2));
        }
        backlog.read_one(id(1));
        let progress = backlog.progress().unwrap();
        assert_eq!((progress.read, progress.left, progress.largest, progress.channels), (9, 101, 92, 2));
        assert_eq!(progress.channel_rate, Some(4.0));
        assert_eq!((progress.elapsed, progress.busy_seconds), (Duration::from_secs(2), 4.0));
        // A channel that is left early has nothing left for this run.
        backlog.close(id(2));
        let progress = backlog.progress().unwrap();
        assert_eq!((progress.left, progress.largest, progress.channel_rate), (9, 9, None));
    }
}
