//! Indexes that a new archive gets at the end of its first run.

use super::context::{Context, Stop};
use crate::archive::{ArchiveError, ArchiveErrorKind, indexes};
use crate::model::grouped;
use crate::monitor::Event;

/// So many messages take several seconds.
const WORTH_TELLING: u64 = 2_000_000;

/// Makes the indexes that were put off, unless the run is to end at once; the
/// time a run may take doesn't count for it. That there is no room for them now
/// is told, but no failure: everything is archived, and the next run makes them.
///
/// # Errors
/// When the archive can't be used.
pub(super) async fn complete(context: &Context) -> Result<(), ArchiveError> {
    if context.stop_wanted() == Some(Stop::Signal) {
        return Ok(());
    }
    let Some(messages) = context.writer.run(|tx| indexes::due(tx)).await? else {
        return Ok(());
    };
    if !indexes::have_room(&context.archive, messages) {
        put_off_again("the disk is nearly full");
        return Ok(());
    }
    if messages >= WORTH_TELLING {
        context.monitor.event(Event::Note(format!("indexing {} messages by user", grouped(messages))));
    }
    // Each is committed by itself: the write-ahead log gets no longer than the
    // longest, and what was made stays when the rest is interrupted.
    loop {
        match context.writer.run_until(context.signalled(), |tx| indexes::complete_one(tx)).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) if error.kind == ArchiveErrorKind::Interrupted => return Ok(()),
            Err(error) if is_passing(error.kind) => {
                put_off_again(&error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

/// Said in every mode: who never hears of it has slow questions for ever.
fn put_off_again(why: &str) {
    tracing::error!(
        "the archive's indexes by user are put off to the next run ({why}): they need free space beside the \
         archive and in the folder for temporary files (TMPDIR, else /var/tmp), and nobody else who writes it"
    );
}

const fn is_passing(kind: ArchiveErrorKind) -> bool {
    use ArchiveErrorKind::{Busy, CannotCreate, DiskFull, Io};
    matches!(kind, Busy | CannotCreate | DiskFull | Io)
}
