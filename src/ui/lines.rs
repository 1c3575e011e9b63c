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
    tells_channels: bool,
}

#[derive(Debug)]
struct State {
    totals: Totals,
    told_at: Instant,
}

impl Lines {
    /// `tells_channels`: also a line for each finished channel.
    pub fn new(tells_channels: bool) -> Self {
        let state = State { totals: Totals::default(), told_at: Instant::now() };
        Self { state: Mutex::new(state), tells_channels }
    }

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
        if let Some(text) = warning(&event).or_else(|| self.channel_line(&event)) {
            say(&text);
        }
        if state.told_at.elapsed() >= INTERVAL {
            state.told_at = Instant::now();
            say(&progress_line(&state.totals));
        }
    }
}

impl Lines {
    fn channel_line(&self, event: &Event) -> Option<String> {
        let Event::ChannelFinished { channel, status, messages, error, .. } = event else { return None };
        let error = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        self.tells_channels.then(|| format!("channel {channel} {status}, {messages} messages{error}"))
    }
}

fn progress_line(totals: &Totals) -> String {
    let (messages, requests) = totals.rates();
    format!(
        "{:.0} %: {} of {} channels, {} messages, {messages:.0} messages/s, {requests:.0} requests/s, {}",
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
    if seconds < 60 {
        format!("ETA {seconds}s")
    } else {
        format!("ETA {}m {:02}s", seconds / 60, seconds % 60)
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
