//! The run's clock: the platform's time, carried on by a monotonic one.

use tokio::time::Instant;

use crate::model::Timestamp;

/// Tells the time of the run. Copies agree.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    base: Timestamp,
    started: Instant,
}

impl Clock {
    /// It is `now`.
    pub fn starting_at(now: Timestamp) -> Self {
        Self { base: now, started: Instant::now() }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.base.later(self.started.elapsed())
    }
}
