//! Lets a signal stop a command that reads or writes files for some time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::outcome::ReceivedSignal;
use super::{Failure, FailureKind};

/// The signals, each with what it means.
const SIGNALS: [(i32, ReceivedSignal); 2] =
    [(SIGINT, ReceivedSignal::Interrupt), (SIGTERM, ReceivedSignal::Terminate)];

/// Which signal has asked the command to stop.
pub struct StopFlag(Arc<AtomicUsize>);

impl StopFlag {
    /// Installs the handlers of SIGINT and SIGTERM. A second signal ends the process at once.
    ///
    /// # Errors
    /// Returns [`FailureKind::Internal`] if the operating system installs no handler.
    pub fn install() -> Result<Self, Failure> {
        let (received, is_second) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        for (number, (signal, meaning)) in (1..).zip(SIGNALS) {
            let exit_code = meaning.exit_code().number().into();
            flag::register_conditional_shutdown(signal, exit_code, Arc::clone(&is_second))
                .and_then(|_| flag::register(signal, Arc::clone(&is_second)))
                .and_then(|_| flag::register_usize(signal, Arc::clone(&received), number))
                .map_err(|error| {
                    Failure::new(FailureKind::Internal, format!("cannot listen for signals: {error}"))
                })?;
        }
        Ok(Self(received))
    }

    /// The signal that was received, if any.
    pub fn received(&self) -> Option<ReceivedSignal> {
        let number = self.0.load(Ordering::Relaxed);
        SIGNALS.get(number.checked_sub(1)?).map(|(_, meaning)| *meaning)
    }
}
