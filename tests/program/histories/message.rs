//! The states that the archive may hold of one message.

use std::collections::BTreeSet;
use std::rc::Rc;

use discord_sim::TruthMessage;

/// What a sync guarantees about a channel it was asked to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// The sync reported the channel as complete.
    Complete,
    /// The sync ended before that; what was due stays due for the next one.
    Partial,
    /// The channel is complete, but this message or one without an ID was malformed.
    Excused,
}

/// One message at the time of one sync.
#[derive(Debug, Clone, Copy)]
pub struct Observation {
    pub coverage: Coverage,
    /// Sequence number of the observation.
    pub number: usize,
    /// Number of the first observation that belongs to the same sync: its baseline, if
    /// it has one.
    pub since: usize,
    /// The sync has to read the message, because no earlier sync can have read it after
    /// it left the refresh window.
    pub is_due: bool,
    /// Number of the observation at which the full read began; `None` if it is not one.
    pub full_since: Option<usize>,
    /// The sync resumes a full read. What that read had completed may be left unread.
    pub is_resumed_full: bool,
    /// The sync resumes an interrupted first read. What that read stored may stay; the
    /// next sync has to re-read the messages inside the refresh window.
    pub is_resumed_first_read: bool,
    /// The message was inside the refresh window at the first read. After a resumed first
    /// read, the next sync has to re-read it.
    pub is_deferred: bool,
    /// No sync ran: it only records the state before changes during the next sync.
    pub is_baseline: bool,
    pub absence: Absence,
}

/// What proves that an absent message is deleted.
#[derive(Debug, Clone, Copy)]
pub struct Absence {
    /// A newer live message exists, so that a page proves the absence.
    pub is_proven: bool,
    /// Every message absent at the end of the channel was already absent there in the
    /// previous sync.
    pub is_confirmed: bool,
    /// Younger than 60 s throughout the sync.
    pub is_young: bool,
    /// Younger than 60 s at some time of the sync.
    pub may_be_young: bool,
}

/// The message as observed; `None` if it was deleted.
type State = Option<Rc<TruthMessage>>;

#[derive(Debug)]
pub struct MessageModel {
    /// Each state with the number of the observation that first saw it.
    states: Vec<(usize, State)>,
    /// Versions that its row may hold, deletion aside. If empty, there must be no row.
    pub versions: Vec<Rc<TruthMessage>>,
    /// The row may be missing.
    pub may_be_missing: bool,
    /// The row may be without `deleted_at`.
    pub may_be_live: bool,
    /// The row may have `deleted_at`.
    pub may_be_deleted: bool,
    /// Author of the message it replies to, if the archive must know it.
    pub known_reply_author: Option<u64>,
    /// Authors that the archive may show for it.
    pub possible_reply_authors: BTreeSet<u64>,
    /// Number of the observation since which a sync is due to read it.
    due_since: Option<usize>,
    /// Syncs that may have found it absent since one certainly read it.
    absences: usize,
}

impl Default for MessageModel {
    fn default() -> Self {
        Self {
            states: Vec::new(),
            versions: Vec::new(),
            may_be_missing: true,
            may_be_live: false,
            may_be_deleted: false,
            known_reply_author: None,
            possible_reply_authors: BTreeSet::new(),
            due_since: None,
            absences: 0,
        }
    }
}

impl MessageModel {
    /// Whether the archive may show the message although it is deleted.
    pub fn may_show_deleted(&self) -> bool {
        let is_deleted = self.states.last().is_some_and(|(_, state)| state.is_none());
        is_deleted && self.may_be_live && !self.versions.is_empty()
    }

    /// Number of the observation at or after which a complete sync must have read the
    /// message; `None` if it need not have.
    pub fn due_since(&self, observation: &Observation) -> Option<usize> {
        let due_since = if observation.is_due { Some(observation.since) } else { self.due_since };
        if observation.is_resumed_full {
            observation.full_since
        } else {
            due_since.max(observation.full_since)
        }
    }

    /// Whether the sync, if it is complete, must have found a stored message absent.
    pub fn is_found_absent(&self, observation: &Observation) -> bool {
        let is_stored = self.may_be_live && !self.versions.is_empty();
        let since = self.due_since(observation).filter(|_| is_stored);
        since.is_some_and(|since| {
            since >= observation.number || self.states_since(since).1.iter().all(|(_, state)| state.is_none())
        })
    }

    /// Whether the message existed at an observation, and its states from then on.
    fn states_since(&self, observation: usize) -> (bool, &[(usize, State)]) {
        let first = self.states.iter().rposition(|(number, _)| *number <= observation);
        (first.is_some(), &self.states[first.unwrap_or(0)..])
    }

    /// Records the state at an observation and updates what the row may hold.
    pub fn observe(&mut self, state: State, observation: &Observation) {
        if self.states.last().is_none_or(|(_, last)| *last != state) {
            self.states.push((observation.number, state.clone()));
        }
        match (observation.coverage, self.due_since(observation)) {
            (Coverage::Complete, Some(since)) => self.narrow(since, observation),
            _ => self.widen(&state, observation),
        }
        match observation.coverage {
            Coverage::Excused => self.due_since = None,
            Coverage::Complete if observation.is_resumed_first_read => {
                self.due_since = observation.is_deferred.then_some(observation.since)
            }
            Coverage::Complete if !observation.is_resumed_full => self.due_since = None,
            _ if observation.is_due => self.due_since = Some(observation.since),
            _ => {}
        }
    }

    /// A sync may have read it: adds the possibilities.
    fn widen(&mut self, state: &State, observation: &Observation) {
        match state {
            Some(message) => self.add_version(message),
            None => self.record_absence(false, observation),
        }
    }

    /// A sync has read it, at observation `since` or later: drops what became impossible.
    fn narrow(&mut self, since: usize, observation: &Observation) {
        let (existed, states) = self.states_since(since);
        let states: Vec<State> = states.iter().map(|(_, state)| state.clone()).collect();
        let live: Vec<Rc<TruthMessage>> = states.iter().flatten().cloned().collect();
        if live.is_empty() {
            self.record_absence(
                existed && !observation.is_resumed_full && !observation.is_resumed_first_read,
                observation,
            );
        } else if live.len() < states.len() || !existed {
            live.iter().for_each(|message| self.add_version(message));
            if live.len() < states.len() {
                self.record_absence(false, observation);
            }
        } else {
            self.set_versions(&live, observation);
        }
    }

    fn add_version(&mut self, message: &Rc<TruthMessage>) {
        if !self.versions.contains(message) {
            self.versions.push(Rc::clone(message));
        }
        self.may_be_live = true;
        self.possible_reply_authors.extend(reply_author(message));
    }

    fn set_versions(&mut self, live: &[Rc<TruthMessage>], observation: &Observation) {
        if !observation.is_resumed_first_read {
            self.versions.clear();
        }
        live.iter().for_each(|message| self.add_version(message));
        self.may_be_missing = false;
        self.may_be_deleted = false;
        self.absences = 0;
        if let Some(author) = reply_author(&live[0])
            && live.iter().all(|message| reply_author(message) == Some(author))
        {
            self.known_reply_author = Some(author);
        }
    }

    /// A sync may have found it absent; if `is_sure`, it has.
    fn record_absence(&mut self, is_sure: bool, observation: &Observation) {
        if self.versions.is_empty() || observation.is_baseline {
            return;
        }
        let absence = &observation.absence;
        let absences_before = self.absences;
        self.absences += 1;
        if absence.is_young || !absence.is_proven && absences_before == 0 {
            return;
        }
        self.may_be_deleted = true;
        if is_sure && !absence.may_be_young && (absence.is_proven || absence.is_confirmed) {
            self.may_be_live = false;
        }
    }
}

fn reply_author(message: &TruthMessage) -> Option<u64> {
    message.reply_to.as_ref()?.author_id
}
