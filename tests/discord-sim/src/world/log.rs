//! The messages of one channel: a computed sequence with changes laid over it.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use crate::message::Reaction;
use crate::snowflake::Layout;

/// A place in a log, counted from the oldest message, deleted ones included.
pub(crate) type Position = u64;

#[derive(Debug)]
pub(crate) struct Log {
    /// A message before all others that bears the thread's ID (forum posts).
    head: Option<u64>,
    layout: Layout,
    /// Written while the world runs, by ID.
    appended: Vec<Appended>,
    edits: HashMap<u64, Edit>,
    deleted: BTreeSet<u64>,
    reactions: HashMap<u64, Vec<Reaction>>,
    pins: HashMap<u64, bool>,
    /// Messages whose files were taken off.
    stripped: BTreeSet<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Appended {
    pub id: u64,
    /// What the message is made from if nobody wrote it by hand.
    pub index: u64,
    pub authored: Option<(u32, String)>,
    /// The thread whose beginning it tells of.
    pub started: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub content: String,
    pub edited_ms: i64,
}

/// One message's place and origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub id: u64,
    pub index: u64,
    pub authored: Option<&'a (u32, String)>,
    pub started: Option<u64>,
}

impl Log {
    pub(crate) fn new(head: Option<u64>, layout: Layout) -> Self {
        Self {
            head,
            layout,
            appended: Vec::new(),
            edits: HashMap::new(),
            deleted: BTreeSet::new(),
            reactions: HashMap::new(),
            pins: HashMap::new(),
            stripped: BTreeSet::new(),
        }
    }

    fn base(&self) -> u64 {
        u64::from(self.head.is_some()) + self.layout.count()
    }

    pub(crate) fn end(&self) -> Position {
        self.base() + self.appended.len() as u64
    }

    pub(crate) fn entry(&self, position: Position) -> Entry<'_> {
        if let Some(late) = position.checked_sub(self.base()) {
            let appended = &self.appended[late as usize];
            let authored = appended.authored.as_ref();
            return Entry { id: appended.id, index: appended.index, authored, started: appended.started };
        }
        let id = match self.head {
            Some(head) if position == 0 => head,
            Some(_) => self.layout.id(position - 1),
            None => self.layout.id(position),
        };
        Entry { id, index: position, authored: None, started: None }
    }

    /// The ID of the message written as the `index`th.
    pub(crate) fn id_of(&self, index: u64) -> Option<u64> {
        let Some(late) = index.checked_sub(self.base()) else {
            return Some(self.entry(index).id);
        };
        // Only messages that showed up late stand elsewhere.
        let guess = self.appended.get(late as usize).filter(|appended| appended.index == index);
        let found = guess.or_else(|| self.appended.iter().find(|appended| appended.index == index));
        found.map(|appended| appended.id)
    }

    /// How many messages have a smaller ID.
    pub(crate) fn rank(&self, id: u64) -> Position {
        let head = u64::from(self.head.is_some_and(|head| head < id));
        let late = self.appended.partition_point(|appended| appended.id < id);
        head + self.layout.rank(id) + late as u64
    }

    /// Where a message stands, deleted or not.
    pub(crate) fn find(&self, id: u64) -> Option<Position> {
        let position = self.rank(id);
        (position < self.end() && self.entry(position).id == id).then_some(position)
    }

    /// Where a message stands that still exists.
    pub(crate) fn find_live(&self, id: u64) -> Option<Position> {
        self.find(id).filter(|_| !self.is_deleted(id))
    }

    pub(crate) fn is_deleted(&self, id: u64) -> bool {
        !self.deleted.is_empty() && self.deleted.contains(&id)
    }

    pub(crate) fn last_id(&self) -> Option<u64> {
        let last = self.end().checked_sub(1)?;
        Some(self.entry(last).id)
    }

    pub(crate) fn live_count(&self) -> u64 {
        self.end() - self.deleted.len() as u64
    }

    /// The first `limit` messages of `range` that exist, oldest first.
    pub(crate) fn oldest(&self, range: Range<Position>, limit: usize) -> Vec<Position> {
        let live = range.filter(|position| self.is_live(*position));
        live.take(limit).collect()
    }

    /// The last `limit` messages of `range` that exist, newest first.
    pub(crate) fn newest(&self, range: Range<Position>, limit: usize) -> Vec<Position> {
        let live = range.rev().filter(|position| self.is_live(*position));
        live.take(limit).collect()
    }

    fn is_live(&self, position: Position) -> bool {
        self.deleted.is_empty() || !self.deleted.contains(&self.entry(position).id)
    }

    pub(crate) fn edit_of(&self, id: u64) -> Option<&Edit> {
        self.edits.get(&id)
    }

    pub(crate) fn reactions_of(&self, id: u64) -> Option<&[Reaction]> {
        self.reactions.get(&id).map(Vec::as_slice)
    }

    /// Adds a message; its ID becomes the next free one from `wanted_id` on.
    pub(crate) fn append(&mut self, wanted_id: u64, authored: Option<(u32, String)>) -> u64 {
        self.insert(wanted_id, authored, None)
    }

    /// Adds the message that tells of a thread: its author and the thread's name.
    pub(crate) fn append_notice(&mut self, wanted_id: u64, authored: (u32, String), thread_id: u64) -> u64 {
        self.insert(wanted_id, Some(authored), Some(thread_id))
    }

    fn insert(&mut self, wanted_id: u64, authored: Option<(u32, String)>, started: Option<u64>) -> u64 {
        let floor = self.base().checked_sub(1).map(|last| self.entry(last).id);
        let mut id = floor.map_or(wanted_id, |floor| wanted_id.max(floor + 1));
        while self.appended.binary_search_by_key(&id, |other| other.id).is_ok() {
            id += 1;
        }
        let at = self.appended.partition_point(|other| other.id < id);
        let index = self.end();
        let appended = Appended { id, index, authored, started };
        self.appended.insert(at, appended);
        id
    }

    pub(crate) fn edit(&mut self, id: u64, edit: Edit) {
        self.edits.insert(id, edit);
    }

    pub(crate) fn delete(&mut self, id: u64) -> bool {
        self.deleted.insert(id)
    }

    pub(crate) fn restore(&mut self, id: u64) -> bool {
        self.deleted.remove(&id)
    }

    pub(crate) fn set_reactions(&mut self, id: u64, reactions: Vec<Reaction>) {
        self.reactions.insert(id, reactions);
    }

    /// Whether somebody pinned or unpinned a message, and which.
    pub(crate) fn pin_of(&self, id: u64) -> Option<bool> {
        self.pins.get(&id).copied()
    }

    pub(crate) fn set_pinned(&mut self, id: u64, is_pinned: bool) {
        self.pins.insert(id, is_pinned);
    }

    pub(crate) fn is_stripped(&self, id: u64) -> bool {
        self.stripped.contains(&id)
    }

    pub(crate) fn strip(&mut self, id: u64) {
        self.stripped.insert(id);
    }
}
