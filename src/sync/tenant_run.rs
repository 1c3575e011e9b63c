//! One tenant's part of a run, from preparing it to its last reactor.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::channel::{ChannelOutcome, ChannelTask};
use super::context::{Context, TenantOutcome, TenantTask};
use super::estimate::Part;
use super::failure::Failure;
use super::finish::finish_tenant;
use super::guarded::guarded;
use super::job::JobRecord;
use super::open_channel::OpenChannel;
use super::prepare::{Prepared, Stage, prepare, prepare_archived, prepare_named};
use super::reading::read_channel;
use super::revoked::RevokedChannels;
use super::slots::{Grant, Lane};
use super::stop::Stop;
use super::tenant_scope::TenantScope;
use super::visibility::recheck_visibility;
use crate::archive::{ArchiveError, findings, jobs, named_threads};
use crate::model::{Cause, ChannelId, ProgressStatus, ReactionMode};
use crate::monitor::Event;

/// How often a running job's row is brought up to date.
const RECORD_INTERVAL: Duration = Duration::from_secs(1);

/// A tenant's part of a run.
pub(super) struct TenantRun {
    scope: TenantScope,
    record: JobRecord,
    lane: Lane<ChannelTask>,
    /// Channels being read, by slot.
    open: HashMap<usize, OpenChannel>,
    tasks: JoinSet<Ended>,
    visibility: Visibility,
    /// Whether the channels that waited were given up, because the run is to end.
    gave_up_waiting: bool,
    /// Whether nothing more of the tenant is asked for.
    asks_no_more: bool,
    record_tick: Interval,
    visibility_tick: Interval,
}

/// What is known of the visibility of a tenant's channels.
#[derive(Default)]
struct Visibility {
    /// Channels that can be read, threads apart.
    roots: HashSet<ChannelId>,
    checked_at: Option<Instant>,
    /// Whether a channel was refused since: what is true of one may be true of
    /// many.
    is_doubted: bool,
    is_being_checked: bool,
}

/// The end of a task.
enum Ended {
    Channel { slot: usize, outcome: Result<ChannelOutcome, Failure> },
    Recheck(Result<(), Failure>),
    Prepare(Box<Result<(Prepared, Stage), Failure>>),
    Finish(Result<(), Failure>),
}

/// What a tenant's part of a run waits for, beside its own step.
enum Happening {
    Granted(Box<Grant<ChannelTask>>),
    Ended(Ended),
    RecheckMayBeDue,
    RecordDue,
    Stopped(Stop),
}

impl TenantRun {
    /// A tenant that waits for its turn.
    pub fn new(context: Arc<Context>, task: TenantTask, record: JobRecord, lane: Lane<ChannelTask>) -> Self {
        let visibility_tick = every(context.settings.visibility_interval / 4);
        let scope = TenantScope {
            context,
            task: Arc::new(task),
            row: record.tenant,
            job_id: Arc::clone(&record.job_id),
            meter: Arc::clone(&record.meter),
            revoked: Arc::<RevokedChannels>::default(),
        };
        Self {
            scope,
            record,
            lane,
            open: HashMap::new(),
            tasks: JoinSet::new(),
            visibility: Visibility::default(),
            gave_up_waiting: false,
            asks_no_more: false,
            record_tick: every(RECORD_INTERVAL),
            visibility_tick,
        }
    }

    /// Prepares the tenant, reads its channels, confirms its deletions, reads its
    /// reactors, and records its end. A failure of the tenant's own is part of its
    /// outcome, and so is a panic.
    ///
    /// # Errors
    /// When the archive can't be used.
    pub async fn run(mut self) -> Result<TenantOutcome, ArchiveError> {
        match guarded(self.live()).await {
            Ok(lived) => lived?,
            Err(panicked) => {
                self.record.failed(&panicked, self.scope.context.clock.now());
                self.give_up();
                // What is open ends by itself.
                guarded(self.read_channels()).await.unwrap_or(Ok(()))?;
            }
        }
        self.record_end().await
    }

    async fn live(&mut self) -> Result<(), ArchiveError> {
        let stage = self.prepare().await?;
        self.read_channels().await?;
        if let Some(stage) = stage
            && self.goes_on()
            && self.has_named_threads().await?
        {
            self.lane.set_preparing(true);
            self.step(prepare_named(stage), "threads that messages name were looked for").await?;
            self.lane.set_preparing(false);
            self.read_channels().await?;
        }
        if self.goes_on() {
            self.finish_tenant().await?;
            self.read_channels().await?;
        }
        Ok(())
    }

    /// Finds what is to be read. Reading begins with what the first stage finds.
    /// Returns what is known in the end, unless a stage failed.
    async fn prepare(&mut self) -> Result<Option<Stage>, ArchiveError> {
        let first = self.step(prepare(self.scope.clone()), "the channels were known").await?;
        let stage = match first {
            Some(stage) if !stage.is_complete => {
                self.step(prepare_archived(stage), "all archived threads were listed").await?
            }
            stage => stage,
        };
        self.lane.set_preparing(false);
        Ok(stage)
    }

    /// Takes a step of preparing, and opens what it has found. `None` if it failed, or
    /// if the tenant is over.
    async fn step(
        &mut self,
        step: impl Future<Output = Result<(Prepared, Stage), Failure>> + Send + 'static,
        before: &'static str,
    ) -> Result<Option<Stage>, ArchiveError> {
        let signal = self.scope.context.stop.clone();
        // A task of its own: it goes on while this one waits for the writer.
        self.tasks.spawn(async move {
            let prepared = guarded(signal.unless_stopped(step)).await;
            let stopped = |stop| Err(Failure::stopped(stop, before));
            let prepared = prepared.and_then(|prepared| prepared.unwrap_or_else(stopped));
            Ended::Prepare(Box::new(prepared))
        });
        let prepared = loop {
            match self.next_happening().await {
                Happening::Ended(Ended::Prepare(prepared)) => break *prepared,
                happening => self.handle(happening).await?,
            }
        };
        match prepared {
            Ok((prepared, stage)) => {
                self.record.planned(&prepared);
                // The listing is a re-check.
                self.visibility.checked_at = Some(Instant::now());
                self.visibility.roots.extend(&prepared.readable);
                self.lane.add(prepared.tasks);
                if self.scope.revoked.has_lost_workspace() {
                    self.give_up();
                    return Ok(None);
                }
                if let Some(stop) = self.scope.context.stop.wanted() {
                    self.leave_waiting(stop);
                }
                Ok(Some(stage))
            }
            // Recorded when the workspace was lost.
            Err(_) if self.scope.revoked.has_lost_workspace() => Ok(None),
            Err(failure) => {
                self.note_fatal(&failure);
                self.record.failed(&failure, self.scope.context.clock.now());
                Ok(None)
            }
        }
    }

    /// Reads until no channel waits or is open, and no re-check is under way.
    async fn read_channels(&mut self) -> Result<(), ArchiveError> {
        while self.lane.waiting() > 0 || !self.open.is_empty() || self.visibility.is_being_checked {
            let happening = self.next_happening().await;
            self.handle(happening).await?;
        }
        Ok(())
    }

    async fn next_happening(&mut self) -> Happening {
        tokio::select! {
            Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                // Tasks are guarded, and never aborted before this ends.
                Happening::Ended(ended.unwrap_or_else(|_| Ended::Recheck(Err(Failure::panicked()))))
            }
            grant = self.lane.next() => Happening::Granted(Box::new(grant)),
            _ = self.visibility_tick.tick() => Happening::RecheckMayBeDue,
            stop = self.scope.context.stop.wait(), if !self.gave_up_waiting => Happening::Stopped(stop),
            _ = self.record_tick.tick() => Happening::RecordDue,
        }
    }

    async fn handle(&mut self, happening: Happening) -> Result<(), ArchiveError> {
        match happening {
            Happening::Granted(grant) => self.open_channel(*grant),
            Happening::Ended(Ended::Channel { slot, outcome }) => self.finish_channel(slot, outcome).await?,
            Happening::Ended(Ended::Recheck(checked)) => self.finish_recheck(checked),
            // Whoever spawned these waits for them.
            Happening::Ended(Ended::Prepare(_) | Ended::Finish(_)) => {}
            Happening::RecheckMayBeDue => self.recheck_if_due(),
            Happening::RecordDue => {
                let open: Vec<Part> = self.open.values().map(OpenChannel::part).collect();
                self.record.save(&self.scope.context, &open).await?;
            }
            Happening::Stopped(stop) => {
                self.gave_up_waiting = true;
                self.leave_waiting(stop);
            }
        }
        Ok(())
    }

    fn open_channel(&mut self, grant: Grant<ChannelTask>) {
        if let Some(stop) = self.scope.context.stop.wanted() {
            self.record.left(stop);
            return;
        }
        let open = OpenChannel::new(grant);
        let (task, state) = (Arc::clone(&open.task), Arc::clone(&open.state));
        let (context, meter) = (Arc::clone(&self.scope.context), Arc::clone(&self.scope.meter));
        let slot = open.slot.number();
        self.tasks.spawn(async move {
            let outcome = guarded(read_channel(&context, &task, &state, slot, meter)).await;
            Ended::Channel { slot, outcome }
        });
        self.open.insert(slot, open);
        self.record.opened(self.open.len());
    }

    async fn finish_channel(
        &mut self,
        slot: usize,
        outcome: Result<ChannelOutcome, Failure>,
    ) -> Result<(), ArchiveError> {
        let Some(open) = self.open.remove(&slot) else { return Ok(()) };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(failure) => self.after_panic(&open, failure).await?,
        };
        if let Some(failure) = &outcome.failure {
            self.note_fatal(failure);
            let is_explained = self.scope.revoked.of(open.task.plan.channel.root).is_some();
            let is_refusal = matches!(failure.cause, Cause::Forbidden | Cause::NotInWorkspace);
            if is_refusal && !is_explained {
                self.visibility.is_doubted = true;
                self.recheck_if_due();
            }
        }
        self.record.finished(open.id(), outcome, open.part(), self.scope.context.clock.now());
        Ok(())
    }

    /// A panic of a channel's task is that channel's failure.
    async fn after_panic(
        &self,
        open: &OpenChannel,
        failure: Failure,
    ) -> Result<ChannelOutcome, ArchiveError> {
        let context = &self.scope.context;
        let (row, job_id) = (open.task.row, Arc::clone(&self.scope.job_id));
        let (failed, now) = (failure.as_last_error(), context.clock.now());
        context.writer.run(move |tx| jobs::fail_channel(tx, &job_id, row, &failed, now)).await?;
        context.monitor.event(Event::ChannelFinished {
            channel: open.task.in_run(),
            status: ProgressStatus::Failed,
            messages: open.state.messages(),
            error: Some(failure.error.clone()),
        });
        let seconds = open.since.elapsed().as_secs_f64();
        Ok(ChannelOutcome { status: ProgressStatus::Failed, failure: Some(failure), seconds })
    }

    /// Re-checks the visibility of the channels, where that is due or something was
    /// refused.
    fn recheck_if_due(&mut self) {
        let due = self.scope.context.settings.visibility_interval;
        let visibility = &mut self.visibility;
        let is_due = visibility.is_doubted || visibility.checked_at.is_some_and(|at| at.elapsed() >= due);
        if visibility.is_being_checked || !is_due || self.scope.revoked.has_lost_workspace() {
            return;
        }
        visibility.is_doubted = false;
        visibility.is_being_checked = true;
        let (scope, roots) = (self.scope.clone(), visibility.roots.clone());
        self.tasks.spawn(async move {
            let checked = scope.context.stop.unless_stopped(recheck_visibility(&scope, &roots));
            Ended::Recheck(guarded(checked).await.and_then(|checked| checked.unwrap_or(Ok(()))))
        });
    }

    /// A re-check that failed is due again at the next tick.
    fn finish_recheck(&mut self, checked: Result<(), Failure>) {
        self.visibility.is_being_checked = false;
        match checked {
            Ok(()) => self.visibility.checked_at = Some(Instant::now()),
            Err(failure) => {
                tracing::warn!(
                    tenant = self.scope.task.name,
                    error = failure.error,
                    "visibility could not be re-checked"
                );
                self.note_unchecked(&failure);
            }
        }
        if self.visibility.is_doubted {
            self.recheck_if_due();
        }
    }

    /// Visibility could not be re-checked. When that lasts it is unknown, and nothing
    /// more is read.
    fn note_unchecked(&mut self, failure: &Failure) {
        self.note_fatal(failure);
        let holds = self.scope.context.settings.visibility_holds;
        let is_unknown = self.visibility.checked_at.is_some_and(|at| at.elapsed() >= holds);
        let is_lost = self.scope.revoked.has_lost_workspace();
        if failure.cause == Cause::NotInWorkspace || (is_unknown && !is_lost) {
            self.scope.revoked.lose_workspace();
            self.record.failed(failure, self.scope.context.clock.now());
            self.give_up();
        }
    }

    /// Nothing of the tenant can be asked for any more. Open channels end by
    /// themselves.
    fn give_up(&mut self) {
        self.leave_waiting(Stop::Fatal);
        self.asks_no_more = true;
    }

    fn leave_waiting(&mut self, stop: Stop) {
        for _ in 0..self.lane.give_up() {
            self.record.left(stop);
        }
    }

    fn note_fatal(&self, failure: &Failure) {
        if failure.ends_run && failure.cause != Cause::Interrupted {
            self.scope.context.stop.fail(failure.cause);
        }
    }

    fn goes_on(&self) -> bool {
        !self.asks_no_more && self.scope.context.stop.wanted().is_none()
    }

    async fn has_named_threads(&self) -> Result<bool, ArchiveError> {
        let TenantScope { context, task, row, .. } = &self.scope;
        let (row, all, now) = (*row, task.selection.full, context.clock.now());
        context.writer.run(move |tx| named_threads::exist(tx, row, all, now)).await
    }

    /// Confirms deletions and reads reactors, unless the run is to end.
    async fn finish_tenant(&mut self) -> Result<(), ArchiveError> {
        let (scope, roots) = (self.scope.clone(), self.visibility.roots.clone());
        self.tasks.spawn(async move {
            let finished = scope.context.stop.unless_stopped(finish_tenant(&scope, &roots));
            Ended::Finish(guarded(finished).await.and_then(|finished| finished.unwrap_or(Ok(()))))
        });
        let finished = loop {
            match self.next_happening().await {
                Happening::Ended(Ended::Finish(finished)) => break finished,
                happening => self.handle(happening).await?,
            }
        };
        if let Err(failure) = finished {
            tracing::warn!(
                tenant = self.scope.task.name,
                error = failure.error,
                "a tenant could not be finished"
            );
            self.note_unchecked(&failure);
        }
        Ok(())
    }

    async fn record_end(mut self) -> Result<TenantOutcome, ArchiveError> {
        let TenantScope { context, task, row, .. } = self.scope;
        if task.reactions == ReactionMode::Users {
            self.record.reactions_pending = context.read(move |reader| reader.reactions_pending(row)).await?;
        }
        let selection = &task.selection;
        let channels = selection.channels.clone();
        let findings = context.writer.run(move |tx| findings::findings(tx, row, &channels)).await?;
        let signalled = context.stop.wanted() == Some(Stop::Signal);
        let (is_whole, fingerprint) = (selection.is_whole(), selection.fingerprint(task.platform.spec()));
        self.record.finish(&context, signalled, is_whole, fingerprint, &findings).await?;
        Ok(self.record.outcome())
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
