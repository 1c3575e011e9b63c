//! Stored times that a wrong clock told. Pure.

use std::time::Duration;

use crate::model::{Checkpoint, IdTimes, Timestamp};

/// Clocks of one platform's servers may be so far apart.
const TOLERANCE: Duration = Duration::from_mins(1);

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
