//! Doing something now and then.

use std::sync::Arc;
use std::thread::{Builder, sleep};
use std::time::Duration;

/// Does something to `subject` every `interval`, for as long as it lives.
pub fn every<T: Send + Sync + 'static>(interval: Duration, subject: &Arc<T>, action: fn(&T)) {
    let subject = Arc::downgrade(subject);
    let ticks = move || {
        loop {
            sleep(interval);
            let Some(subject) = subject.upgrade() else { break };
            action(&subject);
        }
    };
    // Progress that can't be told is no reason to stop.
    Builder::new().name("progress".to_owned()).spawn(ticks).ok();
}
