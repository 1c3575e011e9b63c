//! The only place that decides exit codes: how a command ended, or what kept it
//! from its work, mapped to the code.

use crate::archive::ArchiveErrorKind;
use crate::exit_code::ExitCode;
use crate::model::{Cause, JobStatus};
use crate::report;
use crate::sync::{self, Stop, TenantOutcome};

/// Codes of failures, the one that counts first.
const PRECEDENCE: [ExitCode; 6] = [
    ExitCode::Usage,
    ExitCode::Locked,
    ExitCode::Archive,
    ExitCode::Access,
    ExitCode::RateLimited,
    ExitCode::Failure,
];

/// How a command ended that was not kept from its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It did what was asked for.
    Done,
    /// The user declined the confirmation.
    Declined,
    /// The privacy sweep found raw user IDs.
    RawIdsFound,
    /// A tenant's last success is older than `--max-age`.
    Stale,
    /// A signal, or else `--max-runtime`, stopped the run before it began.
    NotBegun(Option<ReceivedSignal>),
    /// A sync ended; for `plan` and `check`, one would end so.
    Sync(SyncOutcome),
}

/// How a sync ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncOutcome {
    /// The signal that stopped it.
    pub signal: Option<ReceivedSignal>,
    /// What ended it for all tenants.
    pub failures: Vec<FailureKind>,
    /// How each tenant ended.
    pub tenants: Vec<TenantOutcome>,
    /// Whether the channels asked for exist.
    pub channels: AskedChannels,
}

/// Which of the channels that were asked for by ID exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AskedChannels {
    /// All, or none was asked for.
    #[default]
    Known,
    /// Some exist, others don't.
    SomeUnknown,
    /// None exists.
    AllUnknown,
}

/// A signal that ends a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceivedSignal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// What kept a command from its work.
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
    /// What ends a sync for all tenants.
    Sync(Cause),
    /// The system refused something, or this program has a bug.
    Internal,
}

impl Outcome {
    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Done => ExitCode::Success,
            Self::Declined | Self::RawIdsFound => ExitCode::Failure,
            Self::Stale => ExitCode::Stale,
            Self::NotBegun(None) => ExitCode::Partial,
            Self::NotBegun(Some(signal)) => signal.exit_code(),
            Self::Sync(sync) => sync.exit_code(),
        }
    }

    /// Whether a result that can't be written is worse than what happened.
    pub fn is_outweighed_by_lost_output(&self) -> bool {
        matches!(self.exit_code(), ExitCode::Success | ExitCode::Partial)
    }
}

impl SyncOutcome {
    /// Of a run. A signal that came after its end doesn't count.
    pub fn of_run(outcome: sync::Outcome, signal: Option<ReceivedSignal>, channels: AskedChannels) -> Self {
        Self {
            signal: signal.filter(|_| outcome.stop == Some(Stop::Signal)),
            failures: outcome.fatal.map(FailureKind::Sync).into_iter().collect(),
            tenants: outcome.tenants,
            channels,
        }
    }

    /// Whether every tenant completed.
    pub fn is_complete(&self) -> bool {
        Self { channels: AskedChannels::Known, ..self.clone() }.exit_code() == ExitCode::Success
    }

    fn exit_code(&self) -> ExitCode {
        let codes: Vec<ExitCode> = self.failures.iter().map(|kind| kind.exit_code()).collect();
        let failure = || PRECEDENCE.into_iter().find(|code| codes.contains(code));
        if let Some(code) = self.signal.map(ReceivedSignal::exit_code).or_else(failure) {
            return code;
        }
        match (self.tenants_code(), self.channels) {
            (ExitCode::Success, AskedChannels::SomeUnknown) => ExitCode::Partial,
            (ExitCode::Success, AskedChannels::AllUnknown) => ExitCode::Failure,
            (code, _) => code,
        }
    }

    /// All alike, or partial if any of them archived something.
    fn tenants_code(&self) -> ExitCode {
        let mut codes = self.tenants.iter().map(tenant_code);
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

const fn tenant_code(tenant: &TenantOutcome) -> ExitCode {
    match (tenant.status, tenant.cause) {
        (JobStatus::Completed, _) => ExitCode::Success,
        // Also if something was archived before: it is what has to be mended.
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
            // Of the latter, two versions are at odds, not file and disk.
            Self::Usage | Self::Archive(ArchiveErrorKind::OtherScheme) => ExitCode::Usage,
            Self::Archive(_) | Self::LockFile | Self::Sync(Cause::Archive) => ExitCode::Archive,
            Self::NoToken | Self::Sync(Cause::TokenRejected | Cause::ContentIntentOff) => ExitCode::Access,
            Self::Sync(Cause::RateLimited | Cause::TooManyRefusals) => ExitCode::RateLimited,
            Self::Locked => ExitCode::Locked,
            Self::Sync(_) | Self::Internal => ExitCode::Failure,
        }
    }

    /// The exit code if `signal` was ending the command when this happened.
    pub fn exit_code_after(self, signal: Option<ReceivedSignal>) -> ExitCode {
        signal.map_or(self.exit_code(), ReceivedSignal::exit_code)
    }

    /// What to do, where that follows from the kind alone.
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

    fn of_tenants(tenants: &[TenantOutcome], channels: AskedChannels) -> ExitCode {
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
            (Outcome::NotBegun(None), 3),
            (Outcome::NotBegun(Some(ReceivedSignal::Interrupt)), 130),
            (Outcome::NotBegun(Some(ReceivedSignal::Terminate)), 143),
            (Outcome::Sync(SyncOutcome::default()), 0),
        ] {
            assert_eq!(outcome.exit_code().number(), code, "{outcome:?}");
            assert_eq!(outcome.is_outweighed_by_lost_output(), matches!(code, 0 | 3), "{outcome:?}");
        }
    }

    #[test]
    fn failures_have_the_code_of_their_kind_and_a_signal_comes_first() {
        for (kind, code) in [
            (FailureKind::Usage, 2),
            (FailureKind::Archive(ArchiveErrorKind::OtherScheme), 2),
            (FailureKind::NoToken, 4),
            (FailureKind::Sync(Cause::TokenRejected), 4),
            (FailureKind::Sync(Cause::ContentIntentOff), 4),
            (FailureKind::Locked, 5),
            (FailureKind::LockFile, 6),
            (FailureKind::Archive(ArchiveErrorKind::DiskFull), 6),
            (FailureKind::Archive(ArchiveErrorKind::NewerSchema), 6),
            (FailureKind::Sync(Cause::Archive), 6),
            (FailureKind::Sync(Cause::RateLimited), 7),
            (FailureKind::Sync(Cause::TooManyRefusals), 7),
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
    fn tenants_that_ended_alike_decide_together() {
        let completed = tenant(JobStatus::Completed, None, true);
        let thrown_out = tenant(JobStatus::Failed, Some(Cause::NotInWorkspace), false);
        let thrown_out_later = tenant(JobStatus::Partial, Some(Cause::NotInWorkspace), true);
        let rejected = tenant(JobStatus::Failed, Some(Cause::TokenRejected), false);
        let misconfigured = tenant(JobStatus::Failed, Some(Cause::Configuration), false);
        let failed = tenant(JobStatus::Failed, Some(Cause::Network), false);
        let partial = tenant(JobStatus::Partial, None, true);
        for (tenants, code) in [
            (vec![completed.clone(), completed.clone()], ExitCode::Success),
            (vec![thrown_out.clone()], ExitCode::Access),
            (vec![thrown_out_later.clone()], ExitCode::Access),
            (vec![rejected, thrown_out.clone()], ExitCode::Access),
            (vec![misconfigured], ExitCode::Usage),
            (vec![failed.clone()], ExitCode::Failure),
            (vec![partial], ExitCode::Partial),
            (vec![completed.clone(), thrown_out.clone()], ExitCode::Partial),
            (vec![thrown_out_later, completed], ExitCode::Partial),
            (vec![failed, thrown_out], ExitCode::Failure),
        ] {
            assert_eq!(of_tenants(&tenants, AskedChannels::Known), code, "{tenants:?}");
        }
    }

    #[test]
    fn an_unknown_channel_keeps_a_run_from_success() {
        let (completed, partial) =
            (tenant(JobStatus::Completed, None, true), tenant(JobStatus::Partial, None, true));
        for (status, channels, code) in [
            (&completed, AskedChannels::SomeUnknown, ExitCode::Partial),
            (&completed, AskedChannels::AllUnknown, ExitCode::Failure),
            (&partial, AskedChannels::AllUnknown, ExitCode::Partial),
        ] {
            let tenants = std::slice::from_ref(status);
            assert_eq!(of_tenants(tenants, channels), code, "{status:?} {channels:?}");
            let sync = SyncOutcome { tenants: tenants.to_vec(), channels, ..SyncOutcome::default() };
            assert_eq!(sync.is_complete(), *status == completed);
        }
    }

    #[test]
    fn what_ended_the_run_comes_before_its_tenants_and_a_signal_before_that() {
        let tenants = vec![tenant(JobStatus::Partial, None, true)];
        let code = |stop, fatal, signal| {
            let outcome = sync::Outcome { tenants: tenants.clone(), stop, fatal };
            Outcome::Sync(SyncOutcome::of_run(outcome, signal, AskedChannels::Known)).exit_code()
        };
        let terminated = Some(ReceivedSignal::Terminate);
        for (stop, fatal, signal, expected) in [
            (Some(Stop::Fatal), Some(Cause::Archive), None, ExitCode::Archive),
            (Some(Stop::Fatal), Some(Cause::TokenRejected), None, ExitCode::Access),
            (Some(Stop::Fatal), Some(Cause::RateLimited), None, ExitCode::RateLimited),
            (Some(Stop::OutOfTime), None, None, ExitCode::Partial),
            (Some(Stop::Signal), Some(Cause::Archive), terminated, ExitCode::Terminated),
            // It came when the run had ended.
            (None, None, terminated, ExitCode::Partial),
        ] {
            assert_eq!(code(stop, fatal, signal), expected, "{stop:?} {fatal:?} {signal:?}");
        }
    }

    #[test]
    fn of_several_failures_the_first_that_applies_counts() {
        let archive = FailureKind::Archive(ArchiveErrorKind::ReadOnly);
        let other_scheme = FailureKind::Archive(ArchiveErrorKind::OtherScheme);
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
