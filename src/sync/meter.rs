//! Counting what a job and each of its channels cause.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::monitor::{Counter, Event, Monitor};

const COUNTERS: [Counter; 8] = [
    Counter::ApiCalls,
    Counter::Retries,
    Counter::RateLimitEncounters,
    Counter::RateLimitWaitMilliseconds,
    Counter::Messages,
    Counter::BrokenMessages,
    Counter::Reactions,
    Counter::Attachments,
];

/// Keeps the sums of what is counted and passes everything on.
pub struct Meter {
    sums: [AtomicU64; COUNTERS.len()],
    next: Arc<dyn Monitor>,
}

impl Meter {
    /// Begins at zero.
    pub fn new(next: Arc<dyn Monitor>) -> Self {
        Self { sums: Default::default(), next }
    }

    /// The sum so far.
    pub fn sum(&self, counter: Counter) -> u64 {
        self.slot(counter).map_or(0, |sum| sum.load(Ordering::Relaxed))
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
        self.next.event(event);
    }
}
