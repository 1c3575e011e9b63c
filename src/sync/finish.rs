//! Finishes a tenant once its channels were read: deletions and reactors.

use hashbrown::HashSet;

use super::failure::Failure;
use super::reactions::read_reactors;
use super::tenant_scope::TenantScope;
use super::visibility::recheck_visibility;
use crate::archive::ArchiveError;
use crate::archive::reactions::{PendingReactorChannel, clear_queue};
use crate::model::{ChannelId, ReactionMode};
use crate::monitor::{Counter, Event, Monitor as _};

/// Whether channels that are still readable have unconfirmed deletion candidates. `roots`
/// are the channels found readable, without threads.
pub(super) async fn has_deletion_candidates(
    scope: &TenantScope,
    roots: &HashSet<ChannelId>,
) -> Result<bool, ArchiveError> {
    let row = scope.row;
    let with_candidates =
        scope.context.read(move |reader| reader.roots_with_deletion_candidates(row)).await?;
    Ok(with_candidates.iter().any(|root| roots.contains(root) && scope.revoked.of(*root).is_none()))
}

/// Confirms the deletion candidates of `roots` and their threads, unless the run stops
/// first.
pub(super) async fn confirm_candidates(
    scope: &TenantScope,
    roots: &HashSet<ChannelId>,
) -> Result<(), Failure> {
    let confirmed = scope.context.stop.unless_stopped(recheck_visibility(scope, roots)).await;
    confirmed.unwrap_or_else(|stop| Err(Failure::stopped(stop, "deletions were confirmed")))
}

/// Reads the reactors in `roots` and their threads, within the reaction budget, unless the
/// run stops first.
pub(super) async fn read_pending_reactors(
    scope: &TenantScope,
    roots: &HashSet<ChannelId>,
) -> Result<(), Failure> {
    let read = scope.context.stop.unless_stopped(read_within_budget(scope, roots)).await;
    read.unwrap_or_else(|stop| Err(Failure::stopped(stop, "all reactors were read")))
}

async fn read_within_budget(scope: &TenantScope, roots: &HashSet<ChannelId>) -> Result<(), Failure> {
    let TenantScope { context, task, row, .. } = scope;
    let row = *row;
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
    scope.backlog.begin(due.iter().map(|due| (due.id, due.reactions)));
    // Reactions beyond the budget stay queued.
    let pass = read_reactors(scope, due);
    tokio::time::timeout(context.settings.reaction_budget, pass).await.unwrap_or(Ok(()))
}
