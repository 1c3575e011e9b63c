//! The monitors of a run: log, progress bars or lines, and job IDs or JSON events.

use std::io;
use std::sync::Arc;

use crate::commands::output::Format;
use crate::commands::{CommandContext, system};
use crate::monitor::{Counter, Event, Monitor, MonitorList};
use crate::report::Report;
use crate::ui::{Bars, Events, Lines, Log, MessageSink, Output, to_colored_stderr};

/// The output of a run while it is in progress.
pub struct Display {
    /// Passes the run's events and counts to all outputs.
    pub monitor: Arc<dyn Monitor>,
    /// The progress bars, if they are shown.
    pub bars: Option<Arc<Bars>>,
    message_sink: MessageSink,
}

impl Display {
    /// Starts the log, and progress bars or lines as flags and terminal allow.
    pub fn new(format: Format, requests_per_second: f64, context: &CommandContext, output: &Output) -> Self {
        let mut monitors: Vec<Arc<dyn Monitor>> = vec![Arc::new(Log::new(context.logs_rate_limits()))];
        let mut bars = None;
        // JSON events and bars on the same terminal would overwrite each other.
        let shows_progress = format == Format::Human || CommandContext::only_stderr_is_terminal();
        if shows_progress && context.shows_bars() {
            let started = Bars::start(context.uses_color(), requests_per_second, context.message_sink());
            context.init_log(started.writer());
            monitors.push(Arc::clone(&started) as Arc<dyn Monitor>);
            bars = Some(started);
        } else {
            context.init_log(io::stderr);
            if shows_progress && !context.global.quiet {
                monitors.push(Lines::start(context.message_sink()));
            }
        }
        monitors.push(match format {
            Format::Human => Arc::new(JobIdPrinter { bars: bars.clone(), output: output.clone() }),
            Format::Json => Arc::new(Events::new(output.clone())),
        });
        Self { monitor: Arc::new(MonitorList(monitors)), bars, message_sink: context.message_sink() }
    }

    /// Prints an error with its hint on stderr, above the bars.
    pub fn fail(&self, text: &str, hint: &str) {
        self.message_sink.fail(text, Some(hint), |lines| match &self.bars {
            Some(bars) => bars.suspend(|| to_colored_stderr(lines)),
            None => to_colored_stderr(lines),
        });
    }

    /// Removes the bars.
    pub fn clear(&self) {
        if let Some(bars) = &self.bars {
            bars.clear();
        }
    }
}

/// Prints the ID of each tenant's job on stdout when it starts.
struct JobIdPrinter {
    bars: Option<Arc<Bars>>,
    output: Output,
}

impl Monitor for JobIdPrinter {
    fn count(&self, _: Counter, _: u64) {}

    fn event(&self, event: Event) {
        if let Event::JobStarted { job_id, tenant } = event {
            let line = Report::ForPeople(format!("job {job_id}: {tenant}\n"));
            let print = || self.output.write(&line.fitted(system::terminal_columns()));
            match &self.bars {
                Some(bars) => bars.suspend(print),
                None => print(),
            }
        }
    }
}
