//! Live progress on a terminal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::channels::Channels;
use super::drawing::{Canvas, Drawing};
use super::frame::{Look, Row, channel_row, total_row};
use super::keys;
use super::lines::{Voice, tell};
use super::output::to_stderr;
use super::screen::{Above, SharedScreen};
use super::ticker::every;
use super::totals::Totals;
use crate::monitor::{Counter, Event, Monitor};

/// How often the bars are drawn.
const INTERVAL: Duration = Duration::from_millis(200);

/// Bars on stderr: one for all, one for each of a few channels.
#[derive(Debug)]
pub struct Bars {
    state: Mutex<State>,
    drawing: Mutex<Drawing>,
    screen: SharedScreen,
    colors: bool,
    /// A second, at most.
    requests_allowed: f64,
    voice: Voice,
}

#[derive(Debug, Default)]
struct State {
    totals: Totals,
    channels: Channels,
}

impl Bars {
    /// The signal that Ctrl-Z sends, for [`Self::pause`].
    pub const STOP_KEY: i32 = keys::STOP_KEY;

    /// Draws from the first request on. `requests_allowed` is what a second may
    /// see at most.
    pub fn start(colors: bool, requests_allowed: f64, voice: Voice) -> Arc<Self> {
        let (state, screen) = (Mutex::default(), SharedScreen::default());
        let drawing = Mutex::new(Drawing::new(screen.clone()));
        let bars = Arc::new(Self { state, drawing, screen, colors, requests_allowed, voice });
        every(INTERVAL, &bars, Self::draw);
        bars
    }

    /// Something that writes above the bars.
    pub fn writer(&self) -> impl Fn() -> Above + Send + Sync + 'static {
        let screen = self.screen.clone();
        move || Above::new(screen.clone())
    }

    /// Does something to the terminal without the bars in its way.
    pub fn suspend<T>(&self, action: impl FnOnce() -> T) -> T {
        self.screen.lock().suspend(action)
    }

    /// Leaves the terminal to others and stops, as Ctrl-Z wants it. Returns when
    /// somebody lets the process go on.
    pub fn pause(&self) {
        self.screen.lock().pause();
    }

    /// Takes the bars away.
    pub fn clear(&self) {
        self.screen.lock().end();
    }

    /// The same, unless somebody is writing to a terminal that takes nothing.
    pub fn clear_if_free(&self) {
        self.screen.end_if_free();
    }

    fn draw(&self) {
        let look = Look { size: keys::size(), colors: self.colors };
        if let Some(rows) = self.rows(look) {
            self.drawing.lock().unwrap_or_else(PoisonError::into_inner).draw(&rows, look);
        }
    }

    /// None before anything was asked for.
    fn rows(&self, look: Look) -> Option<Vec<Row>> {
        let mut state = self.state();
        let State { totals, channels } = &mut *state;
        let total = totals.has_begun().then(|| total_row(totals, self.requests_allowed, look))?;
        let shown = channels.shown(look.channel_rows()).into_iter();
        let rows =
            shown.map(|channel| channel_row(channel, totals.tenant_among_several(&channel.id.job_id), look));
        Some([total].into_iter().chain(rows).collect())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Canvas for SharedScreen {
    fn size(&self) -> (usize, usize) {
        keys::size()
    }

    fn show(&self, rows: Vec<String>) {
        self.lock().draw(rows, keys::size());
    }
}

/// The screen itself lives on in what writes the log.
impl Drop for Bars {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Monitor for Bars {
    fn count(&self, counter: Counter, amount: u64) {
        self.state().totals.count(counter, amount);
    }

    fn event(&self, event: Event) {
        tell(self.voice, &event, |line| self.suspend(|| to_stderr(line)));
        let mut state = self.state();
        state.totals.event(&event);
        let channels = &mut state.channels;
        match event {
            Event::ChannelStarted { channel, name, .. } => channels.open(channel, name),
            Event::ChannelAdvanced { channel, messages, progress, reached, .. } => {
                channels.advance(&channel, messages, progress, reached);
            }
            Event::ChannelWaits { channel, why, wait } => channels.wait(&channel, why, wait),
            Event::ChannelFinished { channel, .. } => channels.close(&channel),
            _ => {}
        }
    }
}
