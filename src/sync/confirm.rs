//! Confirms by further requests what one answer only suggests.

use super::channel::ChannelTask;
use super::failure::Failure;
use super::meter::Meter;
use crate::model::Visibility;
use crate::platform::{ErrorKind, PlatformError};

/// Confirms that the bot may still read the channel: without that right its pages are
/// empty.
///
/// # Errors
/// Returns a [`Failure`] with cause `Forbidden` if the right is lost, or that of the
/// request.
pub(super) async fn confirm_right_to_read(task: &ChannelTask, meter: &Meter) -> Result<(), Failure> {
    let (_, channels) = task.scope.adapter().workspace(task.scope.workspace, meter).await?;
    let root = task.plan.channel.root;
    let rights = channels.iter().find(|listed| listed.id == root).map(|listed| &listed.visibility);
    if rights.is_some_and(Visibility::is_readable) {
        return Ok(());
    }
    let subject = format!("messages of channel {}", task.channel_text());
    let detail = "the permission to read it was lost during the read";
    Err(PlatformError::new(ErrorKind::Forbidden, subject, detail).into())
}

/// Whether a channel that isn't found was deleted: looking it up doesn't find it either,
/// and the bot is still in the workspace, whose listing lacks it. A bot that was removed
/// finds no channel at all.
pub(super) async fn is_deleted(task: &ChannelTask, meter: &Meter) -> Result<bool, Failure> {
    let channel = task.plan.channel.id;
    let answer = task.scope.adapter().channel(channel, task.scope.workspace, meter).await;
    if !answer.is_err_and(|error| error.kind == ErrorKind::NotFound) {
        return Ok(false);
    }
    let (_, listed) = task.scope.adapter().workspace(task.scope.workspace, meter).await?;
    Ok(!listed.iter().any(|listed| listed.id == channel))
}
