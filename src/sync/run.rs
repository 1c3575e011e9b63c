//! A run: the jobs of all tenants, concurrently.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::channel::ChannelTask;
use super::context::{Context, RunOutcome, TenantOutcome, TenantTask};
use super::failure::Failure;
use super::indexing;
use super::job::JobRecord;
use super::slots::Slots;
use super::tenant_run::TenantRun;
use crate::archive::{ArchiveError, Tx, changes, indexes, jobs};
use crate::model::{Job, JobKind};

/// Executes a run; the caller holds the archive's lock. Every tenant gets a job
/// `{run_id}-{n}`.
///
/// # Errors
/// Returns [`ArchiveError`] if the archive can't be used; committed data stays.
pub async fn run(
    context: Arc<Context>,
    run_id: &str,
    tenants: Vec<TenantTask>,
) -> Result<RunOutcome, ArchiveError> {
    let now = context.clock.now();
    context.writer.run(move |tx| jobs::interrupt_abandoned(tx, now)).await?;
    context.writer.run(|tx| indexes::defer(tx)).await?;
    let outcomes = run_tenants(&context, run_id, tenants).await?;
    let before = context.clock.now().earlier(context.settings.job_retention);
    let prune = move |tx: &mut Tx<'_>| {
        jobs::prune(tx, before)?;
        changes::remove_abandoned(tx, now)?;
        changes::trim(tx)
    };
    context.writer.run(prune).await?;
    indexing::complete(&context).await?;
    Ok(RunOutcome { tenants: outcomes, stop: context.stop.reason(), fatal: context.stop.fatal() })
}

/// Returns the tenants' outcomes, in the order of `tenants`.
async fn run_tenants(
    context: &Arc<Context>,
    run_id: &str,
    tenants: Vec<TenantTask>,
) -> Result<Vec<TenantOutcome>, ArchiveError> {
    let settings = &context.settings;
    let slots = Slots::<ChannelTask>::new(settings.open_channels(), settings.channel_batch_size);
    // Register all tenants before the first starts, so that the slots are shared from the
    // beginning.
    let mut queued = Vec::new();
    for (index, tenant) in tenants.into_iter().enumerate() {
        let kind = if tenant.selection.full { JobKind::Full } else { JobKind::Incremental };
        let job_id = Job::id_of(run_id, index);
        let record = JobRecord::create(context, &tenant, run_id, job_id, kind).await?;
        queued.push(TenantRun::new(Arc::clone(context), tenant, record, slots.add_tenant()));
    }
    let mut outcomes: Vec<Option<TenantOutcome>> = queued.iter().map(|_| None).collect();
    let mut running = JoinSet::new();
    for (index, tenant) in queued.into_iter().enumerate() {
        running.spawn(async move { (index, tenant.run().await) });
    }
    while let Some(finished) = running.join_next().await {
        // `TenantRun::run` catches panics; one while it records the outcome leaves the
        // job to be marked interrupted by the next run.
        let Ok((index, outcome)) = finished else { continue };
        outcomes[index] = Some(outcome?);
    }
    let panicked = || TenantOutcome::failed(&Failure::panicked());
    Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(panicked)).collect())
}
