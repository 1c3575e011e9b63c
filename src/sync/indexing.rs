//! Builds the deferred indexes of a new archive at the end of its first run.

use super::context::Context;
use super::stop::StopReason;
use crate::archive::{ArchiveError, ArchiveErrorKind, indexes};
use crate::model::with_separators;
use crate::monitor::Event;

/// From this many messages on, indexing takes several seconds and is announced.
const ANNOUNCED_MESSAGES: u64 = 2_000_000;

/// Builds the deferred indexes, one transaction each. Skipped when a signal is pending;
/// not bounded by --max-runtime. Lack of disk space is logged and left to the next run:
/// the messages are already archived.
///
/// # Errors
/// Returns [`ArchiveError`] if the archive can't be used.
pub(super) async fn complete(context: &Context) -> Result<(), ArchiveError> {
    if context.stop.reason() == Some(StopReason::Signal) {
        return Ok(());
    }
    let Some(messages) = context.writer.run(|tx| indexes::messages_to_index(tx)).await? else {
        return Ok(());
    };
    if !indexes::has_space_for(&context.archive, messages) {
        defer_again("the disk is nearly full");
        return Ok(());
    }
    if messages >= ANNOUNCED_MESSAGES {
        context
            .monitor
            .event(Event::Note(format!("indexing {} messages by user", with_separators(messages))));
    }
    // One transaction per index: the write-ahead log grows no larger than the largest
    // index, and finished indexes stay when the rest is interrupted.
    loop {
        match context.writer.run_until(context.stop.wait_for_signal(), |tx| indexes::build_next(tx)).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) if error.kind == ArchiveErrorKind::Interrupted => return Ok(()),
            Err(error) if is_transient(error.kind) => {
                defer_again(&error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

/// Logged at error level in every mode: without the indexes, queries by user stay slow.
fn defer_again(reason: &str) {
    tracing::error!(
        "cannot build the archive's indexes by user: {reason}; the next run retries; building them needs free \
         space beside the archive and in the folder for temporary files (TMPDIR, else /var/tmp), and no \
         other program that writes the archive"
    );
}

const fn is_transient(kind: ArchiveErrorKind) -> bool {
    use ArchiveErrorKind::{Busy, CannotCreate, DiskFull, Io};
    matches!(kind, Busy | CannotCreate | DiskFull | Io)
}
