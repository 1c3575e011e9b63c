//! What `start` tells on stdout at its end.

use crate::commands::output::Format;
use crate::commands::{Failure, Outcome};
use crate::exit_code::ExitCode;
use crate::model::{Job, JobStatus, Timestamp};
use crate::report::{self, Hints};
use crate::sync::Stop;

/// How a run ended, and what it had done.
#[derive(Debug)]
pub struct RunEnd {
    /// How it ended; what failed if it couldn't begin, or the archive gave out on
    /// the way.
    pub result: Result<Outcome, Failure>,
    /// What stopped it early.
    pub stop: Option<Stop>,
    /// `None` for a run that ended before it began.
    pub run_id: Option<String>,
    /// The run's jobs.
    pub jobs: Vec<Job>,
    /// Whether certain channels were asked for.
    pub is_of_channels: bool,
    /// Those of them that no tenant has.
    pub unknown_channels: Vec<String>,
}

impl RunEnd {
    /// A run that ended before it began.
    pub fn not_begun(result: Result<Outcome, Failure>, stop: Option<Stop>) -> Self {
        Self {
            result,
            stop,
            run_id: None,
            jobs: Vec::new(),
            is_of_channels: false,
            unknown_channels: Vec::new(),
        }
    }

    /// A run that `failure` ended. Its jobs can't be finished in the archive any
    /// more: the next run will find them interrupted.
    pub fn broken_off(failure: Failure, run_id: String, mut jobs: Vec<Job>) -> Self {
        let is_unfinished = |job: &&mut Job| matches!(job.status, JobStatus::Queued | JobStatus::Running);
        jobs.iter_mut().filter(is_unfinished).for_each(|job| job.status = JobStatus::Interrupted);
        Self { run_id: Some(run_id), jobs, ..Self::not_begun(Err(failure), None) }
    }

    /// What goes to stdout: what the run did; for scripts what failed, too.
    pub fn text(&self, format: Format, hints: Hints, now: Timestamp) -> String {
        match format {
            Format::Json => self.lines(hints, now),
            Format::Human => self.paragraphs(hints, now),
        }
    }

    fn lines(&self, hints: Hints, now: Timestamp) -> String {
        let failure = self.result.as_ref().err().map(|failure| {
            let (message, hint) = failure.parts();
            report::failure_json(message, hint)
        });
        let unknown = self.unknown_channels.iter();
        let unknown = unknown.map(|channel| report::error_json(channel, &unknown_channel(channel)));
        let lines: String = failure.into_iter().chain(unknown).collect();
        lines + &report::summary_json(self.run_id.as_deref(), self.exit_code(), &self.jobs, hints, now)
    }

    fn paragraphs(&self, hints: Hints, now: Timestamp) -> String {
        let stopped = match self.stop {
            Some(Stop::Signal) => "stopped: run again, it goes on where this run stopped\n",
            // Only reactors are left then, which the summary says.
            Some(Stop::OutOfTime) if self.is_complete() => "",
            Some(Stop::OutOfTime) => "out of time: run again, it goes on where this run stopped\n",
            Some(Stop::Fatal) | None => "",
        };
        // A tenant without any of the channels asked for has nothing to tell.
        let is_told =
            |job: &&Job| !self.is_of_channels || had_channels(job) || job.status != JobStatus::Completed;
        let told: Vec<Job> = self.jobs.iter().filter(is_told).cloned().collect();
        report::summary(&told, hints, now) + stopped
    }

    fn exit_code(&self) -> ExitCode {
        match &self.result {
            Ok(outcome) => outcome.exit_code(),
            Err(failure) => failure.exit_code(),
        }
    }

    fn is_complete(&self) -> bool {
        matches!(&self.result, Ok(Outcome::Sync(sync)) if sync.is_complete())
    }
}

/// Whether a tenant had channels to read.
pub fn had_channels(job: &Job) -> bool {
    job.stats.channels_total + job.stats.channels_skipped > 0
}

/// What is wrong with a channel that no tenant has.
pub fn unknown_channel(channel: &str) -> String {
    format!("none of the tenants asked for has a channel {channel}")
}
