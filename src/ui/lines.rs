//! Progress without a terminal: a line now and then on stderr.

use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::totals::Totals;
use crate::monitor::{Counter, Event, Monitor};

/// How often progress is told.
const INTERVAL: Duration = Duration::from_secs(30);

/// Plain lines on stderr.
#[derive(Debug)]
pub struct Lines {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    totals: Totals,
    told_at: Instant,
}

impl Default for Lines {
    fn default() -> Self {
        let state = State { totals: Totals::default(), told_at: Instant::now() };
        Self { state: Mutex::new(state) }
    }
}

impl Lines {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Monitor for Lines {
    fn count(&self, counter: Counter, amount: u64) {
        self.state().totals.count(counter, amount);
    }

    fn event(&self, event: Event) {
        let mut state = self.state();
        state.totals.event(&event);
        if let Some(text) = warning(&event) {
            say(&text);
        }
        if state.told_at.elapsed() >= INTERVAL {
            state.told_at = Instant::now();
            say(&progress_line(&state.totals));
        }
    }
}

fn progress_line(totals: &Totals) -> String {
    let (messages, requests) = totals.rates();
    let reactions = match totals.reactions {
        0 => String::new(),
        all => format!(", who reacted: {} of {all}", totals.reactions_done),
    };
    format!(
        "{:.0} %: {} of {} channels, {} messages, {messages:.0} messages/s, {requests:.0} requests/s, {}{reactions}",
        totals.progress() * 100.0,
        totals.channels_done,
        totals.channels,
        totals.messages,
        eta_text(totals.eta()),
    )
}

/// How long it still takes, for people.
pub(super) fn eta_text(eta: Option<Duration>) -> String {
    let Some(seconds) = eta.map(|eta| eta.as_secs()) else { return "ETA not yet known".to_owned() };
    match seconds {
        0..60 => format!("ETA {seconds}s"),
        60..3600 => format!("ETA {}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("ETA {}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// What is told in every mode.
pub(super) fn warning(event: &Event) -> Option<String> {
    match event {
        Event::Warning(text) => Some(format!("warning: {text}")),
        _ => None,
    }
}

/// A closed stderr is no reason to stop.
fn say(text: &str) {
    writeln!(io::stderr(), "{text}").ok();
}
