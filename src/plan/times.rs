//! Stored times, where a wrong clock may have told them, and the IDs that
//! readings begin with. Pure.

use std::time::Duration;

use super::Selection;
use crate::model::{Checkpoint, IdTimes, MessageId, Timestamp};

/// Clocks of one platform's servers may be so far apart.
const TOLERANCE: Duration = Duration::from_mins(1);

/// IDs may appear out of order by seconds: what was read less than this before
/// its end is read again.
const OVERLAP: Duration = Duration::from_mins(1);

/// How long messages stay young, and are read again.
pub(super) fn refresh_window(selection: &Selection) -> Duration {
    selection.refresh_window.max(OVERLAP)
}

/// The ID behind which a channel was read.
pub(super) fn archived_from(times: &dyn IdTimes, checkpoint: &Checkpoint) -> Option<MessageId> {
    checkpoint.since.and_then(|since| times.id_before(since))
}

/// Whether something can have happened at a stored time.
pub(super) fn is_past(stored: Timestamp, now: Timestamp) -> bool {
    stored <= now.later(TOLERANCE)
}

/// The checkpoint without times of the future, which would keep a channel from
/// being read until they come: a failure is forgotten, and a refresh took place
/// at the earliest when the last message it read was sent.
pub(super) fn without_future(times: &dyn IdTimes, checkpoint: &Checkpoint, now: Timestamp) -> Checkpoint {
    let last_sent_at = checkpoint.last_message_id.map(|last| times.sent_at(last));
    let mut sane = checkpoint.clone();
    sane.failed_at = checkpoint.failed_at.filter(|at| is_past(*at, now));
    if checkpoint.refreshed_at.is_some_and(|at| !is_past(at, now)) {
        sane.refreshed_at = Some(last_sent_at.map_or(now, |at| at.min(now)));
    }
    if let Some(end) = &mut sane.end {
        end.doubted_at = end.doubted_at.map(|at| at.min(now));
    }
    for place in sane.broken.iter_mut().filter(|place| !is_past(place.tried_at, now)) {
        place.tried_at = Timestamp::from_millis(0);
    }
    sane
}
