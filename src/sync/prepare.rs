//! Prepares a tenant in stages: finds its channels, stores them and plans their reading.
//! Never reads messages.

mod store;

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use self::store::store_facts;
use super::channel::{ChannelTask, TaskScope};
use super::failure::Failure;
use super::policy::left_out_cause;
use super::tenant_scope::TenantScope;
use super::visibility::confirm_deletions;
use crate::anonymize::Scrubber;
use crate::archive::{exclusions, jobs, named_threads, progress, tenants};
use crate::config::ChannelSelector;
use crate::model::{
    Cause, Channel, ChannelId, ConfirmedRights, JobError, KnownChannels, TenantStatus, Timestamp,
};
use crate::monitor::Event;
use crate::plan::{
    Exclusions, Facts, NamedLookups, Plan, Selection, ThreadKnowledge, build, discover, discover_archived,
    find_named, unmatched,
};
use crate::platform::{CLOCK_TOLERANCE, PlatformError};

/// The channels that a stage of preparation found and stored.
pub(super) struct PreparedChannels {
    /// Channels to be read, the largest first.
    pub tasks: Vec<ChannelTask>,
    /// Public and readable channels, without threads.
    pub readable: HashSet<ChannelId>,
    /// Number of channels in which nothing can have changed.
    pub skipped: u64,
    /// Number of public channels that the bot lacks the permissions for.
    pub unreadable: u64,
    /// Errors of this stage, by channel.
    pub errors: Vec<JobError>,
    /// Errors of incomplete listings of archived threads, by parent.
    pub listing_errors: Vec<JobError>,
    /// Channels selected by ID that the workspace doesn't have.
    pub unknown: Vec<ChannelId>,
}

/// State between the stages of preparation.
pub(super) struct Preparation {
    scope: TenantScope,
    full_job_id: Arc<str>,
    selection: Selection,
    known: KnownChannels,
    /// The time before which every message in a thread is known.
    known_until: Option<Timestamp>,
    facts: Facts,
    /// Channels and threads that earlier stages stored and planned.
    planned: HashSet<ChannelId>,
    /// When the first request was sent.
    pub began_at: Timestamp,
    /// Whether archived threads were listed.
    pub is_complete: bool,
}

/// The first stage: finds, stores and plans the channels and active threads, so that
/// reading can begin before the archived threads are listed. Plans nothing before every
/// name in `exclude_channels` is resolved.
pub(super) async fn prepare(scope: TenantScope) -> Result<(PreparedChannels, Preparation), Failure> {
    let TenantScope { context, task, row, job_id, .. } = &scope;
    let row = *row;
    let (started_job, now) = (Arc::clone(job_id), context.clock.now());
    let newest = scope.adapter().id_before(context.clock.latest().later(CLOCK_TOLERANCE));
    let (platform, workspace) = (task.platform.spec(), task.workspace);
    // A run of some channels finds the threads of the others as well.
    let configured =
        Selection { channels: Vec::new(), run_since: None, run_until: None, ..task.selection.clone() };
    let fingerprint = configured.fingerprint(platform);
    let known_until = context.read(move |reader| reader.threads_known_until(row, &fingerprint)).await?;
    let taken_back = context
        .writer
        .run(move |tx| {
            jobs::start(tx, &started_job, now)?;
            tenants::set_status(tx, row, TenantStatus::Syncing, now)?;
            // Until this run has read what it finds, every listing is needed.
            tenants::forget_threads_known_until(tx, row)?;
            newest.map_or(Ok(0), |newest| progress::reset_future_checkpoints(tx, row, newest, now))
        })
        .await?;
    if taken_back > 0 {
        tracing::warn!(
            channels = taken_back,
            "checkpoints in the future by the platform's and this machine's clock: re-reading these channels"
        );
    }
    let mut selection = task.selection.clone();
    if selection.full && selection.is_whole() {
        let job_id = Arc::clone(job_id);
        let full_job_id = context.writer.run(move |tx| tenants::begin_full(tx, row, &job_id)).await?;
        selection.full_job_id = Some(full_job_id);
    }
    let known = context.read(move |reader| reader.known_channels(platform.name, workspace)).await?;
    let began_at = context.clock.now();
    let facts = discover(scope.adapter(), workspace, &scope.monitor()).await?;
    confirm_deletions(context, row, ConfirmedRights::from_listing(&facts.channels, began_at)).await?;
    let full_job_id = selection.full_job_id.as_deref().unwrap_or(job_id).into();
    let planned = HashSet::new();
    let known_until = known_until.filter(|_| scope.context.settings.server_search);
    let mut preparation = Preparation {
        scope,
        full_job_id,
        selection,
        known,
        known_until,
        facts,
        planned,
        began_at,
        is_complete: false,
    };
    preparation.resolve_exclusions().await?;
    let mut prepared = preparation.store_and_plan(&HashSet::new()).await?;
    if preparation.is_complete {
        preparation.warn_of_unmatched();
    } else {
        // Archived threads are listed later: until then no ID is known to be unknown.
        prepared.unknown.clear();
    }
    Ok((prepared, preparation))
}

/// The second stage: lists archived threads and finds out what became of channels that
/// are in no listing.
pub(super) async fn prepare_archived(
    mut preparation: Preparation,
) -> Result<(PreparedChannels, Preparation), Failure> {
    let first: HashSet<ChannelId> = preparation.facts.channels.iter().map(|channel| channel.id).collect();
    preparation.list_archived().await?;
    preparation.warn_of_unmatched();
    let prepared = preparation.store_and_plan(&first).await?;
    Ok((prepared, preparation))
}

/// The last stage, after all messages were read: looks up threads that messages name but
/// no listing does.
pub(super) async fn prepare_named(
    mut preparation: Preparation,
) -> Result<(PreparedChannels, Preparation), Failure> {
    let before = std::mem::take(&mut preparation.planned);
    let TenantScope { context, row, meter, .. } = preparation.scope.clone();
    let (all, now) = (preparation.selection.full, context.clock.now());
    let mut named = context.read(move |reader| reader.named_threads(row, all, now)).await?;
    named.retain(|thread| !before.contains(&thread.id));
    let adapter = Arc::clone(preparation.scope.adapter());
    let NamedLookups { answered, failed } =
        find_named(adapter.as_ref(), &mut preparation.facts, &preparation.selection, &named, meter.as_ref())
            .await?;
    let prepared = preparation.store_and_plan(&before).await?;
    context.writer.run(move |tx| named_threads::record_attempts(tx, row, &answered, &failed, now)).await?;
    Ok((prepared, preparation))
}

/// Error text for a name in `exclude_channels` that matches no channel.
pub fn unresolved_exclusion_error(name: &str, facts: &Facts, scrubber: Scrubber) -> String {
    let entry = [ChannelSelector::Name(name.to_owned())];
    let unmatched =
        unmatched(scrubber.platform(), &[], &entry, &channel_names(facts), |text| scrubber.redact_all(text));
    let text = unmatched.first().map(|entry| format!("{} ({})", entry.problem(), entry.hint()));
    format!("{}: nothing is read", scrubber.redact_all(&text.unwrap_or_default()))
}

fn channel_names(facts: &Facts) -> Vec<(ChannelId, &str)> {
    let channels = facts.channels.iter().chain(&facts.remembered);
    channels.map(|channel| (channel.id, channel.name.as_str())).collect()
}

fn readable_channels(facts: &Facts) -> HashSet<ChannelId> {
    let is_readable = |channel: &&Channel| !channel.kind.is_thread() && channel.visibility.is_readable();
    facts.channels.iter().filter(is_readable).map(|channel| channel.id).collect()
}

impl Preparation {
    async fn list_archived(&mut self) -> Result<(), Failure> {
        let (adapter, monitor) = (Arc::clone(self.scope.adapter()), self.scope.monitor());
        let knowledge = ThreadKnowledge {
            known: &self.known,
            known_until: self.known_until,
            lists_all: self.selection.full,
            now: self.scope.context.clock.now(),
        };
        discover_archived(&adapter, &mut self.facts, knowledge, &monitor).await?;
        self.is_complete = true;
        Ok(())
    }

    /// Resolves the names in `exclude_channels` and stores the IDs, so that a renamed
    /// channel stays excluded. A name that never resolved may be misspelt: it fails the
    /// tenant before anything is read, since privacy depends on it.
    async fn resolve_exclusions(&mut self) -> Result<(), Failure> {
        let names: Vec<String> = self.selection.excluded_names().map(str::to_owned).collect();
        if names.is_empty() {
            return Ok(());
        }
        let TenantScope { context, task, row, .. } = self.scope.clone();
        let remembered = context.read(move |reader| reader.exclusions(row, &names)).await?;
        if !self.exclusions(&remembered).unresolved.is_empty() {
            // The name may be that of an archived thread.
            self.list_archived().await?;
        }
        let Exclusions { resolved, unresolved, no_longer_matching } = self.exclusions(&remembered);
        if let Some(name) = unresolved.first() {
            let error = unresolved_exclusion_error(name, &self.facts, task.platform.scrubber());
            return Err(Failure::of(Cause::Configuration, error));
        }
        for name in no_longer_matching {
            let warning = format!(
                "{}: no channel has the name {:?} in exclude_channels any more; the channels it matched stay excluded",
                task.name,
                task.platform.scrubber().redact_all(&name)
            );
            context.monitor.event(Event::Warning(warning));
        }
        self.selection.excluded = remembered.into_values().flatten().collect();
        let now = context.clock.now();
        context
            .writer
            .run(move |tx| {
                resolved
                    .iter()
                    .try_for_each(|(name, channel)| exclusions::record(tx, row, name, *channel, now))
            })
            .await?;
        Ok(())
    }

    fn exclusions(&self, remembered: &HashMap<String, Vec<ChannelId>>) -> Exclusions {
        Exclusions::of(&self.selection, &self.facts, &self.known, remembered)
    }

    /// Stores and plans all channels except those in `before`.
    async fn store_and_plan(&mut self, before: &HashSet<ChannelId>) -> Result<PreparedChannels, Failure> {
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
        // Taken, so that only this stage reports them.
        let (listings, inconclusive) =
            (std::mem::take(&mut self.facts.listings), std::mem::take(&mut self.facts.inconclusive));
        let listing_errors = listings
            .iter()
            .filter_map(|listing| Some(lookup_error(&scope, listing.parent, listing.error.as_ref()?)))
            .collect();
        let errors = not_read_errors(&scope, &plan)
            .into_iter()
            .chain(malformed_channel_errors(&scope, &plan))
            .chain(inconclusive.iter().map(|(channel, error)| lookup_error(&scope, *channel, error)))
            .chain(self.postponed_errors())
            .chain(self.unlisted_threads_error())
            .collect();
        context.monitor.event(Event::Planned {
            job_id: job_id.to_string(),
            channels: plan.reads.len(),
            skipped: plan.skipped.len(),
            unreadable: unreadable_channels(&plan),
        });
        let (skipped, unreadable) = (plan.skipped.len() as u64, unreadable_channels(&plan) as u64);
        let readable = readable_channels(&self.facts);
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
        Ok(PreparedChannels {
            tasks: tasks.collect(),
            readable,
            skipped,
            unreadable,
            errors,
            listing_errors,
            unknown: plan.unknown,
        })
    }

    /// Drops the threads once they are stored and planned, to save memory; only their IDs
    /// are kept.
    fn forget_threads(&mut self) {
        let channels = self.facts.channels.iter().chain(&self.facts.remembered);
        self.planned.extend(channels.map(|channel| channel.id));
        self.facts.channels.retain(|channel| !channel.kind.is_thread());
        self.facts.channels.shrink_to_fit();
        self.facts.remembered = Vec::new();
        self.known.retain(|channel, _| !self.planned.contains(channel));
        self.known.shrink_to_fit();
    }

    /// Warns of entries of `include_channels` that match no channel. Entries of
    /// `exclude_channels` were resolved before.
    fn warn_of_unmatched(&self) {
        let scrubber = self.scope.task.platform.scrubber();
        let redact_all = |text: &str| scrubber.redact_all(text);
        for entry in unmatched(
            scrubber.platform(),
            &self.selection.include,
            &[],
            &channel_names(&self.facts),
            redact_all,
        ) {
            let warning = format!("{}: {} ({})", self.scope.task.name, entry.problem(), entry.hint());
            self.scope.context.monitor.event(Event::Warning(redact_all(&warning)));
        }
    }

    /// Errors of lookups that are left to the next run.
    fn postponed_errors(&mut self) -> Vec<JobError> {
        let (at, cause) = (self.scope.context.clock.now(), Cause::ListingIncomplete);
        let postponed = std::mem::take(&mut self.facts.postponed).into_iter();
        postponed.map(|error| JobError { channel_id: None, cause, error, at }).collect()
    }

    /// The error of an unsupported listing of active threads. Without known threads, the
    /// server is taken to have none, which is no error.
    fn unlisted_threads_error(&mut self) -> Option<JobError> {
        let error = self.facts.active_threads_error.take()?;
        let has_threads = self.known.values().any(|channel| channel.kind.is_thread());
        has_threads.then(|| Failure::from(error).job_error(None, self.scope.context.clock.now()))
    }
}

/// A readable parent that holds only threads, with the newest thread it names.
fn newest_thread(parent: &Channel) -> Option<(ChannelId, ChannelId)> {
    let holds_only_threads = parent.kind.has_threads() && !parent.kind.has_messages();
    let newest = parent.last_message_id.filter(|_| holds_only_threads && parent.visibility.is_readable())?;
    Some((parent.id, ChannelId::new(newest.get())?))
}

/// The error of a channel whose lookup or listing of threads failed.
fn lookup_error(scope: &TenantScope, channel: ChannelId, error: &PlatformError) -> JobError {
    let channel = scope.task.platform.channel_text(channel);
    Failure::from(error.clone()).job_error(Some(channel), scope.context.clock.now())
}

/// Errors of channels that were selected by ID but aren't read.
fn not_read_errors(scope: &TenantScope, plan: &Plan) -> Vec<JobError> {
    let TenantScope { context, task, .. } = scope;
    let selected = &task.selection.channels;
    let left_out = plan.left_out.iter().filter(|left_out| selected.contains(&left_out.channel));
    let error = |left_out: &crate::plan::LeftOut| {
        let channel = task.platform.channel_text(left_out.channel);
        let name = task.platform.scrubber().redact_all(&left_out.name);
        JobError {
            error: format!("#{name} (channel {channel}) is not read: {}", left_out.reason),
            channel_id: Some(channel),
            cause: left_out_cause(&left_out.reason),
            at: context.clock.now(),
        }
    };
    left_out.map(error).collect()
}

/// Errors of malformed channels in a listing.
fn malformed_channel_errors(scope: &TenantScope, plan: &Plan) -> Vec<JobError> {
    let is_malformed =
        |left_out: &&crate::plan::LeftOut| left_out.reason == crate::plan::LeftOutReason::Unreadable;
    let error = |left_out: &crate::plan::LeftOut| {
        let channel = scope.task.platform.channel_text(left_out.channel);
        JobError {
            error: format!("channel {channel}: {}", left_out.reason),
            channel_id: Some(channel),
            cause: Cause::MalformedResponse,
            at: scope.context.clock.now(),
        }
    };
    plan.left_out.iter().filter(is_malformed).map(error).collect()
}

fn unreadable_channels(plan: &Plan) -> usize {
    use crate::plan::LeftOutReason::BotLacks;
    plan.left_out.iter().filter(|left_out| matches!(left_out.reason, BotLacks(_))).count()
}
