//! Indexes that a new archive gets at the end of its first run.

use super::context::{Context, Stop};
use crate::archive::{ArchiveError, ArchiveErrorKind, indexes};
use crate::model::grouped;
use crate::monitor::Event;

/// So many messages take several seconds.
const WORTH_TELLING: u64 = 2_000_000;

/// Makes the indexes that were put off, unless the run is to end at once. That
/// they can't be made now is no failure: everything is archived, and the next
/// run makes them.
///
/// # Errors
/// When the archive can't be used.
pub(super) async fn complete<P>(context: &Context<P>) -> Result<(), ArchiveError> {
    if context.stop_wanted() == Some(Stop::Signal) {
        return Ok(());
    }
    let Some(messages) = context.writer.run(|tx| indexes::due(tx)).await? else {
        return Ok(());
    };
    if messages >= WORTH_TELLING {
        let text = format!("indexing {} messages by user", grouped(messages));
        context.monitor.event(Event::Warning(text));
    }
    let made = context.writer.run_until(context.signalled(), |tx| indexes::complete(tx)).await;
    match made {
        Err(error) if is_passing(error.kind) => {
            let text = format!(
                "the archive's indexes by user couldn't be made ({error}); the next run does it: it needs free \
                 space beside the archive and in /var/tmp, about 20 bytes a message"
            );
            context.monitor.event(Event::Warning(text));
            Ok(())
        }
        Err(error) if error.kind == ArchiveErrorKind::Interrupted => Ok(()),
        made => made,
    }
}

const fn is_passing(kind: ArchiveErrorKind) -> bool {
    matches!(kind, ArchiveErrorKind::DiskFull | ArchiveErrorKind::Io | ArchiveErrorKind::CannotCreate)
}
