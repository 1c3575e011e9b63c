//! Plans which ranges of a channel's history are read again, besides the main pass. Pure.

use std::time::Duration;

use super::Selection;
use super::times::{archived_from, refresh_window};
use super::value::{Action, Reread};
use crate::model::{Checkpoint, IdTimes, MalformedRange, MessageId, Timestamp};

/// Malformed messages are re-read by each of the next runs up to this many times.
const ATTEMPTS_BEFORE_DEAD_LETTER: u32 = 5;
/// Interval between re-reads of a malformed message after [`ATTEMPTS_BEFORE_DEAD_LETTER`].
const RETRY_INTERVAL: Duration = Duration::from_hours(24);
/// Malformed messages re-read per channel and run at most: each may cost a page.
const MAX_REREADS: usize = 20;

/// The ranges to re-read after the main pass (`main`: its action and the message after
/// which it begins): malformed messages, and what was in the refresh window when the read
/// that is resumed now was interrupted. Ascending, without overlaps.
pub(super) fn rereads(
    times: &dyn IdTimes,
    checkpoint: &Checkpoint,
    selection: &Selection,
    main: (Action, Option<MessageId>),
    now: Timestamp,
) -> Vec<Reread> {
    let (action, main_after) = main;
    if action == Action::Range {
        return Vec::new();
    }
    let is_resumed = matches!(action, Action::ReadOn | Action::Full);
    let resumed =
        main_after.filter(|_| is_resumed).and_then(|until| resumed(times, checkpoint, selection, until));
    let malformed =
        due(checkpoint, selection, now).into_iter().filter(|malformed| malformed.after < main_after);
    let malformed = malformed.map(|malformed| Reread { after: malformed.after, until: malformed.until });
    merged(malformed.chain(resumed).collect())
}

/// The malformed messages due now, those with the fewest attempts first. In a channel
/// selected by ID, all are due.
fn due(checkpoint: &Checkpoint, selection: &Selection, now: Timestamp) -> Vec<MalformedRange> {
    let is_due = |malformed: &&MalformedRange| {
        malformed.attempts < ATTEMPTS_BEFORE_DEAD_LETTER
            || now.since(malformed.tried_at) >= RETRY_INTERVAL
            || !selection.channels.is_empty()
    };
    let mut due: Vec<MalformedRange> = checkpoint.malformed_ranges.iter().filter(is_due).copied().collect();
    due.sort_by_key(|malformed| (malformed.attempts, malformed.tried_at, malformed.until));
    due.truncate(MAX_REREADS);
    due
}

/// The part already read of the refresh window, as of the start of the interrupted read
/// or of the refresh before it; `None` if that read didn't reach the window.
fn resumed(
    times: &dyn IdTimes,
    checkpoint: &Checkpoint,
    selection: &Selection,
    until: MessageId,
) -> Option<Reread> {
    let window = refresh_window(selection);
    let young = times.id_before(checkpoint.refreshed_at?.earlier(window));
    let after = young.max(archived_from(times, checkpoint));
    (after < Some(until)).then_some(Reread { after, until })
}

/// Sorts the ranges, merges overlapping and adjacent ones, and drops empty ones.
fn merged(mut rereads: Vec<Reread>) -> Vec<Reread> {
    rereads.retain(|reread| reread.after < Some(reread.until));
    rereads.sort_by_key(|reread| (reread.after, reread.until));
    let mut merged: Vec<Reread> = Vec::new();
    for reread in rereads {
        match merged.last_mut() {
            Some(last) if reread.after <= Some(last.until) => last.until = last.until.max(reread.until),
            _ => merged.push(reread),
        }
    }
    merged
}
