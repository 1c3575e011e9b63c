//! What asks a run to end, and waiting for it.

use std::time::Duration;

use tokio::sync::watch;

use crate::sync::Stop;

/// Waits until the run is to end.
pub async fn stopped(stop: &watch::Sender<Option<Stop>>) {
    let mut stop = stop.subscribe();
    if stop.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Ends the run after `limit`.
pub fn limit_runtime(stop: &watch::Sender<Option<Stop>>, limit: Option<Duration>) {
    let Some(limit) = limit else { return };
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(limit).await;
        set(&stop, Stop::OutOfTime);
    });
}

/// Asks the run to end. A signal overrides what asked before.
pub fn set(stop: &watch::Sender<Option<Stop>>, why: Stop) {
    stop.send_if_modified(|stop| {
        let counts = stop.is_none() || why == Stop::Signal;
        if counts {
            *stop = Some(why);
        }
        counts
    });
}
