//! What the user sees while a run goes on.

use std::io;
use std::sync::Arc;

use crate::commands::Surroundings;
use crate::commands::output::Format;
use crate::monitor::{All, Counter, Event, Monitor};
use crate::ui::{Bars, Events, Lines, Log, Output, Voice, to_stderr};

/// What the user sees while it runs.
pub struct Display {
    /// Everything that is told what happens.
    pub monitor: Arc<dyn Monitor>,
    /// Bars, on a terminal.
    pub bars: Option<Arc<Bars>>,
    voice: Voice,
}

impl Display {
    /// Starts the log, and the bars or lines that are wanted.
    pub fn new(format: Format, requests_per_second: f64, around: &Surroundings, output: &Output) -> Self {
        let mut monitors: Vec<Arc<dyn Monitor>> = vec![Arc::new(Log::new(around.tells_rate_limits()))];
        let mut bars = None;
        // Events and bars on one terminal would be in each other's way.
        let has_onlooker = format == Format::Human || Surroundings::has_onlooker();
        if has_onlooker && around.draws_bars() {
            let shown = Bars::start(around.colors(), requests_per_second, around.voice());
            around.start_log(shown.writer());
            monitors.push(Arc::clone(&shown) as Arc<dyn Monitor>);
            bars = Some(shown);
        } else {
            around.start_log(io::stderr);
            if has_onlooker && !around.global.quiet {
                monitors.push(Lines::start(around.voice()));
            }
        }
        monitors.push(match format {
            Format::Human => Arc::new(JobIds { bars: bars.clone(), output: output.clone() }),
            Format::Json => Arc::new(Events::new(output.clone())),
        });
        Self { monitor: Arc::new(All(monitors)), bars, voice: around.voice() }
    }

    /// Tells what failed, above the bars.
    pub fn fail(&self, text: &str, hint: &str) {
        self.voice.fail(text, Some(hint), |lines| match &self.bars {
            Some(bars) => bars.suspend(|| to_stderr(lines)),
            None => to_stderr(lines),
        });
    }

    /// Takes the bars away.
    pub fn end(&self) {
        if let Some(bars) = &self.bars {
            bars.clear();
        }
    }
}

/// Says each tenant's job first, on stdout.
struct JobIds {
    bars: Option<Arc<Bars>>,
    output: Output,
}

impl Monitor for JobIds {
    fn count(&self, _: Counter, _: u64) {}

    fn event(&self, event: Event) {
        if let Event::JobStarted { job_id, tenant } = event {
            let say = || self.output.write(&format!("job {job_id}: {tenant}\n"));
            match &self.bars {
                Some(bars) => bars.suspend(say),
                None => say(),
            }
        }
    }
}
