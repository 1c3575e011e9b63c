//! Tests of [`build`].

mod discover;
mod thread_search;

use std::time::Duration;

use hashbrown::HashMap;

use super::{
    Action, BackfillPlan, ChannelPlan, Facts, LeftOutReason, Plan, Reread, Selection, SpeedLimits, build,
};
use crate::config::ChannelSelector;
use crate::model::{
    Backfill, Channel, ChannelId, ChannelKind, ChannelState, Checkpoint, IdTimes as _, KnownChannel,
    MalformedRange, MessageId, ThreadProperties, Timestamp, UnconfirmedEmptyPage, Visibility, VisibilityRule,
    Workspace, WorkspaceId,
};
use crate::platform::fake::Fake;

const DAY: Duration = Duration::from_hours(24);

/// The time `hours` before an arbitrary "now".
fn hours_ago(hours: u64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000).earlier(Duration::from_hours(hours))
}

fn id(raw: u64) -> ChannelId {
    ChannelId::new(raw).unwrap()
}

/// The ID of a message sent `hours` ago.
fn sent(hours: u64) -> MessageId {
    let before = Fake::new().id_before(hours_ago(hours)).unwrap();
    MessageId::new(before.get() + 1).unwrap()
}

/// The greatest ID created more than `hours` ago.
fn before(hours: u64) -> Option<MessageId> {
    Fake::new().id_before(hours_ago(hours))
}

fn public() -> Visibility {
    Visibility { everyone_sees: true, everyone_reads_history: true, ..Visibility::default() }
}

fn channel(raw: u64, kind: ChannelKind, parent: Option<u64>, last: Option<u64>) -> Channel {
    Channel {
        parent_id: parent.map(id),
        last_message_id: last.map(sent),
        last_message_at: last.map(hours_ago),
        visibility: public(),
        ..Channel::new(id(raw), kind, format!("name-{raw}"), hours_ago(10_000))
    }
}

fn thread(raw: u64, parent: u64, archived_hours_ago: Option<u64>) -> Channel {
    let facts = ThreadProperties {
        owner: None,
        archived: archived_hours_ago.is_some(),
        archived_at: archived_hours_ago.map(hours_ago),
        locked: false,
        messages_sent: Some(5),
        message_count: None,
    };
    Channel { thread: Some(facts), ..channel(raw, ChannelKind::PublicThread, Some(parent), Some(200)) }
}

fn known(raw: u64, kind: ChannelKind, parent: Option<u64>, checkpoint: Checkpoint) -> KnownChannel {
    KnownChannel {
        id: id(raw),
        parent_id: parent.map(id),
        kind,
        name: format!("name-{raw}"),
        opened_at: hours_ago(10_000),
        state: ChannelState::Active,
        archived: kind.is_thread().then_some(true),
        checkpoint,
        listing: None,
        requested_at: None,
        has_messages: true,
        was_named_by_message: false,
    }
}

/// The checkpoint of a channel read to its end. The newest message was sent `last` hours
/// ago; the last refresh began `refreshed` hours ago.
fn complete(last: u64, refreshed: u64) -> Checkpoint {
    Checkpoint {
        last_message_id: Some(sent(last)),
        history_complete: true,
        refreshed_at: Some(hours_ago(refreshed)),
        ..Checkpoint::default()
    }
}

fn facts(channels: Vec<Channel>) -> Facts {
    let workspace = Workspace { id: WorkspaceId::new(1).unwrap(), name: String::new() };
    Facts {
        workspace,
        channels,
        remembered: vec![],
        proven_states: vec![],
        vanished: vec![],
        refused: vec![],
        listings: vec![],
        inconclusive: vec![],
        postponed: vec![],
        active_threads_error: None,
    }
}

fn plan_of(channel: Channel, checkpoint: Option<Checkpoint>, selection: &Selection) -> Plan {
    let known: HashMap<_, _> = checkpoint
        .map(|checkpoint| (channel.id, Box::new(known(channel.id.get(), channel.kind, None, checkpoint))))
        .into_iter()
        .collect();
    build(&Fake::new(), &facts(vec![channel]), &known, selection, hours_ago(0))
}

fn day_window() -> Selection {
    Selection { refresh_window: DAY, ..Selection::default() }
}

#[track_caller]
fn only_read(plan: &Plan) -> &ChannelPlan {
    assert_eq!(plan.reads.len(), 1, "{plan:?}");
    &plan.reads[0]
}

fn text(last: Option<u64>) -> Channel {
    channel(5, ChannelKind::Text, None, last)
}

#[test]
fn a_new_channel_is_read_from_its_beginning() {
    for last in [None, Some(1)] {
        let plan = plan_of(text(last), None, &day_window());
        let read = only_read(&plan);
        assert_eq!((read.action, read.after, read.moves_checkpoint), (Action::FirstRead, None, true));
    }
}

#[test]
fn an_interrupted_first_read_resumes_at_its_checkpoint() {
    let checkpoint = Checkpoint { last_message_id: Some(sent(500)), ..Checkpoint::default() };
    let plan = plan_of(text(Some(1)), Some(checkpoint), &day_window());
    assert_eq!((only_read(&plan).action, only_read(&plan).after), (Action::ReadOn, Some(sent(500))));
}

#[test]
fn a_resumed_reading_rereads_the_refresh_window_of_its_start() {
    let begun = |last| Checkpoint {
        last_message_id: Some(sent(last)),
        refreshed_at: Some(hours_ago(50)),
        ..Checkpoint::default()
    };
    let plan = plan_of(text(Some(1)), Some(begun(60)), &day_window());
    let young = Reread { after: before(74), until: sent(60) };
    assert_eq!((only_read(&plan).after, &only_read(&plan).rereads[..]), (Some(sent(60)), &[young][..]));
    let full =
        Checkpoint { full_job_id: Some("first".into()), full_cursor: Some(sent(55)), ..complete(30, 50) };
    let resumed = Selection { full: true, full_job_id: Some("first".into()), ..day_window() };
    let plan = plan_of(text(Some(1)), Some(full), &resumed);
    assert_eq!(only_read(&plan).rereads, [Reread { until: sent(55), ..young }]);
    // The interrupted read didn't reach the refresh window.
    assert_eq!(only_read(&plan_of(text(Some(1)), Some(begun(80)), &day_window())).rereads, []);
}

#[test]
fn malformed_messages_are_retried_five_times_and_then_once_a_day() {
    let malformed = |attempts, hours| MalformedRange {
        after: Some(sent(900)),
        until: sent(899),
        attempts,
        tried_at: hours_ago(hours),
    };
    let plan = |malformed: MalformedRange, selection: &Selection| {
        let checkpoint = Checkpoint { malformed_ranges: vec![malformed], ..complete(100, 50) };
        plan_of(text(Some(100)), Some(checkpoint), selection)
    };
    let its_page = [Reread { after: Some(sent(900)), until: sent(899) }];
    let tried = plan(malformed(1, 0), &day_window());
    assert_eq!((only_read(&tried).after, &only_read(&tried).rereads[..]), (Some(sent(100)), &its_page[..]));
    assert_eq!(plan(malformed(5, 1), &day_window()).skipped, [id(5)]);
    assert_eq!(only_read(&plan(malformed(5, 24), &day_window())).rereads, its_page);
    let asked_for = Selection { channels: vec![id(5)], ..day_window() };
    assert_eq!(only_read(&plan(malformed(9, 1), &asked_for)).rereads, its_page);
    let full = Selection { full: true, ..day_window() };
    assert_eq!(only_read(&plan(malformed(1, 0), &full)).rereads, [], "a full read covers it");
}

#[test]
fn rereads_merge_adjacent_ranges_and_are_limited() {
    let malformed = |from: u64| MalformedRange {
        after: Some(sent(from)),
        until: sent(from - 1),
        attempts: 1,
        tried_at: hours_ago(from),
    };
    let rereads = |malformed: Vec<MalformedRange>| {
        let checkpoint = Checkpoint { malformed_ranges: malformed, ..complete(100, 50) };
        only_read(&plan_of(text(Some(100)), Some(checkpoint), &day_window())).rereads.clone()
    };
    let apart = Reread { after: Some(sent(700)), until: sent(699) };
    let together = Reread { after: Some(sent(900)), until: sent(898) };
    assert_eq!(rereads(vec![malformed(700), malformed(899), malformed(900)]), [together, apart]);
    let many: Vec<MalformedRange> = (200..230).map(|number| malformed(2 * number)).collect();
    assert_eq!(rereads(many).len(), 20);
}

#[test]
fn an_unchanged_channel_is_skipped() {
    // The last refresh began a day and an hour after the last message.
    let plan = plan_of(text(Some(100)), Some(complete(100, 75)), &day_window());
    assert_eq!(plan.skipped, [id(5)]);
    // It began only 23 hours after it.
    let plan = plan_of(text(Some(100)), Some(complete(100, 77)), &day_window());
    assert_eq!(only_read(&plan).action, Action::Refresh);
}

#[test]
fn a_refresh_begins_at_the_window_of_the_last_one() {
    let plan = plan_of(text(Some(2)), Some(complete(30, 20)), &day_window());
    let fake = Fake::new();
    let read = only_read(&plan);
    assert_eq!((read.action, read.moves_checkpoint), (Action::Refresh, true));
    assert_eq!(read.after, fake.id_before(hours_ago(44)), "20 hours ago, and the window of 24");
}

#[test]
fn times_in_the_future_are_ignored() {
    let later = hours_ago(0).later(DAY);
    // The last refresh can't have begun before the last message was sent.
    let wrong = Checkpoint { refreshed_at: Some(later), ..complete(100, 0) };
    assert_eq!(only_read(&plan_of(text(Some(100)), Some(wrong), &day_window())).after, before(124));
    let failed = Checkpoint { failure_count: 9, failed_at: Some(later), ..complete(100, 50) };
    assert_eq!(plan_of(text(Some(1)), Some(failed), &day_window()).reads.len(), 1);
}

#[test]
fn a_refresh_begins_at_the_checkpoint_at_the_latest() {
    // Nothing was in the window, but there are new messages.
    let plan = plan_of(text(Some(2)), Some(complete(500, 20)), &day_window());
    assert_eq!(only_read(&plan).after, Some(sent(500)));
}

#[test]
fn without_a_window_only_the_overlap_is_reread() {
    let off = Selection::default();
    assert_eq!(plan_of(text(Some(100)), Some(complete(100, 99)), &off).skipped.len(), 1);
    let plan = plan_of(text(Some(2)), Some(complete(100, 100)), &off);
    let overlap = Fake::new().id_before(hours_ago(100).earlier(Duration::from_mins(1)));
    assert_eq!(only_read(&plan).after, overlap);
}

#[test]
fn a_channel_read_past_its_listed_newest_message_is_skipped() {
    // The listing names the message that the checkpoint has reached.
    let plan = plan_of(text(Some(100)), Some(complete(100, 50)), &day_window());
    assert!(plan.reads.is_empty());
}

#[test]
fn a_channel_without_a_listed_newest_message_is_refreshed() {
    let plan = plan_of(text(None), Some(complete(100, 50)), &day_window());
    assert_eq!(only_read(&plan).action, Action::Refresh);
    let empty = Checkpoint { last_message_id: None, ..complete(100, 50) };
    assert!(plan_of(text(None), Some(empty), &day_window()).reads.is_empty());
}

#[test]
fn moving_since_back_plans_a_backfill() {
    let since = Selection { since: Some(hours_ago(300)), ..day_window() };
    let plan = plan_of(text(Some(100)), None, &since);
    assert_eq!(only_read(&plan).after, before(300));
    let checkpoint = Checkpoint { since: Some(hours_ago(200)), ..complete(100, 50) };
    let plan = plan_of(text(Some(100)), Some(checkpoint.clone()), &since);
    let missing = BackfillPlan { since: since.since, after: before(300), until: before(200) };
    assert_eq!(only_read(&plan).backfill, Some(missing), "only what is missing");
    let backfill = Backfill { since: since.since, cursor: Some(sent(250)) };
    let begun = Checkpoint { backfill: Some(Box::new(backfill)), ..checkpoint.clone() };
    let plan = plan_of(text(Some(100)), Some(begun.clone()), &since);
    assert_eq!(only_read(&plan).backfill, Some(BackfillPlan { after: Some(sent(250)), ..missing }));
    let all = plan_of(text(Some(100)), Some(begun), &day_window());
    let from_the_beginning = BackfillPlan { since: None, after: None, until: before(200) };
    assert_eq!(only_read(&all).backfill, Some(from_the_beginning), "another `since` starts another backfill");
    let later = Selection { since: Some(hours_ago(150)), ..day_window() };
    assert_eq!(plan_of(text(Some(100)), Some(checkpoint), &later).skipped.len(), 1);
}

#[test]
fn a_channel_idle_since_before_since_moves_its_checkpoint() {
    let since = Some(hours_ago(300));
    let idle = Checkpoint { since, ..complete(500, 50) };
    let empty = Checkpoint { last_message_id: None, ..idle.clone() };
    for (checkpoint, since) in [(idle, since), (empty, None)] {
        let plan = plan_of(text(Some(1)), Some(checkpoint), &Selection { since, ..day_window() });
        assert_eq!((only_read(&plan).after, only_read(&plan).moves_checkpoint), (before(300), true));
    }
}

#[test]
fn an_empty_page_over_archived_messages_is_read_twice() {
    let quiet = complete(100, 50);
    assert!(plan_of(text(Some(100)), Some(quiet.clone()), &day_window()).reads.is_empty());
    let doubted =
        Checkpoint { unconfirmed_empty_page: Some(UnconfirmedEmptyPage { after: before(120) }), ..quiet };
    let plan = plan_of(text(Some(100)), Some(doubted), &day_window());
    assert_eq!((only_read(&plan).action, only_read(&plan).after), (Action::Refresh, before(120)));
}

#[test]
fn a_dead_letter_channel_is_tried_once_a_day() {
    let failed = |failure_count, hours| Checkpoint {
        failure_count,
        failed_at: Some(hours_ago(hours)),
        ..complete(100, 50)
    };
    let plan = |checkpoint, selection| plan_of(text(Some(1)), Some(checkpoint), &selection);
    assert!(only_read(&plan(failed(4, 1), day_window())).is_retry);
    let waiting = plan(failed(5, 1), day_window());
    assert_eq!(waiting.dead_letters, [(id(5), hours_ago(1).later(DAY))]);
    assert!(waiting.reads.is_empty() && waiting.skipped.is_empty());
    assert!(only_read(&plan(failed(5, 24), day_window())).is_retry);
    let asked_for = Selection { channels: vec![id(5)], ..day_window() };
    assert!(only_read(&plan(failed(9, 1), asked_for)).is_retry, "selecting it by ID overrides the interval");
}

#[test]
fn a_run_starting_after_unread_history_keeps_the_checkpoint() {
    let june = Selection { run_since: Some(hours_ago(50)), ..day_window() };
    assert!(!only_read(&plan_of(text(Some(1)), None, &june)).moves_checkpoint);
    let checkpoint = Checkpoint { last_message_id: Some(sent(20)), ..Checkpoint::default() };
    assert!(only_read(&plan_of(text(Some(1)), Some(checkpoint), &june)).moves_checkpoint);
}

#[test]
fn a_full_read_resumes_only_the_same_full_read() {
    let checkpoint =
        Checkpoint { full_job_id: Some("first".into()), full_cursor: Some(sent(400)), ..complete(100, 50) };
    let full = |job: &str| Selection { full: true, full_job_id: Some(job.into()), ..day_window() };
    let plan = plan_of(text(Some(100)), Some(checkpoint.clone()), &full("first"));
    assert_eq!((only_read(&plan).action, only_read(&plan).after), (Action::Full, Some(sent(400))));
    let plan = plan_of(text(Some(100)), Some(checkpoint.clone()), &full("second"));
    assert_eq!(only_read(&plan).after, None);
    let done = Checkpoint { full_done: true, full_cursor: None, ..checkpoint };
    assert_eq!(plan_of(text(Some(100)), Some(done.clone()), &full("first")).skipped.len(), 1);
    assert_eq!(plan_of(text(Some(100)), Some(done), &full("second")).reads.len(), 1);
}

#[test]
fn hidden_and_unreadable_channels_are_left_out_with_the_reason() {
    let reason = |visibility: Visibility, selection: &Selection| {
        let plan = plan_of(Channel { visibility, ..text(None) }, None, selection);
        assert!(plan.reads.is_empty());
        plan.left_out[0].reason.clone()
    };
    let hidden = Visibility { everyone_lacks: vec!["View Channel"], ..Visibility::default() };
    assert_eq!(reason(hidden, &day_window()), LeftOutReason::NotPublic(vec!["View Channel"]));
    let unreadable = Visibility { bot_lacks: vec!["Connect"], ..public() };
    assert_eq!(reason(unreadable, &day_window()), LeftOutReason::BotLacks(vec!["Connect"]));
    let history = Selection { visibility: VisibilityRule::History, ..day_window() };
    let closed = Visibility { everyone_reads_history: false, ..public() };
    assert_eq!(reason(closed, &history), LeftOutReason::HistoryNotPublic);
}

#[test]
fn selecting_a_category_or_channel_covers_its_children() {
    let channels = vec![
        channel(1, ChannelKind::Category, None, None),
        channel(2, ChannelKind::Text, Some(1), Some(5)),
        thread(3, 2, None),
        channel(4, ChannelKind::Text, None, Some(5)),
    ];
    let facts = facts(channels);
    let reads = |selection: &Selection| {
        let plan = build(&Fake::new(), &facts, &HashMap::new(), selection, hours_ago(0));
        let mut reads: Vec<u64> = plan.reads.iter().map(|read| read.channel.id.get()).collect();
        reads.sort_unstable();
        reads
    };
    assert_eq!(reads(&day_window()), [2, 3, 4]);
    let selector = |name: &str| vec![ChannelSelector::Name(name.to_owned())];
    assert_eq!(reads(&Selection { include: selector("name-1"), ..day_window() }), [2, 3]);
    assert_eq!(reads(&Selection { exclude: selector("name-2"), ..day_window() }), [4]);
    assert_eq!(reads(&Selection { channels: vec![id(2)], ..day_window() }), [2, 3]);
    let unknown = Selection { channels: vec![id(99)], ..day_window() };
    assert_eq!(build(&Fake::new(), &facts, &HashMap::new(), &unknown, hours_ago(0)).unknown, [id(99)]);
}

#[test]
fn the_largest_channel_comes_first() {
    let mut busy = thread(2, 1, None);
    busy.thread.as_mut().unwrap().messages_sent = Some(9_000_000);
    let channels = vec![channel(1, ChannelKind::Text, None, Some(5)), busy, thread(3, 1, None)];
    let facts = facts(channels);
    let plan = build(&Fake::new(), &facts, &HashMap::new(), &day_window(), hours_ago(0));
    let order: Vec<u64> = plan.reads.iter().map(|read| read.channel.id.get()).collect();
    assert_eq!(order, [2, 1, 3]);
}

#[test]
fn expected_cost_counts_channels_of_unknown_size() {
    let channels = vec![channel(1, ChannelKind::Text, None, Some(5)), thread(3, 1, None)];
    let plan = build(&Fake::new(), &facts(channels), &HashMap::new(), &day_window(), hours_ago(0));
    let sizes: Vec<Option<u64>> = plan.reads.iter().map(|read| read.known_messages()).collect();
    assert_eq!(sizes, [None, Some(5)]);
    let speed_limits = SpeedLimits { page_size: 2, requests_per_second: 50.0, channel_pages_per_second: 1.0 };
    let expected = plan.expected(7, speed_limits);
    assert_eq!((expected.requests, expected.unknown_channels), (1 + 3 + 7, 1));
    assert_eq!(expected.time, Duration::from_secs(3));
    let refresh = plan_of(text(Some(2)), Some(complete(30, 20)), &day_window());
    assert_eq!(refresh.expected(0, speed_limits).unknown_channels, 0);
}

#[test]
fn names_the_key_that_excludes_a_channel() {
    let selector = |name: &str| vec![ChannelSelector::Name(name.to_owned())];
    let key = |selection: &Selection| plan_of(text(None), None, selection).left_out[0].key;
    let both = Selection { include: selector("name-5"), exclude: selector("name-5"), ..day_window() };
    assert_eq!(key(&both), Some("exclude_channels"));
    let other = Selection { include: selector("other"), exclude: selector("x"), ..day_window() };
    assert_eq!(key(&other), Some("include_channels"));
}
