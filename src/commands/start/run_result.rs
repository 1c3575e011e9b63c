//! The result of a run and its text on stdout.

use crate::commands::output::Format;
use crate::commands::{Failure, Outcome};
use crate::exit_code::ExitCode;
use crate::model::{Job, JobStatus, Timestamp};
use crate::report::{self, EarlyEnd, Hints, Report};
use crate::sync::StopReason;

/// How a run ended, and what it did.
#[derive(Debug)]
pub struct RunResult {
    /// The outcome; a failure if the run couldn't start or the archive failed during it.
    pub result: Result<Outcome, Failure>,
    /// Why the run stopped early, if it did.
    pub stop: Option<StopReason>,
    /// `None` if the run ended before it started.
    pub run_id: Option<String>,
    /// The run's jobs.
    pub jobs: Vec<Job>,
    /// Whether `--channel` was given.
    pub selects_channels: bool,
    /// The requested channels that no tenant has.
    pub unknown_channels: Vec<String>,
}

impl RunResult {
    /// A run that ended before it started.
    pub fn not_started(result: Result<Outcome, Failure>, stop: Option<StopReason>) -> Self {
        Self {
            result,
            stop,
            run_id: None,
            jobs: Vec::new(),
            selects_channels: false,
            unknown_channels: Vec::new(),
        }
    }

    /// A run that an archive failure ended. Its unfinished jobs can't be finished in the
    /// archive; the next run will mark them interrupted, so they are shown that way.
    pub fn aborted(failure: Failure, run_id: String, mut jobs: Vec<Job>) -> Self {
        let is_unfinished = |job: &&mut Job| matches!(job.status, JobStatus::Queued | JobStatus::Running);
        jobs.iter_mut().filter(is_unfinished).for_each(|job| job.status = JobStatus::Interrupted);
        Self { run_id: Some(run_id), jobs, ..Self::not_started(Err(failure), None) }
    }

    /// What stdout gets: a summary of the jobs. JSON also has the failure and the
    /// unknown channels, which text output has on stderr.
    pub fn report(&self, format: Format, hints: Hints, now: Timestamp) -> Report {
        match format {
            Format::Json => Report::ForPrograms(self.json_lines(hints, now)),
            Format::Human => Report::ForPeople(self.summary(hints, now)),
        }
    }

    fn json_lines(&self, hints: Hints, now: Timestamp) -> String {
        let failure = self.result.as_ref().err().map(|failure| {
            let (message, hint) = failure.parts();
            report::failure_json(message, hint)
        });
        let unknown = self.unknown_channels.iter();
        let unknown = unknown.map(|channel| report::error_json(channel, &unknown_channel_message(channel)));
        let lines: String = failure.into_iter().chain(unknown).collect();
        lines + &report::summary_json(self.run_id.as_deref(), self.exit_code(), &self.jobs, hints, now)
    }

    fn summary(&self, hints: Hints, now: Timestamp) -> String {
        let early_end = match self.stop {
            Some(StopReason::Signal) => Some(EarlyEnd::Signal),
            // Only pending reactor lists are left, which the summary mentions.
            Some(StopReason::OutOfTime) if self.is_complete() => None,
            Some(StopReason::OutOfTime) => Some(EarlyEnd::TimeLimit),
            Some(StopReason::Fatal) | None => None,
        };
        let early_end = early_end.map(|end| end.text(None) + "\n").unwrap_or_default();
        // Omit the tenants that have none of the requested channels.
        let is_shown =
            |job: &&Job| !self.selects_channels || has_channels(job) || job.status != JobStatus::Completed;
        let jobs: Vec<Job> = self.jobs.iter().filter(is_shown).cloned().collect();
        report::summary(&jobs, hints, now) + &early_end
    }

    /// The exit code of the run.
    pub fn exit_code(&self) -> ExitCode {
        match &self.result {
            Ok(outcome) => outcome.exit_code(),
            Err(failure) => failure.exit_code(),
        }
    }

    fn is_complete(&self) -> bool {
        matches!(&self.result, Ok(Outcome::Sync(sync)) if sync.is_complete())
    }
}

/// Whether the job had channels to read or to skip.
pub fn has_channels(job: &Job) -> bool {
    job.stats.channels_total + job.stats.channels_skipped > 0
}

/// The error message for a channel that no tenant has.
pub fn unknown_channel_message(channel: &str) -> String {
    format!("no selected tenant has a channel {channel}")
}
