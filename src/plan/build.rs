//! From facts and checkpoints to a plan: what is read from where, what isn't
//! and why. Pure.

use std::time::Duration;

use hashbrown::HashMap;

use super::left_out::{LeftOut, LeftOutReason};
use super::reread::rereads;
use super::times::{archived_from, refresh_window, without_future};
use super::value::{Action, BackfillPlan, ChannelPlan, Plan};
use super::{Facts, Selection};
use crate::model::{
    Channel, ChannelId, ChannelKind, Checkpoint, IdTimes, KnownChannels, MessageId, Timestamp, VisibilityRule,
};

/// So many failed runs in a row for causes of its own make a dead letter.
const DEAD_LETTER_FAILURES: u32 = 5;
/// A dead letter is tried this often.
const DEAD_LETTER_INTERVAL: Duration = Duration::from_hours(24);

/// Decides about every channel.
pub fn build(
    times: &dyn IdTimes,
    facts: &Facts,
    known: &KnownChannels,
    selection: &Selection,
    now: Timestamp,
) -> Plan {
    let by_id: HashMap<ChannelId, &Channel> =
        facts.channels.iter().map(|channel| (channel.id, channel)).collect();
    let mut plan = Plan::default();
    let mut channels: Vec<&Channel> = facts.channels.iter().chain(&facts.remembered).collect();
    channels.sort_by_key(|channel| channel.id);
    for channel in channels {
        if channel.kind == ChannelKind::Category {
            continue;
        }
        let lineage = lineage(channel, &by_id);
        if let Some(reason) = left_out(channel, &lineage, selection, now) {
            plan.left_out.push(LeftOut {
                channel: channel.id,
                name: channel.name.clone(),
                kind: channel.kind,
                key: selection.unwanted_by(&lineage).filter(|_| reason == LeftOutReason::NotWanted),
                reason,
            });
            continue;
        }
        plan.wanted += 1;
        if channel.kind.has_messages() && selection.asks_for(&lineage) {
            let known = known.get(&channel.id);
            let checkpoint = known.map(|known| without_future(times, &known.checkpoint, now));
            let checkpoint = checkpoint.as_ref();
            if let Some(until) = waits_until(checkpoint, selection).filter(|until| *until > now) {
                plan.dead_letters.push((channel.id, until));
                continue;
            }
            match read(times, channel, checkpoint, selection, now) {
                Some(read) => plan.reads.push(Box::new(read)),
                None => plan.skipped.push(channel.id),
            }
        }
    }
    let vanished = facts.vanished.iter().filter_map(|id| known.get(id));
    plan.left_out.extend(vanished.map(|channel| LeftOut {
        channel: channel.id,
        name: channel.name.clone(),
        kind: channel.kind,
        reason: LeftOutReason::Vanished,
        key: None,
    }));
    let is_known = |id: &ChannelId| {
        by_id.contains_key(id)
            || facts.remembered.iter().any(|thread| thread.id == *id)
            || facts.vanished.contains(id)
    };
    plan.unknown = selection.channels.iter().copied().filter(|id| !is_known(id)).collect();
    // Of channels that seem equal, the one that was written to last is likely
    // to be the busiest.
    plan.reads.sort_by_key(|read| std::cmp::Reverse((read.weight, read.channel.last_message_id)));
    plan
}

/// The channel, its parent, the parent's category.
pub(super) fn lineage<'a>(channel: &'a Channel, by_id: &HashMap<ChannelId, &'a Channel>) -> Vec<&'a Channel> {
    let above = |channel: &&'a Channel| by_id.get(&channel.parent_id?).copied();
    std::iter::successors(Some(channel), above).take(3).collect()
}

fn left_out(
    channel: &Channel,
    lineage: &[&Channel],
    selection: &Selection,
    now: Timestamp,
) -> Option<LeftOutReason> {
    let visibility = &channel.visibility;
    if channel.kind == ChannelKind::Unreadable {
        Some(LeftOutReason::Unreadable)
    } else if !channel.kind.has_messages() && !channel.kind.has_threads() {
        Some(LeftOutReason::Kind)
    } else if !visibility.everyone_sees {
        Some(LeftOutReason::NotPublic(visibility.everyone_lacks.clone()))
    } else if selection.visibility == VisibilityRule::History && !visibility.everyone_reads_history {
        Some(LeftOutReason::HistoryNotPublic)
    } else if selection.unwanted_by(lineage).is_some() {
        Some(LeftOutReason::NotWanted)
    } else if !visibility.bot_lacks.is_empty() {
        Some(LeftOutReason::BotLacks(visibility.bot_lacks.clone()))
    } else if selection.since.is_some_and(|since| since > now) {
        Some(LeftOutReason::SinceInFuture)
    } else {
        None
    }
}

/// When a channel that failed `failure_count` times in a row for causes of its
/// own, last at `failed_at`, is tried again; `None` if by the next run.
pub fn dead_until(failure_count: u32, failed_at: Option<Timestamp>) -> Option<Timestamp> {
    let failed_at = failed_at.filter(|_| failure_count >= DEAD_LETTER_FAILURES)?;
    Some(failed_at.later(DEAD_LETTER_INTERVAL))
}

/// When a channel that failed too often is tried again. Who asks for it by ID
/// doesn't have to wait.
fn waits_until(checkpoint: Option<&Checkpoint>, selection: &Selection) -> Option<Timestamp> {
    let checkpoint = checkpoint.filter(|_| selection.channels.is_empty())?;
    dead_until(checkpoint.failure_count, checkpoint.failed_at)
}

/// How a channel is read; `None` if nothing in it can have changed.
fn read(
    times: &dyn IdTimes,
    channel: &Channel,
    checkpoint: Option<&Checkpoint>,
    selection: &Selection,
    now: Timestamp,
) -> Option<ChannelPlan> {
    // Nothing was sent before all IDs.
    if selection.run_until.is_some_and(|until| times.id_before(until).is_none()) {
        return None;
    }
    let never = Checkpoint::default();
    let checkpoint = checkpoint.unwrap_or(&never);
    let backfill = backfill(times, checkpoint, selection);
    let main = main_part(times, channel, checkpoint, selection, now);
    let (action, after) = main.unwrap_or((Action::Refresh, checkpoint.last_message_id));
    let rereads = rereads(times, checkpoint, selection, (action, after), now);
    if main.is_none() && backfill.is_none() && rereads.is_empty() {
        return None;
    }
    let plan = channel_plan(times, channel, checkpoint, selection, action, after);
    let more = backfill.map_or(0, |backfill| span_weight(times, channel, backfill.after, backfill.until));
    let again = rereads.iter().map(|part| span_weight(times, channel, part.after, Some(part.until)));
    Some(ChannelPlan { weight: plan.weight + more + again.sum::<u64>(), backfill, rereads, ..plan })
}

fn channel_plan(
    times: &dyn IdTimes,
    channel: &Channel,
    checkpoint: &Checkpoint,
    selection: &Selection,
    action: Action,
    after: Option<MessageId>,
) -> ChannelPlan {
    // Everything up to the checkpoint was read; a reading that starts behind
    // it, or before anything was read, would leave a gap below. What lies before
    // the archive's beginning is none.
    let read_to = if checkpoint.is_new() {
        beginning(times, selection)
    } else {
        checkpoint.last_message_id.max(archived_from(times, checkpoint))
    };
    ChannelPlan {
        backfill: None,
        rereads: Vec::new(),
        is_retry: checkpoint.failed_at.is_some(),
        weight: weight(times, channel, after),
        until: selection.run_until.and_then(|until| times.id_before(until)),
        moves_checkpoint: after <= read_to,
        doubts_checkpoint: channel.last_message_id.is_some()
            && checkpoint.last_message_id > channel.last_message_id,
        end: checkpoint.end.clone(),
        malformed: checkpoint.broken.iter().map(|place| place.until).collect(),
        read_to,
        channel: channel.into(),
        action,
        after,
    }
}

/// The ID behind which the tenant's archive begins.
fn beginning(times: &dyn IdTimes, selection: &Selection) -> Option<MessageId> {
    selection.since.and_then(|since| times.id_before(since))
}

/// What is done and from where, an earlier beginning apart.
fn main_part(
    times: &dyn IdTimes,
    channel: &Channel,
    checkpoint: &Checkpoint,
    selection: &Selection,
    now: Timestamp,
) -> Option<(Action, Option<MessageId>)> {
    let beginning = beginning(times, selection);
    if selection.run_since.is_some() || selection.run_until.is_some() {
        let since = selection.run_since.and_then(|since| times.id_before(since));
        let resumed = checkpoint.last_message_id.filter(|_| !selection.full).or(beginning);
        return Some((Action::Range, if selection.run_since.is_some() { since } else { resumed }));
    }
    if selection.full {
        let goes_on = match &selection.full_job_id {
            Some(job_id) => checkpoint.full_job_id.as_ref() == Some(job_id),
            None => !checkpoint.full_done,
        };
        // Where the full re-read is through, news are read as ever.
        if !(goes_on && checkpoint.full_done) {
            let all_archived = if checkpoint.is_new() { beginning } else { archived_from(times, checkpoint) };
            return Some((Action::Full, checkpoint.full_cursor.filter(|_| goes_on).or(all_archived)));
        }
    }
    if checkpoint.is_new() {
        Some((Action::FirstRead, beginning))
    } else if !checkpoint.history_complete {
        Some((Action::ReadOn, checkpoint.last_message_id.or(beginning)))
    } else {
        refresh_from(times, channel, checkpoint, selection, now).map(|after| (Action::Refresh, after))
    }
}

/// What lies between an earlier beginning and the one the channel was read
/// from.
fn backfill(times: &dyn IdTimes, checkpoint: &Checkpoint, selection: &Selection) -> Option<BackfillPlan> {
    let is_for_run = selection.run_since.is_some() || selection.run_until.is_some();
    if checkpoint.is_new() || is_for_run || !begins_earlier(selection.since, checkpoint.since) {
        return None;
    }
    let under_way = checkpoint.backfill.as_deref().filter(|under_way| under_way.since == selection.since);
    Some(BackfillPlan {
        since: selection.since,
        after: under_way.and_then(|under_way| under_way.cursor).or(beginning(times, selection)),
        until: archived_from(times, checkpoint),
    })
}

/// `None` is the channel's beginning, before every date.
fn begins_earlier(wanted: Option<Timestamp>, read_from: Option<Timestamp>) -> bool {
    match (wanted, read_from) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(wanted), Some(read_from)) => wanted < read_from,
    }
}

/// Where the refresh of a completely read channel begins: at what was younger
/// than the window when the last refresh began. `None` if nothing was, and
/// nothing came since.
#[allow(clippy::option_option, reason = "the inner level is the channel's beginning")]
fn refresh_from(
    times: &dyn IdTimes,
    channel: &Channel,
    checkpoint: &Checkpoint,
    selection: &Selection,
    now: Timestamp,
) -> Option<Option<MessageId>> {
    let window = refresh_window(selection);
    // Without a hint, nothing says that no message came since.
    let reached = match channel.last_message_id {
        None => checkpoint.last_message_id.is_none(),
        // A hint never goes back: an older one is as good as none. The newest message
        // may have been deleted: then its end was confirmed.
        hint => hint == checkpoint.last_message_id || checkpoint.end_record().holds_for(hint, now),
    };
    let reached = reached && checkpoint.end_record().doubted_at.is_none();
    let last = channel.last_message_id.max(checkpoint.last_message_id);
    let Some(refreshed_at) = checkpoint.refreshed_at else {
        return Some(checkpoint.last_message_id);
    };
    let settled = last.is_none_or(|last| refreshed_at >= times.sent_at(last).later(window));
    if reached && settled && checkpoint.second_look.is_none() {
        return None;
    }
    let young = times.id_before(refreshed_at.earlier(window));
    let young = checkpoint.second_look.map_or(young, |look| young.min(look.after));
    Some(young.min(checkpoint.last_message_id).max(archived_from(times, checkpoint)))
}

/// A message an hour is assumed here, too.
fn span_weight(
    times: &dyn IdTimes,
    channel: &Channel,
    after: Option<MessageId>,
    until: Option<MessageId>,
) -> u64 {
    let sent_at = |id| times.sent_at(id);
    let begin = after.map_or(channel.created_at, sent_at).max(channel.created_at);
    until.map_or(begin, sent_at).since(begin).as_secs() / 3600 + 1
}

/// Threads say how many messages they had; of others only the span of time is
/// known, and a message an hour is assumed.
fn weight(times: &dyn IdTimes, channel: &Channel, after: Option<MessageId>) -> u64 {
    let Some(end) = channel.last_message_at else { return 1 };
    let begin = after.map_or(channel.created_at, |after| times.sent_at(after));
    let hours = end.since(begin).as_secs() / 3600 + 1;
    match channel.thread.as_ref().and_then(|thread| thread.messages_sent) {
        Some(sent) if after.is_none() => sent.max(1),
        Some(sent) => sent.clamp(1, hours),
        None => hours,
    }
}
