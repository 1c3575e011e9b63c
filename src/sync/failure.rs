//! Why reading a channel or a tenant failed.

use super::policy::error_cause;
use super::stop::StopReason;
use crate::archive::ArchiveError;
use crate::model::{Cause, JobError, LastError, Timestamp};
use crate::platform::{ErrorKind, PlatformError};

/// A failure of a channel or a tenant.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The cause, as recorded and shown.
    pub cause: Cause,
    /// Whether nothing else in the run can succeed.
    pub ends_run: bool,
    /// Whether the cause lies in the channel itself, so that the channel may become a
    /// dead-letter channel.
    pub is_own: bool,
    /// The error text.
    pub error: String,
}

impl Failure {
    /// A failure that doesn't end the run and isn't the channel's own.
    pub fn of(cause: Cause, error: impl Into<String>) -> Self {
        Self { cause, ends_run: false, is_own: false, error: error.into() }
    }

    /// An answer that another answer of the platform contradicts.
    pub fn contradicted(subject: String, detail: &str) -> Self {
        PlatformError::new(ErrorKind::Unreadable, subject, detail).into()
    }

    /// A panic. Its message is dropped, since it may contain message data.
    pub fn panicked() -> Self {
        let error = "verta-sync failed unexpectedly (this is a bug, please report it)";
        Self { is_own: true, ..Self::of(Cause::Internal, error) }
    }

    /// The run stopped early. `before` completes the text "stopped before …".
    pub fn stopped(stop: StopReason, before: &str) -> Self {
        match stop {
            StopReason::OutOfTime => {
                Self::of(Cause::RunTimeLimit, format!("time limit reached before {before}"))
            }
            StopReason::Signal | StopReason::Fatal => {
                Self::of(Cause::Interrupted, format!("stopped before {before}"))
            }
        }
    }

    /// Whether it only says that the run stopped early.
    pub const fn is_early_end(&self) -> bool {
        matches!(self.cause, Cause::RunTimeLimit | Cause::Interrupted)
    }

    /// The failure as a job error, of one channel or of the tenant as a whole.
    pub fn job_error(&self, channel_id: Option<String>, at: Timestamp) -> JobError {
        JobError { channel_id, cause: self.cause, error: self.error.clone(), at }
    }

    /// The failure as stored in a `last_error` column.
    pub fn as_last_error(&self) -> LastError {
        LastError { cause: Some(self.cause), error: self.error.clone() }
    }
}

impl From<PlatformError> for Failure {
    fn from(error: PlatformError) -> Self {
        Self {
            cause: error_cause(error.kind),
            ends_run: error.kind.ends_run(),
            is_own: error.kind.is_channel_specific(),
            error: error.to_string(),
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        Self { cause: Cause::Archive, ends_run: true, is_own: false, error: error.to_string() }
    }
}
