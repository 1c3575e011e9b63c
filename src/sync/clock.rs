//! The run's clock: the platform's time, carried on by a monotonic one.

use tokio::time::Instant;

use crate::model::Timestamp;

/// Tells the time of the run. Copies agree.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    base: Timestamp,
    /// The later of the platform's and this machine's time when it started.
    latest: Timestamp,
    started: Instant,
}

impl Clock {
    /// It is `now` by the platform's clock, and `here` by this machine's.
    pub fn starting_at(now: Timestamp, here: Timestamp) -> Self {
        Self { base: now, latest: now.max(here), started: Instant::now() }
    }

    /// The later of the platform's and this machine's time: nothing was sent
    /// after it, also if one of the clocks is slow.
    pub fn latest(&self) -> Timestamp {
        self.latest.later(self.started.elapsed())
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.base.later(self.started.elapsed())
    }
}
