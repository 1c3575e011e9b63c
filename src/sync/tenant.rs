//! One tenant's way from its workspace to a plan, and its records.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::channel::{ChannelTask, Failure};
use super::closings::Closings;
use super::context::{Context, TenantTask};
use super::meter::Meter;
use super::run::job_error;
use super::watch::settle;
use crate::anonymize;
use crate::archive::{
    ArchiveError, ChannelRow, KnownChannel, Reader, TenantRow, channels, jobs, progress, tenants,
};
use crate::model::{Cause, Channel, ChannelId, ChannelState, JobError, TenantStatus};
use crate::monitor::{Event, Monitor};
use crate::plan::{Facts, Plan, Selection, build, discover, discover_archived};
use crate::platform::{PlatformAdapter, PlatformError};

/// A tenant whose channels are known and stored.
#[derive(Debug)]
pub struct Prepared {
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
    /// Channels asked for by ID that the workspace doesn't have.
    pub unknown: Vec<ChannelId>,
}

/// What the second stage of preparing goes on with.
#[derive(Debug)]
pub struct Stage {
    job_id: Arc<str>,
    full_job_id: Arc<str>,
    row: TenantRow,
    selection: Selection,
    known: HashMap<ChannelId, KnownChannel>,
    facts: Facts,
    closings: Arc<Closings>,
}

/// The first stage: finds the channels and active threads, stores them, and
/// plans them, so that reading can begin while the second stage goes on.
pub async fn prepare<P: PlatformAdapter>(
    context: &Context<P>,
    tenant: &TenantTask,
    row: TenantRow,
    job_id: Arc<str>,
    closings: Arc<Closings>,
    meter: &Arc<Meter>,
) -> Result<(Prepared, Option<Stage>), Failure> {
    let begin = (Arc::clone(&job_id), context.clock.now());
    context
        .writer
        .run(move |tx| {
            jobs::start(tx, &begin.0, begin.1)?;
            tenants::set_status(tx, row, TenantStatus::Syncing, begin.1)
        })
        .await?;
    let mut selection = tenant.selection.clone();
    if selection.full && selection.is_whole() {
        let job_id = Arc::clone(&job_id);
        let full_job_id = context.writer.run(move |tx| tenants::begin_full(tx, row, &job_id)).await?;
        selection.full_job_id = Some(full_job_id);
    }
    let known =
        Reader::open_beside_writer(&context.archive)?.known_channels(&tenant.platform, tenant.workspace)?;
    let asked_at = context.clock.now();
    let facts = discover(&context.platform, tenant.workspace, &monitor_of(meter)).await?;
    settle(context, row, readable(&facts), asked_at).await?;
    let full_job_id = selection.full_job_id.as_deref().unwrap_or(&job_id).into();
    let stage = Stage { job_id, full_job_id, row, selection, known, facts, closings };
    let mut prepared = stage.store_and_plan(context, tenant, &HashSet::new()).await?;
    // What is archived is found later: nothing is unknown yet.
    prepared.unknown.clear();
    Ok((prepared, Some(stage)))
}

/// The second stage: archived threads, and what became of channels that are
/// gone.
pub async fn prepare_archived<P: PlatformAdapter>(
    context: &Context<P>,
    tenant: &TenantTask,
    mut stage: Stage,
    meter: &Arc<Meter>,
) -> Result<(Prepared, Option<Stage>), Failure> {
    let first: HashSet<ChannelId> = stage.facts.channels.iter().map(|channel| channel.id).collect();
    let now = context.clock.now();
    stage.facts = discover_archived(
        &context.platform,
        stage.facts,
        &stage.known,
        stage.selection.full,
        now,
        &monitor_of(meter),
    )
    .await?;
    let prepared = stage.store_and_plan(context, tenant, &first).await?;
    Ok((prepared, None))
}

fn readable(facts: &Facts) -> HashSet<ChannelId> {
    let is_readable = |channel: &&Channel| !channel.kind.is_thread() && channel.visibility.is_readable();
    facts.channels.iter().filter(is_readable).map(|channel| channel.id).collect()
}

fn monitor_of(meter: &Arc<Meter>) -> Arc<dyn Monitor> {
    Arc::clone(meter) as Arc<dyn Monitor>
}

impl Stage {
    /// Stores and plans all channels but those of the stage before.
    async fn store_and_plan<P: PlatformAdapter>(
        &self,
        context: &Context<P>,
        tenant: &TenantTask,
        before: &HashSet<ChannelId>,
    ) -> Result<Prepared, Failure> {
        let mut plan =
            build(context.platform.as_ref(), &self.facts, &self.known, &self.selection, context.clock.now());
        plan.reads.retain(|read| !before.contains(&read.channel.id));
        plan.skipped.retain(|channel| !before.contains(channel));
        plan.dead_letters.retain(|(channel, _)| !before.contains(channel));
        plan.left_out.retain(|left_out| !before.contains(&left_out.channel));
        let rows = store_facts(context, self.row, &self.facts, before, &plan).await?;
        let listings = self.facts.listings.iter();
        let listing_errors =
            listings.filter_map(|listing| Some(unanswered(context, listing.parent, listing.error.as_ref()?)));
        let unasked = self.facts.unasked.iter();
        let errors = listing_errors
            .chain(refused(context, &plan, &tenant.selection.channels))
            .chain(broken(context, &plan))
            .chain(unasked.map(|(channel, error)| unanswered(context, *channel, error)))
            .collect();
        context.monitor.event(Event::Planned {
            job_id: self.job_id.to_string(),
            channels: plan.reads.len(),
            skipped: plan.skipped.len(),
            unreadable: unreadable(&plan),
        });
        let (skipped, unreadable) = (plan.skipped.len() as u64, unreadable(&plan) as u64);
        let tasks = plan.reads.into_iter().filter_map(|read| {
            let (row_of, name) = rows.get(&read.channel.id)?;
            Some(ChannelTask {
                job_id: Arc::clone(&self.job_id),
                full_job_id: Arc::clone(&self.full_job_id),
                tenant: self.row,
                workspace: tenant.workspace,
                row: *row_of,
                name: name.clone(),
                plan: read,
                reactions: tenant.reactions,
                refresh_window: tenant.selection.refresh_window,
                since: tenant.selection.since,
                closings: Arc::clone(&self.closings),
                state: Arc::default(),
            })
        });
        Ok(Prepared {
            tasks: tasks.collect(),
            readable: readable(&self.facts),
            skipped,
            unreadable,
            errors,
            unknown: plan.unknown,
        })
    }
}

/// A channel, or its listing of threads, that couldn't be asked for.
fn unanswered<P>(context: &Context<P>, channel: ChannelId, error: &PlatformError) -> JobError {
    job_error(Some(channel), &error.clone().into(), context.clock.now())
}

/// Channels that were asked for by ID and are not read.
fn refused<P>(context: &Context<P>, plan: &Plan, asked: &[ChannelId]) -> Vec<JobError> {
    let left_out = plan.left_out.iter().filter(|left_out| asked.contains(&left_out.channel));
    let error = |left_out: &crate::plan::LeftOut| JobError {
        channel_id: Some(left_out.channel),
        cause: Cause::NotArchived,
        error: format!("channel {} is not read: {}", left_out.channel, left_out.reason),
        at: context.clock.now(),
    };
    left_out.map(error).collect()
}

/// Channels of a listing that can't be read.
fn broken<P>(context: &Context<P>, plan: &Plan) -> Vec<JobError> {
    let is_broken =
        |left_out: &&crate::plan::LeftOut| left_out.reason == crate::plan::LeftOutReason::Unreadable;
    let error = |left_out: &crate::plan::LeftOut| JobError {
        channel_id: Some(left_out.channel),
        cause: Cause::Unreadable,
        error: format!("channel {}: {}", left_out.channel, left_out.reason),
        at: context.clock.now(),
    };
    plan.left_out.iter().filter(is_broken).map(error).collect()
}

fn unreadable(plan: &Plan) -> usize {
    use crate::plan::LeftOutReason::BotLacks;
    plan.left_out.iter().filter(|left_out| matches!(left_out.reason, BotLacks(_))).count()
}

/// Stores every public channel that wasn't stored `before`, and what became of known ones. Returns the
/// row and the scrubbed name of each.
async fn store_facts<P: PlatformAdapter>(
    context: &Context<P>,
    tenant: TenantRow,
    facts: &Facts,
    before: &HashSet<ChannelId>,
    plan: &Plan,
) -> Result<HashMap<ChannelId, (ChannelRow, String)>, ArchiveError> {
    let left_out: HashMap<ChannelId, &crate::plan::LeftOutReason> =
        plan.left_out.iter().map(|left_out| (left_out.channel, &left_out.reason)).collect();
    let state = |channel: &Channel| state(left_out.get(&channel.id).copied());
    let public: Vec<anonymize::Channel> = facts
        .channels
        .iter()
        .filter(|channel| channel.visibility.everyone_sees && !before.contains(&channel.id))
        .filter_map(|channel| Some(anonymize::channel(channel.clone(), state(channel)?)))
        .collect();
    let remembered = facts.remembered.iter();
    let remembered: Vec<_> =
        remembered.filter_map(|channel| Some((channel.id, channel.name.clone(), state(channel)?))).collect();
    let skipped = plan.skipped.clone();
    let (gone, listings) = (facts.gone.clone(), facts.listings.clone());
    let now = context.clock.now();
    context
        .writer
        .run(move |tx| {
            let mut rows = channels::store(tx, tenant, &public, now)?;
            for (channel, name, state) in &remembered {
                if let Some(row) = channels::find(tx, tenant, *channel)? {
                    channels::set_state(tx, row, *state, now)?;
                    rows.insert(*channel, (row, name.clone()));
                }
            }
            for (channel, state) in &gone {
                if let Some(row) = channels::find(tx, tenant, *channel)? {
                    channels::set_state(tx, row, *state, now)?;
                }
            }
            let skipped: Vec<_> = skipped.iter().filter_map(|id| Some(rows.get(id)?.0)).collect();
            progress::settle_skipped(tx, &skipped, now)?;
            for listing in &listings {
                if let Some(row) = channels::find(tx, tenant, listing.parent)? {
                    let (complete, bottom) = (listing.is_complete, listing.reached_bottom);
                    progress::finish_thread_listing(
                        tx,
                        tenant,
                        row,
                        listing.watermark,
                        complete,
                        bottom,
                        now,
                    )?;
                }
            }
            Ok(rows)
        })
        .await
}

/// The state of a public channel that is left out for this reason, if any;
/// `None` if nothing is to be stored of it.
fn state(left_out: Option<&crate::plan::LeftOutReason>) -> Option<ChannelState> {
    use crate::plan::LeftOutReason::{BotLacks, HistoryNotPublic, Kind, NotPublic, NotWanted, Unreadable};
    match left_out {
        Some(Kind | NotPublic(_) | HistoryNotPublic | NotWanted | Unreadable) => None,
        Some(BotLacks(_)) => Some(ChannelState::Unreadable),
        None => Some(ChannelState::Active),
    }
}
