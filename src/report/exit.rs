//! The exit code of a sync.

use crate::exit_code::ExitCode;
use crate::model::{Cause, JobStatus};
use crate::sync::{Outcome, Stop, TenantOutcome};

/// The first that applies: the signal, what ended the run, what all tenants
/// have in common, partial, failure. `signal` is the code of the signal that
/// ended the run, if one did.
pub fn exit_code(outcome: &Outcome, signal: Option<ExitCode>) -> ExitCode {
    if let Some(signal) = signal.filter(|_| outcome.stop == Some(Stop::Signal)) {
        return signal;
    }
    if let Some(code) = outcome.fatal.and_then(of_run) {
        return code;
    }
    let codes: Vec<ExitCode> = outcome.tenants.iter().map(of_tenant).collect();
    of_tenants(&codes, outcome.tenants.iter().any(|tenant| tenant.archived_something))
}

/// How tenants end together: alike, or in part if any of them has, or would have,
/// something archived.
pub fn of_tenants(codes: &[ExitCode], is_any_archived: bool) -> ExitCode {
    match codes.first() {
        None => ExitCode::Success,
        Some(first) if codes.iter().all(|code| code == first) => *first,
        Some(_) if is_any_archived => ExitCode::Partial,
        Some(_) => ExitCode::Failure,
    }
}

/// How a sync of a tenant would end that can't be planned for this cause.
pub const fn of_unplanned(cause: Cause) -> ExitCode {
    match cause {
        Cause::NotInWorkspace => ExitCode::Access,
        Cause::Configuration => ExitCode::Usage,
        _ => ExitCode::Failure,
    }
}

const fn of_run(cause: Cause) -> Option<ExitCode> {
    match cause {
        Cause::Archive => Some(ExitCode::Archive),
        Cause::TokenRejected | Cause::ContentIntentOff => Some(ExitCode::Access),
        Cause::RateLimited | Cause::TooManyRefusals => Some(ExitCode::RateLimited),
        _ => None,
    }
}

fn of_tenant(tenant: &TenantOutcome) -> ExitCode {
    match (tenant.status, tenant.cause) {
        (JobStatus::Completed, _) => ExitCode::Success,
        // Also if something was archived before: it is what has to be mended.
        (JobStatus::Failed | JobStatus::Partial, Some(Cause::NotInWorkspace)) => ExitCode::Access,
        (JobStatus::Failed, Some(Cause::Configuration)) => ExitCode::Usage,
        (JobStatus::Failed, _) => ExitCode::Failure,
        _ => ExitCode::Partial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(status: JobStatus, cause: Option<Cause>, archived_something: bool) -> TenantOutcome {
        TenantOutcome { status, cause, unknown_channels: Vec::new(), archived_something }
    }

    fn code(tenants: Vec<TenantOutcome>) -> ExitCode {
        exit_code(&Outcome { tenants, stop: None, fatal: None }, None)
    }

    #[test]
    fn tenants_that_ended_alike_decide_together() {
        let completed = tenant(JobStatus::Completed, None, true);
        let thrown_out = tenant(JobStatus::Failed, Some(Cause::NotInWorkspace), false);
        let failed = tenant(JobStatus::Failed, Some(Cause::Network), false);
        assert_eq!(code(vec![completed.clone(), completed.clone()]), ExitCode::Success);
        assert_eq!(code(vec![thrown_out.clone()]), ExitCode::Access);
        assert_eq!(code(vec![failed.clone()]), ExitCode::Failure);
        assert_eq!(code(vec![completed, thrown_out.clone()]), ExitCode::Partial);
        assert_eq!(code(vec![failed, thrown_out]), ExitCode::Failure);
        assert_eq!(code(vec![tenant(JobStatus::Partial, None, true)]), ExitCode::Partial);
        let thrown_out_later = tenant(JobStatus::Partial, Some(Cause::NotInWorkspace), true);
        assert_eq!(code(vec![thrown_out_later.clone()]), ExitCode::Access);
        assert_eq!(code(vec![thrown_out_later, tenant(JobStatus::Completed, None, true)]), ExitCode::Partial);
    }

    #[test]
    fn what_ended_the_run_comes_before_its_tenants_and_a_signal_before_that() {
        let tenants = vec![tenant(JobStatus::Partial, None, true)];
        let run = |stop, fatal| Outcome { tenants: tenants.clone(), stop, fatal };
        assert_eq!(exit_code(&run(Some(Stop::Fatal), Some(Cause::TokenRejected)), None), ExitCode::Access);
        assert_eq!(exit_code(&run(Some(Stop::Fatal), Some(Cause::RateLimited)), None), ExitCode::RateLimited);
        assert_eq!(exit_code(&run(Some(Stop::OutOfTime), None), None), ExitCode::Partial);
        let signal = Some(ExitCode::Terminated);
        assert_eq!(exit_code(&run(Some(Stop::Signal), Some(Cause::Archive)), signal), ExitCode::Terminated);
    }
}
