//! A run: every tenant prepared, every channel read, every end recorded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::channel::{ChannelOutcome, ChannelTask, Failure};
use super::closing::close_tenant;
use super::closings::Closings;
use super::context::{Context, Outcome, Stop, TenantTask};
use super::estimate::Part;
use super::indexing;
use super::job::JobRecord;
use super::open::Open;
use super::reading::read_channel;
use super::schedule::Schedule;
use super::tenant::{Prepared, Stage, prepare, prepare_archived, prepare_named};
use super::watch::look_again;
use crate::archive::{ArchiveError, Reader, findings, indexes, jobs, named_threads};
use crate::model::{Cause, ChannelId, Job, JobError, JobKind, ProgressStatus, ReactionMode};
use crate::monitor::Event;

/// How often a running job's row is brought up to date.
const RECORD_INTERVAL: Duration = Duration::from_secs(1);

/// Carries out a run under the lock. Every tenant gets a job `{run_id}-{n}`.
///
/// # Errors
/// When the archive can't be used; what was committed stays.
pub async fn run(
    context: Arc<Context>,
    run_id: &str,
    tenants: Vec<TenantTask>,
) -> Result<Outcome, ArchiveError> {
    let now = context.clock.now();
    context.writer.run(move |tx| jobs::interrupt_abandoned(tx, now)).await?;
    context.writer.run(|tx| indexes::put_off(tx)).await?;
    let mut records = Vec::new();
    for (index, tenant) in tenants.iter().enumerate() {
        let kind = if tenant.selection.full { JobKind::Full } else { JobKind::Incremental };
        records.push(JobRecord::create(&context, tenant, run_id, Job::id_of(run_id, index), kind).await?);
    }
    let mut run = Run {
        schedule: Schedule::new(context.settings.channel_batch_size),
        free_slots: (0..context.settings.open_channels()).collect(),
        preparing: JoinSet::new(),
        prepared_of: HashMap::new(),
        reading: JoinSet::new(),
        reading_of: HashMap::new(),
        watching: JoinSet::new(),
        watching_of: HashMap::new(),
        closing: JoinSet::new(),
        closing_of: HashMap::new(),
        scopes: records.iter().map(|_| Scope::default()).collect(),
        fatal: None,
        tenants: Arc::new(tenants),
        records,
        context,
    };
    run.prepare_all();
    run.work().await?;
    run.finish().await
}

/// A stage of preparing, and what the next one goes on with.
type Staged = Result<(Prepared, Stage), Failure>;

/// What a tenant's channels are watched for.
#[derive(Debug, Default)]
struct Scope {
    /// Channels that can be read, threads apart.
    roots: HashSet<ChannelId>,
    closings: Arc<Closings>,
    looked: Option<Instant>,
    /// Whether a channel was refused since: what is true of one may be true of
    /// many.
    is_doubted: bool,
    /// Whether archived threads were listed.
    was_completed: bool,
    /// What preparing has come to, for the threads that messages name.
    stage: Option<Stage>,
    /// Whether what comes after reading was done.
    is_closed: bool,
}

struct Run {
    context: Arc<Context>,
    tenants: Arc<Vec<TenantTask>>,
    records: Vec<JobRecord>,
    schedule: Schedule<ChannelTask>,
    free_slots: BTreeSet<usize>,
    preparing: JoinSet<Staged>,
    prepared_of: HashMap<Id, usize>,
    reading: JoinSet<ChannelOutcome>,
    reading_of: HashMap<Id, Open>,
    watching: JoinSet<Result<(), Failure>>,
    watching_of: HashMap<Id, usize>,
    closing: JoinSet<Result<(), Failure>>,
    closing_of: HashMap<Id, usize>,
    scopes: Vec<Scope>,
    fatal: Option<Cause>,
}

impl Run {
    fn prepare_all(&mut self) {
        for (index, record) in self.records.iter().enumerate() {
            let (context, tenants) = (Arc::clone(&self.context), Arc::clone(&self.tenants));
            let (row, job_id, meter) = (record.tenant, Arc::clone(&record.job_id), Arc::clone(&record.meter));
            let closings = Arc::clone(&self.scopes[index].closings);
            let handle = self.preparing.spawn(async move {
                let prepared = prepare(&context, &tenants[index], row, job_id, closings, &meter);
                let prepared = context.unless_stopped(prepared).await;
                prepared.unwrap_or_else(|stop| Err(stopped(stop, "the channels were known")))
            });
            self.prepared_of.insert(handle.id(), index);
        }
    }

    fn prepare_rest(&mut self, tenant: usize, stage: Stage) {
        let (context, tenants) = (Arc::clone(&self.context), Arc::clone(&self.tenants));
        let meter = Arc::clone(&self.records[tenant].meter);
        let handle = self.preparing.spawn(async move {
            let prepared = prepare_archived(&context, &tenants[tenant], stage, &meter);
            let prepared = context.unless_stopped(prepared).await;
            prepared.unwrap_or_else(|stop| Err(stopped(stop, "all archived threads were listed")))
        });
        self.prepared_of.insert(handle.id(), tenant);
    }

    fn prepare_named(&mut self, tenant: usize, stage: Stage) {
        let (context, tenants) = (Arc::clone(&self.context), Arc::clone(&self.tenants));
        let meter = Arc::clone(&self.records[tenant].meter);
        let handle = self.preparing.spawn(async move {
            let prepared = prepare_named(&context, &tenants[tenant], stage, &meter);
            let prepared = context.unless_stopped(prepared).await;
            prepared.unwrap_or_else(|stop| Err(stopped(stop, "threads that messages name were looked for")))
        });
        self.prepared_of.insert(handle.id(), tenant);
    }

    async fn work(&mut self) -> Result<(), ArchiveError> {
        let mut tick = interval(RECORD_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(self.context.settings.visibility_interval / 4);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.open_channels();
            // Asked after opening: what was not opened is given up here.
            let stop = self.context.stop_wanted();
            if let Some(stop) = stop {
                self.give_up_waiting(stop).await?;
            }
            let is_reading = !self.preparing.is_empty() || !self.reading.is_empty();
            if !is_reading && self.watching.is_empty() && self.closing.is_empty() {
                return Ok(());
            }
            let context = Arc::clone(&self.context);
            tokio::select! {
                Some(ended) = self.preparing.join_next_with_id(), if !self.preparing.is_empty() => {
                    self.take_plan(ended).await?;
                }
                Some(ended) = self.reading.join_next_with_id(), if !self.reading.is_empty() => {
                    self.close_channel(ended).await?;
                }
                Some(ended) = self.closing.join_next_with_id(), if !self.closing.is_empty() => {
                    self.finish_closing(ended).await?;
                }
                Some(ended) = self.watching.join_next_with_id(), if !self.watching.is_empty() => {
                    self.finish_look(ended).await?;
                }
                _ = look.tick() => self.look_again(),
                // The next turn gives up what waits.
                _ = context.stopped(), if stop.is_none() => {}
                _ = tick.tick() => self.record_progress().await?,
            }
        }
    }

    fn open_channels(&mut self) {
        if self.context.stop_wanted().is_some() {
            return;
        }
        while let Some(slot) = self.free_slots.first().copied() {
            let (share, reading_of) = (self.share(), &self.reading_of);
            let next = self.schedule.next(|tenant| open_of(reading_of, tenant) < share);
            let Some((tenant, task)) = next else { return };
            self.free_slots.remove(&slot);
            let (context, meter) = (Arc::clone(&self.context), Arc::clone(&self.records[tenant].meter));
            let open = Open::new(tenant, slot, task);
            let (task, state) = (Arc::clone(&open.task), Arc::clone(&open.state));
            let read = async move { read_channel(&context, &task, &state, slot, meter).await };
            let handle = self.reading.spawn(read);
            self.reading_of.insert(handle.id(), open);
            self.records[tenant].opened(open_of(&self.reading_of, tenant));
        }
    }

    /// Channels that a tenant may have open: none waits until another's are read
    /// whole, also one whose channels aren't known yet.
    fn share(&self) -> usize {
        let reading = self.reading_of.values().map(|open| open.tenant);
        let preparing = self.prepared_of.values().copied();
        let busy: HashSet<usize> = reading.chain(preparing).chain(self.schedule.tenants()).collect();
        self.context.settings.open_channels().div_ceil(busy.len().max(1))
    }

    async fn take_plan(&mut self, ended: Result<(Id, Staged), JoinError>) -> Result<(), ArchiveError> {
        let (id, prepared) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Err(panicked(&error))),
        };
        let Some(tenant) = self.prepared_of.remove(&id) else { return Ok(()) };
        match prepared {
            Ok((prepared, stage)) => {
                self.records[tenant].planned(&prepared);
                let scope = &mut self.scopes[tenant];
                // The listing has just been looked at.
                scope.looked = Some(Instant::now());
                scope.roots.extend(&prepared.readable);
                self.schedule.add(tenant, prepared.tasks);
                if self.scopes[tenant].closings.has_lost_workspace() {
                    self.leave_rest(tenant);
                } else if stage.is_complete {
                    // Only once: threads have no threads.
                    let is_first = !std::mem::replace(&mut self.scopes[tenant].was_completed, true);
                    self.scopes[tenant].stage = is_first.then_some(stage);
                } else {
                    self.prepare_rest(tenant, stage);
                }
            }
            Err(_) if self.scopes[tenant].closings.has_lost_workspace() => {}
            Err(failure) => {
                self.note_fatal(&failure);
                self.records[tenant].failed(&failure, self.context.clock.now());
            }
        }
        self.finish_if_done(tenant).await
    }

    async fn close_channel(
        &mut self,
        ended: Result<(Id, ChannelOutcome), JoinError>,
    ) -> Result<(), ArchiveError> {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), self.after_panic(&error).await?),
        };
        let Some(open) = self.reading_of.remove(&id) else { return Ok(()) };
        self.free_slots.insert(open.slot);
        if let Some(failure) = &outcome.failure {
            self.note_fatal(failure);
            let scope = &mut self.scopes[open.tenant];
            let is_explained = scope.closings.of(open.task.plan.channel.root).is_some();
            let is_refusal = matches!(failure.cause, Cause::Forbidden | Cause::NotInWorkspace);
            if is_refusal && !is_explained {
                scope.is_doubted = true;
                self.look_again();
            }
        }
        let now = self.context.clock.now();
        self.records[open.tenant].closed(open.channel, outcome, open.part(), now);
        self.finish_if_done(open.tenant).await
    }

    /// Looks again at the channels of tenants that are being read, where that
    /// is due, or something was refused.
    fn look_again(&mut self) {
        let due = self.context.settings.visibility_interval;
        for (tenant, record) in self.records.iter().enumerate().filter(|(_, record)| record.is_running()) {
            let scope = &mut self.scopes[tenant];
            let is_looking = self.watching_of.values().any(|index| *index == tenant);
            let is_due = scope.is_doubted || scope.looked.is_some_and(|at| at.elapsed() >= due);
            if is_looking || !is_due || scope.closings.has_lost_workspace() {
                continue;
            }
            scope.is_doubted = false;
            let (context, tenants) = (Arc::clone(&self.context), Arc::clone(&self.tenants));
            let (row, meter) = (record.tenant, Arc::clone(&record.meter));
            let (roots, closings) = (scope.roots.clone(), Arc::clone(&scope.closings));
            let handle = self.watching.spawn(async move {
                let looked = look_again(&context, &tenants[tenant], row, &roots, &closings, meter.as_ref());
                context.unless_stopped(looked).await.unwrap_or(Ok(()))
            });
            self.watching_of.insert(handle.id(), tenant);
        }
    }

    /// A look that failed is due again at once.
    async fn finish_look(
        &mut self,
        ended: Result<(Id, Result<(), Failure>), JoinError>,
    ) -> Result<(), ArchiveError> {
        let (id, looked) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Err(panicked(&error))),
        };
        let Some(tenant) = self.watching_of.remove(&id) else { return Ok(()) };
        match looked {
            Ok(()) => self.scopes[tenant].looked = Some(Instant::now()),
            Err(failure) => self.note_unseen(tenant, &failure),
        }
        if self.scopes[tenant].is_doubted {
            self.look_again();
        }
        self.finish_if_done(tenant).await
    }

    /// What is public couldn't be looked at. When that lasts it isn't known any
    /// more, and nothing is read.
    fn note_unseen(&mut self, tenant: usize, failure: &Failure) {
        tracing::warn!(tenant = self.tenants[tenant].name, error = failure.error, "looking again failed");
        self.note_fatal(failure);
        let scope = &self.scopes[tenant];
        let holds = self.context.settings.visibility_holds;
        let is_unknown = scope.looked.is_some_and(|at| at.elapsed() >= holds);
        if failure.cause == Cause::NotInWorkspace || (is_unknown && !scope.closings.has_lost_workspace()) {
            scope.closings.lose_workspace();
            self.records[tenant].failed(failure, self.context.clock.now());
            self.leave_rest(tenant);
        }
    }

    /// Nothing of a tenant can be asked for any more; what is open ends by
    /// itself.
    fn leave_rest(&mut self, tenant: usize) {
        for _ in 0..self.schedule.remove(tenant) {
            self.records[tenant].left(Stop::Fatal);
        }
        self.scopes[tenant].is_closed = true;
    }

    fn close(&mut self, tenant: usize) {
        let (context, tenants) = (Arc::clone(&self.context), Arc::clone(&self.tenants));
        let record = &self.records[tenant];
        let (row, job_id, meter) = (record.tenant, Arc::clone(&record.job_id), Arc::clone(&record.meter));
        let (roots, closings) =
            (self.scopes[tenant].roots.clone(), Arc::clone(&self.scopes[tenant].closings));
        let handle = self.closing.spawn(async move {
            let closed = close_tenant(&context, &tenants[tenant], row, &job_id, &roots, &closings, &meter);
            context.unless_stopped(closed).await.unwrap_or(Ok(()))
        });
        self.closing_of.insert(handle.id(), tenant);
        self.scopes[tenant].is_closed = true;
    }

    async fn finish_closing(
        &mut self,
        ended: Result<(Id, Result<(), Failure>), JoinError>,
    ) -> Result<(), ArchiveError> {
        let (id, closed) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Err(panicked(&error))),
        };
        let Some(tenant) = self.closing_of.remove(&id) else { return Ok(()) };
        if let Err(failure) = closed {
            self.note_unseen(tenant, &failure);
        }
        self.finish_if_done(tenant).await
    }

    /// A panic of a channel's task is that channel's failure.
    async fn after_panic(&self, error: &JoinError) -> Result<ChannelOutcome, ArchiveError> {
        let failure = panicked(error);
        let open = self.reading_of.get(&error.id());
        if let Some(open) = open {
            let (row, job_id) = (open.task.row, Arc::clone(&open.task.scope.job_id));
            let (failed, now) = (failure.as_last_error(), self.context.clock.now());
            self.context.writer.run(move |tx| jobs::fail_channel(tx, &job_id, row, &failed, now)).await?;
            self.context.monitor.event(Event::ChannelFinished {
                job_id: open.task.scope.job_id.to_string(),
                channel: open.channel,
                status: ProgressStatus::Failed,
                messages: open.state.messages(),
                error: Some(failure.error.clone()),
            });
        }
        Ok(ChannelOutcome {
            status: ProgressStatus::Failed,
            failure: Some(failure),
            seconds: open.map_or(0.0, |open| open.since.elapsed().as_secs_f64()),
        })
    }

    fn note_fatal(&mut self, failure: &Failure) {
        if failure.ends_run && failure.cause != Cause::Interrupted {
            self.fatal.get_or_insert(failure.cause);
            self.context.end(Stop::Fatal);
        }
    }

    async fn give_up_waiting(&mut self, stop: Stop) -> Result<(), ArchiveError> {
        for (tenant, _) in self.schedule.drain() {
            self.records[tenant].left(stop);
        }
        for tenant in 0..self.records.len() {
            self.finish_if_done(tenant).await?;
        }
        Ok(())
    }

    async fn record_progress(&mut self) -> Result<(), ArchiveError> {
        for (tenant, record) in self.records.iter_mut().enumerate().filter(|(_, record)| record.is_running())
        {
            let open = self.reading_of.values().filter(|open| open.tenant == tenant);
            let parts: Vec<Part> = open.map(Open::part).collect();
            record.save(&self.context, &parts).await?;
        }
        Ok(())
    }

    async fn finish_if_done(&mut self, tenant: usize) -> Result<(), ArchiveError> {
        let mut busy =
            self.prepared_of.values().chain(self.watching_of.values()).chain(self.closing_of.values());
        let is_busy = busy.any(|index| *index == tenant);
        if is_busy || !self.records[tenant].is_running() || self.records[tenant].is_waiting() {
            return Ok(());
        }
        if !self.scopes[tenant].is_closed && self.context.stop_wanted().is_none() {
            match self.scopes[tenant].stage.take() {
                Some(stage) if self.has_named_threads(tenant).await? => self.prepare_named(tenant, stage),
                _ => self.close(tenant),
            }
            return Ok(());
        }
        let (row, selection) = (self.records[tenant].tenant, &self.tenants[tenant].selection);
        if self.tenants[tenant].reactions == ReactionMode::Users {
            let reader = Reader::open_beside_writer(&self.context.archive)?;
            self.records[tenant].reactions_pending = reader.reactions_pending(row)?;
        }
        let channels = selection.channels.clone();
        let findings = self.context.writer.run(move |tx| findings::findings(tx, row, &channels)).await?;
        let signalled = self.context.stop_wanted() == Some(Stop::Signal);
        let (is_whole, fingerprint) = (selection.is_whole(), selection.fingerprint());
        self.records[tenant].finish(&self.context, signalled, is_whole, fingerprint, &findings).await
    }

    async fn has_named_threads(&self, tenant: usize) -> Result<bool, ArchiveError> {
        let (row, all) = (self.records[tenant].tenant, self.tenants[tenant].selection.full);
        let now = self.context.clock.now();
        self.context.writer.run(move |tx| named_threads::exist(tx, row, all, now)).await
    }

    async fn finish(self) -> Result<Outcome, ArchiveError> {
        let before = self.context.clock.now().earlier(self.context.settings.job_retention);
        self.context.writer.run(move |tx| jobs::prune(tx, before)).await?;
        indexing::complete(&self.context).await?;
        Ok(Outcome {
            tenants: self.records.iter().map(JobRecord::outcome).collect(),
            stop: self.context.stop_wanted(),
            fatal: self.fatal,
        })
    }
}

fn open_of(reading_of: &HashMap<Id, Open>, tenant: usize) -> usize {
    reading_of.values().filter(|open| open.tenant == tenant).count()
}

fn stopped(stop: Stop, before: &str) -> Failure {
    let (cause, error) = match stop {
        Stop::OutOfTime => (Cause::OutOfTime, format!("the run's time was up before {before}")),
        Stop::Signal | Stop::Fatal => (Cause::Interrupted, format!("stopped before {before}")),
    };
    Failure { cause, ends_run: false, is_own: false, error }
}

fn panicked(_: &JoinError) -> Failure {
    Failure {
        cause: Cause::Internal,
        ends_run: false,
        is_own: true,
        error: "verta-sync failed unexpectedly (please report this)".to_owned(),
    }
}

/// An error of one channel or of the tenant as a whole.
pub(super) fn job_error(
    channel_id: Option<ChannelId>,
    failure: &Failure,
    at: crate::model::Timestamp,
) -> JobError {
    JobError { channel_id, cause: failure.cause, error: failure.error.clone(), at }
}
