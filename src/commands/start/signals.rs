//! Handles the signals that stop or suspend a run.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::display::Display;
use crate::commands::outcome::ReceivedSignal;
use crate::commands::{Failure, FailureKind};
use crate::monitor::{Event, Monitor};
use crate::sync::{StopReason, StopSignal};
use crate::ui::Bars;

/// Note printed after the first Ctrl-C.
const STOPPING_NOTE: &str =
    "stopping: storing the data received so far; press Ctrl-C again to exit immediately";

/// How long the end of the run waits for that note, which a blocked terminal holds up.
const NOTE_PATIENCE: Duration = Duration::from_millis(250);

/// Stops the run on SIGINT or SIGTERM: the first signal stops it gracefully, the second
/// exits at once.
pub struct Signals {
    received: Arc<OnceLock<ReceivedSignal>>,
    /// Receives a value when the note has been printed.
    noted: Receiver<()>,
}

impl Drop for Signals {
    fn drop(&mut self) {
        if self.received() == Some(ReceivedSignal::Interrupt) {
            self.noted.recv_timeout(NOTE_PATIENCE).ok();
        }
    }
}

impl Signals {
    /// Installs the signal handlers. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Returns [`FailureKind::Internal`] if the operating system installs no handler.
    pub fn watch(stop: StopSignal, display: &Display) -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::new(FailureKind::Internal, format!("cannot listen for signals: {error}"))
            })
        };
        let interrupt = listen(SignalKind::interrupt())?;
        let terminate = listen(SignalKind::terminate())?;
        // SIGHUP is caught and ignored, so that the run survives a closed terminal.
        let hang_up = listen(SignalKind::hangup())?;
        let bars = display.bars.clone();
        if let Some(bars) = &bars {
            tokio::spawn(suspend_on_stop_key(
                listen(SignalKind::from_raw(Bars::SUSPEND_SIGNAL))?,
                Arc::clone(bars),
            ));
        }
        let received = Arc::<OnceLock<ReceivedSignal>>::default();
        let monitor = Arc::clone(&display.monitor);
        let (note_sender, noted) = channel();
        let handler =
            SignalHandler { stop, bars, monitor, received: Arc::clone(&received), noted: note_sender };
        tokio::spawn(handle_signals(interrupt, terminate, hang_up, handler));
        Ok(Self { received, noted })
    }

    /// The first signal that was received, if any.
    pub fn received(&self) -> Option<ReceivedSignal> {
        self.received.get().copied()
    }
}

/// Clears the bars on each Ctrl-Z before the process stops.
async fn suspend_on_stop_key(mut stop_key: Signal, bars: Arc<Bars>) {
    while stop_key.recv().await.is_some() {
        bars.pause();
    }
}

/// What the handler of a signal acts on.
struct SignalHandler {
    stop: StopSignal,
    bars: Option<Arc<Bars>>,
    monitor: Arc<dyn Monitor>,
    received: Arc<OnceLock<ReceivedSignal>>,
    noted: Sender<()>,
}

async fn handle_signals(
    mut interrupt: Signal,
    mut terminate: Signal,
    mut hang_up: Signal,
    handler: SignalHandler,
) {
    loop {
        let signal = tokio::select! {
            _ = interrupt.recv() => ReceivedSignal::Interrupt,
            _ = terminate.recv() => ReceivedSignal::Terminate,
            _ = hang_up.recv() => continue,
        };
        if handler.received.set(signal).is_err() {
            // Every commit is a complete transaction, so only the terminal needs cleanup.
            if let Some(bars) = &handler.bars {
                bars.try_clear();
            }
            std::process::exit(signal.exit_code().number().into());
        }
        handler.stop.send(StopReason::Signal);
        if signal == ReceivedSignal::Interrupt {
            // On a thread of its own: a blocked terminal must delay neither the next
            // signal nor the end of the run.
            let (monitor, noted) = (Arc::clone(&handler.monitor), handler.noted.clone());
            std::thread::spawn(move || {
                monitor.event(Event::Note(STOPPING_NOTE.to_owned()));
                noted.send(()).ok();
            });
        }
    }
}
