//! Calls a function at regular intervals.

use std::sync::Arc;
use std::thread::{Builder, sleep};
use std::time::Duration;

/// Calls `action` with `subject` every `interval`, on a thread of its own, until
/// `subject` is dropped.
pub fn every<T: Send + Sync + 'static>(interval: Duration, subject: &Arc<T>, action: fn(&T)) {
    let subject = Arc::downgrade(subject);
    let ticks = move || {
        loop {
            sleep(interval);
            let Some(subject) = subject.upgrade() else { break };
            action(&subject);
        }
    };
    // Without the thread no progress is shown, which must not fail the run.
    Builder::new().name("progress".to_owned()).spawn(ticks).ok();
}
