//! The outcomes and failure kinds of commands, and the only place that maps them to exit
//! codes.

use crate::archive::ArchiveErrorKind;
use crate::exit_code::ExitCode;
use crate::model::{Cause, JobStatus};
use crate::report;
use crate::sync::{self, StopReason, TenantOutcome};

/// Exit codes of failures in descending precedence: if there are several failures, the
/// first of these codes that one of them has is the exit code.
const PRECEDENCE: [ExitCode; 6] = [
    ExitCode::Usage,
    ExitCode::Locked,
    ExitCode::Archive,
    ExitCode::Access,
    ExitCode::RateLimited,
    ExitCode::Failure,
];

/// How a command ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The command did its work.
    Done,
    /// The user declined the confirmation.
    Declined,
    /// The privacy sweep found raw user IDs.
    RawIdsFound,
    /// A tenant's last success is older than `--max-age`.
    Stale,
    /// The run was stopped before it started: by the signal, or by `--max-runtime` if
    /// there is none.
    NotStarted(Option<ReceivedSignal>),
    /// A signal stopped the command in the middle.
    Stopped(ReceivedSignal),
    /// A sync ended. For `plan` and `check`: the predicted outcome of a sync.
    Sync(SyncOutcome),
}

/// How a sync ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncOutcome {
    /// The signal that stopped the run.
    pub signal: Option<ReceivedSignal>,
    /// The failures that ended the run for all tenants.
    pub failures: Vec<FailureKind>,
    /// The outcome of each tenant.
    pub tenants: Vec<TenantOutcome>,
    /// Whether the channels of `--channel` exist.
    pub channels: RequestedChannels,
}

/// Which of the channels requested with `--channel` exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RequestedChannels {
    /// All exist, or none was requested.
    #[default]
    Known,
    /// Some exist, others don't.
    SomeUnknown,
    /// None exists.
    AllUnknown,
}

/// A signal that stops a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceivedSignal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Why a command failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Arguments or configuration can't be used.
    Usage,
    /// There is no usable bot token.
    NoToken,
    /// Another process holds the archive.
    Locked,
    /// The lock file can't be used.
    LockFile,
    /// The archive can't be used.
    Archive(ArchiveErrorKind),
    /// The cause that ended a sync for all tenants.
    Sync(Cause),
    /// The operating system returned an error, or this program has a bug.
    Internal,
}

impl Outcome {
    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Done => ExitCode::Success,
            Self::Declined | Self::RawIdsFound => ExitCode::Failure,
            Self::Stale => ExitCode::Stale,
            Self::NotStarted(None) => ExitCode::Partial,
            Self::NotStarted(Some(signal)) | Self::Stopped(signal) => signal.exit_code(),
            Self::Sync(sync) => sync.exit_code(),
        }
    }

    /// Whether a failure to write the result to stdout takes precedence over this
    /// outcome.
    pub fn yields_to_output_error(&self) -> bool {
        matches!(self.exit_code(), ExitCode::Success | ExitCode::Partial)
    }
}

impl SyncOutcome {
    /// The outcome of a run. Ignores a signal that arrived after the run had ended.
    pub fn of_run(
        outcome: sync::RunOutcome,
        signal: Option<ReceivedSignal>,
        channels: RequestedChannels,
    ) -> Self {
        Self {
            signal: signal.filter(|_| outcome.stop == Some(StopReason::Signal)),
            failures: outcome.fatal.map(FailureKind::Sync).into_iter().collect(),
            tenants: outcome.tenants,
            channels,
        }
    }

    /// Whether every tenant completed.
    pub fn is_complete(&self) -> bool {
        Self { channels: RequestedChannels::Known, ..self.clone() }.exit_code() == ExitCode::Success
    }

    fn exit_code(&self) -> ExitCode {
        let codes: Vec<ExitCode> = self.failures.iter().map(|kind| kind.exit_code()).collect();
        let failure = || PRECEDENCE.into_iter().find(|code| codes.contains(code));
        if let Some(code) = self.signal.map(ReceivedSignal::exit_code).or_else(failure) {
            return code;
        }
        match (self.tenants_exit_code(), self.channels) {
            (ExitCode::Success, RequestedChannels::SomeUnknown) => ExitCode::Partial,
            (ExitCode::Success, RequestedChannels::AllUnknown) => ExitCode::Failure,
            (code, _) => code,
        }
    }

    /// The exit code that all tenants share; otherwise `Partial` if any of them archived
    /// something, else `Failure`.
    fn tenants_exit_code(&self) -> ExitCode {
        let mut codes = self.tenants.iter().map(tenant_exit_code);
        let Some(first) = codes.next() else { return ExitCode::Success };
        if codes.all(|code| code == first) {
            first
        } else if self.tenants.iter().any(|tenant| tenant.archived_something) {
            ExitCode::Partial
        } else {
            ExitCode::Failure
        }
    }
}

const fn tenant_exit_code(tenant: &TenantOutcome) -> ExitCode {
    match (tenant.status, tenant.cause) {
        (JobStatus::Completed, _) => ExitCode::Success,
        // Even if something was archived before: this is what the operator has to fix.
        (JobStatus::Failed | JobStatus::Partial, Some(Cause::NotInWorkspace))
        | (JobStatus::Failed, Some(Cause::TokenRejected)) => ExitCode::Access,
        (JobStatus::Failed, Some(Cause::Configuration)) => ExitCode::Usage,
        (JobStatus::Failed, _) => ExitCode::Failure,
        _ => ExitCode::Partial,
    }
}

impl ReceivedSignal {
    /// The exit code.
    pub const fn exit_code(self) -> ExitCode {
        match self {
            Self::Interrupt => ExitCode::Interrupted,
            Self::Terminate => ExitCode::Terminated,
        }
    }
}

impl FailureKind {
    /// The exit code.
    pub const fn exit_code(self) -> ExitCode {
        match self {
            // UnsupportedScheme is no fault of the file or the disk: another version of the
            // program made the archive.
            Self::Usage
            | Self::Archive(
                ArchiveErrorKind::UnsupportedScheme
                | ArchiveErrorKind::KeyMissing
                | ArchiveErrorKind::NotKeyed
                | ArchiveErrorKind::WrongKey,
            ) => ExitCode::Usage,
            Self::Archive(_) | Self::LockFile | Self::Sync(Cause::Archive) => ExitCode::Archive,
            Self::NoToken | Self::Sync(Cause::TokenRejected | Cause::ContentIntentOff) => ExitCode::Access,
            Self::Sync(Cause::RateLimited | Cause::InvalidRequestLimit) => ExitCode::RateLimited,
            Self::Locked => ExitCode::Locked,
            Self::Sync(_) | Self::Internal => ExitCode::Failure,
        }
    }

    /// The exit code; that of `signal` if it was stopping the command when it failed.
    pub fn exit_code_after(self, signal: Option<ReceivedSignal>) -> ExitCode {
        signal.map_or(self.exit_code(), ReceivedSignal::exit_code)
    }

    /// The default hint of the kind, if there is one.
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Sync(cause) => report::hint(cause),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(status: JobStatus, cause: Option<Cause>, archived_something: bool) -> TenantOutcome {
        TenantOutcome { status, cause, unknown_channels: Vec::new(), archived_something }
    }

    fn of_tenants(tenants: &[TenantOutcome], channels: RequestedChannels) -> ExitCode {
        let sync = SyncOutcome { tenants: tenants.to_vec(), channels, ..SyncOutcome::default() };
        Outcome::Sync(sync).exit_code()
    }

    #[test]
    fn outcomes_without_a_sync_have_fixed_codes() {
        for (outcome, code) in [
            (Outcome::Done, 0),
            (Outcome::Declined, 1),
            (Outcome::RawIdsFound, 1),
            (Outcome::Stale, 8),
            (Outcome::NotStarted(None), 3),
            (Outcome::NotStarted(Some(ReceivedSignal::Interrupt)), 130),
            (Outcome::NotStarted(Some(ReceivedSignal::Terminate)), 143),
            (Outcome::Sync(SyncOutcome::default()), 0),
        ] {
            assert_eq!(outcome.exit_code().number(), code, "{outcome:?}");
            assert_eq!(outcome.yields_to_output_error(), matches!(code, 0 | 3), "{outcome:?}");
        }
    }

    #[test]
    fn failures_have_the_code_of_their_kind_unless_a_signal_stopped_the_command() {
        for (kind, code) in [
            (FailureKind::Usage, 2),
            (FailureKind::Archive(ArchiveErrorKind::UnsupportedScheme), 2),
            (FailureKind::Archive(ArchiveErrorKind::KeyMissing), 2),
            (FailureKind::Archive(ArchiveErrorKind::NotKeyed), 2),
            (FailureKind::Archive(ArchiveErrorKind::WrongKey), 2),
            (FailureKind::NoToken, 4),
            (FailureKind::Sync(Cause::TokenRejected), 4),
            (FailureKind::Sync(Cause::ContentIntentOff), 4),
            (FailureKind::Locked, 5),
            (FailureKind::LockFile, 6),
            (FailureKind::Archive(ArchiveErrorKind::DiskFull), 6),
            (FailureKind::Archive(ArchiveErrorKind::NewerSchema), 6),
            (FailureKind::Sync(Cause::Archive), 6),
            (FailureKind::Sync(Cause::RateLimited), 7),
            (FailureKind::Sync(Cause::InvalidRequestLimit), 7),
            (FailureKind::Sync(Cause::Network), 1),
            (FailureKind::Internal, 1),
        ] {
            assert_eq!(kind.exit_code().number(), code, "{kind:?}");
            assert_eq!(kind.exit_code_after(None).number(), code, "{kind:?}");
            assert_eq!(
                kind.exit_code_after(Some(ReceivedSignal::Terminate)),
                ExitCode::Terminated,
                "{kind:?}"
            );
        }
        assert_eq!(FailureKind::Sync(Cause::RateLimited).hint(), report::hint(Cause::RateLimited));
        assert_eq!(FailureKind::Usage.hint(), None);
    }

    #[test]
    fn tenants_share_an_exit_code_or_the_run_is_partial() {
        let completed = tenant(JobStatus::Completed, None, true);
        let removed = tenant(JobStatus::Failed, Some(Cause::NotInWorkspace), false);
        let removed_later = tenant(JobStatus::Partial, Some(Cause::NotInWorkspace), true);
        let rejected = tenant(JobStatus::Failed, Some(Cause::TokenRejected), false);
        let misconfigured = tenant(JobStatus::Failed, Some(Cause::Configuration), false);
        let failed = tenant(JobStatus::Failed, Some(Cause::Network), false);
        let partial = tenant(JobStatus::Partial, None, true);
        for (tenants, code) in [
            (vec![completed.clone(), completed.clone()], ExitCode::Success),
            (vec![removed.clone()], ExitCode::Access),
            (vec![removed_later.clone()], ExitCode::Access),
            (vec![rejected, removed.clone()], ExitCode::Access),
            (vec![misconfigured], ExitCode::Usage),
            (vec![failed.clone()], ExitCode::Failure),
            (vec![partial], ExitCode::Partial),
            (vec![completed.clone(), removed.clone()], ExitCode::Partial),
            (vec![removed_later, completed], ExitCode::Partial),
            (vec![failed, removed], ExitCode::Failure),
        ] {
            assert_eq!(of_tenants(&tenants, RequestedChannels::Known), code, "{tenants:?}");
        }
    }

    #[test]
    fn an_unknown_channel_prevents_success() {
        let (completed, partial) =
            (tenant(JobStatus::Completed, None, true), tenant(JobStatus::Partial, None, true));
        for (status, channels, code) in [
            (&completed, RequestedChannels::SomeUnknown, ExitCode::Partial),
            (&completed, RequestedChannels::AllUnknown, ExitCode::Failure),
            (&partial, RequestedChannels::AllUnknown, ExitCode::Partial),
        ] {
            let tenants = std::slice::from_ref(status);
            assert_eq!(of_tenants(tenants, channels), code, "{status:?} {channels:?}");
            let sync = SyncOutcome { tenants: tenants.to_vec(), channels, ..SyncOutcome::default() };
            assert_eq!(sync.is_complete(), *status == completed);
        }
    }

    #[test]
    fn a_signal_overrides_a_fatal_cause_which_overrides_the_tenants() {
        let tenants = vec![tenant(JobStatus::Partial, None, true)];
        let code = |stop, fatal, signal| {
            let outcome = sync::RunOutcome { tenants: tenants.clone(), stop, fatal };
            Outcome::Sync(SyncOutcome::of_run(outcome, signal, RequestedChannels::Known)).exit_code()
        };
        let terminated = Some(ReceivedSignal::Terminate);
        for (stop, fatal, signal, expected) in [
            (Some(StopReason::Fatal), Some(Cause::Archive), None, ExitCode::Archive),
            (Some(StopReason::Fatal), Some(Cause::TokenRejected), None, ExitCode::Access),
            (Some(StopReason::Fatal), Some(Cause::RateLimited), None, ExitCode::RateLimited),
            (Some(StopReason::OutOfTime), None, None, ExitCode::Partial),
            (Some(StopReason::Signal), Some(Cause::Archive), terminated, ExitCode::Terminated),
            // The signal arrived after the run had ended.
            (None, None, terminated, ExitCode::Partial),
        ] {
            assert_eq!(code(stop, fatal, signal), expected, "{stop:?} {fatal:?} {signal:?}");
        }
    }

    #[test]
    fn several_failures_exit_with_the_code_of_highest_precedence() {
        let archive = FailureKind::Archive(ArchiveErrorKind::ReadOnly);
        let other_scheme = FailureKind::Archive(ArchiveErrorKind::UnsupportedScheme);
        let rate_limited = FailureKind::Sync(Cause::RateLimited);
        for (failures, code) in [
            (vec![FailureKind::NoToken, archive], ExitCode::Archive),
            (vec![FailureKind::NoToken, other_scheme], ExitCode::Usage),
            (vec![FailureKind::Internal, rate_limited], ExitCode::RateLimited),
            (vec![rate_limited, FailureKind::NoToken], ExitCode::Access),
        ] {
            let sync = SyncOutcome { failures, ..SyncOutcome::default() };
            assert_eq!(sync.exit_code(), code, "{sync:?}");
        }
    }
}
