//! The messages of one channel: a computed sequence, plus the changes made to it.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use crate::message::Reaction;
use crate::snowflake::Layout;

/// Index of a message in a log, from the oldest on, including deleted ones.
pub(crate) type Position = u64;

/// Messages in ascending order of their IDs, with the changes by message ID.
#[derive(Debug)]
pub(crate) struct Log {
    /// The ID of a forum post's first message, which is the thread's ID.
    head_id: Option<u64>,
    layout: Layout,
    /// Messages added after the world was built, sorted by ID.
    appended: Vec<AppendedMessage>,
    edits: HashMap<u64, Edit>,
    deleted: BTreeSet<u64>,
    reactions: HashMap<u64, Vec<Reaction>>,
    /// Whether each message that was pinned or unpinned is pinned now.
    pins: HashMap<u64, bool>,
    /// Messages whose attachments were removed.
    stripped: BTreeSet<u64>,
}

/// A message added after the world was built.
#[derive(Debug, Clone)]
pub(crate) struct AppendedMessage {
    pub id: u64,
    /// Number of messages written before it; generated messages are derived from it.
    pub index: u64,
    /// The author's index and the content, unless the message is generated.
    pub authored: Option<(u32, String)>,
    /// The started thread, if the message is a `THREAD_CREATED` notice.
    pub started_thread_id: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub content: String,
    pub edited_ms: i64,
}

/// What a message is composed from; the fields are those of [`AppendedMessage`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogEntry<'a> {
    pub id: u64,
    pub index: u64,
    pub authored: Option<&'a (u32, String)>,
    pub started_thread_id: Option<u64>,
}

impl Log {
    pub(crate) fn new(head_id: Option<u64>, layout: Layout) -> Self {
        Self {
            head_id,
            layout,
            appended: Vec::new(),
            edits: HashMap::new(),
            deleted: BTreeSet::new(),
            reactions: HashMap::new(),
            pins: HashMap::new(),
            stripped: BTreeSet::new(),
        }
    }

    /// Number of messages the world was built with.
    fn base_count(&self) -> u64 {
        u64::from(self.head_id.is_some()) + self.layout.count()
    }

    /// The position after the newest message.
    pub(crate) fn end(&self) -> Position {
        self.base_count() + self.appended.len() as u64
    }

    /// Panics unless `position` is below [`Log::end`].
    pub(crate) fn entry(&self, position: Position) -> LogEntry<'_> {
        if let Some(offset) = position.checked_sub(self.base_count()) {
            let appended = &self.appended[offset as usize];
            return LogEntry {
                id: appended.id,
                index: appended.index,
                authored: appended.authored.as_ref(),
                started_thread_id: appended.started_thread_id,
            };
        }
        let id = match self.head_id {
            Some(head_id) if position == 0 => head_id,
            Some(_) => self.layout.id(position - 1),
            None => self.layout.id(position),
        };
        LogEntry { id, index: position, authored: None, started_thread_id: None }
    }

    /// The ID of the message that was written after `index` others.
    pub(crate) fn id_of(&self, index: u64) -> Option<u64> {
        let Some(offset) = index.checked_sub(self.base_count()) else {
            return Some(self.entry(index).id);
        };
        // Only messages appended with an earlier ID change the order.
        let guess = self.appended.get(offset as usize).filter(|appended| appended.index == index);
        let found = guess.or_else(|| self.appended.iter().find(|appended| appended.index == index));
        found.map(|appended| appended.id)
    }

    /// Number of messages with a smaller ID.
    pub(crate) fn rank(&self, id: u64) -> Position {
        let head_count = u64::from(self.head_id.is_some_and(|head_id| head_id < id));
        let appended_count = self.appended.partition_point(|appended| appended.id < id);
        head_count + self.layout.rank(id) + appended_count as u64
    }

    /// The position of a message, even if it is deleted.
    pub(crate) fn find(&self, id: u64) -> Option<Position> {
        let position = self.rank(id);
        (position < self.end() && self.entry(position).id == id).then_some(position)
    }

    /// The position of a message that isn't deleted.
    pub(crate) fn find_live(&self, id: u64) -> Option<Position> {
        self.find(id).filter(|_| !self.is_deleted(id))
    }

    pub(crate) fn is_deleted(&self, id: u64) -> bool {
        !self.deleted.is_empty() && self.deleted.contains(&id)
    }

    /// The newest message's ID, even if it is deleted.
    pub(crate) fn last_id(&self) -> Option<u64> {
        let last = self.end().checked_sub(1)?;
        Some(self.entry(last).id)
    }

    /// Number of messages that aren't deleted.
    pub(crate) fn live_count(&self) -> u64 {
        self.end() - self.deleted.len() as u64
    }

    /// The first `limit` messages of `range` that aren't deleted, oldest first.
    pub(crate) fn oldest(&self, range: Range<Position>, limit: usize) -> Vec<Position> {
        let live = range.filter(|position| self.is_live(*position));
        live.take(limit).collect()
    }

    /// The last `limit` messages of `range` that aren't deleted, newest first.
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

    /// Adds a message and returns its ID: the next free one from `min_id` on that is
    /// greater than those of the messages the world was built with.
    pub(crate) fn append(&mut self, min_id: u64, authored: Option<(u32, String)>) -> u64 {
        self.insert(min_id, authored, None)
    }

    /// Adds a `THREAD_CREATED` notice, with the thread's owner as the author and the
    /// thread's name as the content.
    pub(crate) fn append_notice(&mut self, min_id: u64, authored: (u32, String), thread_id: u64) -> u64 {
        self.insert(min_id, Some(authored), Some(thread_id))
    }

    fn insert(
        &mut self,
        min_id: u64,
        authored: Option<(u32, String)>,
        started_thread_id: Option<u64>,
    ) -> u64 {
        let last_base_id = self.base_count().checked_sub(1).map(|last| self.entry(last).id);
        let mut id = last_base_id.map_or(min_id, |last_base_id| min_id.max(last_base_id + 1));
        while self.appended.binary_search_by_key(&id, |other| other.id).is_ok() {
            id += 1;
        }
        let at = self.appended.partition_point(|other| other.id < id);
        let index = self.end();
        let appended = AppendedMessage { id, index, authored, started_thread_id };
        self.appended.insert(at, appended);
        id
    }

    pub(crate) fn edit(&mut self, id: u64, edit: Edit) {
        self.edits.insert(id, edit);
    }

    /// `false` if the message was already deleted.
    pub(crate) fn delete(&mut self, id: u64) -> bool {
        self.deleted.insert(id)
    }

    /// `false` if the message wasn't deleted.
    pub(crate) fn restore(&mut self, id: u64) -> bool {
        self.deleted.remove(&id)
    }

    pub(crate) fn set_reactions(&mut self, id: u64, reactions: Vec<Reaction>) {
        self.reactions.insert(id, reactions);
    }

    /// Whether the message is pinned now; `None` if no test pinned or unpinned it.
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
