//! The in-memory record of one running job, and the job's row that mirrors it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::channel::ChannelOutcome;
use super::context::{Context, TenantOutcome, TenantTask};
use super::estimate::ReadProgress;
use super::failure::Failure;
use super::job_log::{LoggedFigures, log_figures};
use super::job_progress::{JobProgress, ProgressFigures};
use super::meter::Meter;
use super::policy::{Tally, tenant_status};
use super::prepare::PreparedChannels;
use super::reactor_backlog::ReactorBacklog;
use super::stop::StopReason;
use crate::archive::{ArchiveError, TenantRow, audit, jobs, tenants};
use crate::model::{
    Cause, ChannelId, Finding, FindingKind, JobError, JobKind, JobStats, JobStatus, PlatformSpec,
    ProgressStatus, TenantStatus, Timestamp,
};
use crate::monitor::{Counter, Event};

/// Interval between log entries of a running job's figures.
const METRICS_INTERVAL: Duration = Duration::from_secs(30);

/// State of a running job. Its methods that write the row return [`ArchiveError`] if the
/// archive can't be written.
#[derive(Debug)]
pub struct JobRecord {
    /// The job's ID.
    pub job_id: Arc<str>,
    /// The tenant's row.
    pub tenant: TenantRow,
    /// The job's counters.
    pub meter: Arc<Meter>,
    kind: JobKind,
    status: JobStatus,
    progress: JobProgress,
    logged_at: Instant,
    /// Outcomes of its channels.
    tally: Tally,
    /// Failures outside of a channel's reading: of preparation and of the tenant as a
    /// whole.
    tenant_tally: Tally,
    planned_channels: u64,
    unreadable_channels: u64,
    max_open_channels: u64,
    /// Reactor lists still pending when the job ended.
    pub pending_reactor_lists: u64,
    channel_seconds: f64,
    errors: Vec<JobError>,
    /// Errors of incomplete listings of archived threads, by parent.
    listing_errors: Vec<JobError>,
    /// Channels selected by ID that the workspace doesn't have.
    unknown_channels: Vec<ChannelId>,
    /// The time before which every message in a thread is known once the job's channels are
    /// read.
    threads_known_until: Option<Timestamp>,
    /// Whether a channel or lookup failed for a cause that isn't recorded with the channel, such
    /// as the network.
    has_passing_failure: bool,
    cause: Option<Cause>,
    platform: &'static PlatformSpec,
    /// Whether the run selects channels by ID.
    selects_channels: bool,
    /// Whether its last stages were skipped or stopped early.
    is_unfinished: bool,
}

impl JobRecord {
    /// Creates the tenant's row, if it has none, and the job's row, both queued.
    pub async fn create(
        context: &Context,
        tenant: &TenantTask,
        run_id: &str,
        job_id: String,
        kind: JobKind,
    ) -> Result<Self, ArchiveError> {
        let now = context.clock.now();
        let (platform, workspace, name) = (tenant.platform.spec(), tenant.workspace, tenant.name.clone());
        let (run_id, id) = (run_id.to_owned(), job_id.clone());
        let row = context
            .writer
            .run(move |tx| {
                let tenant = tenants::intern(tx, platform, workspace, &name, now)?;
                let job = jobs::NewJob { job_id: id.clone(), run_id: run_id.clone(), tenant, kind };
                jobs::create(tx, &job, now)?;
                tenants::set_status(tx, tenant, TenantStatus::Queued, now)?;
                audit::record(tx, "sync_started", Some(tenant), Some(&id), None, now)?;
                Ok(tenant)
            })
            .await?;
        context.monitor.event(Event::JobStarted { job_id: job_id.clone(), tenant: tenant.name.clone() });
        Ok(Self {
            job_id: job_id.into(),
            tenant: row,
            platform,
            meter: Arc::new(Meter::new(Arc::clone(&context.monitor))),
            kind,
            status: JobStatus::Running,
            progress: JobProgress::new(tenant, &context.settings),
            logged_at: Instant::now(),
            tally: Tally::default(),
            tenant_tally: Tally::default(),
            planned_channels: 0,
            unreadable_channels: 0,
            max_open_channels: 0,
            pending_reactor_lists: 0,
            channel_seconds: 0.0,
            errors: Vec::new(),
            listing_errors: Vec::new(),
            unknown_channels: Vec::new(),
            threads_known_until: None,
            has_passing_failure: false,
            cause: None,
            selects_channels: !tenant.selection.channels.is_empty(),
            is_unfinished: false,
        })
    }

    /// The reactor lists that the job still has to read.
    pub fn backlog(&self) -> Arc<ReactorBacklog> {
        Arc::clone(&self.progress.backlog)
    }

    /// Records how many reactor lists earlier runs left to this one.
    pub fn reactors_left_before(&mut self, lists: u64) {
        self.progress.set_lists_left_before(lists);
    }

    /// Records the channels and errors that a stage of preparation found.
    pub fn channels_planned(&mut self, prepared: &PreparedChannels) {
        let channels = prepared.tasks.len() as u64;
        self.planned_channels += channels;
        self.progress.add_planned(channels, prepared.tasks.iter().map(|task| task.plan.weight).sum());
        self.tally.skipped += prepared.skipped;
        self.unreadable_channels += prepared.unreadable;
        self.tenant_tally.failed += prepared.errors.len() as u64;
        self.errors.extend(prepared.errors.iter().cloned());
        self.listing_errors.extend(prepared.listing_errors.iter().cloned());
        self.unknown_channels.extend(&prepared.unknown);
        // A thread whose lookup failed may have messages that only this run has found.
        self.has_passing_failure |= !prepared.errors.is_empty();
    }

    /// Records that every thread with messages before this time was found.
    pub fn threads_found(&mut self, known_until: Timestamp) {
        self.threads_known_until = Some(known_until);
    }

    /// Records a failure of the tenant as a whole, or that it was stopped while being
    /// prepared.
    pub fn tenant_failed(&mut self, failure: &Failure, now: Timestamp) {
        match failure.cause {
            Cause::Interrupted => self.tenant_tally.interrupted += 1,
            Cause::RunTimeLimit => self.tenant_tally.deferred += 1,
            cause => {
                self.tenant_tally.failed += 1;
                self.cause = Some(cause);
            }
        }
        self.errors.push(failure.job_error(None, now));
    }

    /// Records that a channel was opened; `open_channels` are open now.
    pub fn channel_opened(&mut self, open_channels: usize) {
        self.max_open_channels = self.max_open_channels.max(open_channels as u64);
    }

    /// Records a channel's outcome.
    pub fn channel_finished(
        &mut self,
        channel: ChannelId,
        outcome: ChannelOutcome,
        progress: ReadProgress,
        now: Timestamp,
    ) {
        match &outcome.failure {
            Some(failure) if failure.cause == Cause::EndUnconfirmed => self.tally.unconfirmed += 1,
            _ => self.tally.add(outcome.status),
        }
        self.channel_seconds += outcome.seconds;
        self.progress.add_finished(progress);
        if let Some(failure) = outcome.failure {
            let channel = self.platform.channel_text(channel);
            self.errors.push(failure.job_error(Some(channel), now));
            // The archive remembers failures of a channel's own, and doubted ends.
            self.has_passing_failure |= !failure.is_own && failure.cause != Cause::EndUnconfirmed;
            if failure.ends_run {
                self.cause.get_or_insert(failure.cause);
            }
        }
    }

    /// Records that a channel is postponed to a later run because of `stop`.
    pub fn channel_not_read(&mut self, stop: StopReason) {
        self.tally.add(match stop {
            StopReason::OutOfTime => ProgressStatus::Deferred,
            StopReason::Signal | StopReason::Fatal => ProgressStatus::Interrupted,
        });
    }

    /// Records that deletion candidates are left, and why. The archive holds them, and the
    /// next run confirms them: a full re-read is complete nevertheless.
    pub fn deletions_unconfirmed(&mut self, failure: &Failure, now: Timestamp) {
        self.tally.incomplete += 1;
        self.errors.push(failure.job_error(None, now));
    }

    /// Records whether the stages after the reading of channels came to their end.
    pub fn set_finished(&mut self, is_finished: bool) {
        self.is_unfinished = !is_finished;
    }

    /// Whether the job has not been finished.
    pub fn is_running(&self) -> bool {
        self.status == JobStatus::Running
    }

    /// Updates the job's row and reports its progress. `open` is the progress of the
    /// channels being read.
    pub async fn save(&mut self, context: &Context, open: &[ReadProgress]) -> Result<(), ArchiveError> {
        self.progress.sample(&self.meter);
        let figures = self.figures(open);
        let (job_id, stats, now) = (Arc::clone(&self.job_id), self.stats(figures), context.clock.now());
        self.progress.set_shown(figures);
        context.monitor.event(Event::JobProgress { job_id: job_id.to_string(), stats: Box::new(stats) });
        if self.logged_at.elapsed() >= METRICS_INTERVAL {
            self.logged_at = Instant::now();
            self.log_metrics(&stats, open.len());
        }
        context.writer.run(move |tx| jobs::update(tx, &job_id, &stats, now)).await
    }

    #[allow(clippy::cast_precision_loss, reason = "rates")]
    fn log_metrics(&self, stats: &JobStats, open_channels: usize) {
        let minutes = self.progress.elapsed().as_secs_f64().max(0.001) / 60.0;
        let messages = stats.counts.get(Counter::Messages) as f64;
        let figures = LoggedFigures {
            channels_per_minute: stats.channels_processed as f64 / minutes,
            messages_per_second: messages / (minutes * 60.0),
            open_channels,
            max_concurrent_channels: stats.max_concurrent_channels,
        };
        log_figures(&self.job_id, figures, &stats.counts);
    }

    fn figures(&self, open: &[ReadProgress]) -> ProgressFigures {
        self.progress.figures(&self.meter, self.tally.finished(), open)
    }

    #[allow(clippy::cast_precision_loss, reason = "an average")]
    fn stats(&self, figures: ProgressFigures) -> JobStats {
        let processed = self.tally.completed + self.tally.failed + self.tally.unconfirmed;
        JobStats {
            channels_total: self.planned_channels,
            channels_processed: processed,
            channels_skipped: self.tally.skipped,
            channels_unreadable: self.unreadable_channels,
            pending_reactor_lists: if self.is_running() || self.selects_channels {
                figures.pending_reactor_lists
            } else {
                self.pending_reactor_lists
            },
            max_concurrent_channels: self.max_open_channels,
            average_channel_seconds: self.channel_seconds / processed.max(1) as f64,
            counts: self.meter.counts(),
            progress: figures.progress,
            eta_seconds: figures.eta_seconds,
        }
    }

    /// Adds the archive's findings to the tally and the errors. Each keeps the job from
    /// being completed, except those that are known already ([`Finding::is_known`]).
    fn add_findings(&mut self, findings: &[Finding], now: Timestamp) {
        let listing_errors = std::mem::take(&mut self.listing_errors);
        for finding in findings.iter().filter(|finding| !finding.is_known(now)) {
            self.tally.incomplete += 1;
            let is_of_channel =
                |error: &&JobError| error.channel_id.is_some() && error.channel_id == finding.channel_id;
            let listing_error = match finding.kind {
                FindingKind::IncompleteListing => listing_errors.iter().find(is_of_channel).cloned(),
                _ => None,
            };
            let cause = finding.kind.cause();
            let is_same_cause = |error: &JobError| {
                error.cause == cause || matches!(error.cause, Cause::NotArchived | Cause::NotPublic)
            };
            if self.errors.iter().filter(is_of_channel).any(is_same_cause) {
                continue;
            }
            let error =
                JobError { channel_id: finding.channel_id.clone(), cause, error: finding.text(), at: now };
            self.errors.push(listing_error.unwrap_or(error));
        }
    }

    /// Determines the job's status, including the archive's findings, and records it in
    /// the rows of the job and the tenant. `signalled`: a signal stopped the run.
    /// `covers_configuration`: the run selects everything the configuration does, so that a completed
    /// job is a success of the tenant. `selection` is the selection's fingerprint.
    pub async fn finish(
        &mut self,
        context: &Context,
        signalled: bool,
        covers_configuration: bool,
        selection: String,
        findings: &[Finding],
    ) -> Result<(), ArchiveError> {
        self.add_findings(findings, context.clock.now());
        let archived_something = self.meter.sum(Counter::Messages) > 0;
        let by_tally = self.tally.and(self.tenant_tally).job_status(archived_something, signalled);
        let is_interrupted = signalled && self.is_unfinished;
        self.status = if is_interrupted { JobStatus::Interrupted } else { by_tally };
        let mut stats = self.stats(self.figures(&[]));
        if self.status == JobStatus::Completed {
            stats.progress = 1.0;
        }
        self.log_metrics(&stats, 0);
        let (job_id, tenant, end_status) = (Arc::clone(&self.job_id), self.tenant, self.status);
        let errors = self.errors.clone();
        let end = tenants::TenantRunOutcome {
            status: tenant_status(end_status),
            // Also if a signal left reactors to the next run.
            is_success: by_tally == JobStatus::Completed && covers_configuration,
            completes_full: self.kind == JobKind::Full
                && covers_configuration
                && self.attempted_every_channel(),
            error: self.errors.first().map(JobError::as_last_error),
            channels: self.tally.completed + self.tally.unconfirmed + self.tally.skipped,
            selection,
            covers_configuration,
            // A thread that failed by itself is looked for by its failure; one that failed
            // otherwise, or wasn't tried, isn't.
            threads_known_until: self.threads_known_until.filter(|_| {
                covers_configuration && self.attempted_every_channel() && !self.has_passing_failure
            }),
        };
        let now = context.clock.now();
        context
            .writer
            .run(move |tx| {
                jobs::update(tx, &job_id, &stats, now)?;
                jobs::finish(tx, &job_id, end_status, &errors, now)?;
                tenants::finish(tx, tenant, &end, now)?;
                let details = serde_json::json!({ "status": end_status.name() });
                audit::record(tx, "sync_finished", Some(tenant), Some(&job_id), Some(&details), now)
            })
            .await?;
        context.monitor.event(Event::JobFinished { job_id: self.job_id.to_string(), status: end_status });
        Ok(())
    }

    /// Whether no channel was deferred or interrupted and no failure ended the run.
    fn attempted_every_channel(&self) -> bool {
        let all = self.tally.and(self.tenant_tally);
        all.deferred + all.interrupted == 0 && self.cause.is_none()
    }

    /// The tenant's outcome.
    pub fn outcome(&self) -> TenantOutcome {
        TenantOutcome {
            status: self.status,
            cause: self.cause,
            unknown_channels: self.unknown_channels.clone(),
            archived_something: self.tally.completed + self.tally.skipped > 0
                || self.meter.sum(Counter::Messages) > 0,
        }
    }
}
