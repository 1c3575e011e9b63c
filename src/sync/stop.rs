//! The stop signal: ends a run early, from any task.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::model::Cause;

/// Why a run stops before its work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The process received a signal.
    Signal,
    /// The run's time is up (`--max-runtime`).
    OutOfTime,
    /// A failure after which nothing else can succeed.
    Fatal,
}

/// Stops a run from any task. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stop: watch::Sender<Option<StopReason>>,
    fatal: OnceLock<Cause>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { stop: watch::Sender::new(None), fatal: OnceLock::new() }
    }
}

impl StopSignal {
    /// Stops the run. The first reason is kept, except that a signal replaces any other.
    pub fn send(&self, reason: StopReason) {
        self.0.stop.send_if_modified(|stop| {
            let is_accepted =
                stop.is_none() || (reason == StopReason::Signal && *stop != Some(StopReason::Signal));
            if is_accepted {
                *stop = Some(reason);
            }
            is_accepted
        });
    }

    /// Stops the run because of a failure after which nothing else can succeed.
    pub fn fail(&self, cause: Cause) {
        self.0.fatal.get_or_init(|| cause);
        self.send(StopReason::Fatal);
    }

    /// The first cause passed to [`Self::fail`], if any.
    pub fn fatal(&self) -> Option<Cause> {
        self.0.fatal.get().copied()
    }

    /// Why the run is stopping; `None` while it continues.
    pub fn reason(&self) -> Option<StopReason> {
        *self.0.stop.borrow()
    }

    /// Waits until the run is stopped.
    pub async fn wait(&self) -> StopReason {
        let mut stop = self.0.stop.subscribe();
        loop {
            if let Some(stop) = *stop.borrow_and_update() {
                return stop;
            }
            // Can't fail: `self` holds the sender.
            stop.changed().await.ok();
        }
    }

    /// Waits for a signal; ignores other reasons to stop.
    pub async fn wait_for_signal(&self) {
        let mut stop = self.0.stop.subscribe();
        stop.wait_for(|stop| *stop == Some(StopReason::Signal)).await.ok();
    }

    /// Awaits `work`, and drops it if the run stops first.
    ///
    /// # Errors
    /// Returns why the run stopped.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, StopReason> {
        tokio::select! {
            biased;
            stop = self.wait() => Err(stop),
            done = work => Ok(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_first_reason_unless_a_signal_follows() {
        let signal = StopSignal::default();
        assert_eq!((signal.reason(), signal.fatal()), (None, None));
        assert_eq!(signal.unless_stopped(std::future::ready(7)).await, Ok(7));
        signal.send(StopReason::OutOfTime);
        signal.fail(Cause::TokenRejected);
        signal.fail(Cause::Archive);
        assert_eq!(
            (signal.reason(), signal.fatal()),
            (Some(StopReason::OutOfTime), Some(Cause::TokenRejected))
        );
        signal.clone().send(StopReason::Signal);
        signal.send(StopReason::Fatal);
        assert_eq!(signal.wait().await, StopReason::Signal);
        signal.wait_for_signal().await;
        assert_eq!(signal.unless_stopped(std::future::ready(7)).await, Err(StopReason::Signal));
    }
}
