//! What the archive may hold after each sync. Worked out from the promises and
//! the simulator's truth: a sync that ends well has read whatever is new or may
//! have changed in the refresh window, a full one everything; one that is
//! stopped may have read anything. A row may say what was true at one of the
//! looks that may have been the last to read it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

use discord_sim::{TruthChannel, TruthMessage, World, unix_ms};

use super::message::{Absence, Look, Message, Trust};
use super::setup::GUILD;
use super::{FULL_LISTS_THREADS, FULL_READS_NEWS, RESUMED, UNREADABLE_THREADS};

/// The youngest messages prove nothing by being absent, and are read again in
/// any case.
const MINUTE_MS: i64 = 60_000;
/// Archived threads are listed wholly once a day.
const LISTED_AGAIN_MS: i64 = 25 * 3_600_000;

/// One sync, as far as the archive depends on it.
pub struct Sight<'a> {
    /// The world's time during the sync, and a time that its clock didn't reach.
    pub begin_ms: i64,
    pub end_ms: i64,
    pub full: bool,
    /// What it promises about a channel; `None` if it wasn't asked to read it.
    pub trust: &'a dyn Fn(&Seen) -> Option<Trust>,
    /// Messages it couldn't read.
    pub broken: &'a HashSet<(u64, u64)>,
    /// The look that stands for the time before something happened meanwhile.
    pub since: Option<usize>,
    pub is_glance: bool,
}

/// A channel or thread as a sync is asked to read it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub id: u64,
    pub parent: Option<u64>,
}

#[derive(Debug)]
pub struct Model {
    window_ms: i64,
    pub places: BTreeMap<u64, Place>,
    looks: usize,
    /// The look that an unfinished full read began with.
    pub full_since: Option<usize>,
}

/// What the archive may say of one channel or thread.
#[derive(Debug, Default)]
pub struct Place {
    parent: Option<u64>,
    pub is_thread: bool,
    /// There may be a row, because everyone could see it once; there must be one.
    pub may_exist: bool,
    pub must_exist: bool,
    pub is_readable: bool,
    pub names: BTreeSet<String>,
    pub topics: BTreeSet<Option<String>>,
    pub archived: BTreeSet<bool>,
    pub states: BTreeSet<&'static str>,
    pub messages: BTreeMap<u64, Message>,
    /// The end of the last sync that may have read it.
    read_ms: Option<i64>,
    first_read_ms: Option<i64>,
    /// A sync has been through with it.
    is_read_through: bool,
    /// When it was first seen archived.
    archived_ms: Option<i64>,
    /// What the last sync found missing at its end, after which message.
    missing_tail: Option<(Option<u64>, BTreeSet<u64>)>,
}

impl Model {
    pub const fn new(window_ms: i64) -> Self {
        Self { window_ms, places: BTreeMap::new(), looks: 0, full_since: None }
    }

    /// Takes note of what a sync may have read, and returns the look's number.
    pub fn look(&mut self, world: &World, sight: &Sight<'_>) -> usize {
        let number = self.looks;
        self.looks += 1;
        let truth = world.truth(GUILD);
        let found: HashSet<u64> = truth
            .iter()
            .filter(|channel| self.is_found(channel, &truth, sight))
            .map(|channel| channel.id)
            .collect();
        for channel in &truth {
            self.look_at(channel, found.contains(&channel.id), number, sight);
        }
        if !sight.is_glance {
            self.close(world, &truth, sight);
        }
        number
    }

    const fn is_rest(&self, sight: &Sight<'_>) -> bool {
        !FULL_READS_NEWS && sight.full && self.full_since.is_some()
    }

    /// Whether a sync that is sure must know the channel. An archived thread is
    /// found in its parent's listing, and that is asked for if the parent has
    /// threads, if something new is in it, and daily.
    fn is_found(&self, channel: &TruthChannel<'_>, truth: &[TruthChannel<'_>], sight: &Sight<'_>) -> bool {
        let is_listed = FULL_LISTS_THREADS && sight.full && !self.is_rest(sight);
        if !channel.is_thread || !channel.archived || is_listed {
            return true;
        }
        let place = self.places.get(&channel.id);
        let is_old = place.and_then(|place| place.archived_ms);
        let is_listed = is_old.is_some_and(|since_ms| since_ms + LISTED_AGAIN_MS <= sight.begin_ms);
        if is_listed || place.is_some_and(|place| place.must_exist) {
            return true;
        }
        let has_threads = truth.iter().any(|other| {
            let is_known = self.places.get(&other.id).is_some_and(|place| place.must_exist);
            other.is_thread && other.parent_id == channel.parent_id && is_known
        });
        let parent = truth.iter().find(|parent| Some(parent.id) == channel.parent_id);
        has_threads || parent.is_some_and(|parent| self.has_news(parent, channel))
    }

    fn has_news(&self, parent: &TruthChannel<'_>, thread: &TruthChannel<'_>) -> bool {
        let Some(read_ms) = self.places.get(&parent.id).and_then(|place| place.read_ms) else {
            return true;
        };
        let newest = parent.messages().map(|message| message.id).max();
        // A forum's newest message is its newest thread.
        let newest = if matches!(parent.kind, 15 | 16) { Some(thread.id) } else { newest };
        newest.is_some_and(|newest| unix_ms(newest) > read_ms)
    }

    fn look_at(&mut self, channel: &TruthChannel<'_>, is_found: bool, number: usize, sight: &Sight<'_>) {
        let (window_ms, full_since, is_rest) = (self.window_ms, self.full_since, self.is_rest(sight));
        let place = self.places.entry(channel.id).or_default();
        let seen = Seen { id: channel.id, parent: channel.parent_id };
        let trust = (sight.trust)(&seen);
        let is_sure = is_found && trust == Some(Trust::Sure);
        if !sight.is_glance {
            place.learn(channel, is_sure, sight);
        }
        let Some(trust) = trust.filter(|_| channel.bot_can_read) else {
            return;
        };
        let look = Look {
            trust: if is_found { trust } else { Trust::Unsure },
            number,
            since: sight.since.unwrap_or(number),
            is_due: false,
            full_since: sight.full.then_some(full_since.unwrap_or(number)),
            is_rest,
            is_resumed: !RESUMED && place.first_read_ms.is_some() && !place.is_read_through,
            is_put_off: false,
            is_glance: sight.is_glance,
            absence: Absence {
                is_covered: false,
                is_repeated: false,
                surely_young: false,
                perhaps_young: false,
            },
        };
        place.look_at_messages(channel, &look, window_ms.max(MINUTE_MS), sight);
        if !sight.is_glance {
            place.read_ms = Some(sight.end_ms);
            place.first_read_ms.get_or_insert(sight.end_ms);
            place.is_read_through |= is_sure;
        }
    }

    /// Channels that are not to be seen any more.
    fn close(&mut self, world: &World, truth: &[TruthChannel<'_>], sight: &Sight<'_>) {
        let public: HashSet<u64> = truth.iter().map(|channel| channel.id).collect();
        let hidden: HashSet<u64> = world.hidden(GUILD).iter().map(|hidden| hidden.channel_id).collect();
        let is_full = sight.full && !self.is_rest(sight);
        let closed = self.places.iter_mut().filter(|(id, place)| place.may_exist && !public.contains(id));
        for (id, place) in closed {
            let is_sure = (sight.trust)(&Seen { id: *id, parent: place.parent }) == Some(Trust::Sure);
            let is_hidden = hidden.contains(id);
            // Nobody asks about a closed channel again; and an archived thread
            // isn't missed before it is read again.
            let was_closed = place.states.contains("hidden") || place.states.contains("unreadable");
            let is_orphan = place.parent.is_none_or(|parent| !public.contains(&parent));
            let is_unnoticed = place.archived.contains(&true) && !is_orphan && !is_full;
            place.is_readable = false;
            if is_sure && (is_hidden || !was_closed && !is_unnoticed) {
                place.states.clear();
            }
            place.states.insert(if is_hidden { "hidden" } else { "deleted" });
            if is_hidden {
                // The bot may not see it either, and nobody can tell why.
                place.states.insert("unreadable");
            }
            if place.parent.is_some_and(|parent| hidden.contains(&parent)) {
                // What lies in a hidden channel isn't asked about.
                place.states.insert("hidden");
            }
        }
    }
}

impl Place {
    /// What the channel itself is like.
    fn learn(&mut self, channel: &TruthChannel<'_>, is_sure: bool, sight: &Sight<'_>) {
        self.parent = channel.parent_id;
        self.is_thread = channel.is_thread;
        self.may_exist = true;
        self.is_readable = channel.bot_can_read;
        if channel.archived {
            self.archived_ms.get_or_insert(sight.begin_ms);
        } else {
            self.archived_ms = None;
        }
        if is_sure {
            self.states.clear();
        }
        if is_sure && channel.bot_can_read {
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
        if !UNREADABLE_THREADS && channel.is_thread && channel.archived {
            self.states.insert("active");
        }
    }

    fn look_at_messages(
        &mut self,
        channel: &TruthChannel<'_>,
        look: &Look,
        window_ms: i64,
        sight: &Sight<'_>,
    ) {
        let truth: Vec<TruthMessage> = channel.messages().collect();
        let last_live = truth.iter().filter(|message| !message.deleted).map(|message| message.id).max();
        let mut looks: Vec<Look> = truth
            .iter()
            .map(|message| {
                let is_covered = Some(message.id) < last_live;
                self.look_of(message, look, window_ms, is_covered, sight)
            })
            .collect();
        let missing: BTreeSet<u64> = truth
            .iter()
            .zip(&looks)
            .filter(|(message, look)| self.is_missed_at_the_end(message, look))
            .map(|(message, _)| message.id)
            .collect();
        let before = self.missing_tail.as_ref();
        let is_repeated = before.is_some_and(|(last, all)| *last == last_live && missing.is_subset(all));
        for (message, look) in truth.into_iter().zip(&mut looks) {
            look.absence.is_repeated = is_repeated;
            let (id, state) = (message.id, (!message.deleted).then(|| Rc::new(message)));
            self.messages.entry(id).or_default().observe(state, look);
        }
        if !sight.is_glance {
            // Who changes something meanwhile doesn't know what was seen.
            let is_known =
                look.trust == Trust::Sure && !look.is_rest && !look.is_resumed && sight.since.is_none();
            self.missing_tail = is_known.then_some((last_live, missing));
        }
    }

    fn look_of(
        &self,
        message: &TruthMessage,
        look: &Look,
        window_ms: i64,
        is_covered: bool,
        sight: &Sight<'_>,
    ) -> Look {
        let is_broken = sight.broken.contains(&(message.channel_id, message.id));
        let sent_ms = message.timestamp_ms;
        let begin_s_ms = sight.begin_ms - sight.begin_ms % 1000;
        Look {
            trust: if is_broken && look.trust == Trust::Sure { Trust::Excused } else { look.trust },
            is_due: self.read_ms.is_none_or(|read_ms| read_ms < sent_ms + window_ms),
            is_put_off: self.first_read_ms.is_some_and(|read_ms| read_ms < sent_ms + window_ms),
            absence: Absence {
                is_covered,
                surely_young: sight.end_ms < sent_ms + MINUTE_MS,
                perhaps_young: begin_s_ms < sent_ms + MINUTE_MS,
                ..look.absence
            },
            ..*look
        }
    }

    fn is_missed_at_the_end(&self, truth: &TruthMessage, look: &Look) -> bool {
        let is_candidate = truth.deleted && !look.absence.is_covered && !look.absence.perhaps_young;
        let message = self.messages.get(&truth.id).filter(|_| is_candidate);
        message.is_some_and(|message| message.is_looked_for_in_vain(look))
    }
}
