//! One tenant's job, from preparing the tenant to recording its outcome. Owns the
//! tenant's tasks; reads nothing itself.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::catch_panic::catch_panic;
use super::channel::{ChannelOutcome, ChannelTask};
use super::context::{Context, TenantOutcome, TenantTask};
use super::estimate::ReadProgress;
use super::failure::Failure;
use super::finish::{confirm_candidates, has_deletion_candidates, read_pending_reactors};
use super::job::JobRecord;
use super::open_channel::OpenChannel;
use super::prepare::{Preparation, PreparedChannels, prepare, prepare_archived, prepare_named};
use super::reading::read_channel;
use super::revoked::RevokedChannels;
use super::slots::{Grant, TenantSlots};
use super::stop::StopReason;
use super::tenant_scope::TenantScope;
use super::visibility::recheck_visibility;
use crate::archive::{ArchiveError, findings, jobs, named_threads};
use crate::model::{Cause, ChannelId, ProgressStatus, ReactionMode};
use crate::monitor::Event;

/// Interval between updates of a running job's row.
const RECORD_INTERVAL: Duration = Duration::from_secs(1);

/// A tenant's job while it runs.
pub(super) struct TenantRun {
    scope: TenantScope,
    record: JobRecord,
    slots: TenantSlots<ChannelTask>,
    /// Channels being read, by slot number.
    open: HashMap<usize, OpenChannel>,
    tasks: JoinSet<TaskResult>,
    visibility: Visibility,
    /// Whether the stop signal was handled: the pending channels were dropped.
    has_handled_stop: bool,
    /// Whether the tenant was given up: nothing more of it is requested.
    is_given_up: bool,
    record_tick: Interval,
    visibility_tick: Interval,
}

/// State of the visibility re-checks of a tenant's channels.
#[derive(Default)]
struct Visibility {
    /// Readable channels, without threads.
    roots: HashSet<ChannelId>,
    checked_at: Option<Instant>,
    /// Whether a channel was refused since the last re-check began: others may have been
    /// revoked as well.
    needs_recheck: bool,
    is_recheck_running: bool,
}

/// The result of one of the tenant's tasks.
enum TaskResult {
    Channel { slot: usize, outcome: Result<ChannelOutcome, Failure> },
    Recheck(Result<(), Failure>),
    Prepare(Box<Result<(PreparedChannels, Preparation), Failure>>),
    Finish(Result<(), Failure>),
}

/// An event that the tenant's loop handles.
enum TenantEvent {
    Granted(Box<Grant<ChannelTask>>),
    TaskFinished(TaskResult),
    RecheckTick,
    RecordTick,
    Stopped(StopReason),
}

impl TenantRun {
    /// Creates the job's state; nothing runs before [`Self::run`].
    pub fn new(
        context: Arc<Context>,
        task: TenantTask,
        record: JobRecord,
        slots: TenantSlots<ChannelTask>,
    ) -> Self {
        let visibility_tick = every(context.settings.visibility_interval / 4);
        let scope = TenantScope {
            context,
            task: Arc::new(task),
            row: record.tenant,
            job_id: Arc::clone(&record.job_id),
            meter: Arc::clone(&record.meter),
            backlog: record.backlog(),
            revoked: Arc::<RevokedChannels>::default(),
        };
        Self {
            scope,
            record,
            slots,
            open: HashMap::new(),
            tasks: JoinSet::new(),
            visibility: Visibility::default(),
            has_handled_stop: false,
            is_given_up: false,
            record_tick: every(RECORD_INTERVAL),
            visibility_tick,
        }
    }

    /// Prepares the tenant, reads its channels, confirms its deletions, reads its
    /// reactors and records the outcome. The tenant's own failures and panics are part of
    /// the outcome.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if the archive can't be used.
    pub async fn run(mut self) -> Result<TenantOutcome, ArchiveError> {
        match catch_panic(self.run_stages()).await {
            Ok(finished) => finished?,
            Err(panicked) => {
                self.record.tenant_failed(&panicked, self.scope.context.clock.now());
                self.give_up();
                // Open channels finish on their own.
                catch_panic(self.read_channels()).await.unwrap_or(Ok(()))?;
            }
        }
        self.record_outcome().await
    }

    async fn run_stages(&mut self) -> Result<(), ArchiveError> {
        let TenantScope { context, task, row, .. } = &self.scope;
        if task.reactions == ReactionMode::Users && task.selection.channels.is_empty() {
            let row = *row;
            let left = context.read(move |reader| reader.pending_reactor_lists(row)).await?;
            self.record.reactors_left_before(left);
        }
        let preparation = self.prepare().await?;
        self.read_channels().await?;
        // A run that has stopped doesn't begin the last stages, but what they would have
        // done is recorded as missing.
        if let Some(preparation) = preparation
            && !self.is_given_up
            && self.has_named_threads().await?
        {
            self.slots.set_preparing(true);
            self.run_stage(prepare_named(preparation), "the threads named in messages were looked up")
                .await?;
            self.slots.set_preparing(false);
            self.read_channels().await?;
        }
        if !self.is_given_up {
            let is_finished =
                self.confirm_deletions().await? && self.may_continue() && self.read_reactors().await?;
            self.record.set_finished(is_finished);
        }
        self.read_channels().await
    }

    /// Finds the channels to read. Reading begins with those the first stage finds.
    /// Returns the state after the last stage; `None` if a stage failed.
    async fn prepare(&mut self) -> Result<Option<Preparation>, ArchiveError> {
        let first = self.run_stage(prepare(self.scope.clone()), "the channels were listed").await?;
        let preparation = match first {
            Some(preparation) if !preparation.is_complete => {
                self.run_stage(prepare_archived(preparation), "all archived threads were listed").await?
            }
            preparation => preparation,
        };
        if let Some(preparation) = &preparation {
            self.record.threads_found(preparation.began_at);
        }
        self.slots.set_preparing(false);
        Ok(preparation)
    }

    /// Runs a stage of preparation and queues the channels it found. `None` if it failed
    /// or the tenant was given up. `before` completes the error "stopped before …".
    async fn run_stage(
        &mut self,
        stage: impl Future<Output = Result<(PreparedChannels, Preparation), Failure>> + Send + 'static,
        before: &'static str,
    ) -> Result<Option<Preparation>, ArchiveError> {
        let signal = self.scope.context.stop.clone();
        // A separate task, so that it continues while this one awaits the writer thread.
        self.tasks.spawn(async move {
            let prepared = catch_panic(signal.unless_stopped(stage)).await;
            let stopped = |stop| Err(Failure::stopped(stop, before));
            let prepared = prepared.and_then(|prepared| prepared.unwrap_or_else(stopped));
            TaskResult::Prepare(Box::new(prepared))
        });
        let prepared = loop {
            match self.next_event().await {
                TenantEvent::TaskFinished(TaskResult::Prepare(prepared)) => break *prepared,
                event => self.handle(event).await?,
            }
        };
        match prepared {
            Ok((prepared, preparation)) => {
                self.record.channels_planned(&prepared);
                // The stage listed the channels: that counts as a re-check.
                self.visibility.checked_at = Some(Instant::now());
                self.visibility.roots.extend(&prepared.readable);
                self.slots.add(prepared.tasks);
                if self.scope.revoked.is_workspace_revoked() {
                    self.give_up();
                    return Ok(None);
                }
                if let Some(stop) = self.scope.context.stop.reason() {
                    self.drop_pending(stop);
                }
                Ok(Some(preparation))
            }
            // Already recorded when the workspace was lost.
            Err(_) if self.scope.revoked.is_workspace_revoked() => Ok(None),
            Err(failure) => {
                self.stop_run_if_fatal(&failure);
                self.record.tenant_failed(&failure, self.scope.context.clock.now());
                Ok(None)
            }
        }
    }

    /// Handles events until no channel is pending or open and no re-check is running.
    async fn read_channels(&mut self) -> Result<(), ArchiveError> {
        while self.slots.pending() > 0 || !self.open.is_empty() || self.visibility.is_recheck_running {
            let event = self.next_event().await;
            self.handle(event).await?;
        }
        Ok(())
    }

    async fn next_event(&mut self) -> TenantEvent {
        tokio::select! {
            Some(result) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                // A join error is impossible: tasks catch panics and are never aborted.
                TenantEvent::TaskFinished(result.unwrap_or_else(|_| TaskResult::Recheck(Err(Failure::panicked()))))
            }
            grant = self.slots.next() => TenantEvent::Granted(Box::new(grant)),
            _ = self.visibility_tick.tick() => TenantEvent::RecheckTick,
            stop = self.scope.context.stop.wait(), if !self.has_handled_stop => TenantEvent::Stopped(stop),
            _ = self.record_tick.tick() => TenantEvent::RecordTick,
        }
    }

    async fn handle(&mut self, event: TenantEvent) -> Result<(), ArchiveError> {
        match event {
            TenantEvent::Granted(grant) => self.open_channel(*grant),
            TenantEvent::TaskFinished(TaskResult::Channel { slot, outcome }) => {
                self.finish_channel(slot, outcome).await?;
            }
            TenantEvent::TaskFinished(TaskResult::Recheck(result)) => self.finish_recheck(result),
            // Received by `run_stage` and `run_last_stage`, which spawn them.
            TenantEvent::TaskFinished(TaskResult::Prepare(_) | TaskResult::Finish(_)) => {}
            TenantEvent::RecheckTick => self.recheck_if_due(),
            TenantEvent::RecordTick => {
                let open: Vec<ReadProgress> = self.open.values().map(OpenChannel::progress).collect();
                self.record.save(&self.scope.context, &open).await?;
            }
            TenantEvent::Stopped(stop) => {
                self.has_handled_stop = true;
                self.drop_pending(stop);
            }
        }
        Ok(())
    }

    fn open_channel(&mut self, grant: Grant<ChannelTask>) {
        if let Some(stop) = self.scope.context.stop.reason() {
            self.record.channel_not_read(stop);
            return;
        }
        let open = OpenChannel::new(grant);
        let (task, state) = (Arc::clone(&open.task), Arc::clone(&open.state));
        let (context, meter) = (Arc::clone(&self.scope.context), Arc::clone(&self.scope.meter));
        let slot = open.slot.number();
        self.tasks.spawn(async move {
            let outcome = catch_panic(read_channel(&context, &task, &state, slot, meter)).await;
            TaskResult::Channel { slot, outcome }
        });
        self.open.insert(slot, open);
        self.record.channel_opened(self.open.len());
    }

    async fn finish_channel(
        &mut self,
        slot: usize,
        outcome: Result<ChannelOutcome, Failure>,
    ) -> Result<(), ArchiveError> {
        let Some(open) = self.open.remove(&slot) else { return Ok(()) };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(failure) => self.record_panic(&open, failure).await?,
        };
        if let Some(failure) = &outcome.failure {
            self.stop_run_if_fatal(failure);
            let is_explained = self.scope.revoked.of(open.task.plan.channel.root).is_some();
            let is_refusal = matches!(failure.cause, Cause::Forbidden | Cause::NotInWorkspace);
            if is_refusal && !is_explained {
                self.visibility.needs_recheck = true;
                self.recheck_if_due();
            }
        }
        self.record.channel_finished(open.id(), outcome, open.progress(), self.scope.context.clock.now());
        Ok(())
    }

    /// Records a panic of a channel's task as that channel's failure.
    async fn record_panic(
        &self,
        open: &OpenChannel,
        failure: Failure,
    ) -> Result<ChannelOutcome, ArchiveError> {
        let context = &self.scope.context;
        let (row, job_id) = (open.task.row, Arc::clone(&self.scope.job_id));
        let (failed, now) = (failure.as_last_error(), context.clock.now());
        context.writer.run(move |tx| jobs::record_channel_failure(tx, &job_id, row, &failed, now)).await?;
        context.monitor.event(Event::ChannelFinished {
            channel: open.task.in_run(),
            status: ProgressStatus::Failed,
            messages: open.state.messages(),
            error: Some(failure.error.clone()),
        });
        let seconds = open.since.elapsed().as_secs_f64();
        Ok(ChannelOutcome { status: ProgressStatus::Failed, failure: Some(failure), seconds })
    }

    /// Starts a visibility re-check if the interval has passed or a channel was refused,
    /// unless one is running.
    fn recheck_if_due(&mut self) {
        let due = self.scope.context.settings.visibility_interval;
        let visibility = &mut self.visibility;
        let is_due = visibility.needs_recheck || visibility.checked_at.is_some_and(|at| at.elapsed() >= due);
        if visibility.is_recheck_running || !is_due || self.scope.revoked.is_workspace_revoked() {
            return;
        }
        visibility.needs_recheck = false;
        visibility.is_recheck_running = true;
        let (scope, roots) = (self.scope.clone(), visibility.roots.clone());
        self.tasks.spawn(async move {
            let result = scope.context.stop.unless_stopped(recheck_visibility(&scope, &roots));
            TaskResult::Recheck(catch_panic(result).await.and_then(|result| result.unwrap_or(Ok(()))))
        });
    }

    /// Handles the result of a re-check. A failed one is due again at the next tick.
    fn finish_recheck(&mut self, result: Result<(), Failure>) {
        self.visibility.is_recheck_running = false;
        match result {
            Ok(()) => self.visibility.checked_at = Some(Instant::now()),
            Err(failure) => {
                tracing::warn!(
                    tenant = self.scope.task.name,
                    error = failure.error,
                    "cannot re-check visibility"
                );
                self.note_recheck_failure(&failure);
            }
        }
        if self.visibility.needs_recheck {
            self.recheck_if_due();
        }
    }

    /// Handles a failed re-check, also while the tenant is finished. Gives the tenant up
    /// if the bot was removed from the workspace, or if the last successful re-check is
    /// too old to rely on.
    fn note_recheck_failure(&mut self, failure: &Failure) {
        self.stop_run_if_fatal(failure);
        let grace_period = self.scope.context.settings.visibility_grace_period;
        let is_unknown = self.visibility.checked_at.is_some_and(|at| at.elapsed() >= grace_period);
        let is_lost = self.scope.revoked.is_workspace_revoked();
        if failure.cause == Cause::NotInWorkspace || (is_unknown && !is_lost) {
            self.scope.revoked.revoke_workspace();
            self.record.tenant_failed(failure, self.scope.context.clock.now());
            self.give_up();
        }
    }

    /// Gives the tenant up: nothing more of it is requested. Open channels finish on
    /// their own.
    fn give_up(&mut self) {
        self.drop_pending(StopReason::Fatal);
        self.is_given_up = true;
    }

    fn drop_pending(&mut self, stop: StopReason) {
        for _ in 0..self.slots.discard_pending() {
            self.record.channel_not_read(stop);
        }
    }

    fn stop_run_if_fatal(&self, failure: &Failure) {
        if failure.ends_run && failure.cause != Cause::Interrupted {
            self.scope.context.stop.fail(failure.cause);
        }
    }

    fn may_continue(&self) -> bool {
        !self.is_given_up && self.scope.context.stop.reason().is_none()
    }

    async fn has_named_threads(&self) -> Result<bool, ArchiveError> {
        let TenantScope { context, task, row, .. } = &self.scope;
        let (row, all, now) = (*row, task.selection.full, context.clock.now());
        context.writer.run(move |tx| named_threads::any_pending(tx, row, all, now)).await
    }

    /// Confirms deletions. Candidates that are left keep the job from being completed.
    /// Returns false if the confirmation failed or the run stopped first.
    async fn confirm_deletions(&mut self) -> Result<bool, ArchiveError> {
        if !has_deletion_candidates(&self.scope, &self.visibility.roots).await? {
            return Ok(true);
        }
        let (scope, roots) = (self.scope.clone(), self.visibility.roots.clone());
        let confirmed = self.run_last_stage(async move { confirm_candidates(&scope, &roots).await }).await?;
        let is_confirmed = confirmed.is_ok();
        if has_deletion_candidates(&self.scope, &self.visibility.roots).await? {
            let failure = confirmed.err().unwrap_or_else(|| {
                let detail = "the API's listing does not show that their channel is readable";
                Failure::contradicted("deleted messages".to_owned(), detail)
            });
            self.record.deletions_unconfirmed(&failure, self.scope.context.clock.now());
        }
        Ok(is_confirmed)
    }

    /// Reads reactors. Returns false if the run stopped first.
    async fn read_reactors(&mut self) -> Result<bool, ArchiveError> {
        let (scope, roots) = (self.scope.clone(), self.visibility.roots.clone());
        let read = self.run_last_stage(async move { read_pending_reactors(&scope, &roots).await }).await;
        Ok(!read?.is_err_and(|failure| failure.is_early_end()))
    }

    /// Runs a stage that follows the reading of channels. Returns its result.
    async fn run_last_stage(
        &mut self,
        stage: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) -> Result<Result<(), Failure>, ArchiveError> {
        self.tasks.spawn(async move { TaskResult::Finish(catch_panic(stage).await.flatten()) });
        let finished = loop {
            match self.next_event().await {
                TenantEvent::TaskFinished(TaskResult::Finish(finished)) => break finished,
                event => self.handle(event).await?,
            }
        };
        if let Err(failure) = &finished
            && !failure.is_early_end()
        {
            tracing::warn!(tenant = self.scope.task.name, error = failure.error, "cannot finish a tenant");
            self.note_recheck_failure(failure);
        }
        Ok(finished)
    }

    async fn record_outcome(mut self) -> Result<TenantOutcome, ArchiveError> {
        let TenantScope { context, task, row, .. } = self.scope;
        if task.reactions == ReactionMode::Users {
            self.record.pending_reactor_lists =
                context.read(move |reader| reader.pending_reactor_lists(row)).await?;
        }
        let selection = &task.selection;
        let channels = selection.channels.clone();
        let findings = context.writer.run(move |tx| findings::findings(tx, row, &channels)).await?;
        let signalled = context.stop.reason() == Some(StopReason::Signal);
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
