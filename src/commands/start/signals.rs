//! Signals that end or pause a run.

use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::display::Display;
use crate::commands::outcome::ReceivedSignal;
use crate::commands::{Failure, FailureKind};
use crate::monitor::{Event, Monitor};
use crate::sync::{Stop, StopSignal};
use crate::ui::Bars;

/// Said to who pressed Ctrl-C.
const STOPPING: &str = "stopping: what has arrived is being stored; Ctrl-C again ends at once";

/// The signals that end a run: the first politely, the second at once.
pub struct Signals {
    received: Arc<OnceLock<ReceivedSignal>>,
}

impl Signals {
    /// Listens from now on; must be called within a runtime.
    ///
    /// # Errors
    /// When the system lets no signal be listened for.
    pub fn watch(stop: StopSignal, display: &Display) -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::new(FailureKind::Internal, format!("failed to listen for signals: {error}"))
            })
        };
        let interrupt = listen(SignalKind::interrupt())?;
        let terminate = listen(SignalKind::terminate())?;
        // A closed terminal ends nothing.
        let hang_up = listen(SignalKind::hangup())?;
        let bars = display.bars.clone();
        if let Some(bars) = &bars {
            tokio::spawn(pause(listen(SignalKind::from_raw(Bars::STOP_KEY))?, Arc::clone(bars)));
        }
        let received = Arc::<OnceLock<ReceivedSignal>>::default();
        let monitor = Arc::clone(&display.monitor);
        let ending = Ending { stop, bars, monitor, received: Arc::clone(&received) };
        tokio::spawn(listen_for(interrupt, terminate, hang_up, ending));
        Ok(Self { received })
    }

    /// The signal that came, if one did.
    pub fn received(&self) -> Option<ReceivedSignal> {
        self.received.get().copied()
    }
}

/// Leaves the terminal tidy whenever Ctrl-Z stops the process.
async fn pause(mut stop_key: Signal, bars: Arc<Bars>) {
    while stop_key.recv().await.is_some() {
        bars.pause();
    }
}

/// What a signal ends.
struct Ending {
    stop: StopSignal,
    bars: Option<Arc<Bars>>,
    monitor: Arc<dyn Monitor>,
    received: Arc<OnceLock<ReceivedSignal>>,
}

async fn listen_for(mut interrupt: Signal, mut terminate: Signal, mut hang_up: Signal, ending: Ending) {
    loop {
        let signal = tokio::select! {
            _ = interrupt.recv() => ReceivedSignal::Interrupt,
            _ = terminate.recv() => ReceivedSignal::Terminate,
            _ = hang_up.recv() => continue,
        };
        if ending.received.set(signal).is_err() {
            // Commits are transactions: there is nothing to tidy up but the
            // terminal.
            if let Some(bars) = &ending.bars {
                bars.clear_if_free();
            }
            std::process::exit(signal.exit_code().number().into());
        }
        ending.stop.send(Stop::Signal);
        if signal == ReceivedSignal::Interrupt {
            // A terminal that takes nothing keeps neither the next signal nor
            // the end waiting.
            let monitor = Arc::clone(&ending.monitor);
            std::thread::spawn(move || monitor.event(Event::Note(STOPPING.to_owned())));
        }
    }
}
