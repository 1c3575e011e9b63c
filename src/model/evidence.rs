//! Evidence for conclusions from absence, as types.
//!
//! A response that is valid but empty, short or impossible proves nothing by itself.
//! Each conclusion from absence (a channel ends here, a channel is gone, a message is
//! deleted) is therefore a value that can be constructed only from further evidence.
//! `docs/architecture.md` lists all such conclusions. This module decides; it sends no
//! request and writes nothing.

use std::time::Duration;

use hashbrown::HashSet;

use super::{Channel, ChannelId, ChannelState, MessageId, MessagePage, Timestamp, UserId};

/// The minimum time after which a repeated answer confirms an earlier one that nothing
/// else confirms. Also how long a confirmed end stays valid.
pub const CONFIRMATION_INTERVAL: Duration = Duration::from_hours(24);

/// This many consecutive blank messages by people show that content is withheld. Single
/// ones do occur, such as a game invitation.
const BLANK_MESSAGES: usize = 12;

/// The evidence that a channel was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndEvidence {
    /// A page contains the newest message that a listing names, or a newer one.
    NewestMessage,
    /// Neither a listing nor a message count nor an archived message indicates messages
    /// after the cursor.
    NothingAnnounced,
    /// The newest page, requested without a cursor, holds messages, but none after the
    /// cursor.
    NewestPage,
    /// The newest page confirmed the end less than a day ago, and the listing still
    /// names the same newest message.
    StillConfirmed,
    /// The newest page is empty, and was empty at least a day ago, too.
    EmptyForADay,
    /// Only malformed messages follow the cursor, and they are recorded.
    MalformedTail,
}

/// Proof that a channel was read to its end: no readable message follows the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelEnd {
    evidence: EndEvidence,
}

impl ChannelEnd {
    /// The end proven by a page whose last message is `last`, given the newest message
    /// that a listing names (`announced`). `None` if more messages may follow.
    pub fn from_page(last: MessageId, announced: Option<MessageId>) -> Option<Self> {
        let is_newest = announced.is_some_and(|announced| last >= announced);
        is_newest.then_some(Self { evidence: EndEvidence::NewestMessage })
    }

    /// The end proven by a page that is not full and in which every ID is malformed.
    pub const fn malformed_tail() -> Self {
        Self { evidence: EndEvidence::MalformedTail }
    }

    /// The evidence it is based on.
    pub const fn evidence(self) -> EndEvidence {
        self.evidence
    }

    /// Whether the newest page confirmed it against the newest message that the listing
    /// names now. The confirmation expires when the listing names another message.
    pub const fn depends_on_announced(self) -> bool {
        matches!(self.evidence, EndEvidence::NewestPage | EndEvidence::EmptyForADay)
    }
}

/// The stored record of a channel's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndRecord {
    /// The newest message that the listing named when the newest page last confirmed the
    /// end.
    pub announced: Option<MessageId>,
    /// When the newest page last confirmed the end.
    pub confirmed_at: Option<Timestamp>,
    /// When the newest page was first empty; set while the end is unconfirmed.
    pub unconfirmed_since: Option<Timestamp>,
    /// Whether the last end was confirmed as [`EndEvidence::EmptyForADay`].
    pub was_empty_for_a_day: bool,
}

impl EndRecord {
    /// Whether the end was confirmed less than a day ago for the newest message that a
    /// listing names now (`announced`).
    pub fn is_valid_for(&self, announced: Option<MessageId>, now: Timestamp) -> bool {
        let is_recent =
            self.confirmed_at.is_some_and(|at| at <= now && now.since(at) < CONFIRMATION_INTERVAL);
        announced.is_some() && self.announced == announced && is_recent && self.unconfirmed_since.is_none()
    }
}

/// What is known when the page after the cursor is empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct EndFacts {
    /// The last message that was read, or the one after which reading began; `None` is
    /// the channel's beginning.
    pub cursor: Option<MessageId>,
    /// The newest message that a listing names.
    pub announced: Option<MessageId>,
    /// Whether the platform counts messages in a channel of which none was read.
    pub has_counted_messages: bool,
    /// Whether messages after the cursor are archived and not deleted.
    pub has_archived_after_cursor: bool,
    /// The stored record of the channel's end.
    pub record: EndRecord,
}

/// What the newest page says about an unconfirmed end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewestPageVerdict {
    /// The cursor is at the end.
    Confirmed(ChannelEnd),
    /// The newest page holds a message after the cursor: the empty page was wrong.
    Contradicted,
    /// The newest page is empty, or every ID in it is malformed.
    Unconfirmed,
}

impl EndFacts {
    /// The end, if it is proven without a further request: a listing names a newest
    /// message and nothing indicates later ones, or an earlier confirmation still holds.
    pub fn known_end(&self, now: Timestamp) -> Option<ChannelEnd> {
        // If no listing names a message, the newest page has to decide.
        if let Some(end) = self.if_nothing_announced().filter(|_| self.announced.is_some()) {
            return Some(end);
        }
        let still_holds = self.record.is_valid_for(self.announced, now) && !self.has_archived_after_cursor;
        still_holds.then_some(ChannelEnd { evidence: EndEvidence::StillConfirmed })
    }

    /// Evaluates the newest page, which was requested without a cursor.
    pub fn with_newest_page(&self, page: &MessagePage) -> NewestPageVerdict {
        match page.last_id() {
            Some(last) if Some(last) > self.cursor => NewestPageVerdict::Contradicted,
            Some(_) => NewestPageVerdict::Confirmed(ChannelEnd { evidence: EndEvidence::NewestPage }),
            None => NewestPageVerdict::Unconfirmed,
        }
    }

    /// The end, if neither a listing nor a message count nor an archived message
    /// indicates messages after the cursor.
    pub fn if_nothing_announced(&self) -> Option<ChannelEnd> {
        let is_silent =
            self.announced <= self.cursor && !self.has_counted_messages && !self.has_archived_after_cursor;
        is_silent.then_some(ChannelEnd { evidence: EndEvidence::NothingAnnounced })
    }

    /// The end, if the newest page was also empty at least a day ago. Once accepted, it
    /// stays valid until a listing names another message.
    pub fn if_empty_for_a_day(&self, now: Timestamp) -> Option<ChannelEnd> {
        let empty = ChannelEnd { evidence: EndEvidence::EmptyForADay };
        let is_known = self.record.was_empty_for_a_day && self.record.announced == self.announced;
        if is_known && !self.has_archived_after_cursor {
            return Some(empty);
        }
        let unconfirmed_since = self.record.unconfirmed_since?;
        let is_old = unconfirmed_since <= now && now.since(unconfirmed_since) >= CONFIRMATION_INTERVAL;
        is_old.then_some(empty)
    }
}

/// The evidence for a channel's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateEvidence {
    /// A successful listing contains the channel.
    Listing,
    /// The response to a request for the channel itself, sent after such a listing.
    DirectAnswer,
    /// The state of a thread's parent channel.
    Parent,
}

impl StateEvidence {
    /// The word stored in the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listing => "listing",
            Self::DirectAnswer => "direct_answer",
            Self::Parent => "parent",
        }
    }
}

/// A channel's state with the evidence for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenState {
    state: ChannelState,
    evidence: StateEvidence,
}

impl ProvenState {
    /// The state of a public channel that a listing contains.
    pub const fn from_listing(is_readable: bool) -> Self {
        let state = if is_readable { ChannelState::Active } else { ChannelState::Unreadable };
        Self { state, evidence: StateEvidence::Listing }
    }

    /// The state according to the response for the channel itself.
    pub const fn from_direct_answer(state: ChannelState) -> Self {
        Self { state, evidence: StateEvidence::DirectAnswer }
    }

    /// The state of a thread, which is that of its parent.
    pub const fn from_parent(parent: ChannelState) -> Self {
        Self { state: parent, evidence: StateEvidence::Parent }
    }

    /// The state.
    pub const fn state(self) -> ChannelState {
        self.state
    }

    /// The evidence it is based on.
    pub const fn evidence(self) -> StateEvidence {
        self.evidence
    }
}

/// The channels that a successful listing showed to be public and readable. Only in these
/// can a deletion candidate be confirmed.
#[derive(Debug, Clone)]
pub struct ConfirmedRights {
    readable: HashSet<ChannelId>,
    requested_at: Timestamp,
}

impl ConfirmedRights {
    /// From a listing that was requested at `requested_at`.
    pub fn from_listing(channels: &[Channel], requested_at: Timestamp) -> Self {
        let is_readable = |channel: &&Channel| !channel.kind.is_thread() && channel.visibility.is_readable();
        let readable = channels.iter().filter(is_readable).map(|channel| channel.id).collect();
        Self { readable, requested_at }
    }

    /// Whether messages of the channel `root` and of its threads can be read.
    pub fn covers(&self, root: ChannelId) -> bool {
        self.readable.contains(&root)
    }

    /// When the listing was requested.
    pub const fn requested_at(&self) -> Timestamp {
        self.requested_at
    }
}

/// Counts consecutive blank messages by people, across pages, to detect withheld content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlankMessageTally {
    /// Blank messages since the last one with content.
    blank: usize,
    /// The author of the first of these.
    first_author: Option<UserId>,
    /// Whether they have more than one author.
    has_several_authors: bool,
    is_withheld: bool,
}

impl BlankMessageTally {
    /// The tally after another page.
    #[must_use]
    pub fn with_page(self, page: &MessagePage) -> Self {
        let by_people = page.messages.iter().filter(|message| message.is_by_person());
        by_people.fold(self, |tally, message| {
            if !message.is_blank {
                return Self { is_withheld: tally.is_withheld, ..Self::default() };
            }
            let author = message.author.map(|author| author.id);
            let first_author = tally.first_author.or(author);
            let has_several_authors = tally.has_several_authors || author != first_author;
            let blank = tally.blank + 1;
            let is_withheld = tally.is_withheld || (blank >= BLANK_MESSAGES && has_several_authors);
            Self { blank, first_author, has_several_authors, is_withheld }
        })
    }

    /// Whether content is withheld: at some point `BLANK_MESSAGES` messages by people
    /// in a row were blank. They must have several authors, since a single author may
    /// have an unusual client.
    pub const fn is_withheld(self) -> bool {
        self.is_withheld
    }
}

#[cfg(test)]
mod tests {
    use super::super::MalformedMessage;
    use super::*;

    fn id(raw: u64) -> Option<MessageId> {
        MessageId::new(raw)
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000).later(Duration::from_hours(hours))
    }

    fn page(ids: &[u64]) -> MessagePage {
        let malformed = ids.iter().map(|raw| MalformedMessage { id: id(*raw), reason: String::new() });
        MessagePage { malformed: malformed.collect(), ..MessagePage::default() }
    }

    #[test]
    fn only_a_page_with_the_announced_message_proves_the_end() {
        assert!(ChannelEnd::from_page(id(5).unwrap(), id(5)).is_some());
        assert!(ChannelEnd::from_page(id(6).unwrap(), id(5)).is_some());
        assert_eq!(ChannelEnd::from_page(id(4).unwrap(), id(5)), None);
        assert_eq!(ChannelEnd::from_page(id(4).unwrap(), None), None, "nothing was announced");
    }

    #[test]
    fn an_empty_page_is_accepted_at_once_only_if_nothing_indicates_more() {
        let end = |facts: EndFacts| facts.known_end(at(0)).map(ChannelEnd::evidence);
        let silent = EndFacts::default();
        assert_eq!(end(silent), None, "without an announced message the newest page decides");
        assert!(silent.if_nothing_announced().is_some());
        let read = EndFacts { cursor: id(9), announced: id(9), ..silent };
        assert_eq!(end(read), Some(EndEvidence::NothingAnnounced));
        assert_eq!(end(EndFacts { announced: id(10), ..read }), None);
        assert_eq!(end(EndFacts { has_counted_messages: true, ..silent }), None);
        assert_eq!(end(EndFacts { has_archived_after_cursor: true, ..silent }), None);
    }

    #[test]
    fn a_confirmed_end_holds_for_a_day_and_the_same_announced_message() {
        let record = EndRecord { announced: id(10), confirmed_at: Some(at(0)), ..EndRecord::default() };
        let facts = EndFacts { cursor: id(9), announced: id(10), record, ..EndFacts::default() };
        let evidence = |facts: EndFacts, now| facts.known_end(now).map(ChannelEnd::evidence);
        assert_eq!(evidence(facts, at(23)), Some(EndEvidence::StillConfirmed));
        assert_eq!(evidence(facts, at(24)), None);
        assert_eq!(evidence(EndFacts { announced: id(11), ..facts }, at(1)), None);
        assert_eq!(evidence(EndFacts { has_archived_after_cursor: true, ..facts }, at(1)), None);
        let later = EndRecord { confirmed_at: Some(at(5)), ..record };
        assert_eq!(evidence(EndFacts { record: later, ..facts }, at(1)), None, "a future confirmation");
    }

    #[test]
    fn the_newest_page_confirms_contradicts_or_proves_nothing() {
        let facts = EndFacts { cursor: id(9), announced: id(10), ..EndFacts::default() };
        let confirmed = facts.with_newest_page(&page(&[3, 9]));
        assert!(matches!(confirmed, NewestPageVerdict::Confirmed(end) if end.depends_on_announced()));
        assert_eq!(facts.with_newest_page(&page(&[9, 10])), NewestPageVerdict::Contradicted);
        assert_eq!(facts.with_newest_page(&page(&[])), NewestPageVerdict::Unconfirmed);
        let nameless = MalformedMessage { id: None, reason: String::new() };
        let nameless = MessagePage { malformed: vec![nameless], ..MessagePage::default() };
        assert_eq!(facts.with_newest_page(&nameless), NewestPageVerdict::Unconfirmed);
    }

    #[test]
    fn an_empty_newest_page_is_accepted_after_a_day() {
        let record = EndRecord { unconfirmed_since: Some(at(0)), ..EndRecord::default() };
        let facts = EndFacts { announced: id(10), record, ..EndFacts::default() };
        assert_eq!(facts.if_empty_for_a_day(at(23)), None);
        assert!(facts.if_empty_for_a_day(at(24)).is_some());
        assert_eq!(EndFacts { record: EndRecord::default(), ..facts }.if_empty_for_a_day(at(24)), None);
        let record = EndRecord { announced: id(10), was_empty_for_a_day: true, ..EndRecord::default() };
        assert!(EndFacts { record, ..facts }.if_empty_for_a_day(at(99)).is_some(), "it was accepted before");
        let moved = EndFacts { announced: id(11), record, ..facts };
        assert_eq!(moved.if_empty_for_a_day(at(99)), None);
    }
}
