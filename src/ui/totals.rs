//! What the bars and the lines both tell: sums over all jobs.

use std::time::Duration;

use hashbrown::HashMap;
use tokio::time::Instant;

use crate::model::{JobStats, JobStatus};
use crate::monitor::{Counter, Event};

/// Rates are told over this long.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// Sums over all jobs of a run.
#[derive(Debug)]
pub struct Totals {
    jobs: HashMap<String, JobStats>,
    /// Messages committed.
    pub messages: u64,
    /// Requests sent.
    pub requests: u64,
    /// Channels to read, as far as that is known.
    pub channels: usize,
    /// Channels read.
    pub channels_done: usize,
    /// Reactions whose users are to be read.
    pub reactions: u64,
    /// Those of them that were.
    pub reactions_done: u64,
    marks: Vec<(Instant, u64, u64)>,
}

impl Default for Totals {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            jobs: HashMap::new(),
            messages: 0,
            requests: 0,
            channels: 0,
            channels_done: 0,
            reactions: 0,
            reactions_done: 0,
            marks: vec![(now, 0, 0)],
        }
    }
}

impl Totals {
    /// Takes note of a count.
    pub fn count(&mut self, counter: Counter, amount: u64) {
        match counter {
            Counter::Messages => self.messages += amount,
            Counter::ApiCalls => self.requests += amount,
            Counter::ReactionsRead => self.reactions_done += amount,
            _ => return,
        }
        let now = Instant::now();
        if self.marks.last().is_none_or(|(at, _, _)| now.duration_since(*at) > Duration::from_millis(250)) {
            self.marks.push((now, self.messages, self.requests));
            self.marks.retain(|(at, _, _)| now.duration_since(*at) <= RATE_WINDOW);
        }
    }

    /// Takes note of an event.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::JobStarted { job_id, .. } => {
                self.jobs.insert(job_id.clone(), JobStats::default());
            }
            Event::Planned { channels, .. } => self.channels += channels,
            Event::JobProgress { job_id, stats } => {
                self.jobs.insert(job_id.clone(), *stats);
            }
            Event::JobFinished { job_id, status } => {
                if let Some(stats) = self.jobs.get_mut(job_id) {
                    stats.eta_seconds = None;
                    if *status == JobStatus::Completed {
                        stats.progress = 1.0;
                    }
                }
            }
            Event::ChannelFinished { .. } => self.channels_done += 1,
            Event::ReactionsQueued { reactions, .. } => self.reactions += reactions,
            _ => {}
        }
    }

    /// 0 to 1, jobs weighing alike.
    #[allow(clippy::cast_precision_loss, reason = "a ratio")]
    pub fn progress(&self) -> f64 {
        let sum: f64 = self.jobs.values().map(|stats| stats.progress).sum();
        sum / (self.jobs.len().max(1)) as f64
    }

    /// How long the longest job still takes.
    pub fn eta(&self) -> Option<Duration> {
        let longest = self.jobs.values().filter_map(|stats| stats.eta_seconds).reduce(f64::max)?;
        Duration::try_from_secs_f64(longest).ok()
    }

    /// Whether it is still to be read who reacted.
    pub const fn is_reading_reactors(&self) -> bool {
        self.reactions > self.reactions_done
    }

    /// How long reading who reacted still takes at the present rate: a request
    /// each, or more.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn reactors_eta(&self) -> Option<Duration> {
        let (_, requests) = self.rates();
        let seconds = (self.reactions - self.reactions_done) as f64 / requests;
        Duration::try_from_secs_f64(seconds).ok().filter(|_| self.reactions_done > 0)
    }

    /// Messages and requests a second, over the last seconds.
    #[allow(clippy::cast_precision_loss, reason = "rates")]
    pub fn rates(&self) -> (f64, f64) {
        let Some((at, messages, requests)) = self.marks.first() else { return (0.0, 0.0) };
        let seconds = at.elapsed().as_secs_f64().max(0.5);
        ((self.messages - messages) as f64 / seconds, (self.requests - requests) as f64 / seconds)
    }
}
