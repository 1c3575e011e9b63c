//! Counting what a job and each of its channels cause.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::channel::ReadingState;
use crate::model::{ChannelId, RequestStats, Waits};
use crate::monitor::{Counter, Event, Monitor, Wait};

const COUNTERS: [Counter; 18] = [
    Counter::ApiCalls,
    Counter::Retries,
    Counter::RateLimitEncounters,
    Counter::BucketWaitMilliseconds,
    Counter::GlobalWaitMilliseconds,
    Counter::GuardWaitMilliseconds,
    Counter::PaceWaitMilliseconds,
    Counter::RetryWaitMilliseconds,
    Counter::Messages,
    Counter::NewMessages,
    Counter::ChangedMessages,
    Counter::BrokenMessages,
    Counter::Reactions,
    Counter::Attachments,
    Counter::ReactionsQueued,
    Counter::ReactionsRead,
    Counter::ListingsQueued,
    Counter::ListingsRead,
];

/// Keeps the sums of what is counted and passes everything on.
pub struct Meter {
    sums: [AtomicU64; COUNTERS.len()],
    next: Arc<dyn Monitor>,
    /// Whose waits are told, if it is a channel's.
    channel: Option<(ChannelId, Arc<ReadingState>)>,
}

impl Meter {
    /// Begins at zero.
    pub fn new(next: Arc<dyn Monitor>) -> Self {
        Self { sums: Default::default(), next, channel: None }
    }

    /// Begins at zero, for a channel.
    pub fn of_channel(channel: ChannelId, state: Arc<ReadingState>, next: Arc<dyn Monitor>) -> Self {
        Self { channel: Some((channel, state)), ..Self::new(next) }
    }

    /// The sum so far.
    pub fn sum(&self, counter: Counter) -> u64 {
        self.slot(counter).map_or(0, |sum| sum.load(Ordering::Relaxed))
    }

    /// What the requests counted so far came to.
    pub fn requests(&self) -> RequestStats {
        let seconds = |counter| Duration::from_millis(self.sum(counter)).as_secs_f64();
        RequestStats {
            sent: self.sum(Counter::ApiCalls),
            rate_limit_encounters: self.sum(Counter::RateLimitEncounters),
            retries: self.sum(Counter::Retries),
            waits: Waits {
                bucket_seconds: seconds(Counter::BucketWaitMilliseconds),
                global_seconds: seconds(Counter::GlobalWaitMilliseconds),
                guard_seconds: seconds(Counter::GuardWaitMilliseconds),
                pace_seconds: seconds(Counter::PaceWaitMilliseconds),
                retry_seconds: seconds(Counter::RetryWaitMilliseconds),
            },
        }
    }

    fn slot(&self, counter: Counter) -> Option<&AtomicU64> {
        COUNTERS.iter().zip(&self.sums).find(|(known, _)| **known == counter).map(|(_, sum)| sum)
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").field("sums", &self.sums).finish_non_exhaustive()
    }
}

impl Monitor for Meter {
    fn count(&self, counter: Counter, amount: u64) {
        if let Some(sum) = self.slot(counter) {
            sum.fetch_add(amount, Ordering::Relaxed);
        }
        self.next.count(counter, amount);
    }

    fn event(&self, event: Event) {
        let wait = match &event {
            Event::RateLimited { wait, .. } => Some((Wait::RateLimit, *wait)),
            Event::Retrying { wait, .. } => Some((Wait::Retry, *wait)),
            _ => None,
        };
        self.next.event(event);
        if let (Some((channel, state)), Some((why, wait))) = (&self.channel, wait) {
            state.wait(wait);
            self.next.event(Event::ChannelWaits { channel: *channel, why, wait });
        }
    }
}
