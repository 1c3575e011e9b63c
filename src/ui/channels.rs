//! The open channels, and the selection of those to show.

use std::cmp::Reverse;
use std::time::Duration;

use tokio::time::Instant;

use super::rate::Rate;
use super::totals::{deadline_after, remaining};
use crate::model::Timestamp;
use crate::monitor::{JobChannel, PauseReason};

/// A channel counts as being read if its last page arrived less than this ago.
const READING_WINDOW: Duration = Duration::from_secs(5);

/// The progress of an open channel.
#[derive(Debug)]
pub struct Channel {
    /// The channel's job and ID.
    pub id: JobChannel,
    /// The channel's current name.
    pub name: String,
    /// Messages read.
    pub messages: Rate,
    /// Fraction read, 0 to 1.
    pub progress: f64,
    /// Timestamp of the last message read.
    pub reached: Option<Timestamp>,
    last_advanced: Option<Instant>,
    /// The last wait since the last page: reason and end.
    current_wait: Option<(PauseReason, Instant)>,
}

/// What a channel does, ordered by display priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Activity {
    Idle,
    Waiting,
    Reading,
}

impl Channel {
    fn activity(&self) -> Activity {
        if self.last_advanced.is_some_and(|at| at.elapsed() < READING_WINDOW) {
            Activity::Reading
        } else if self.wait().is_some() {
            Activity::Waiting
        } else {
            Activity::Idle
        }
    }

    /// Reason and remaining time of the current wait.
    pub fn wait(&self) -> Option<(PauseReason, Duration)> {
        self.current_wait.and_then(remaining)
    }
}

/// The open channels.
#[derive(Debug, Default)]
pub struct Channels {
    /// In opening order.
    open: Vec<Channel>,
    /// The rows, from top to bottom.
    shown: Vec<JobChannel>,
}

impl Channels {
    /// Adds a channel that is now being read.
    pub fn open(&mut self, id: JobChannel, name: String) {
        self.open.push(Channel {
            id,
            name,
            messages: Rate::default(),
            progress: 0.0,
            reached: None,
            last_advanced: None,
            current_wait: None,
        });
    }

    /// Records that a page was read.
    pub fn advance(&mut self, id: &JobChannel, messages: u64, progress: f64, reached: Option<Timestamp>) {
        if let Some(channel) = self.find(id) {
            channel.messages.add(messages);
            channel.progress = progress;
            channel.reached = reached;
            channel.last_advanced = Some(Instant::now());
            channel.current_wait = None;
        }
    }

    /// Records that the channel waits.
    pub fn wait(&mut self, id: &JobChannel, reason: PauseReason, wait: Duration) {
        if let Some(channel) = self.find(id) {
            channel.current_wait = Some((reason, deadline_after(wait)));
        }
    }

    /// Removes a channel that was read.
    pub fn close(&mut self, id: &JobChannel) {
        self.open.retain(|channel| channel.id != *id);
    }

    /// At most `rows` channels, from top to bottom. A channel keeps its row until it is
    /// closed or a channel with a higher [`Activity`] needs the row.
    pub fn shown(&mut self, rows: usize) -> Vec<&Channel> {
        let (open, shown) = (&self.open, &mut self.shown);
        let activity = |id: &JobChannel| open.iter().find(|open| open.id == *id).map(Channel::activity);
        shown.retain(|id| activity(id).is_some());
        shown.truncate(rows);
        let mut others: Vec<&Channel> = open.iter().filter(|open| !shown.contains(&open.id)).collect();
        others.sort_by_key(|other| Reverse((other.activity(), other.last_advanced)));
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

    fn find(&mut self, id: &JobChannel) -> Option<&mut Channel> {
        self.open.iter_mut().find(|open| open.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn id(number: u64) -> JobChannel {
        JobChannel { job_id: "job".into(), id: number.to_string().into() }
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
    async fn channels_being_read_replace_idle_ones_and_keep_their_rows() {
        let mut channels = open(1..9);
        assert_eq!(shown(&mut channels, 3), "1 2 3");
        channels.advance(&id(2), 100, 0.1, None);
        channels.advance(&id(7), 100, 0.1, None);
        assert_eq!(shown(&mut channels, 3), "7 2 3");
        channels.advance(&id(8), 100, 0.1, None);
        channels.advance(&id(6), 100, 0.1, None);
        // A channel being read never loses its row to another one being read.
        assert_eq!(shown(&mut channels, 3).replace('6', "8"), "7 2 8");
        advance(READING_WINDOW).await;
        channels.advance(&id(2), 100, 0.2, None);
        assert_eq!(shown(&mut channels, 3).replace('6', "8"), "7 2 8");
        channels.advance(&id(1), 100, 0.2, None);
        assert_eq!(shown(&mut channels, 3).replace('6', "8"), "1 2 8");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_channels_replace_idle_ones_until_the_wait_ends() {
        let mut channels = open(1..5);
        assert_eq!(shown(&mut channels, 2), "1 2");
        channels.wait(&id(4), PauseReason::RateLimit, Duration::from_secs(8));
        assert_eq!(shown(&mut channels, 2), "4 2");
        channels.wait(&id(2), PauseReason::Retry, Duration::from_secs(8));
        channels.advance(&id(3), 100, 0.5, None);
        assert_eq!(shown(&mut channels, 2), "3 2");
        advance(Duration::from_secs(8)).await;
        assert!(channels.shown(2).iter().all(|channel| channel.wait().is_none()));
    }

    #[tokio::test(start_paused = true)]
    async fn closed_channels_free_their_rows() {
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
