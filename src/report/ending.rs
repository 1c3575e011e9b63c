//! How a run or a job ended, in words. No other module phrases that.

use std::time::Duration;

use super::duration;
use crate::model::JobStatus;

/// How a job ended, and after which time if that is known: "completed in 12s", "interrupted
/// after 12s".
pub fn ending(status: JobStatus, took: Option<Duration>) -> String {
    let preposition = if status == JobStatus::Completed { "in" } else { "after" };
    let took = took.map(|took| format!(" {preposition} {}", duration(took))).unwrap_or_default();
    status.painted() + &took
}

/// Why a run ended before everything was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyEnd {
    /// A signal stopped it.
    Signal,
    /// `--max-runtime` is over.
    TimeLimit,
    /// Its process died or was killed.
    ProcessGone,
}

impl EarlyEnd {
    /// What happened to the run, or to the job of this name, and why if that isn't obvious.
    pub fn reason(self, job: Option<&str>) -> String {
        let job = job.map(|job| format!(" {job}")).unwrap_or_default();
        let interrupted = JobStatus::Interrupted.painted();
        match self {
            Self::Signal => interrupted + &job,
            Self::TimeLimit => format!("time limit reached{job}"),
            Self::ProcessGone => format!("{interrupted}{job}: its process no longer exists"),
        }
    }

    /// The reason, and what happens next.
    pub fn text(self, job: Option<&str>) -> String {
        format!("{}; the next run resumes where this one stopped", self.reason(job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::without_colors;

    #[test]
    fn every_ending_names_the_state() {
        let text = |status, seconds: Option<u64>| {
            without_colors(&ending(status, seconds.map(Duration::from_secs))).into_owned()
        };
        assert_eq!(text(JobStatus::Completed, Some(12)), "completed in 12s");
        assert_eq!(text(JobStatus::Interrupted, Some(12)), "interrupted after 12s");
        assert_eq!(text(JobStatus::Partial, None), "partial");
        for early in [EarlyEnd::Signal, EarlyEnd::ProcessGone] {
            assert!(without_colors(&early.text(None)).starts_with("interrupted"));
        }
    }
}
