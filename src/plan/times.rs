//! Sanity checks of stored times, which a wrong clock may have written, and the IDs at
//! which reading begins. Pure.

use std::time::Duration;

use super::Selection;
use crate::model::{Checkpoint, IdTimes, MessageId, Timestamp};

/// Greatest accepted difference between the clocks of a platform's servers.
const TOLERANCE: Duration = Duration::from_mins(1);

/// Minimum refresh window: IDs may appear out of order by seconds.
const OVERLAP: Duration = Duration::from_mins(1);

/// The refresh window, at least [`OVERLAP`].
pub(super) fn refresh_window(selection: &Selection) -> Duration {
    selection.refresh_window.max(OVERLAP)
}

/// The ID after which the channel's archive begins; `None` is the channel's beginning.
pub(super) fn archived_from(times: &dyn IdTimes, checkpoint: &Checkpoint) -> Option<MessageId> {
    checkpoint.since.and_then(|since| times.id_before(since))
}

/// Whether a stored time is plausible, that is, not in the future.
pub(super) fn is_past(stored: Timestamp, now: Timestamp) -> bool {
    stored <= now.later(TOLERANCE)
}

/// The checkpoint without times in the future, which would keep the channel from being
/// read until then. A failure in the future is dropped; a refresh in the future is moved
/// back to when the last message was sent, or to now.
pub(super) fn without_future(times: &dyn IdTimes, checkpoint: &Checkpoint, now: Timestamp) -> Checkpoint {
    let last_sent_at = checkpoint.last_message_id.map(|last| times.sent_at(last));
    let mut sane = checkpoint.clone();
    sane.failed_at = checkpoint.failed_at.filter(|at| is_past(*at, now));
    if checkpoint.refreshed_at.is_some_and(|at| !is_past(at, now)) {
        sane.refreshed_at = Some(last_sent_at.map_or(now, |at| at.min(now)));
    }
    if let Some(end) = &mut sane.end {
        end.unconfirmed_since = end.unconfirmed_since.map(|at| at.min(now));
    }
    for malformed in sane.malformed_ranges.iter_mut().filter(|malformed| !is_past(malformed.tried_at, now)) {
        malformed.tried_at = Timestamp::from_millis(0);
    }
    sane
}
