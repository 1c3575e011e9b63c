//! Finishes a tenant once its channels were read: deletions and reactors.

use hashbrown::HashSet;

use super::failure::Failure;
use super::reactions::read_reactors;
use super::tenant_scope::TenantScope;
use super::visibility::recheck_visibility;
use crate::archive::reactions::{PendingReactorChannel, clear_queue};
use crate::model::{ChannelId, ReactionMode};
use crate::monitor::{Counter, Event, Monitor as _};

/// Confirms deletion candidates, then reads reactors within the reaction budget. `roots`
/// are the readable channels, without threads.
pub(super) async fn finish_tenant(scope: &TenantScope, roots: &HashSet<ChannelId>) -> Result<(), Failure> {
    let TenantScope { context, task, row, .. } = scope;
    let row = *row;
    if context.read(move |reader| reader.has_deletion_candidates(row)).await? {
        recheck_visibility(scope, roots).await?;
    }
    if task.reactions != ReactionMode::Users {
        return Ok(context.writer.run(move |tx| clear_queue(tx, row)).await?);
    }
    let mut due = context.read(move |reader| reader.channels_with_pending_reactors(row)).await?;
    let selected = &task.selection.channels;
    let is_selected = |due: &PendingReactorChannel| {
        let mut lineage = [due.id, due.root].into_iter().chain(due.category);
        selected.is_empty() || lineage.any(|id| selected.contains(&id))
    };
    due.retain(|due| roots.contains(&due.root) && is_selected(due));
    let reactions = due.iter().map(|due| due.reactions).sum();
    context.monitor.event(Event::ReactorListsQueued { job_id: scope.job_id.to_string(), reactions });
    scope.meter.count(Counter::ReactorListsQueued, reactions);
    // Reactions beyond the budget stay queued.
    let pass = read_reactors(scope, due);
    tokio::time::timeout(context.settings.reaction_budget, pass).await.unwrap_or(Ok(()))
}
