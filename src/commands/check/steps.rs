//! Collects the results of a check and predicts the outcome of a sync.

use crate::commands::outcome::{FailureKind, SyncOutcome};
use crate::commands::{Failure, Outcome};
use crate::model::{Cause, JobStatus};
use crate::report::{CheckResult, CheckStatus};
use crate::sync::TenantOutcome;

/// The results so far, and the predicted outcome, which decides the exit code.
#[derive(Default)]
pub(super) struct Steps {
    results: Vec<CheckResult>,
    sync: SyncOutcome,
}

impl Steps {
    /// Adds a result that doesn't affect the outcome of a sync.
    pub fn add(&mut self, result: CheckResult) {
        self.results.push(result);
    }

    /// Adds a result that would end a sync with a failure of this kind.
    pub fn add_fatal(&mut self, kind: FailureKind, result: CheckResult) {
        self.sync.failures.push(kind);
        self.results.push(result);
    }

    /// Adds the failure that a sync would meet at `step`.
    pub fn add_failure(&mut self, step: &str, failure: &Failure) {
        let (text, hint) = failure.parts();
        let remedies = hint.into_iter().map(str::to_owned).collect();
        let text = format!("{step}: {text}");
        self.add_fatal(failure.kind, CheckResult { status: CheckStatus::Failure, text, remedies });
    }

    /// Adds a tenant's results and the predicted outcome of its sync.
    pub fn add_tenant(&mut self, status: JobStatus, cause: Option<Cause>, results: Vec<CheckResult>) {
        self.sync.tenants.push(TenantOutcome {
            status,
            cause,
            unknown_channels: Vec::new(),
            archived_something: status == JobStatus::Completed,
        });
        self.results.extend(results);
    }

    /// All results in order, and the predicted outcome of a sync.
    pub fn finish(self) -> (Vec<CheckResult>, Outcome) {
        (self.results, Outcome::Sync(self.sync))
    }
}
