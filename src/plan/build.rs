//! Builds a plan from facts and checkpoints: what is read from where, what isn't read and
//! why. Pure.

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

/// A channel becomes a dead-letter channel after this many consecutive failures of its
/// own.
const DEAD_LETTER_FAILURES: u32 = 5;
/// Interval between attempts to read a dead-letter channel.
const DEAD_LETTER_INTERVAL: Duration = Duration::from_hours(24);

/// Plans every channel of `facts`. `known` holds the archive's channels and checkpoints.
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
                key: selection.excluding_key(&lineage).filter(|_| reason == LeftOutReason::NotWanted),
                reason,
            });
            continue;
        }
        plan.wanted_channels += 1;
        if channel.kind.has_messages() && selection.selects(&lineage) {
            let known = known.get(&channel.id);
            let checkpoint = known.map(|known| without_future(times, &known.checkpoint, now));
            let checkpoint = checkpoint.as_ref();
            if let Some(until) = dead_letter_until(checkpoint, selection).filter(|until| *until > now) {
                plan.dead_letters.push((channel.id, until));
                continue;
            }
            match plan_channel(times, channel, checkpoint, selection, now) {
                Some(channel_plan) => plan.reads.push(Box::new(channel_plan)),
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
    // Among equal weights, the channel with the newest message is likely the busiest.
    plan.reads.sort_by_key(|read| std::cmp::Reverse((read.weight, read.channel.last_message_id)));
    plan
}

/// The channel, its parent and the parent's category, as far as they exist.
pub(super) fn lineage<'a>(channel: &'a Channel, by_id: &HashMap<ChannelId, &'a Channel>) -> Vec<&'a Channel> {
    let above = |channel: &&'a Channel| by_id.get(&channel.parent_id?).copied();
    std::iter::successors(Some(channel), above).take(3).collect()
}

/// Why the channel is left out; `None` if it isn't.
fn left_out(
    channel: &Channel,
    lineage: &[&Channel],
    selection: &Selection,
    now: Timestamp,
) -> Option<LeftOutReason> {
    let visibility = &channel.visibility;
    if channel.kind == ChannelKind::Malformed {
        Some(LeftOutReason::Unreadable)
    } else if !channel.kind.has_messages() && !channel.kind.has_threads() {
        Some(LeftOutReason::Kind)
    } else if !visibility.everyone_sees {
        Some(LeftOutReason::NotPublic(visibility.everyone_lacks.clone()))
    } else if selection.visibility == VisibilityRule::History && !visibility.everyone_reads_history {
        Some(LeftOutReason::HistoryNotPublic)
    } else if selection.excluding_key(lineage).is_some() {
        Some(LeftOutReason::NotWanted)
    } else if !visibility.bot_lacks.is_empty() {
        Some(LeftOutReason::BotLacks(visibility.bot_lacks.clone()))
    } else if selection.since.is_some_and(|since| since > now) {
        Some(LeftOutReason::SinceInFuture)
    } else {
        None
    }
}

/// When a channel with `failure_count` consecutive failures of its own, the last one at
/// `failed_at`, is tried again; `None` if the next run tries it.
pub fn next_try_at(failure_count: u32, failed_at: Option<Timestamp>) -> Option<Timestamp> {
    let failed_at = failed_at.filter(|_| failure_count >= DEAD_LETTER_FAILURES)?;
    Some(failed_at.later(DEAD_LETTER_INTERVAL))
}

/// When a dead-letter channel is tried again; `None` if it isn't one. Channels selected
/// by ID are always tried.
fn dead_letter_until(checkpoint: Option<&Checkpoint>, selection: &Selection) -> Option<Timestamp> {
    let checkpoint = checkpoint.filter(|_| selection.channels.is_empty())?;
    next_try_at(checkpoint.failure_count, checkpoint.failed_at)
}

/// Plans one channel; `None` if nothing in it can have changed.
fn plan_channel(
    times: &dyn IdTimes,
    channel: &Channel,
    checkpoint: Option<&Checkpoint>,
    selection: &Selection,
    now: Timestamp,
) -> Option<ChannelPlan> {
    // The range ends before the first possible ID.
    if selection.run_until.is_some_and(|until| times.id_before(until).is_none()) {
        return None;
    }
    let never = Checkpoint::default();
    let checkpoint = checkpoint.unwrap_or(&never);
    let backfill = backfill(times, checkpoint, selection);
    let main = plan_main(times, channel, checkpoint, selection, now);
    let (action, after) = main.unwrap_or((Action::Refresh, checkpoint.last_message_id));
    let rereads = rereads(times, checkpoint, selection, (action, after), now);
    if main.is_none() && backfill.is_none() && rereads.is_empty() {
        return None;
    }
    let plan = channel_plan(times, channel, checkpoint, selection, action, after);
    let backfill_weight =
        backfill.map_or(0, |backfill| span_weight(times, channel, backfill.after, backfill.until));
    let reread_weights =
        rereads.iter().map(|reread| span_weight(times, channel, reread.after, Some(reread.until)));
    Some(ChannelPlan {
        weight: plan.weight + backfill_weight + reread_weights.sum::<u64>(),
        backfill,
        rereads,
        ..plan
    })
}

fn channel_plan(
    times: &dyn IdTimes,
    channel: &Channel,
    checkpoint: &Checkpoint,
    selection: &Selection,
    action: Action,
    after: Option<MessageId>,
) -> ChannelPlan {
    // Everything up to `read_to` is archived, from the archive's beginning on. A read
    // that starts after it would leave a gap if it moved the checkpoint.
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
        has_checkpoint_beyond_newest: channel.last_message_id.is_some()
            && checkpoint.last_message_id > channel.last_message_id,
        end: checkpoint.end.clone(),
        malformed: checkpoint.malformed_ranges.iter().map(|malformed| malformed.until).collect(),
        read_to,
        channel: channel.into(),
        action,
        after,
    }
}

/// The ID after which the tenant's archive begins; `None` is the channel's beginning.
fn beginning(times: &dyn IdTimes, selection: &Selection) -> Option<MessageId> {
    selection.since.and_then(|since| times.id_before(since))
}

/// The action of the main pass and the message after which it begins; `None` if nothing
/// is to be read. The backfill is planned separately.
fn plan_main(
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
        let is_resumed = match &selection.full_job_id {
            Some(job_id) => checkpoint.full_job_id.as_ref() == Some(job_id),
            None => !checkpoint.full_done,
        };
        // A channel that the full re-read has finished is refreshed as usual.
        if !(is_resumed && checkpoint.full_done) {
            let archive_begin =
                if checkpoint.is_new() { beginning } else { archived_from(times, checkpoint) };
            return Some((Action::Full, checkpoint.full_cursor.filter(|_| is_resumed).or(archive_begin)));
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

/// The range between an earlier `since` and the one the channel was read from; `None` if
/// there is none.
fn backfill(times: &dyn IdTimes, checkpoint: &Checkpoint, selection: &Selection) -> Option<BackfillPlan> {
    let is_for_run = selection.run_since.is_some() || selection.run_until.is_some();
    if checkpoint.is_new() || is_for_run || !begins_earlier(selection.since, checkpoint.since) {
        return None;
    }
    let begun = checkpoint.backfill.as_deref().filter(|backfill| backfill.since == selection.since);
    Some(BackfillPlan {
        since: selection.since,
        after: begun.and_then(|backfill| backfill.cursor).or(beginning(times, selection)),
        until: archived_from(times, checkpoint),
    })
}

/// Whether `wanted` is earlier than `read_from`. `None` is the channel's beginning.
fn begins_earlier(wanted: Option<Timestamp>, read_from: Option<Timestamp>) -> bool {
    match (wanted, read_from) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(wanted), Some(read_from)) => wanted < read_from,
    }
}

/// The message after which the refresh of a completely read channel begins: the start of
/// the refresh window as of the last refresh. `None` if no message was in that window and
/// nothing has changed since.
#[allow(clippy::option_option, reason = "the inner level is the channel's beginning")]
fn refresh_from(
    times: &dyn IdTimes,
    channel: &Channel,
    checkpoint: &Checkpoint,
    selection: &Selection,
    now: Timestamp,
) -> Option<Option<MessageId>> {
    let window = refresh_window(selection);
    // Without a listed newest message, a new one may exist, unless the channel was empty.
    let reached = match channel.last_message_id {
        None => checkpoint.last_message_id.is_none(),
        // A listed message other than the checkpoint's proves nothing by itself. It may
        // have been deleted: then the channel's end was confirmed.
        hint => hint == checkpoint.last_message_id || checkpoint.end_record().is_valid_for(hint, now),
    };
    let reached = reached && checkpoint.end_record().unconfirmed_since.is_none();
    let last = channel.last_message_id.max(checkpoint.last_message_id);
    let Some(refreshed_at) = checkpoint.refreshed_at else {
        return Some(checkpoint.last_message_id);
    };
    let has_left_window = last.is_none_or(|last| refreshed_at >= times.sent_at(last).later(window));
    if reached && has_left_window && checkpoint.unconfirmed_empty_page.is_none() {
        return None;
    }
    let young = times.id_before(refreshed_at.earlier(window));
    let young = checkpoint.unconfirmed_empty_page.map_or(young, |look| young.min(look.after));
    Some(young.min(checkpoint.last_message_id).max(archived_from(times, checkpoint)))
}

/// The weight of a range, assuming a message an hour.
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

/// The weight of reading from `after` on: a thread's message count if the platform gives
/// it, otherwise a message an hour. With `after`, at most the latter.
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
