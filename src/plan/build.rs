//! From facts and checkpoints to a plan: what is read from where, what isn't
//! and why. Pure.

use std::fmt;
use std::time::Duration;

use hashbrown::HashMap;

use super::{Facts, Selection};
use crate::archive::KnownChannel;
use crate::model::{Channel, ChannelId, ChannelKind, Checkpoint, MessageId, Timestamp, VisibilityRule};
use crate::platform::PlatformAdapter;

/// IDs may appear out of order by seconds: what was read less than this before
/// its end is read again.
const OVERLAP: Duration = Duration::from_mins(1);

/// What is done with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was never read to its end: go on from the checkpoint.
    ReadOn,
    /// Read what is new, and what was young when it was last read.
    Refresh,
    /// The archive is to begin earlier: read from there.
    Extend,
    /// Read everything again.
    Full,
    /// Read what this run alone was asked for.
    Range,
}

/// A channel that is read.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelPlan {
    /// The channel.
    pub channel: Channel,
    /// What is done.
    pub action: Action,
    /// Reading begins behind this message; `None` is the channel's beginning.
    pub after: Option<MessageId>,
    /// Up to here the channel was read before.
    pub read_to: Option<MessageId>,
    /// Reading ends at this message.
    pub until: Option<MessageId>,
    /// Whether pages move the checkpoint: not if that would pass over history
    /// that was never read.
    pub moves_checkpoint: bool,
    /// Messages it may take, a guess for what to begin with.
    pub weight: u64,
}

/// Why a channel isn't read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftOutReason {
    /// @everyone lacks these permissions.
    NotPublic(Vec<&'static str>),
    /// @everyone may see it, but not its history, and the tenant asks for that.
    HistoryNotPublic,
    /// The bot lacks these permissions.
    BotLacks(Vec<&'static str>),
    /// The tenant's include or exclude list.
    NotWanted,
    /// It is of a kind that is never archived.
    Kind,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPublic(lacks) if lacks.is_empty() => f.write_str("not public"),
            Self::NotPublic(lacks) => write!(f, "not public: @everyone lacks {}", lacks.join(", ")),
            Self::HistoryNotPublic => f.write_str("its history is not public, and the tenant asks for that"),
            Self::BotLacks(lacks) => write!(f, "the bot lacks {}", lacks.join(", ")),
            Self::NotWanted => f.write_str("left out by include_channels or exclude_channels"),
            Self::Kind => f.write_str("of a kind that is never archived"),
        }
    }
}

/// A channel that isn't read.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// The channel.
    pub channel: ChannelId,
    /// What it is.
    pub kind: ChannelKind,
    /// Why.
    pub reason: LeftOutReason,
}

/// What a sync of one tenant would do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Channels that are read, the largest first.
    pub reads: Vec<ChannelPlan>,
    /// Channels in which nothing can have changed.
    pub skipped: Vec<ChannelId>,
    /// Channels that aren't read.
    pub left_out: Vec<LeftOut>,
    /// Channels asked for by ID that the workspace doesn't have.
    pub unknown: Vec<ChannelId>,
}

/// Decides about every channel.
pub fn build<P: PlatformAdapter>(
    platform: &P,
    facts: &Facts,
    known: &HashMap<ChannelId, KnownChannel>,
    selection: &Selection,
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
        if let Some(reason) = left_out(channel, &lineage, selection) {
            plan.left_out.push(LeftOut { channel: channel.id, kind: channel.kind, reason });
        } else if channel.kind.has_messages() && selection.asks_for(&lineage) {
            let checkpoint = known.get(&channel.id).map(|known| &known.checkpoint);
            match read(platform, channel, checkpoint, selection) {
                Some(read) => plan.reads.push(read),
                None => plan.skipped.push(channel.id),
            }
        }
    }
    let is_known =
        |id: &ChannelId| by_id.contains_key(id) || facts.remembered.iter().any(|thread| thread.id == *id);
    plan.unknown = selection.channels.iter().copied().filter(|id| !is_known(id)).collect();
    // Of channels that seem equal, the one that was written to last is likely
    // to be the busiest.
    plan.reads.sort_by_key(|read| std::cmp::Reverse((read.weight, read.channel.last_message_at)));
    plan
}

/// The channel, its parent, the parent's category.
fn lineage<'a>(channel: &'a Channel, by_id: &HashMap<ChannelId, &'a Channel>) -> Vec<&'a Channel> {
    let above = |channel: &&'a Channel| by_id.get(&channel.parent_id?).copied();
    std::iter::successors(Some(channel), above).take(3).collect()
}

fn left_out(channel: &Channel, lineage: &[&Channel], selection: &Selection) -> Option<LeftOutReason> {
    let visibility = &channel.visibility;
    if !channel.kind.has_messages() && !channel.kind.has_threads() {
        Some(LeftOutReason::Kind)
    } else if !visibility.everyone_sees {
        Some(LeftOutReason::NotPublic(visibility.everyone_lacks.clone()))
    } else if selection.visibility == VisibilityRule::History && !visibility.everyone_reads_history {
        Some(LeftOutReason::HistoryNotPublic)
    } else if !selection.wants(lineage) {
        Some(LeftOutReason::NotWanted)
    } else if !visibility.bot_lacks.is_empty() {
        Some(LeftOutReason::BotLacks(visibility.bot_lacks.clone()))
    } else {
        None
    }
}

/// How a channel is read; `None` if nothing in it can have changed.
fn read<P: PlatformAdapter>(
    platform: &P,
    channel: &Channel,
    checkpoint: Option<&Checkpoint>,
    selection: &Selection,
) -> Option<ChannelPlan> {
    let never = Checkpoint::default();
    let checkpoint = checkpoint.unwrap_or(&never);
    let beginning = selection.since.and_then(|since| platform.id_before(since));
    let (action, after) = if selection.run_since.is_some() || selection.run_until.is_some() {
        let since = selection.run_since.and_then(|since| platform.id_before(since));
        let resumed = checkpoint.last_message_id.filter(|_| !selection.full).or(beginning);
        (Action::Range, if selection.run_since.is_some() { since } else { resumed })
    } else if selection.full {
        let goes_on = match &selection.full_job_id {
            Some(job_id) => checkpoint.full_job_id.as_ref() == Some(job_id),
            None => !checkpoint.full_done,
        };
        if goes_on && checkpoint.full_done {
            return None;
        }
        (Action::Full, checkpoint.full_cursor.filter(|_| goes_on).or(beginning))
    } else if checkpoint.last_message_id.is_none() && !checkpoint.history_complete {
        (Action::ReadOn, beginning)
    } else if begins_earlier(selection.since, checkpoint.since) {
        (Action::Extend, beginning)
    } else if !checkpoint.history_complete {
        (Action::ReadOn, checkpoint.last_message_id)
    } else {
        (Action::Refresh, refresh_from(platform, channel, checkpoint, selection)?)
    };
    // Everything up to the checkpoint was read; a reading that starts behind
    // it, or before anything was read, would leave a gap below.
    let read_to = checkpoint.last_message_id.or(beginning);
    Some(ChannelPlan {
        weight: weight(platform, channel, after),
        until: selection.run_until.and_then(|until| platform.id_before(until)),
        moves_checkpoint: after <= read_to,
        read_to,
        channel: channel.clone(),
        action,
        after,
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
fn refresh_from<P: PlatformAdapter>(
    platform: &P,
    channel: &Channel,
    checkpoint: &Checkpoint,
    selection: &Selection,
) -> Option<Option<MessageId>> {
    let window = selection.refresh_window.max(OVERLAP);
    // Without a hint, nothing says that no message came since.
    let reached = match channel.last_message_id {
        None => checkpoint.last_message_id.is_none(),
        hint => hint <= checkpoint.last_message_id,
    };
    let last = channel.last_message_id.max(checkpoint.last_message_id);
    let Some(refreshed_at) = checkpoint.refreshed_at else {
        return Some(checkpoint.last_message_id);
    };
    let settled = last.is_none_or(|last| refreshed_at >= platform.sent_at(last).later(window));
    if reached && settled {
        return None;
    }
    let young = platform.id_before(refreshed_at.earlier(window));
    let read_from = checkpoint.since.and_then(|since| platform.id_before(since));
    Some(young.min(checkpoint.last_message_id).max(read_from))
}

/// Threads say how many messages they had; of others only the span of time is
/// known, and a message an hour is assumed.
fn weight<P: PlatformAdapter>(platform: &P, channel: &Channel, after: Option<MessageId>) -> u64 {
    let Some(end) = channel.last_message_at else { return 1 };
    let begin = after.map_or(channel.created_at, |after| platform.sent_at(after));
    let hours = end.since(begin).as_secs() / 3600 + 1;
    match channel.thread.as_ref().and_then(|thread| thread.messages_sent) {
        Some(sent) if after.is_none() => sent.max(1),
        Some(sent) => sent.clamp(1, hours),
        None => hours,
    }
}
