//! The run's clock: the platform's time at the start, advanced by a monotonic clock.

use tokio::time::Instant;

use crate::model::Timestamp;

/// The run's time. Copies agree.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    base: Timestamp,
    /// The later of the platform's and this machine's time at the start.
    latest: Timestamp,
    started: Instant,
}

impl Clock {
    /// Starts at `now` by the platform's clock and `here` by this machine's.
    pub fn starting_at(now: Timestamp, here: Timestamp) -> Self {
        Self { base: now, latest: now.max(here), started: Instant::now() }
    }

    /// The later of the platform's and this machine's time: even if one clock is slow, no
    /// message was sent after it.
    pub fn latest(&self) -> Timestamp {
        self.latest.later(self.started.elapsed())
    }

    /// The platform's time.
    pub fn now(&self) -> Timestamp {
        self.base.later(self.started.elapsed())
    }
}
