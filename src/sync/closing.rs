//! What is left to do for a tenant once its channels were read.

use std::sync::Arc;

use hashbrown::HashSet;

use super::channel::Failure;
use super::closings::Closings;
use super::context::{Context, TenantTask};
use super::meter::Meter;
use super::reactions::read_reactors;
use super::watch::look_again;
use crate::archive::reactions::{DueChannel, clear_queue};
use crate::archive::{Reader, TenantRow};
use crate::model::{ChannelId, ReactionMode};
use crate::monitor::{Counter, Event, Monitor as _};

/// Settles what was found missing, then reads who reacted for as long as a run
/// may. `roots` are the channels that can be read, threads apart.
pub async fn close_tenant(
    context: &Arc<Context>,
    tenant: &TenantTask,
    row: TenantRow,
    job_id: &str,
    roots: &HashSet<ChannelId>,
    closings: &Arc<Closings>,
    meter: &Arc<Meter>,
) -> Result<(), Failure> {
    if Reader::open_beside_writer(&context.archive)?.has_missing(row)? {
        look_again(context, tenant, row, roots, closings, meter.as_ref()).await?;
    }
    if tenant.reactions != ReactionMode::Users {
        return Ok(context.writer.run(move |tx| clear_queue(tx, row)).await?);
    }
    let mut due = Reader::open_beside_writer(&context.archive)?.due_channels(row)?;
    let asked = &tenant.selection.channels;
    let is_asked = |due: &DueChannel| {
        let mut lineage = [due.id, due.root].into_iter().chain(due.category);
        asked.is_empty() || lineage.any(|id| asked.contains(&id))
    };
    due.retain(|due| roots.contains(&due.root) && is_asked(due));
    let reactions = due.iter().map(|due| due.reactions).sum();
    context.monitor.event(Event::ReactionsQueued { job_id: job_id.to_string(), reactions });
    meter.count(Counter::ReactionsQueued, reactions);
    let pass = read_reactors(context, due, closings, meter);
    // What the budget doesn't allow stays queued.
    tokio::time::timeout(context.settings.reaction_budget, pass).await.unwrap_or(Ok(()))
}
