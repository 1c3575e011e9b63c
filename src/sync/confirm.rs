//! Making sure of what an answer only suggests.

use super::channel::ChannelTask;
use super::failure::Failure;
use super::meter::Meter;
use crate::model::Visibility;
use crate::platform::{ErrorKind, PlatformError};

/// Fails if the bot may not read the channel any more: without that right its
/// pages come empty.
pub(super) async fn right(task: &ChannelTask, meter: &Meter) -> Result<(), Failure> {
    let (_, channels) = task.scope.adapter().workspace(task.scope.workspace, meter).await?;
    let root = task.plan.channel.root;
    let rights = channels.iter().find(|listed| listed.id == root).map(|listed| &listed.visibility);
    if rights.is_some_and(Visibility::is_readable) {
        return Ok(());
    }
    let subject = format!("messages of channel {}", task.channel_text());
    let detail = "the right to read it was lost in the middle";
    Err(PlatformError::new(ErrorKind::Forbidden, subject, detail).into())
}

/// Whether a channel that isn't found was deleted: asking for the channel itself
/// says so too, and the bot is still in the workspace. To one that was thrown out
/// nothing is there.
pub(super) async fn is_deleted(task: &ChannelTask, meter: &Meter) -> Result<bool, Failure> {
    let channel = task.plan.channel.id;
    let asked = task.scope.adapter().channel(channel, task.scope.workspace, meter).await;
    if !asked.is_err_and(|error| error.kind == ErrorKind::NotFound) {
        return Ok(false);
    }
    let (_, listed) = task.scope.adapter().workspace(task.scope.workspace, meter).await?;
    Ok(!listed.iter().any(|listed| listed.id == channel))
}
