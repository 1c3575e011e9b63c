//! Live progress on a terminal: the only user of indicatif.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::keys::HiddenKeys;
use super::lines::{eta_text, warning};
use super::totals::Totals;
use crate::model::{ChannelId, Timestamp};
use crate::monitor::{Counter, Event, Monitor, Wait};

/// Channels shown at once.
const CHANNEL_LINES: usize = 8;
/// Thousandths of a channel.
const CHANNEL_LENGTH: u64 = 1000;
/// No wait is shown for longer.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// Redraws a second.
const REDRAWS: u8 = 10;

/// Bars on stderr: one for all, one for each of the first channels.
pub struct Bars {
    multi: MultiProgress,
    state: Mutex<State>,
    keys: Mutex<Option<HiddenKeys>>,
}

struct State {
    totals: Totals,
    /// A second, at most.
    requests_allowed: f64,
    total: ProgressBar,
    /// In the order in which they were opened.
    channels: Vec<Line>,
    channel_style: ProgressStyle,
}

/// A channel that is open; those beyond the room there is have no bar.
struct Line {
    channel: ChannelId,
    name: String,
    messages: u64,
    progress: f64,
    opened: Instant,
    /// When the last message read was sent.
    reached: Option<Timestamp>,
    /// Why and until when it waits.
    waits: Option<(Wait, Instant)>,
    bar: Option<ProgressBar>,
}

impl Bars {
    /// Draws at once. `requests_allowed` is what a second may see at most.
    pub fn new(colors: bool, requests_allowed: f64) -> Self {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        let total = multi.add(ProgressBar::new(CHANNEL_LENGTH).with_style(style("green", colors)));
        total.set_message("looking at channels");
        total.enable_steady_tick(Duration::from_millis(500));
        let channel_style = style("blue", colors);
        let totals = Totals::default();
        let state = State { totals, requests_allowed, total, channels: Vec::new(), channel_style };
        Self { multi, state: Mutex::new(state), keys: Mutex::new(Some(HiddenKeys::hide())) }
    }

    /// Something that writes above the bars.
    pub fn writer(&self) -> impl Fn() -> AboveBars + Send + Sync + 'static {
        let multi = self.multi.clone();
        move || AboveBars { multi: multi.clone(), text: Vec::new() }
    }

    /// Does something to the terminal without the bars in its way.
    /// [`MultiProgress::suspend`] would panic once the terminal is closed.
    pub fn suspend<T>(&self, action: impl FnOnce() -> T) -> T {
        // Nobody else redraws them meanwhile, but for the regular tick.
        let _state = self.state();
        self.multi.clear().ok();
        action()
    }

    /// Takes the bars away.
    pub fn clear(&self) {
        self.state().total.finish_and_clear();
        self.multi.clear().ok();
        self.multi.set_draw_target(ProgressDrawTarget::hidden());
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves most of a terminal of 80 columns to the message.
fn style(color: &str, colors: bool) -> ProgressStyle {
    let color = if colors { format!(".{color}") } else { String::new() };
    ProgressStyle::with_template(&format!("{{bar:12{color}}} {{percent:>3}}%  {{wide_msg}}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl State {
    fn redraw_total(&self) {
        let totals = &self.totals;
        let (messages, requests) = totals.rates();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        self.total.set_position((totals.progress() * 1000.0) as u64);
        let requests = format!("{requests:.0}/{:.0} req/s", self.requests_allowed);
        // What matters most comes first: a narrow terminal cuts the end off.
        self.total.set_message(if totals.is_reading_reactors() && self.channels.is_empty() {
            let (done, all) = (HumanCount(totals.reactions_done), HumanCount(totals.reactions));
            format!("{}  who reacted {done}/{all}  {requests}", eta_text(totals.reactors_eta()))
        } else {
            let (done, all) = (totals.channels_done, totals.channels);
            let read = HumanCount(totals.messages);
            format!(
                "{}  {done}/{all} channels  {read} msgs  {messages:.0}/s  {requests}",
                eta_text(totals.eta())
            )
        });
    }

    /// Rates fall and waits end also where nothing happens.
    fn redraw_channels(&self) {
        self.channels.iter().for_each(Line::redraw);
    }

    fn give_bars(&mut self, multi: &MultiProgress) {
        let shown = self.channels.iter().filter(|line| line.bar.is_some()).count();
        let waiting = self.channels.iter_mut().filter(|line| line.bar.is_none());
        for line in waiting.take(CHANNEL_LINES.saturating_sub(shown)) {
            let bar = ProgressBar::new(CHANNEL_LENGTH).with_style(self.channel_style.clone());
            line.bar = Some(multi.add(bar));
            line.redraw();
        }
    }

    fn change(&mut self, channel: ChannelId, change: impl FnOnce(&mut Line)) {
        if let Some(line) = self.channels.iter_mut().find(|line| line.channel == channel) {
            change(line);
            line.redraw();
        }
    }

    fn close(&mut self, channel: ChannelId, multi: &MultiProgress) {
        let Some(index) = self.channels.iter().position(|line| line.channel == channel) else { return };
        if let Some(bar) = self.channels.remove(index).bar {
            multi.remove(&bar);
        }
    }
}

impl Line {
    fn redraw(&self) {
        if let Some(bar) = &self.bar {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
            bar.set_position((self.progress * 1000.0) as u64);
            bar.set_message(self.text());
        }
    }

    /// "#general  waits for a rate limit  2024-05-03  1,200 msgs  100/s".
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    fn text(&self) -> String {
        let rate = self.messages as f64 / self.opened.elapsed().as_secs_f64().max(0.5);
        let waits = match self.waits {
            Some((Wait::RateLimit, until)) if until > Instant::now() => "  waits for a rate limit",
            Some((Wait::Retry, until)) if until > Instant::now() => "  failed, tries again",
            _ => "",
        };
        let reached = self.reached.map(|reached| format!("  {}", day(reached))).unwrap_or_default();
        format!("#{}{waits}{reached}  {} msgs  {rate:.0}/s", self.name, HumanCount(self.messages))
    }
}

/// A day in UTC.
fn day(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string()
}

impl Monitor for Bars {
    fn count(&self, counter: Counter, amount: u64) {
        self.state().totals.count(counter, amount);
    }

    fn event(&self, event: Event) {
        let mut state = self.state();
        state.totals.event(&event);
        match &event {
            Event::ChannelStarted { channel, name, .. } => {
                let name = name.chars().filter(|char| !char.is_control()).take(40).collect();
                state.channels.push(Line {
                    channel: *channel,
                    name,
                    messages: 0,
                    progress: 0.0,
                    opened: Instant::now(),
                    reached: None,
                    waits: None,
                    bar: None,
                });
                state.give_bars(&self.multi);
            }
            Event::ChannelAdvanced { channel, messages, progress, reached, .. } => {
                state.change(*channel, |line| {
                    line.messages += messages;
                    line.progress = *progress;
                    line.reached = *reached;
                    line.waits = None;
                });
            }
            Event::ChannelWaits { channel, why, wait } => {
                let until = Instant::now() + (*wait).min(LONGEST_WAIT);
                state.change(*channel, |line| line.waits = Some((*why, until)));
            }
            Event::ChannelFinished { channel, .. } => {
                state.close(*channel, &self.multi);
                state.give_bars(&self.multi);
            }
            Event::JobProgress { .. } => state.redraw_channels(),
            event => {
                if let Some(text) = warning(event) {
                    self.multi.println(text).ok();
                }
            }
        }
        state.redraw_total();
    }
}

/// Writes whole lines above the bars.
pub struct AboveBars {
    multi: MultiProgress,
    text: Vec<u8>,
}

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        if self.multi.is_hidden() {
            return io::stderr().write_all(&text);
        }
        self.multi.println(String::from_utf8_lossy(&text).trim_end())
    }
}

impl Drop for AboveBars {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.flush().ok();
        }
    }
}
