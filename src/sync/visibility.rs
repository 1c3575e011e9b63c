//! Re-checks of what is public and readable, while a run reads it.

use hashbrown::{HashMap, HashSet};

use super::context::Context;
use super::failure::Failure;
use super::tenant_scope::TenantScope;
use crate::archive::{ArchiveError, TenantRow, missing};
use crate::model::{Channel, ChannelId, ChannelState, ConfirmedRights, ProvenState, VisibilityRule};
use crate::platform::{ErrorKind, PlatformError};

/// Lists the channels of a tenant again. Of the channels that are read (`roots`:
/// threads by their parents) those that were closed are revoked, all of them if the
/// bot isn't in the workspace any more; in the others, deletion candidates are
/// confirmed.
pub(super) async fn recheck_visibility(
    scope: &TenantScope,
    roots: &HashSet<ChannelId>,
) -> Result<(), Failure> {
    let TenantScope { context, task, row, meter, revoked, .. } = scope;
    let asked_at = context.clock.now();
    let listing = scope.adapter().workspace(task.workspace, meter.as_ref()).await;
    if listing.as_ref().is_err_and(|error| error.kind == ErrorKind::NotInWorkspace) {
        revoked.lose_workspace();
    }
    let (_, channels) = listing?;
    let rule = task.selection.visibility;
    let listed: HashMap<ChannelId, Option<ChannelState>> =
        channels.iter().map(|channel| (channel.id, closed_state(channel, rule))).collect();
    let rights = ConfirmedRights::from_listing(&channels, asked_at);
    let mut unsettled = None;
    for root in roots {
        let answered = match listed.get(root) {
            Some(None) => Ok(None),
            Some(Some(ChannelState::Unreadable)) => Ok(Some(ProvenState::listed(false))),
            Some(Some(_)) => answered_state(scope, *root, true).await,
            None => answered_state(scope, *root, false).await,
        };
        match answered {
            Ok(state) => revoked.add(state.map(|state| (*root, Some(state)))),
            Err(failure) => {
                // What may be closed is read no further, whatever its state is.
                let is_closed = listed.get(root).is_some_and(Option::is_some);
                revoked.add(is_closed.then_some((*root, None)));
                unsettled = Some(failure);
            }
        }
    }
    confirm_deletions(context, *row, rights).await?;
    unsettled.map_or(Ok(()), Err)
}

/// Confirms the deletion candidates of readable channels. Returns how many there were.
pub(super) async fn confirm_deletions(
    context: &Context,
    row: TenantRow,
    rights: ConfirmedRights,
) -> Result<usize, ArchiveError> {
    let now = context.clock.now();
    context.writer.run(move |tx| missing::settle(tx, row, &rights, now)).await
}

/// `None` if the channel is still public and readable.
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

/// The state of a channel that a listing leaves out, or says is closed, by its own
/// answer; `None` if it is still public and readable. An answer that contradicts a
/// listing which says that it is closed fails: nothing is known then.
async fn answered_state(
    scope: &TenantScope,
    id: ChannelId,
    is_listed_closed: bool,
) -> Result<Option<ProvenState>, Failure> {
    let task = &scope.task;
    match scope.adapter().channel(id, task.workspace, scope.meter.as_ref()).await {
        Ok(channel) => match closed_state(&channel, task.selection.visibility) {
            Some(state) => Ok(Some(ProvenState::answered(state))),
            None if !is_listed_closed => Ok(None),
            None => {
                let detail = "the server's listing says that it is closed, and its own answer that it isn't";
                let subject = format!("channel {}", task.platform.channel_text(id));
                Err(PlatformError::new(ErrorKind::Unreadable, subject, detail).into())
            }
        },
        Err(error) => {
            error.kind.proves().map(|state| Some(ProvenState::answered(state))).ok_or_else(|| error.into())
        }
    }
}
