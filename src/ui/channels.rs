//! The channels that are open, and which of them are shown.

use std::cmp::Reverse;
use std::time::Duration;

use tokio::time::Instant;

use super::rate::Rate;
use super::totals::{end_of, left};
use crate::model::Timestamp;
use crate::monitor::{RunChannel, Wait};

/// A channel is being read when a page of it came within this long.
const ACTIVE: Duration = Duration::from_secs(5);

/// A channel that is open.
#[derive(Debug)]
pub struct Channel {
    /// The channel.
    pub id: RunChannel,
    /// Its name.
    pub name: String,
    /// Messages read.
    pub messages: Rate,
    /// 0 to 1.
    pub progress: f64,
    /// When the last message read was sent.
    pub reached: Option<Timestamp>,
    advanced: Option<Instant>,
    /// Why and until when it waits.
    waits: Option<(Wait, Instant)>,
}

/// What a channel does, by how much it is worth to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Activity {
    Idle,
    Waiting,
    Read,
}

impl Channel {
    fn activity(&self) -> Activity {
        if self.advanced.is_some_and(|at| at.elapsed() < ACTIVE) {
            Activity::Read
        } else if self.wait().is_some() {
            Activity::Waiting
        } else {
            Activity::Idle
        }
    }

    /// What it waits for, and how long still.
    pub fn wait(&self) -> Option<(Wait, Duration)> {
        self.waits.and_then(left)
    }
}

/// The open channels.
#[derive(Debug, Default)]
pub struct Channels {
    /// In the order in which they were opened.
    open: Vec<Channel>,
    /// From top to bottom.
    shown: Vec<RunChannel>,
}

impl Channels {
    /// A channel's reading began.
    pub fn open(&mut self, id: RunChannel, name: String) {
        self.open.push(Channel {
            id,
            name,
            messages: Rate::default(),
            progress: 0.0,
            reached: None,
            advanced: None,
            waits: None,
        });
    }

    /// A page of it was read.
    pub fn advance(&mut self, id: &RunChannel, messages: u64, progress: f64, reached: Option<Timestamp>) {
        if let Some(channel) = self.find(id) {
            channel.messages.add(messages);
            channel.progress = progress;
            channel.reached = reached;
            channel.advanced = Some(Instant::now());
            channel.waits = None;
        }
    }

    /// It has to wait.
    pub fn wait(&mut self, id: &RunChannel, why: Wait, wait: Duration) {
        if let Some(channel) = self.find(id) {
            channel.waits = Some((why, end_of(wait)));
        }
    }

    /// Its reading ended.
    pub fn close(&mut self, id: &RunChannel) {
        self.open.retain(|channel| channel.id != *id);
    }

    /// As many as there are `rows`, from top to bottom. One that was shown
    /// before keeps its row, unless another has more to show.
    pub fn shown(&mut self, rows: usize) -> Vec<&Channel> {
        let (open, shown) = (&self.open, &mut self.shown);
        let activity = |id: &RunChannel| open.iter().find(|open| open.id == *id).map(Channel::activity);
        shown.retain(|id| activity(id).is_some());
        shown.truncate(rows);
        let mut others: Vec<&Channel> = open.iter().filter(|open| !shown.contains(&open.id)).collect();
        others.sort_by_key(|other| Reverse((other.activity(), other.advanced)));
        for other in others {
            if shown.len() < rows {
                shown.push(other.id.clone());
                continue;
            }
            let Some(least) = shown.iter_mut().min_by_key(|id| activity(id)) else { break };
            if activity(least) >= Some(other.activity()) {
                break;
            }
            *least = other.id.clone();
        }
        shown.iter().filter_map(|id| open.iter().find(|open| open.id == *id)).collect()
    }

    fn find(&mut self, id: &RunChannel) -> Option<&mut Channel> {
        self.open.iter_mut().find(|open| open.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn id(number: u64) -> RunChannel {
        RunChannel { job_id: "job".into(), id: number.to_string().into() }
    }

    fn open(numbers: std::ops::Range<u64>) -> Channels {
        let mut channels = Channels::default();
        numbers.for_each(|number| channels.open(id(number), number.to_string()));
        channels
    }

    fn shown(channels: &mut Channels, rows: usize) -> String {
        let names: Vec<&str> = channels.shown(rows).iter().map(|channel| channel.name.as_str()).collect();
        names.join(" ")
    }

    #[tokio::test(start_paused = true)]
    async fn channels_that_are_read_push_out_idle_ones_and_stay_where_they_are() {
        let mut channels = open(1..9);
        assert_eq!(shown(&mut channels, 3), "1 2 3");
        channels.advance(&id(2), 100, 0.1, None);
        channels.advance(&id(7), 100, 0.1, None);
        assert_eq!(shown(&mut channels, 3), "7 2 3");
        channels.advance(&id(8), 100, 0.1, None);
        channels.advance(&id(6), 100, 0.1, None);
        // Nobody that is read gives its row to another that is.
        assert_eq!(shown(&mut channels, 3).replace('6', "8"), "7 2 8");
        advance(ACTIVE).await;
        channels.advance(&id(2), 100, 0.2, None);
        assert_eq!(shown(&mut channels, 3).replace('6', "8"), "7 2 8");
        channels.advance(&id(1), 100, 0.2, None);
        assert_eq!(shown(&mut channels, 3).replace('6', "8"), "1 2 8");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_channels_come_before_idle_ones_for_as_long_as_they_wait() {
        let mut channels = open(1..5);
        assert_eq!(shown(&mut channels, 2), "1 2");
        channels.wait(&id(4), Wait::RateLimit, Duration::from_secs(8));
        assert_eq!(shown(&mut channels, 2), "4 2");
        channels.wait(&id(2), Wait::Retry, Duration::from_secs(8));
        channels.advance(&id(3), 100, 0.5, None);
        assert_eq!(shown(&mut channels, 2), "3 2");
        advance(Duration::from_secs(8)).await;
        assert!(channels.shown(2).iter().all(|channel| channel.wait().is_none()));
    }

    #[tokio::test(start_paused = true)]
    async fn closed_channels_give_their_rows_back() {
        let mut channels = open(1..5);
        assert_eq!(shown(&mut channels, 2), "1 2");
        channels.close(&id(1));
        assert_eq!(shown(&mut channels, 2), "2 3");
        assert_eq!(shown(&mut channels, 1), "2");
        assert_eq!(shown(&mut channels, 0), "");
        channels.close(&id(2));
        channels.close(&id(3));
        channels.close(&id(4));
        assert_eq!(shown(&mut channels, 2), "");
    }
}
