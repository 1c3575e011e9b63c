//! Looking again at what is public and readable, while a run reads it.

use hashbrown::{HashMap, HashSet};

use super::channel::Failure;
use super::closings::Closings;
use super::context::{Context, TenantTask};
use crate::archive::{ArchiveError, TenantRow, missing};
use crate::model::{Channel, ChannelId, ChannelState, Timestamp, VisibilityRule, WorkspaceId};
use crate::monitor::Monitor;
use crate::platform::{ErrorKind, PlatformAdapter};

/// Lists the channels of a tenant again. Of the channels that are read
/// (`roots`: threads by their parents) those that were closed are told to
/// `closings`, all of them if the bot isn't in the workspace any more; in the
/// others, what is missing counts as deleted.
pub async fn look_again<P: PlatformAdapter>(
    context: &Context<P>,
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
    let listed: HashMap<ChannelId, Option<ChannelState>> = channels
        .iter()
        .map(|channel| (channel.id, closed_state(channel, tenant.selection.visibility)))
        .collect();
    let mut closed = HashMap::new();
    for root in roots {
        let state = match listed.get(root) {
            Some(state) => *state,
            None => state_of_unlisted(context, *root, tenant.workspace, monitor).await?,
        };
        closed.extend(state.map(|state| (*root, state)));
    }
    closings.add(closed);
    let readable = listed.into_iter().filter(|(_, state)| state.is_none()).map(|(id, _)| id).collect();
    settle(context, row, readable, asked_at).await?;
    Ok(())
}

/// What is missing in readable channels counts as deleted.
pub async fn settle<P>(
    context: &Context<P>,
    row: TenantRow,
    readable: HashSet<ChannelId>,
    confirmed_at: Timestamp,
) -> Result<usize, ArchiveError> {
    let now = context.clock.now();
    context.writer.run(move |tx| missing::settle(tx, row, &readable, confirmed_at, now)).await
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

/// Channels that the bot can't see may be left out of the listing.
async fn state_of_unlisted<P: PlatformAdapter>(
    context: &Context<P>,
    id: ChannelId,
    workspace: WorkspaceId,
    monitor: &dyn Monitor,
) -> Result<Option<ChannelState>, Failure> {
    match context.platform.channel(id, workspace, monitor).await {
        Ok(_) => Ok(None),
        Err(error) => error.kind.proves().map(Some).ok_or_else(|| error.into()),
    }
}
