//! Re-checks during a run which channels are still public and readable.

use hashbrown::{HashMap, HashSet};

use super::context::Context;
use super::failure::Failure;
use super::tenant_scope::TenantScope;
use crate::archive::{ArchiveError, TenantRow, deletions};
use crate::model::{Channel, ChannelId, ChannelState, ConfirmedRights, ProvenState, VisibilityRule};
use crate::platform::{ErrorKind, PlatformError};

/// Lists the tenant's channels again and revokes those of `roots` (the readable channels,
/// without threads) that were closed, or all if the bot isn't in the workspace any more.
/// Confirms the deletion candidates of the others.
pub(super) async fn recheck_visibility(
    scope: &TenantScope,
    roots: &HashSet<ChannelId>,
) -> Result<(), Failure> {
    let TenantScope { context, task, row, meter, revoked, .. } = scope;
    let requested_at = context.clock.now();
    let listing = scope.adapter().workspace(task.workspace, meter.as_ref()).await;
    if listing.as_ref().is_err_and(|error| error.kind == ErrorKind::NotInWorkspace) {
        revoked.revoke_workspace();
    }
    let (_, channels) = listing?;
    let rule = task.selection.visibility;
    let listed: HashMap<ChannelId, Option<ChannelState>> =
        channels.iter().map(|channel| (channel.id, closed_state(channel, rule))).collect();
    let rights = ConfirmedRights::from_listing(&channels, requested_at);
    let mut last_failure = None;
    for root in roots {
        let answered = match listed.get(root) {
            Some(None) => Ok(None),
            Some(Some(ChannelState::Unreadable)) => Ok(Some(ProvenState::from_listing(false))),
            Some(Some(_)) => answered_state(scope, *root, true).await,
            None => answered_state(scope, *root, false).await,
        };
        match answered {
            Ok(state) => revoked.add(state.map(|state| (*root, Some(state)))),
            Err(failure) => {
                // A channel that may be closed is revoked even if its state can't be
                // proven.
                let is_closed = listed.get(root).is_some_and(Option::is_some);
                revoked.add(is_closed.then_some((*root, None)));
                last_failure = Some(failure);
            }
        }
    }
    confirm_deletions(context, *row, rights).await?;
    last_failure.map_or(Ok(()), Err)
}

/// Confirms the deletion candidates that `rights` allow. Returns how many messages were
/// newly marked as deleted.
pub(super) async fn confirm_deletions(
    context: &Context,
    row: TenantRow,
    rights: ConfirmedRights,
) -> Result<usize, ArchiveError> {
    let now = context.clock.now();
    context.writer.run(move |tx| deletions::confirm(tx, row, &rights, now)).await
}

/// The state of a channel that isn't public or readable; `None` if it is both.
fn closed_state(channel: &Channel, rule: VisibilityRule) -> Option<ChannelState> {
    let visibility = &channel.visibility;
    let is_public =
        visibility.everyone_sees && (rule == VisibilityRule::Everyone || visibility.everyone_reads_history);
    match (is_public, visibility.bot_lacks.is_empty()) {
        (false, _) => Some(ChannelState::Hidden),
        (true, false) => Some(ChannelState::Unreadable),
        (true, true) => None,
    }
}

/// Looks up a channel that the listing leaves out or reports as closed. Returns its
/// proven state, or `None` if it is public and readable.
///
/// # Errors
/// Returns a [`Failure`] if the lookup fails without proving a state, or contradicts a
/// listing that reports the channel as closed.
async fn answered_state(
    scope: &TenantScope,
    id: ChannelId,
    is_listed_closed: bool,
) -> Result<Option<ProvenState>, Failure> {
    let task = &scope.task;
    match scope.adapter().channel(id, task.workspace, scope.meter.as_ref()).await {
        Ok(channel) => match closed_state(&channel, task.selection.visibility) {
            Some(state) => Ok(Some(ProvenState::from_direct_answer(state))),
            None if !is_listed_closed => Ok(None),
            None => {
                let detail = "the API's listing reports it as closed, but its own lookup as public";
                let subject = format!("channel {}", task.platform.channel_text(id));
                Err(PlatformError::new(ErrorKind::Unreadable, subject, detail).into())
            }
        },
        Err(error) => error
            .kind
            .proven_channel_state()
            .map(|state| Some(ProvenState::from_direct_answer(state)))
            .ok_or_else(|| error.into()),
    }
}
