//! How a run ends early.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::model::Cause;

/// Why a run ends before its work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A signal asked for it.
    Signal,
    /// Its time is up.
    OutOfTime,
    /// Nothing else can succeed.
    Fatal,
}

/// Ends a run from anywhere. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stop: watch::Sender<Option<Stop>>,
    fatal: OnceLock<Cause>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { stop: watch::Sender::new(None), fatal: OnceLock::new() }
    }
}

impl StopSignal {
    /// Ends the run. The first reason stays, unless a signal follows it.
    pub fn send(&self, why: Stop) {
        self.0.stop.send_if_modified(|stop| {
            let counts = stop.is_none() || (why == Stop::Signal && *stop != Some(Stop::Signal));
            if counts {
                *stop = Some(why);
            }
            counts
        });
    }

    /// Ends the run because nothing else can succeed.
    pub fn fail(&self, cause: Cause) {
        self.0.fatal.get_or_init(|| cause);
        self.send(Stop::Fatal);
    }

    /// The first cause that ended the run, if one did.
    pub fn fatal(&self) -> Option<Cause> {
        self.0.fatal.get().copied()
    }

    /// Why the run is to end, if it is.
    pub fn wanted(&self) -> Option<Stop> {
        *self.0.stop.borrow()
    }

    /// Waits until the run is to end.
    pub async fn wait(&self) -> Stop {
        let mut stop = self.0.stop.subscribe();
        loop {
            if let Some(stop) = *stop.borrow_and_update() {
                return stop;
            }
            // `self` holds the sender.
            stop.changed().await.ok();
        }
    }

    /// Waits for a signal, whatever else ends the run.
    pub async fn wait_for_signal(&self) {
        let mut stop = self.0.stop.subscribe();
        stop.wait_for(|stop| *stop == Some(Stop::Signal)).await.ok();
    }

    /// Does something, unless the run is to end before it is done.
    ///
    /// # Errors
    /// Why the run is to end.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
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
    async fn the_first_reason_stays_unless_a_signal_follows() {
        let signal = StopSignal::default();
        assert_eq!((signal.wanted(), signal.fatal()), (None, None));
        assert_eq!(signal.unless_stopped(std::future::ready(7)).await, Ok(7));
        signal.send(Stop::OutOfTime);
        signal.fail(Cause::TokenRejected);
        signal.fail(Cause::Archive);
        assert_eq!((signal.wanted(), signal.fatal()), (Some(Stop::OutOfTime), Some(Cause::TokenRejected)));
        signal.clone().send(Stop::Signal);
        signal.send(Stop::Fatal);
        assert_eq!(signal.wait().await, Stop::Signal);
        signal.wait_for_signal().await;
        assert_eq!(signal.unless_stopped(std::future::ready(7)).await, Err(Stop::Signal));
    }
}
