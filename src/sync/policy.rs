//! Derives causes and statuses from errors and channel outcomes. Pure.

use crate::model::{Cause, JobStatus, ProgressStatus, TenantStatus};
use crate::plan::LeftOutReason;
use crate::platform::ErrorKind;

/// The cause reported for a platform error.
pub const fn error_cause(kind: ErrorKind) -> Cause {
    match kind {
        ErrorKind::TokenRejected => Cause::TokenRejected,
        ErrorKind::NotInWorkspace => Cause::NotInWorkspace,
        ErrorKind::Forbidden => Cause::Forbidden,
        ErrorKind::NotFound | ErrorKind::MessageGone => Cause::NotFound,
        ErrorKind::Rejected => Cause::Rejected,
        ErrorKind::NoRoute => Cause::NoRoute,
        ErrorKind::RateLimited => Cause::RateLimited,
        ErrorKind::InvalidRequestLimit => Cause::InvalidRequestLimit,
        ErrorKind::Network => Cause::Network,
        ErrorKind::Timeout => Cause::Timeout,
        ErrorKind::Server | ErrorKind::NotReady => Cause::Server,
        ErrorKind::Unreadable | ErrorKind::TooLarge => Cause::MalformedResponse,
        ErrorKind::Redirected => Cause::Redirected,
    }
}

/// The cause reported for a requested channel that is left out.
pub const fn left_out_cause(reason: &LeftOutReason) -> Cause {
    match reason {
        LeftOutReason::NotPublic(_) => Cause::NotPublic,
        _ => Cause::NotArchived,
    }
}

/// Counts of a job's channel outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Channels read to their end.
    pub completed: u64,
    /// Channels that failed.
    pub failed: u64,
    /// Channels postponed to a later run because the run's time was up.
    pub deferred: u64,
    /// Channels stopped by a signal or by a failure that ended the run.
    pub interrupted: u64,
    /// Channels without anything new to read.
    pub skipped: u64,
    /// Channels whose last page was empty without evidence that it is the end.
    pub unconfirmed: u64,
    /// Findings of the archive that aren't known yet, and one if deletion candidates are
    /// left.
    pub incomplete: u64,
}

impl Tally {
    /// Adds a channel's outcome.
    pub const fn add(&mut self, status: ProgressStatus) {
        match status {
            ProgressStatus::Completed => self.completed += 1,
            ProgressStatus::Failed => self.failed += 1,
            ProgressStatus::Deferred | ProgressStatus::Pending => self.deferred += 1,
            ProgressStatus::Interrupted | ProgressStatus::InProgress => self.interrupted += 1,
        }
    }

    /// All channels with an outcome, except the skipped ones.
    pub const fn finished(self) -> u64 {
        self.completed + self.failed + self.deferred + self.interrupted + self.unconfirmed
    }

    /// The sums of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            completed: self.completed + other.completed,
            failed: self.failed + other.failed,
            deferred: self.deferred + other.deferred,
            interrupted: self.interrupted + other.interrupted,
            skipped: self.skipped + other.skipped,
            unconfirmed: self.unconfirmed + other.unconfirmed,
            incomplete: self.incomplete + other.incomplete,
        }
    }

    /// The status of a job with this tally. `archived_something`: the job stored
    /// messages, even if their channel failed later. `signalled`: a signal stopped the
    /// run.
    pub const fn job_status(self, archived_something: bool, signalled: bool) -> JobStatus {
        if signalled && self.interrupted + self.deferred > 0 {
            JobStatus::Interrupted
        } else if self.failed + self.deferred + self.interrupted + self.unconfirmed + self.incomplete == 0 {
            JobStatus::Completed
        } else if archived_something || self.completed + self.skipped > 0 || self.failed == 0 {
            JobStatus::Partial
        } else {
            JobStatus::Failed
        }
    }
}

/// The tenant status that follows from a job status.
pub const fn tenant_status(job: JobStatus) -> TenantStatus {
    match job {
        JobStatus::Completed => TenantStatus::Completed,
        JobStatus::Failed => TenantStatus::Failed,
        JobStatus::Queued => TenantStatus::Queued,
        JobStatus::Running => TenantStatus::Syncing,
        JobStatus::Partial | JobStatus::Interrupted => TenantStatus::Partial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(completed: u64, failed: u64, deferred: u64, interrupted: u64, skipped: u64) -> Tally {
        Tally { completed, failed, deferred, interrupted, skipped, unconfirmed: 0, incomplete: 0 }
    }

    #[test]
    fn job_status_follows_from_the_channel_outcomes() {
        assert_eq!(tally(0, 0, 0, 0, 0).job_status(false, false), JobStatus::Completed);
        assert_eq!(tally(3, 0, 0, 0, 9).job_status(false, false), JobStatus::Completed);
        assert_eq!(tally(3, 1, 0, 0, 0).job_status(false, false), JobStatus::Partial);
        assert_eq!(tally(0, 1, 0, 0, 9).job_status(false, false), JobStatus::Partial);
        assert_eq!(tally(0, 2, 0, 0, 0).job_status(false, false), JobStatus::Failed);
        assert_eq!(tally(0, 2, 0, 0, 0).job_status(true, false), JobStatus::Partial);
        assert_eq!(tally(0, 0, 2, 0, 0).job_status(false, false), JobStatus::Partial);
        assert_eq!(tally(1, 0, 0, 2, 0).job_status(true, true), JobStatus::Interrupted);
        assert_eq!(tally(1, 0, 0, 0, 0).job_status(true, true), JobStatus::Completed);
        for channels in [tally(3, 0, 0, 0, 0), tally(0, 0, 0, 0, 9), tally(0, 0, 0, 0, 0)] {
            let incomplete = Tally { incomplete: 1, ..channels };
            assert_eq!(incomplete.job_status(false, false), JobStatus::Partial);
        }
    }
}
