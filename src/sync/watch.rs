//! Looking again at what is public and readable, while a run reads it.

use hashbrown::{HashMap, HashSet};

use super::channel::Failure;
use super::closings::Closings;
use super::context::{Context, TenantTask};
use crate::archive::{ArchiveError, TenantRow, missing};
use crate::model::{Channel, ChannelId, ChannelState, ConfirmedRights, ProvenState, VisibilityRule};
use crate::monitor::Monitor;
use crate::platform::{ErrorKind, PlatformError};

/// Lists the channels of a tenant again. Of the channels that are read
/// (`roots`: threads by their parents) those that were closed are told to
/// `closings`, all of them if the bot isn't in the workspace any more; in the
/// others, what is missing counts as deleted.
pub async fn look_again(
    context: &Context,
    tenant: &TenantTask,
    row: TenantRow,
    roots: &HashSet<ChannelId>,
    closings: &Closings,
    monitor: &dyn Monitor,
) -> Result<(), Failure> {
    let asked_at = context.clock.now();
    let listing = context.platform.workspace(tenant.workspace, monitor).await;
    if listing.as_ref().is_err_and(|error| error.kind == ErrorKind::NotInWorkspace) {
        closings.lose_workspace();
    }
    let (_, channels) = listing?;
    let rule = tenant.selection.visibility;
    let listed: HashMap<ChannelId, Option<ChannelState>> =
        channels.iter().map(|channel| (channel.id, closed_state(channel, rule))).collect();
    let rights = ConfirmedRights::from_listing(&channels, asked_at);
    let mut unsettled = None;
    for root in roots {
        let answered = match listed.get(root) {
            Some(None) => Ok(None),
            Some(Some(ChannelState::Unreadable)) => Ok(Some(ProvenState::listed(false))),
            Some(Some(_)) => answered_state(context, *root, tenant, true, monitor).await,
            None => answered_state(context, *root, tenant, false, monitor).await,
        };
        match answered {
            Ok(state) => closings.add(state.map(|state| (*root, Some(state)))),
            Err(failure) => {
                // What may be closed is read no further, whatever its state is.
                let is_closed = listed.get(root).is_some_and(Option::is_some);
                closings.add(is_closed.then_some((*root, None)));
                unsettled = Some(failure);
            }
        }
    }
    settle(context, row, rights).await?;
    unsettled.map_or(Ok(()), Err)
}

/// What is missing in readable channels counts as deleted.
pub async fn settle(
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
    context: &Context,
    id: ChannelId,
    tenant: &TenantTask,
    is_listed_closed: bool,
    monitor: &dyn Monitor,
) -> Result<Option<ProvenState>, Failure> {
    match context.platform.channel(id, tenant.workspace, monitor).await {
        Ok(channel) => match closed_state(&channel, tenant.selection.visibility) {
            Some(state) => Ok(Some(ProvenState::answered(state))),
            None if !is_listed_closed => Ok(None),
            None => {
                let detail = "the server's listing says that it is closed, and its own answer that it isn't";
                Err(PlatformError::new(ErrorKind::Unreadable, format!("channel {id}"), detail).into())
            }
        },
        Err(error) => {
            error.kind.proves().map(|state| Some(ProvenState::answered(state))).ok_or_else(|| error.into())
        }
    }
}
