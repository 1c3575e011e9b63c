//! What the archive may hold of one message.

use std::collections::BTreeSet;
use std::rc::Rc;

use discord_sim::TruthMessage;

/// How much a sync that looked at a channel promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It said that the channel is through.
    Sure,
    /// It ended before that: what it owed, the next one owes.
    Unsure,
    /// It is through, but couldn't read this.
    Excused,
}

/// One look at one message.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub trust: Trust,
    /// The number of the look.
    pub number: usize,
    /// The first look that belongs to the same sync.
    pub since: usize,
    /// The message is one that the sync has to read: no sync before can have
    /// read it when it was as old as the refresh window.
    pub is_due: bool,
    /// The look from which on a full read went over everything, if it is one.
    pub full_since: Option<usize>,
    /// It is the rest of a full read: what went before may be left unread.
    pub is_rest: bool,
    /// It goes on with a first read that was interrupted: what that read may
    /// stand. The next sync has to read what was young when that began.
    pub is_resumed: bool,
    pub is_put_off: bool,
    /// Only to know what the message was like before something happened.
    pub is_glance: bool,
    pub absence: Absence,
}

/// How a missing message is missing.
#[derive(Debug, Clone, Copy)]
pub struct Absence {
    /// A later message exists, so that a page proves it.
    pub is_covered: bool,
    /// All that is missing at the end of the channel was missing there already
    /// when a sync looked last.
    pub is_repeated: bool,
    /// Younger than 60 s, surely or perhaps.
    pub surely_young: bool,
    pub perhaps_young: bool,
}

/// The message as it was at a look; `None` if it was deleted.
type State = Option<Rc<TruthMessage>>;

#[derive(Debug)]
pub struct Message {
    /// Each with the first look that saw it.
    states: Vec<(usize, State)>,
    /// What its row may say, the flag of deletion apart. Without any, there
    /// must be no row.
    pub versions: Vec<Rc<TruthMessage>>,
    /// There may be no row.
    pub may_be_missing: bool,
    /// The row may say that it exists; that it is deleted.
    pub may_be_live: bool,
    pub may_be_deleted: bool,
    /// The author of the message it answers: known, or perhaps known.
    pub known_reply_author: Option<u64>,
    pub possible_reply_authors: BTreeSet<u64>,
    /// The look since which a sync owes to read it.
    owed_since: Option<usize>,
    looks_in_vain: usize,
}

impl Default for Message {
    fn default() -> Self {
        Self {
            states: Vec::new(),
            versions: Vec::new(),
            may_be_missing: true,
            may_be_live: false,
            may_be_deleted: false,
            known_reply_author: None,
            possible_reply_authors: BTreeSet::new(),
            owed_since: None,
            looks_in_vain: 0,
        }
    }
}

impl Message {
    /// Whether the archive may show a message that is gone.
    pub fn may_haunt(&self) -> bool {
        let is_gone = self.states.last().is_some_and(|(_, state)| state.is_none());
        is_gone && self.may_be_live && !self.versions.is_empty()
    }

    /// From which look on the sync must have seen it.
    pub fn owed(&self, look: &Look) -> Option<usize> {
        let own = if look.is_due { Some(look.since) } else { self.owed_since };
        if look.is_rest { look.full_since } else { own.max(look.full_since) }
    }

    /// Whether the sync, if it is sure, has looked and found nothing.
    pub fn is_looked_for_in_vain(&self, look: &Look) -> bool {
        let is_stored = self.may_be_live && !self.versions.is_empty();
        let since = self.owed(look).filter(|_| is_stored);
        since.is_some_and(|since| {
            since >= look.number || self.since(since).1.iter().all(|(_, state)| state.is_none())
        })
    }

    /// Whether it was there at a look, and its states from then on.
    fn since(&self, look: usize) -> (bool, &[(usize, State)]) {
        let first = self.states.iter().rposition(|(number, _)| *number <= look);
        (first.is_some(), &self.states[first.unwrap_or(0)..])
    }

    pub fn observe(&mut self, state: State, look: &Look) {
        if self.states.last().is_none_or(|(_, last)| *last != state) {
            self.states.push((look.number, state.clone()));
        }
        match (look.trust, self.owed(look)) {
            (Trust::Sure, Some(since)) => self.narrow(since, look),
            _ => self.widen(&state, look),
        }
        match look.trust {
            Trust::Excused => self.owed_since = None,
            Trust::Sure if look.is_resumed => self.owed_since = look.is_put_off.then_some(look.since),
            Trust::Sure if !look.is_rest => self.owed_since = None,
            _ if look.is_due => self.owed_since = Some(look.since),
            _ => {}
        }
    }

    /// A sync may have read it.
    fn widen(&mut self, state: &State, look: &Look) {
        match state {
            Some(message) => self.may_be(message),
            None => self.miss(false, look),
        }
    }

    /// A sync has read it, at `since` or later.
    fn narrow(&mut self, since: usize, look: &Look) {
        let (was_there, states) = self.since(since);
        let states: Vec<State> = states.iter().map(|(_, state)| state.clone()).collect();
        let live: Vec<Rc<TruthMessage>> = states.iter().flatten().cloned().collect();
        if live.is_empty() {
            self.miss(was_there && !look.is_rest && !look.is_resumed, look);
        } else if live.len() < states.len() || !was_there {
            live.iter().for_each(|message| self.may_be(message));
            if live.len() < states.len() {
                self.miss(false, look);
            }
        } else {
            self.is_one_of(&live, look);
        }
    }

    fn may_be(&mut self, message: &Rc<TruthMessage>) {
        if !self.versions.contains(message) {
            self.versions.push(Rc::clone(message));
        }
        self.may_be_live = true;
        self.possible_reply_authors.extend(reply_author(message));
    }

    fn is_one_of(&mut self, live: &[Rc<TruthMessage>], look: &Look) {
        if !look.is_resumed {
            self.versions.clear();
        }
        live.iter().for_each(|message| self.may_be(message));
        self.may_be_missing = false;
        self.may_be_deleted = false;
        self.looks_in_vain = 0;
        if let Some(author) = reply_author(&live[0])
            && live.iter().all(|message| reply_author(message) == Some(author))
        {
            self.known_reply_author = Some(author);
        }
    }

    /// The sync looked, perhaps or surely, and found it missing.
    fn miss(&mut self, surely: bool, look: &Look) {
        if self.versions.is_empty() || look.is_glance {
            return;
        }
        let absence = &look.absence;
        let looks_before = self.looks_in_vain;
        self.looks_in_vain += 1;
        if absence.surely_young || !absence.is_covered && looks_before == 0 {
            return;
        }
        self.may_be_deleted = true;
        if surely && !absence.perhaps_young && (absence.is_covered || absence.is_repeated) {
            self.may_be_live = false;
        }
    }
}

fn reply_author(message: &TruthMessage) -> Option<u64> {
    message.reply_to.as_ref()?.author_id
}
