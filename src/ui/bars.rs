//! Live progress bars on a terminal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::channels::Channels;
use super::drawing::{Canvas, Drawing};
use super::frame::{Layout, Row, channel_rows, total_row};
use super::lines::{MessageSink, report_notice};
use super::output::to_colored_stderr;
use super::screen::{ScreenWriter, SharedScreen};
use super::terminal;
use super::ticker::every;
use super::totals::Totals;
use crate::monitor::{Counter, Event, Monitor};

/// Interval between two redraws.
const INTERVAL: Duration = Duration::from_millis(200);

/// A [`Monitor`] that draws bars on stderr: the total, and one for each of a few
/// channels.
#[derive(Debug)]
pub struct Bars {
    state: Mutex<State>,
    drawing: Mutex<Drawing>,
    screen: SharedScreen,
    colors: bool,
    /// Limit in requests per second.
    requests_allowed: f64,
    message_sink: MessageSink,
}

#[derive(Debug, Default)]
struct State {
    totals: Totals,
    channels: Channels,
}

impl Bars {
    /// The signal that Ctrl-Z sends (SIGTSTP); the caller handles it with
    /// [`Self::pause`].
    pub const SUSPEND_SIGNAL: i32 = terminal::SUSPEND_SIGNAL;

    /// Starts drawing; the bars appear with the first request. `requests_allowed` is the
    /// limit in requests per second.
    pub fn start(colors: bool, requests_allowed: f64, message_sink: MessageSink) -> Arc<Self> {
        let (state, screen) = (Mutex::default(), SharedScreen::default());
        let drawing = Mutex::new(Drawing::new(screen.clone()));
        let bars = Arc::new(Self { state, drawing, screen, colors, requests_allowed, message_sink });
        every(INTERVAL, &bars, Self::draw);
        bars
    }

    /// Makes writers that print above the bars.
    pub fn writer(&self) -> impl Fn() -> ScreenWriter + Send + Sync + 'static {
        let screen = self.screen.clone();
        move || ScreenWriter::new(screen.clone())
    }

    /// Clears the bars, runs `action`, and draws the bars again.
    pub fn suspend<T>(&self, action: impl FnOnce() -> T) -> T {
        self.screen.lock().suspend(action)
    }

    /// Clears the bars and stops the process, as Ctrl-Z does. Returns once the process
    /// is continued.
    pub fn pause(&self) {
        self.screen.lock().pause();
    }

    /// Removes the bars for good.
    pub fn clear(&self) {
        self.screen.lock().close();
    }

    /// Like [`Self::clear`], but does nothing if another thread holds the screen, which
    /// may be blocked writing to a stalled terminal.
    pub fn try_clear(&self) {
        self.screen.try_close();
    }

    fn draw(&self) {
        let layout = Layout { size: terminal::size(), colors: self.colors };
        if let Some(rows) = self.rows(layout) {
            self.drawing.lock().unwrap_or_else(PoisonError::into_inner).draw(&rows, layout);
        }
    }

    /// The rows to draw; `None` before the first request.
    fn rows(&self, layout: Layout) -> Option<Vec<Row>> {
        let mut state = self.state();
        let State { totals, channels } = &mut *state;
        let total = totals.has_begun().then(|| total_row(totals, self.requests_allowed, layout))?;
        let shown = channels.shown(layout.channel_rows()).into_iter();
        let shown: Vec<_> =
            shown.map(|channel| (channel, totals.tenant_among_several(&channel.id.job_id))).collect();
        Some([total].into_iter().chain(channel_rows(&shown, layout)).collect())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Canvas for SharedScreen {
    fn size(&self) -> (usize, usize) {
        terminal::size()
    }

    fn show(&self, rows: Vec<String>) {
        self.lock().draw(rows, terminal::size());
    }
}

/// Dropping the bars must clear them, because the log's writers keep the screen alive.
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
        report_notice(self.message_sink, &event, |line| self.suspend(|| to_colored_stderr(line)));
        let mut state = self.state();
        state.totals.event(&event);
        let channels = &mut state.channels;
        match event {
            Event::ChannelStarted { channel, name, .. } => channels.open(channel, name),
            Event::ChannelAdvanced { channel, messages, progress, reached, .. } => {
                channels.advance(&channel, messages, progress, reached);
            }
            Event::ChannelPaused { channel, reason, wait } => channels.wait(&channel, reason, wait),
            Event::ChannelFinished { channel, .. } => channels.close(&channel),
            _ => {}
        }
    }
}
