//! What is left to do for a tenant once its channels were read.

use hashbrown::HashSet;

use super::failure::Failure;
use super::reactions::read_reactors;
use super::tenant_scope::TenantScope;
use super::visibility::recheck_visibility;
use crate::archive::reactions::{DueChannel, clear_queue};
use crate::model::{ChannelId, ReactionMode};
use crate::monitor::{Counter, Event, Monitor as _};

/// Confirms deletion candidates, then reads reactors for as long as a run may.
/// `roots` are the channels that can be read, threads apart.
pub(super) async fn finish_tenant(scope: &TenantScope, roots: &HashSet<ChannelId>) -> Result<(), Failure> {
    let TenantScope { context, task, row, .. } = scope;
    let row = *row;
    if context.read(move |reader| reader.has_missing(row)).await? {
        recheck_visibility(scope, roots).await?;
    }
    if task.reactions != ReactionMode::Users {
        return Ok(context.writer.run(move |tx| clear_queue(tx, row)).await?);
    }
    let mut due = context.read(move |reader| reader.due_channels(row)).await?;
    let asked = &task.selection.channels;
    let is_asked = |due: &DueChannel| {
        let mut lineage = [due.id, due.root].into_iter().chain(due.category);
        asked.is_empty() || lineage.any(|id| asked.contains(&id))
    };
    due.retain(|due| roots.contains(&due.root) && is_asked(due));
    let reactions = due.iter().map(|due| due.reactions).sum();
    context.monitor.event(Event::ReactionsQueued { job_id: scope.job_id.to_string(), reactions });
    scope.meter.count(Counter::ReactionsQueued, reactions);
    // What the budget doesn't allow stays queued.
    let pass = read_reactors(scope, due);
    tokio::time::timeout(context.settings.reaction_budget, pass).await.unwrap_or(Ok(()))
}
