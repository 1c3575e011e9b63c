//! One tenant's way from its workspace to a plan, and its records.

mod store;

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use self::store::store_facts;
use super::channel::{ChannelTask, TaskScope};
use super::failure::Failure;
use super::tenant_scope::TenantScope;
use super::visibility::confirm_deletions;
use crate::anonymize::Scrubber;
use crate::archive::{exclusions, jobs, named_threads, progress, tenants};
use crate::config::ChannelSelector;
use crate::model::{Cause, Channel, ChannelId, ConfirmedRights, JobError, KnownChannels, TenantStatus};
use crate::monitor::Event;
use crate::plan::{
    Asked, Exclusions, Facts, Plan, Selection, build, discover, discover_archived, find_named, unmatched,
};
use crate::platform::{CLOCK_TOLERANCE, PlatformError};

/// A tenant whose channels are known and stored.
pub(super) struct Prepared {
    /// What is to be read.
    pub tasks: Vec<ChannelTask>,
    /// Channels that are public and can be read, threads apart.
    pub readable: HashSet<ChannelId>,
    /// Channels in which nothing can have changed.
    pub skipped: u64,
    /// Public channels that the bot lacks the rights for.
    pub unreadable: u64,
    /// What failed on the way, channel by channel.
    pub errors: Vec<JobError>,
    /// Why listings of archived threads, by parent, are incomplete.
    pub listing_errors: Vec<JobError>,
    /// Channels asked for by ID that the workspace doesn't have.
    pub unknown: Vec<ChannelId>,
}

/// What is known of a tenant between the stages of preparing it.
pub(super) struct Stage {
    scope: TenantScope,
    full_job_id: Arc<str>,
    selection: Selection,
    known: KnownChannels,
    facts: Facts,
    /// Channels and threads that are stored and planned.
    seen: HashSet<ChannelId>,
    /// Whether archived threads were listed.
    pub is_complete: bool,
}

/// The first stage: finds the channels and active threads, stores them, and
/// plans them, so that reading can begin while the second stage goes on. Nothing
/// is planned before each name in `exclude_channels` has resolved.
pub(super) async fn prepare(scope: TenantScope) -> Result<(Prepared, Stage), Failure> {
    let TenantScope { context, task, row, job_id, .. } = &scope;
    let row = *row;
    let begin = (Arc::clone(job_id), context.clock.now());
    let newest = scope.adapter().id_before(context.clock.latest().later(CLOCK_TOLERANCE));
    let taken_back = context
        .writer
        .run(move |tx| {
            jobs::start(tx, &begin.0, begin.1)?;
            tenants::set_status(tx, row, TenantStatus::Syncing, begin.1)?;
            newest.map_or(Ok(0), |newest| progress::take_back_future(tx, row, newest, begin.1))
        })
        .await?;
    if taken_back > 0 {
        tracing::warn!(
            channels = taken_back,
            "checkpoints in the future, by the server's clock and this machine's: these channels are read again"
        );
    }
    let mut selection = task.selection.clone();
    if selection.full && selection.is_whole() {
        let job_id = Arc::clone(job_id);
        let full_job_id = context.writer.run(move |tx| tenants::begin_full(tx, row, &job_id)).await?;
        selection.full_job_id = Some(full_job_id);
    }
    let (platform, workspace) = (task.platform.spec(), task.workspace);
    let known = context.read(move |reader| reader.known_channels(platform.name, workspace)).await?;
    let asked_at = context.clock.now();
    let facts = discover(scope.adapter(), workspace, &scope.monitor()).await?;
    confirm_deletions(context, row, ConfirmedRights::from_listing(&facts.channels, asked_at)).await?;
    let full_job_id = selection.full_job_id.as_deref().unwrap_or(job_id).into();
    let seen = HashSet::new();
    let mut stage = Stage { scope, full_job_id, selection, known, facts, seen, is_complete: false };
    stage.resolve_exclusions().await?;
    let mut prepared = stage.store_and_plan(&HashSet::new()).await?;
    if stage.is_complete {
        stage.warn_of_unmatched();
    } else {
        // What is archived is found later: nothing is unknown yet.
        prepared.unknown.clear();
    }
    Ok((prepared, stage))
}

/// The second stage: archived threads, and what became of channels that are
/// gone.
pub(super) async fn prepare_archived(mut stage: Stage) -> Result<(Prepared, Stage), Failure> {
    let first: HashSet<ChannelId> = stage.facts.channels.iter().map(|channel| channel.id).collect();
    stage.list_archived().await?;
    stage.warn_of_unmatched();
    let prepared = stage.store_and_plan(&first).await?;
    Ok((prepared, stage))
}

/// The last stage, once all messages were read: threads that messages name and no
/// listing does.
pub(super) async fn prepare_named(mut stage: Stage) -> Result<(Prepared, Stage), Failure> {
    let before = std::mem::take(&mut stage.seen);
    let TenantScope { context, row, meter, .. } = stage.scope.clone();
    let (all, now) = (stage.selection.full, context.clock.now());
    let mut named = context.read(move |reader| reader.named_threads(row, all, now)).await?;
    named.retain(|(thread, _)| !before.contains(thread));
    let adapter = Arc::clone(stage.scope.adapter());
    let Asked { answered, failed } =
        find_named(adapter.as_ref(), &mut stage.facts, &stage.selection, &named, meter.as_ref()).await?;
    let prepared = stage.store_and_plan(&before).await?;
    context.writer.run(move |tx| named_threads::settle(tx, row, &answered, &failed, now)).await?;
    Ok((prepared, stage))
}

/// Why nothing is read of a tenant whose `exclude_channels` holds this name.
pub fn unresolved_exclusion(name: &str, facts: &Facts, scrubber: Scrubber) -> String {
    let entry = [ChannelSelector::Name(name.to_owned())];
    let unmatched = unmatched(scrubber.platform(), &[], &entry, &named(facts), |text| scrubber.sayable(text));
    let told = unmatched.first().map(|entry| format!("{} ({})", entry.problem(), entry.remedy()));
    format!("{}: nothing is read", scrubber.sayable(&told.unwrap_or_default()))
}

fn named(facts: &Facts) -> Vec<(ChannelId, &str)> {
    let channels = facts.channels.iter().chain(&facts.remembered);
    channels.map(|channel| (channel.id, channel.name.as_str())).collect()
}

fn readable(facts: &Facts) -> HashSet<ChannelId> {
    let is_readable = |channel: &&Channel| !channel.kind.is_thread() && channel.visibility.is_readable();
    facts.channels.iter().filter(is_readable).map(|channel| channel.id).collect()
}

impl Stage {
    async fn list_archived(&mut self) -> Result<(), Failure> {
        let (full, now) = (self.selection.full, self.scope.context.clock.now());
        let (adapter, monitor) = (Arc::clone(self.scope.adapter()), self.scope.monitor());
        discover_archived(&adapter, &mut self.facts, &self.known, full, now, &monitor).await?;
        self.is_complete = true;
        Ok(())
    }

    /// Resolves the names of `exclude_channels`, and remembers to what: privacy
    /// depends on them. A name that was never resolved ends the tenant before
    /// anything is read, since it may be misspelt.
    async fn resolve_exclusions(&mut self) -> Result<(), Failure> {
        let names: Vec<String> = self.selection.excluded_names().map(str::to_owned).collect();
        if names.is_empty() {
            return Ok(());
        }
        let TenantScope { context, task, row, .. } = self.scope.clone();
        let remembered = context.read(move |reader| reader.exclusions(row, &names)).await?;
        if !self.exclusions(&remembered).unresolved.is_empty() {
            // It may be an archived thread's.
            self.list_archived().await?;
        }
        let Exclusions { found, unresolved, gone } = self.exclusions(&remembered);
        if let Some(name) = unresolved.first() {
            let error = unresolved_exclusion(name, &self.facts, task.platform.scrubber());
            return Err(Failure::of(Cause::Configuration, error));
        }
        for name in gone {
            let warning = format!(
                "{}: no channel has the name {:?} of exclude_channels any more; what it named stays excluded",
                task.name,
                task.platform.scrubber().sayable(&name)
            );
            context.monitor.event(Event::Warning(warning));
        }
        self.selection.excluded = remembered.into_values().flatten().collect();
        let now = context.clock.now();
        context
            .writer
            .run(move |tx| {
                found
                    .iter()
                    .try_for_each(|(name, channel)| exclusions::remember(tx, row, name, *channel, now))
            })
            .await?;
        Ok(())
    }

    fn exclusions(&self, remembered: &HashMap<String, Vec<ChannelId>>) -> Exclusions {
        Exclusions::of(&self.selection, &self.facts, &self.known, remembered)
    }

    /// Stores and plans all channels but those of the stage before.
    async fn store_and_plan(&mut self, before: &HashSet<ChannelId>) -> Result<Prepared, Failure> {
        let scope = self.scope.clone();
        let TenantScope { context, task, row, job_id, .. } = &scope;
        let context = context.as_ref();
        let adapter = Arc::clone(self.scope.adapter());
        let mut plan =
            build(adapter.as_ref(), &self.facts, &self.known, &self.selection, context.clock.now());
        plan.reads.retain(|read| !before.contains(&read.channel.id));
        plan.skipped.retain(|channel| !before.contains(channel));
        plan.dead_letters.retain(|(channel, _)| !before.contains(channel));
        plan.left_out.retain(|left_out| !before.contains(&left_out.channel));
        plan.unknown.retain(|channel| !before.contains(channel));
        let mut rows = store_facts(&self.scope, &self.facts, before, &plan, self.is_complete).await?;
        // Each is told by the stage that found it.
        let (listings, unsettled) =
            (std::mem::take(&mut self.facts.listings), std::mem::take(&mut self.facts.unsettled));
        let listing_errors = listings
            .iter()
            .filter_map(|listing| Some(unanswered(&scope, listing.parent, listing.error.as_ref()?)))
            .collect();
        let errors = refused(&scope, &plan)
            .into_iter()
            .chain(broken(&scope, &plan))
            .chain(unsettled.iter().map(|(channel, error)| unanswered(&scope, *channel, error)))
            .chain(self.unlisted())
            .collect();
        context.monitor.event(Event::Planned {
            job_id: job_id.to_string(),
            channels: plan.reads.len(),
            skipped: plan.skipped.len(),
            unreadable: unreadable(&plan),
        });
        let (skipped, unreadable) = (plan.skipped.len() as u64, unreadable(&plan) as u64);
        let readable = readable(&self.facts);
        if self.is_complete {
            self.forget_threads();
        }
        let scope = Arc::new(TaskScope {
            job_id: Arc::clone(job_id),
            full_job_id: Arc::clone(&self.full_job_id),
            tenant: *row,
            workspace: task.workspace,
            reactions: task.reactions,
            refresh_window: task.selection.refresh_window,
            since: task.selection.since,
            platform: Arc::clone(&task.platform),
            revoked: Arc::clone(&self.scope.revoked),
        });
        let tasks = plan.reads.into_iter().filter_map(|read| {
            let (row, name) = rows.remove(&read.channel.id)?;
            Some(ChannelTask { scope: Arc::clone(&scope), row, name, plan: read })
        });
        Ok(Prepared {
            tasks: tasks.collect(),
            readable,
            skipped,
            unreadable,
            errors,
            listing_errors,
            unknown: plan.unknown,
        })
    }

    /// Keeps of threads, once they are stored and planned, only that they are known:
    /// there may be very many.
    fn forget_threads(&mut self) {
        let channels = self.facts.channels.iter().chain(&self.facts.remembered);
        self.seen.extend(channels.map(|channel| channel.id));
        self.facts.channels.retain(|channel| !channel.kind.is_thread());
        self.facts.channels.shrink_to_fit();
        self.facts.remembered = Vec::new();
        self.known.retain(|channel, _| !self.seen.contains(channel));
        self.known.shrink_to_fit();
    }

    /// Tells of entries of `include_channels` that match no channel: those of the
    /// other list were looked for before.
    fn warn_of_unmatched(&self) {
        let scrubber = self.scope.task.platform.scrubber();
        let sayable = |text: &str| scrubber.sayable(text);
        for entry in
            unmatched(scrubber.platform(), &self.selection.include, &[], &named(&self.facts), sayable)
        {
            let warning = format!("{}: {} ({})", self.scope.task.name, entry.problem(), entry.remedy());
            self.scope.context.monitor.event(Event::Warning(sayable(&warning)));
        }
    }

    /// A server that doesn't know the listing of active threads has none, unless
    /// threads are archived already.
    fn unlisted(&mut self) -> Option<JobError> {
        let error = self.facts.active_unlisted.take()?;
        let has_threads = self.known.values().any(|channel| channel.kind.is_thread());
        has_threads.then(|| Failure::from(error).job_error(None, self.scope.context.clock.now()))
    }
}

/// The thread that a parent without messages of its own names as its newest.
fn newest_thread(parent: &Channel) -> Option<(ChannelId, ChannelId)> {
    let holds_only_threads = parent.kind.has_threads() && !parent.kind.has_messages();
    let newest = parent.last_message_id.filter(|_| holds_only_threads && parent.visibility.is_readable())?;
    Some((parent.id, ChannelId::new(newest.get())?))
}

/// A channel, or its listing of threads, that couldn't be asked for.
fn unanswered(scope: &TenantScope, channel: ChannelId, error: &PlatformError) -> JobError {
    let channel = scope.task.platform.channel_text(channel);
    Failure::from(error.clone()).job_error(Some(channel), scope.context.clock.now())
}

/// Channels that were asked for by ID and are not read.
fn refused(scope: &TenantScope, plan: &Plan) -> Vec<JobError> {
    let TenantScope { context, task, .. } = scope;
    let asked = &task.selection.channels;
    let left_out = plan.left_out.iter().filter(|left_out| asked.contains(&left_out.channel));
    let error = |left_out: &crate::plan::LeftOut| {
        let channel = task.platform.channel_text(left_out.channel);
        let name = task.platform.scrubber().sayable(&left_out.name);
        JobError {
            error: format!("#{name} (channel {channel}) is not read: {}", left_out.reason),
            channel_id: Some(channel),
            cause: Cause::NotArchived,
            at: context.clock.now(),
        }
    };
    left_out.map(error).collect()
}

/// Channels of a listing that can't be read.
fn broken(scope: &TenantScope, plan: &Plan) -> Vec<JobError> {
    let is_broken =
        |left_out: &&crate::plan::LeftOut| left_out.reason == crate::plan::LeftOutReason::Unreadable;
    let error = |left_out: &crate::plan::LeftOut| {
        let channel = scope.task.platform.channel_text(left_out.channel);
        JobError {
            error: format!("channel {channel}: {}", left_out.reason),
            channel_id: Some(channel),
            cause: Cause::Unreadable,
            at: scope.context.clock.now(),
        }
    };
    plan.left_out.iter().filter(is_broken).map(error).collect()
}

fn unreadable(plan: &Plan) -> usize {
    use crate::plan::LeftOutReason::BotLacks;
    plan.left_out.iter().filter(|left_out| matches!(left_out.reason, BotLacks(_))).count()
}
