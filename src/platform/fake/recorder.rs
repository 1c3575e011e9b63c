//! A monitor for tests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::monitor::{Counter, Event, Monitor};

/// A monitor that records its counters and events.
#[derive(Debug, Default)]
pub struct Recorder {
    counts: Mutex<HashMap<Counter, u64>>,
    events: Mutex<Vec<Event>>,
}

impl Recorder {
    /// The sum of a counter.
    pub fn sum(&self, counter: Counter) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&counter).copied().unwrap_or(0)
    }

    /// The recorded events, in order.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Monitor for Recorder {
    fn count(&self, counter: Counter, amount: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(counter).or_default() += amount;
    }

    fn event(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}
