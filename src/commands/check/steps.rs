//! The steps of a check: what was found, and how a sync would end with it.

use crate::commands::outcome::{FailureKind, SyncOutcome};
use crate::commands::{Failure, Outcome};
use crate::model::{Cause, JobStatus};
use crate::report::{Finding, Mark};
use crate::sync::TenantOutcome;

/// Findings, and what decides the exit code.
#[derive(Default)]
pub(super) struct Steps {
    findings: Vec<Finding>,
    sync: SyncOutcome,
}

impl Steps {
    /// A finding that keeps no sync from working.
    pub fn note(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// A finding that would end a sync with this kind of failure.
    pub fn fail(&mut self, kind: FailureKind, finding: Finding) {
        self.sync.failures.push(kind);
        self.findings.push(finding);
    }

    /// A failure that a sync would meet, at the step `what`.
    pub fn failed(&mut self, what: &str, failure: &Failure) {
        let (text, hint) = failure.parts();
        let remedies = hint.into_iter().map(str::to_owned).collect();
        self.fail(failure.kind, Finding { mark: Mark::Bad, text: format!("{what}: {text}"), remedies });
    }

    /// A tenant's findings, and how its sync would end.
    pub fn tenant(&mut self, status: JobStatus, cause: Option<Cause>, findings: Vec<Finding>) {
        self.sync.tenants.push(TenantOutcome {
            status,
            cause,
            unknown_channels: Vec::new(),
            archived_something: status == JobStatus::Completed,
        });
        self.findings.extend(findings);
    }

    /// All findings in order.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How a sync would end.
    pub fn outcome(self) -> Outcome {
        Outcome::Sync(self.sync)
    }
}
