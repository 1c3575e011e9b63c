//! What `start` says at its end.

use super::{Format, Surroundings};
use crate::exit_code::ExitCode;
use crate::model::{ChannelId, Job, JobStatus};
use crate::report;
use crate::sync::Stop;

/// How a run ended, as the user is told.
#[derive(Debug)]
pub struct End {
    /// How it ended, unknown channels apart.
    pub code: ExitCode,
    /// What ended it early.
    pub stop: Option<Stop>,
    /// `None` for a run that ended before it began.
    pub run_id: Option<String>,
    /// What it did.
    pub jobs: Vec<Job>,
    /// Whether certain channels were asked for.
    pub is_of_channels: bool,
    /// Those of them that nobody has.
    pub unknown: Vec<ChannelId>,
}

impl Default for End {
    fn default() -> Self {
        Self {
            code: ExitCode::Success,
            stop: None,
            run_id: None,
            jobs: Vec::new(),
            is_of_channels: false,
            unknown: Vec::new(),
        }
    }
}

impl End {
    /// A run that found some channels, but not all that were asked for, is
    /// partial.
    pub fn exit_code(&self) -> ExitCode {
        match self.code {
            ExitCode::Success if self.unknown.is_empty() => ExitCode::Success,
            ExitCode::Success if self.jobs.iter().any(had_channels) => ExitCode::Partial,
            ExitCode::Success => ExitCode::Failure,
            code => code,
        }
    }

    /// What goes to stdout.
    pub fn text(&self, format: Format) -> String {
        match format {
            Format::Json => self.lines(),
            Format::Human => self.paragraphs(),
        }
    }

    fn lines(&self) -> String {
        let unknown = self.unknown.iter().map(|channel| report::error_json(*channel, &unknown(*channel)));
        let (run_id, now) = (self.run_id.as_deref(), Surroundings::now());
        unknown.collect::<String>() + &report::summary_json(run_id, self.exit_code(), &self.jobs, now)
    }

    fn paragraphs(&self) -> String {
        let stopped = match self.stop {
            Some(Stop::Signal) => "stopped: run again, it goes on where this run stopped\n",
            // Only who reacted is left then, which the summary says.
            Some(Stop::OutOfTime) if self.code == ExitCode::Success => "",
            Some(Stop::OutOfTime) => "out of time: run again, it goes on where this run stopped\n",
            Some(Stop::Fatal) | None => "",
        };
        // Who has none of the channels asked for has nothing to tell.
        let is_told =
            |job: &&Job| !self.is_of_channels || had_channels(job) || job.status != JobStatus::Completed;
        let told: Vec<Job> = self.jobs.iter().filter(is_told).cloned().collect();
        report::summary(&told, Surroundings::now()) + stopped
    }
}

fn had_channels(job: &Job) -> bool {
    job.stats.channels_total + job.stats.channels_skipped > 0
}

/// What is wrong with a channel that nobody has.
pub fn unknown(channel: ChannelId) -> String {
    format!("no server of the tenants asked for has a channel {channel}")
}
