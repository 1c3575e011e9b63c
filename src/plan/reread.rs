//! Which parts of a channel's history are read once more, besides what is new.
//! Pure.

use std::time::Duration;

use super::Selection;
use super::times::{archived_from, refresh_window};
use super::value::{Action, Reread};
use crate::model::{BrokenPlace, Checkpoint, IdTimes, MessageId, Timestamp};

/// A message that couldn't be read is tried so many times by the next runs,
const EAGER_ATTEMPTS: u32 = 5;
/// and this often from then on.
const PATIENT_INTERVAL: Duration = Duration::from_hours(24);
/// Broken messages that one run tries again in one channel: each may cost a
/// page.
const RETRIED_AT_ONCE: usize = 20;

/// What is read again after the main part, which begins behind `main_after`:
/// where messages were broken, and what was young when a reading that goes on
/// now was interrupted. Ascending, without overlaps.
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
    let goes_on = matches!(action, Action::ReadOn | Action::Full);
    let resumed =
        main_after.filter(|_| goes_on).and_then(|until| resumed(times, checkpoint, selection, until));
    let broken = due(checkpoint, selection, now).into_iter().filter(|place| place.after < main_after);
    let broken = broken.map(|place| Reread { after: place.after, until: place.until });
    merged(broken.chain(resumed).collect())
}

/// The broken messages that are tried now: those tried least often first. Who
/// asks for the channel by ID doesn't have to wait.
fn due(checkpoint: &Checkpoint, selection: &Selection, now: Timestamp) -> Vec<BrokenPlace> {
    let is_due = |place: &&BrokenPlace| {
        place.attempts < EAGER_ATTEMPTS
            || now.since(place.tried_at) >= PATIENT_INTERVAL
            || !selection.channels.is_empty()
    };
    let mut due: Vec<BrokenPlace> = checkpoint.broken.iter().filter(is_due).copied().collect();
    due.sort_by_key(|place| (place.attempts, place.tried_at, place.until));
    due.truncate(RETRIED_AT_ONCE);
    due
}

/// What was younger than the window when the interrupted reading, or the
/// refresh before it, began, as far as the reading came.
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
