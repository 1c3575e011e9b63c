//! The record of one job while it runs: its row, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::channel::ChannelOutcome;
use super::context::{Context, TenantOutcome, TenantTask};
use super::estimate::Part;
use super::failure::Failure;
use super::job_log::{LoggedFigures, log_figures};
use super::job_progress::{Figures, JobProgress};
use super::meter::Meter;
use super::policy::{Tally, tenant_status};
use super::prepare::Prepared;
use super::stop::Stop;
use crate::archive::{ArchiveError, TenantRow, audit, jobs, tenants};
use crate::model::{
    Cause, ChannelId, Finding, FindingKind, JobError, JobKind, JobStats, JobStatus, PlatformSpec,
    ProgressStatus, TenantStatus, Timestamp,
};
use crate::monitor::{Counter, Event};

/// How often a running job's figures are logged.
const METRICS_INTERVAL: Duration = Duration::from_secs(30);

/// What is known of a job, in memory and brought to its row.
#[derive(Debug)]
pub struct JobRecord {
    /// Its ID.
    pub job_id: Arc<str>,
    /// Whose it is.
    pub tenant: TenantRow,
    /// Counts what it causes.
    pub meter: Arc<Meter>,
    kind: JobKind,
    status: JobStatus,
    progress: JobProgress,
    logged: Instant,
    /// How its channels ended.
    tally: Tally,
    /// What ended before any channel: the tenant itself, listings of threads.
    before: Tally,
    total: u64,
    unreadable: u64,
    max_concurrent: u64,
    /// Reactions whose reactors the run left unread.
    pub reactions_pending: u64,
    channel_seconds: f64,
    errors: Vec<JobError>,
    /// Why listings of archived threads, by parent, are incomplete.
    listing_errors: Vec<JobError>,
    unknown: Vec<ChannelId>,
    cause: Option<Cause>,
    platform: &'static PlatformSpec,
    /// Whether certain channels were asked for.
    is_of_channels: bool,
}

impl JobRecord {
    /// Makes the tenant's row and the job's, which waits.
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
            progress: JobProgress::new(
                context.settings.page_size.min(tenant.platform.adapter.max_page()),
                context.settings.reaction_budget,
            ),
            logged: Instant::now(),
            tally: Tally::default(),
            before: Tally::default(),
            total: 0,
            unreadable: 0,
            max_concurrent: 0,
            reactions_pending: 0,
            channel_seconds: 0.0,
            errors: Vec::new(),
            listing_errors: Vec::new(),
            unknown: Vec::new(),
            cause: None,
            is_of_channels: !tenant.selection.channels.is_empty(),
        })
    }

    /// More of its channels are known.
    pub fn planned(&mut self, prepared: &Prepared) {
        let channels = prepared.tasks.len() as u64;
        self.total += channels;
        self.progress.planned(channels, prepared.tasks.iter().map(|task| task.plan.weight).sum());
        self.tally.skipped += prepared.skipped;
        self.unreadable += prepared.unreadable;
        self.before.failed += prepared.errors.len() as u64;
        self.errors.extend(prepared.errors.iter().cloned());
        self.listing_errors.extend(prepared.listing_errors.iter().cloned());
        self.unknown.extend(&prepared.unknown);
    }

    /// It failed as a whole, or was stopped before it began.
    pub fn failed(&mut self, failure: &Failure, now: Timestamp) {
        match failure.cause {
            Cause::Interrupted => self.before.interrupted += 1,
            Cause::OutOfTime => self.before.deferred += 1,
            cause => {
                self.before.failed += 1;
                self.cause = Some(cause);
            }
        }
        self.errors.push(failure.job_error(None, now));
    }

    /// One more of its channels is open.
    pub fn opened(&mut self, concurrent: usize) {
        self.max_concurrent = self.max_concurrent.max(concurrent as u64);
    }

    /// One of its channels is finished.
    pub fn finished(&mut self, channel: ChannelId, outcome: ChannelOutcome, part: Part, now: Timestamp) {
        match &outcome.failure {
            Some(failure) if failure.cause == Cause::EndUnconfirmed => self.tally.unconfirmed += 1,
            _ => self.tally.add(outcome.status),
        }
        self.channel_seconds += outcome.seconds;
        self.progress.finished(part);
        if let Some(failure) = outcome.failure {
            let channel = self.platform.channel_text(channel);
            self.errors.push(failure.job_error(Some(channel), now));
            if failure.ends_run {
                self.cause.get_or_insert(failure.cause);
            }
        }
    }

    /// One of its channels is left for another run.
    pub fn left(&mut self, stop: Stop) {
        self.tally.add(match stop {
            Stop::OutOfTime => ProgressStatus::Deferred,
            Stop::Signal | Stop::Fatal => ProgressStatus::Interrupted,
        });
    }

    /// Whether it has not been finished.
    pub fn is_running(&self) -> bool {
        self.status == JobStatus::Running
    }

    /// Brings its row up to date. `open` are its channels that are being read.
    pub async fn save(&mut self, context: &Context, open: &[Part]) -> Result<(), ArchiveError> {
        self.progress.look(&self.meter);
        let figures = self.figures(open);
        let (job_id, stats, now) = (Arc::clone(&self.job_id), self.stats(figures), context.clock.now());
        self.progress.shown(figures);
        context.monitor.event(Event::JobProgress { job_id: job_id.to_string(), stats });
        if self.logged.elapsed() >= METRICS_INTERVAL {
            self.logged = Instant::now();
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

    fn figures(&self, open: &[Part]) -> Figures {
        self.progress.figures(&self.meter, self.tally.ended(), open)
    }

    #[allow(clippy::cast_precision_loss, reason = "an average")]
    fn stats(&self, figures: Figures) -> JobStats {
        let processed = self.tally.completed + self.tally.failed + self.tally.unconfirmed;
        JobStats {
            channels_total: self.total,
            channels_processed: processed,
            channels_skipped: self.tally.skipped,
            channels_unreadable: self.unreadable,
            reactions_pending: if self.is_running() || self.is_of_channels {
                figures.reactions_pending
            } else {
                self.reactions_pending
            },
            max_concurrent_channels: self.max_concurrent,
            average_channel_seconds: self.channel_seconds / processed.max(1) as f64,
            counts: self.meter.counts(),
            progress: figures.progress,
            eta_seconds: figures.eta_seconds,
        }
    }

    /// Takes what the archive knows to be incomplete: what is so for less than a
    /// day keeps the job from being completed.
    fn take(&mut self, findings: &[Finding], now: Timestamp) {
        let listing_errors = std::mem::take(&mut self.listing_errors);
        for finding in findings.iter().filter(|finding| !finding.is_known(now)) {
            self.tally.incomplete += 1;
            let is_told =
                |error: &&JobError| error.channel_id.is_some() && error.channel_id == finding.channel_id;
            let told = match finding.kind {
                FindingKind::IncompleteListing => listing_errors.iter().find(is_told).cloned(),
                _ => None,
            };
            let cause = finding.kind.cause();
            let says_so = |error: &JobError| error.cause == cause || error.cause == Cause::NotArchived;
            if self.errors.iter().filter(is_told).any(says_so) {
                continue;
            }
            let error =
                JobError { channel_id: finding.channel_id.clone(), cause, error: finding.text(), at: now };
            self.errors.push(told.unwrap_or(error));
        }
    }

    /// Records its end, and what the archive knows to be incomplete. `is_whole`:
    /// all channels were asked for, so that a completed job is a success of the
    /// tenant. `selection` is what was asked for.
    pub async fn finish(
        &mut self,
        context: &Context,
        signalled: bool,
        is_whole: bool,
        selection: String,
        findings: &[Finding],
    ) -> Result<(), ArchiveError> {
        self.take(findings, context.clock.now());
        let archived_something = self.meter.sum(Counter::Messages) > 0;
        self.status = self.tally.and(self.before).job_status(archived_something, signalled);
        let mut stats = self.stats(self.figures(&[]));
        if self.status == JobStatus::Completed {
            stats.progress = 1.0;
        }
        self.log_metrics(&stats, 0);
        let (job_id, tenant, end_status) = (Arc::clone(&self.job_id), self.tenant, self.status);
        let errors = self.errors.clone();
        let end = tenants::End {
            status: tenant_status(end_status),
            is_success: end_status == JobStatus::Completed && is_whole,
            ends_full: self.kind == JobKind::Full && is_whole && self.came_to_every_channel(),
            error: self.errors.first().map(JobError::as_last_error),
            channels: self.tally.completed + self.tally.unconfirmed + self.tally.skipped,
            selection,
            is_whole,
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

    /// Whether every channel was read to its end or failed.
    fn came_to_every_channel(&self) -> bool {
        let all = self.tally.and(self.before);
        all.deferred + all.interrupted == 0 && self.cause.is_none()
    }

    /// How it ended.
    pub fn outcome(&self) -> TenantOutcome {
        TenantOutcome {
            status: self.status,
            cause: self.cause,
            unknown_channels: self.unknown.clone(),
            archived_something: self.tally.completed + self.tally.skipped > 0
                || self.meter.sum(Counter::Messages) > 0,
        }
    }
}
