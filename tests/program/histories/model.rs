//! What the archive may hold after each sync, derived from the guarantees and the
//! simulator's truth. A complete sync has read all new messages and those inside the
//! refresh window, a complete full read has read everything, an interrupted sync may have
//! read anything. A row may hold the state of any observation that may have been the last
//! to read it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

use discord_sim::{TruthChannel, TruthMessage, World, unix_ms};

use super::message::{Absence, Coverage, MessageModel, Observation};
use super::setup::GUILD;
use super::{
    FULL_LISTS_ARCHIVED_THREADS, RESUMED_FULL_READS_NEW_MESSAGES, RESUMED_READ_REPEATS_WINDOW,
    SHOWS_UNREADABLE_THREADS,
};

/// The absence of a message younger than this proves nothing, and it is always re-read.
const MINUTE_MS: i64 = 60_000;
/// After this time a complete listing of archived threads, made once a day, is certain.
const LISTING_INTERVAL_MS: i64 = 25 * 3_600_000;

/// What the model has to know of one sync.
pub struct SyncRecord<'a> {
    /// The world's time during the sync, in Unix milliseconds.
    pub begin_ms: i64,
    /// A time that the world's clock didn't reach during the sync.
    pub end_ms: i64,
    pub full: bool,
    /// What the sync guarantees about a channel; `None` if it wasn't asked to read it.
    pub coverage: &'a dyn Fn(&ChannelRef) -> Option<Coverage>,
    /// Messages that were malformed.
    pub malformed: &'a HashSet<(u64, u64)>,
    /// Number of the baseline taken before concurrent changes, if there is one.
    pub since: Option<usize>,
    /// No sync ran: it only records the state before concurrent changes.
    pub is_baseline: bool,
}

/// A channel or thread and its parent.
#[derive(Debug, Clone, Copy)]
pub struct ChannelRef {
    pub id: u64,
    pub parent: Option<u64>,
}

#[derive(Debug)]
pub struct Model {
    window_ms: i64,
    pub channels: BTreeMap<u64, ChannelModel>,
    next_observation: usize,
    /// Number of the observation at which an unfinished full read began.
    pub full_since: Option<usize>,
}

/// What the archive may hold of one channel or thread.
#[derive(Debug, Default)]
pub struct ChannelModel {
    parent: Option<u64>,
    pub is_thread: bool,
    /// There may be a row, because @everyone could see the channel at some time.
    pub may_exist: bool,
    /// There must be a row.
    pub must_exist: bool,
    pub is_readable: bool,
    pub names: BTreeSet<String>,
    pub topics: BTreeSet<Option<String>>,
    pub archived: BTreeSet<bool>,
    pub states: BTreeSet<&'static str>,
    pub messages: BTreeMap<u64, MessageModel>,
    /// End of the last sync that may have read it.
    last_read_ms: Option<i64>,
    /// End of the first sync that may have read it.
    first_read_ms: Option<i64>,
    /// A sync has reported it as complete.
    is_completely_read: bool,
    /// Start of the first sync that saw it archived; reset when it is active again.
    first_seen_archived_ms: Option<i64>,
    /// The messages that the last sync found absent at the end of the channel, with the
    /// newest live message then.
    absent_tail: Option<(Option<u64>, BTreeSet<u64>)>,
}

impl Model {
    pub const fn new(window_ms: i64) -> Self {
        Self { window_ms, channels: BTreeMap::new(), next_observation: 0, full_since: None }
    }

    /// Records what a sync may have read. Returns the number of the observation.
    pub fn record_sync(&mut self, world: &World, sync: &SyncRecord<'_>) -> usize {
        let number = self.next_observation;
        self.next_observation += 1;
        let truth = world.truth(GUILD);
        let discovered: HashSet<u64> = truth
            .iter()
            .filter(|channel| self.must_be_discovered(channel, &truth, sync))
            .map(|channel| channel.id)
            .collect();
        for channel in &truth {
            self.record_channel(channel, discovered.contains(&channel.id), number, sync);
        }
        if !sync.is_baseline {
            self.record_gone_channels(world, &truth, sync);
        }
        number
    }

    /// Whether the sync resumes a full read and may skip what that read had completed.
    const fn is_resumed_full(&self, sync: &SyncRecord<'_>) -> bool {
        !RESUMED_FULL_READS_NEW_MESSAGES && sync.full && self.full_since.is_some()
    }

    /// Whether a complete sync must know the channel. An archived thread is discovered in
    /// the listing of its parent, which the sync requests if it knows threads of the
    /// parent, if the parent has new messages, and once a day.
    fn must_be_discovered(
        &self,
        channel: &TruthChannel<'_>,
        truth: &[TruthChannel<'_>],
        sync: &SyncRecord<'_>,
    ) -> bool {
        let is_listed = FULL_LISTS_ARCHIVED_THREADS && sync.full && !self.is_resumed_full(sync);
        if !channel.is_thread || !channel.archived || is_listed {
            return true;
        }
        let model = self.channels.get(&channel.id);
        let first_seen_archived_ms = model.and_then(|model| model.first_seen_archived_ms);
        let is_listed =
            first_seen_archived_ms.is_some_and(|since_ms| since_ms + LISTING_INTERVAL_MS <= sync.begin_ms);
        if is_listed || model.is_some_and(|model| model.must_exist) {
            return true;
        }
        let has_threads = truth.iter().any(|other| {
            let is_known = self.channels.get(&other.id).is_some_and(|model| model.must_exist);
            other.is_thread && other.parent_id == channel.parent_id && is_known
        });
        let parent = truth.iter().find(|parent| Some(parent.id) == channel.parent_id);
        has_threads || parent.is_some_and(|parent| self.has_new_messages(parent, channel))
    }

    fn has_new_messages(&self, parent: &TruthChannel<'_>, thread: &TruthChannel<'_>) -> bool {
        let Some(last_read_ms) = self.channels.get(&parent.id).and_then(|model| model.last_read_ms) else {
            return true;
        };
        let newest = parent.messages().map(|message| message.id).max();
        // The newest message ID of a forum is that of its newest thread.
        let newest = if matches!(parent.kind, 15 | 16) { Some(thread.id) } else { newest };
        newest.is_some_and(|newest| unix_ms(newest) > last_read_ms)
    }

    fn record_channel(
        &mut self,
        channel: &TruthChannel<'_>,
        is_discovered: bool,
        number: usize,
        sync: &SyncRecord<'_>,
    ) {
        let (window_ms, full_since, is_resumed_full) =
            (self.window_ms, self.full_since, self.is_resumed_full(sync));
        let model = self.channels.entry(channel.id).or_default();
        let channel_ref = ChannelRef { id: channel.id, parent: channel.parent_id };
        let coverage = (sync.coverage)(&channel_ref);
        let is_complete = is_discovered && coverage == Some(Coverage::Complete);
        if !sync.is_baseline {
            model.record_attributes(channel, is_complete, sync);
        }
        let Some(coverage) = coverage.filter(|_| channel.bot_can_read) else {
            return;
        };
        let observation = Observation {
            coverage: if is_discovered { coverage } else { Coverage::Partial },
            number,
            since: sync.since.unwrap_or(number),
            is_due: false,
            full_since: sync.full.then_some(full_since.unwrap_or(number)),
            is_resumed_full,
            is_resumed_first_read: !RESUMED_READ_REPEATS_WINDOW
                && model.first_read_ms.is_some()
                && !model.is_completely_read,
            is_deferred: false,
            is_baseline: sync.is_baseline,
            absence: Absence { is_proven: false, is_confirmed: false, is_young: false, may_be_young: false },
        };
        model.record_messages(channel, &observation, window_ms.max(MINUTE_MS), sync);
        if !sync.is_baseline {
            model.last_read_ms = Some(sync.end_ms);
            model.first_read_ms.get_or_insert(sync.end_ms);
            model.is_completely_read |= is_complete;
        }
    }

    /// Records that channels are hidden or deleted.
    fn record_gone_channels(&mut self, world: &World, truth: &[TruthChannel<'_>], sync: &SyncRecord<'_>) {
        let public: HashSet<u64> = truth.iter().map(|channel| channel.id).collect();
        let hidden: HashSet<u64> = world.hidden(GUILD).iter().map(|hidden| hidden.channel_id).collect();
        let is_full = sync.full && !self.is_resumed_full(sync);
        let gone = self.channels.iter_mut().filter(|(id, model)| model.may_exist && !public.contains(id));
        for (id, model) in gone {
            let is_complete =
                (sync.coverage)(&ChannelRef { id: *id, parent: model.parent }) == Some(Coverage::Complete);
            let is_hidden = hidden.contains(id);
            // A sync does not re-check a revoked channel, and it notices the deletion of
            // an archived thread only when it reads the thread again.
            let was_revoked = model.states.contains("hidden") || model.states.contains("unreadable");
            let is_orphan = model.parent.is_none_or(|parent| !public.contains(&parent));
            let is_unnoticed = model.archived.contains(&true) && !is_orphan && !is_full;
            model.is_readable = false;
            if is_complete && (is_hidden || !was_revoked && !is_unnoticed) {
                model.states.clear();
            }
            model.states.insert(if is_hidden { "hidden" } else { "deleted" });
            if is_hidden {
                // The bot may lack access as well; the sync can't tell the two apart.
                model.states.insert("unreadable");
            }
            if model.parent.is_some_and(|parent| hidden.contains(&parent)) {
                // Syncs don't request the threads of a hidden channel.
                model.states.insert("hidden");
            }
        }
    }
}

impl ChannelModel {
    /// Records the channel's own attributes.
    fn record_attributes(&mut self, channel: &TruthChannel<'_>, is_complete: bool, sync: &SyncRecord<'_>) {
        self.parent = channel.parent_id;
        self.is_thread = channel.is_thread;
        self.may_exist = true;
        self.is_readable = channel.bot_can_read;
        if channel.archived {
            self.first_seen_archived_ms.get_or_insert(sync.begin_ms);
        } else {
            self.first_seen_archived_ms = None;
        }
        if is_complete {
            self.states.clear();
        }
        if is_complete && channel.bot_can_read {
            self.must_exist = true;
            self.names.clear();
            self.topics.clear();
            self.archived.clear();
        }
        self.names.insert(channel.name.clone());
        self.topics.insert(channel.topic.clone());
        self.archived.insert(channel.archived);
        let states: &[_] = if channel.bot_can_read { &["active"] } else { &["hidden", "unreadable"] };
        self.states.extend(states);
        if !SHOWS_UNREADABLE_THREADS && channel.is_thread && channel.archived {
            self.states.insert("active");
        }
    }

    fn record_messages(
        &mut self,
        channel: &TruthChannel<'_>,
        observation: &Observation,
        window_ms: i64,
        sync: &SyncRecord<'_>,
    ) {
        let truth: Vec<TruthMessage> = channel.messages().collect();
        let last_live = truth.iter().filter(|message| !message.deleted).map(|message| message.id).max();
        let mut observations: Vec<Observation> = truth
            .iter()
            .map(|message| {
                let is_proven = Some(message.id) < last_live;
                self.observation_of(message, observation, window_ms, is_proven, sync)
            })
            .collect();
        let absent: BTreeSet<u64> = truth
            .iter()
            .zip(&observations)
            .filter(|(message, observation)| self.is_absent_at_end(message, observation))
            .map(|(message, _)| message.id)
            .collect();
        let previous = self.absent_tail.as_ref();
        let is_confirmed = previous.is_some_and(|(last, all)| *last == last_live && absent.is_subset(all));
        for (message, observation) in truth.into_iter().zip(&mut observations) {
            observation.absence.is_confirmed = is_confirmed;
            let (id, state) = (message.id, (!message.deleted).then(|| Rc::new(message)));
            self.messages.entry(id).or_default().observe(state, observation);
        }
        if !sync.is_baseline {
            // With concurrent changes it is unknown which state the sync read.
            let is_known = observation.coverage == Coverage::Complete
                && !observation.is_resumed_full
                && !observation.is_resumed_first_read
                && sync.since.is_none();
            self.absent_tail = is_known.then_some((last_live, absent));
        }
    }

    fn observation_of(
        &self,
        message: &TruthMessage,
        observation: &Observation,
        window_ms: i64,
        is_proven: bool,
        sync: &SyncRecord<'_>,
    ) -> Observation {
        let is_malformed = sync.malformed.contains(&(message.channel_id, message.id));
        let sent_ms = message.timestamp_ms;
        let begin_second_ms = sync.begin_ms - sync.begin_ms % 1000;
        Observation {
            coverage: if is_malformed && observation.coverage == Coverage::Complete {
                Coverage::Excused
            } else {
                observation.coverage
            },
            is_due: self.last_read_ms.is_none_or(|last_read_ms| last_read_ms < sent_ms + window_ms),
            is_deferred: self.first_read_ms.is_some_and(|first_read_ms| first_read_ms < sent_ms + window_ms),
            absence: Absence {
                is_proven,
                is_young: sync.end_ms < sent_ms + MINUTE_MS,
                may_be_young: begin_second_ms < sent_ms + MINUTE_MS,
                ..observation.absence
            },
            ..*observation
        }
    }

    fn is_absent_at_end(&self, truth: &TruthMessage, observation: &Observation) -> bool {
        let is_candidate =
            truth.deleted && !observation.absence.is_proven && !observation.absence.may_be_young;
        let message = self.messages.get(&truth.id).filter(|_| is_candidate);
        message.is_some_and(|message| message.is_found_absent(observation))
    }
}
