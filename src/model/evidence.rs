//! What a sync's conclusions rest on.
//!
//! An answer that is valid but empty, short or impossible proves nothing by
//! itself. Each conclusion about something absent is therefore a value that can
//! be made only from evidence of another form. `docs/architecture.md` lists all
//! of them.

use std::time::Duration;

use hashbrown::HashSet;

use super::{Channel, ChannelId, ChannelState, MessageId, MessagePage, Timestamp, UserId};

/// An answer that only time can confirm counts once it has come again after
/// this long, and an end that was confirmed holds this long.
pub const CONFIRMATION_INTERVAL: Duration = Duration::from_hours(24);

/// Ordinary messages by people that a page may hold without any content. One
/// occurs, such as a game invitation; a dozen in a row do not.
const BLANK_MESSAGES: usize = 12;

/// What shows that a channel was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndEvidence {
    /// A page brought the newest message that a listing names, or a newer one.
    NewestMessage,
    /// No listing, no count and no archived message says that anything follows.
    NothingAnnounced,
    /// The newest page, asked for without a cursor, holds messages, and none
    /// beyond the cursor.
    NewestPage,
    /// The newest page has shown so less than a day ago, and the listing names
    /// the same newest message as then.
    StillConfirmed,
    /// The newest page came empty, and did so a day before.
    EmptyForADay,
    /// What follows the cursor is malformed, and recorded as such.
    MalformedTail,
}

/// The proven end of a channel: nothing follows the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelEnd {
    evidence: EndEvidence,
}

impl ChannelEnd {
    /// A page that ends with `last` where a listing names `announced`; `None` if
    /// something may follow.
    pub fn brought(last: MessageId, announced: Option<MessageId>) -> Option<Self> {
        let is_newest = announced.is_some_and(|announced| last >= announced);
        is_newest.then_some(Self { evidence: EndEvidence::NewestMessage })
    }

    /// A page that is not full and of whose messages no ID can be read.
    pub const fn malformed_tail() -> Self {
        Self { evidence: EndEvidence::MalformedTail }
    }

    /// What it rests on.
    pub const fn evidence(self) -> EndEvidence {
        self.evidence
    }

    /// Whether it holds only for the newest message that the listing names now.
    pub const fn is_of_listing(self) -> bool {
        matches!(self.evidence, EndEvidence::NewestPage | EndEvidence::EmptyForADay)
    }
}

/// What is stored of the end of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndRecord {
    /// The newest message that the listing named when the newest page last
    /// confirmed the end.
    pub announced: Option<MessageId>,
    /// When that was.
    pub confirmed_at: Option<Timestamp>,
    /// Since when the end is unconfirmed: when the newest page first came empty.
    pub doubted_at: Option<Timestamp>,
    /// Whether it was confirmed only because the newest page stayed empty.
    pub was_empty: bool,
}

impl EndRecord {
    /// Whether the end was confirmed less than a day ago against the message
    /// that a listing names now.
    pub fn holds_for(&self, announced: Option<MessageId>, now: Timestamp) -> bool {
        let is_recent =
            self.confirmed_at.is_some_and(|at| at <= now && now.since(at) < CONFIRMATION_INTERVAL);
        announced.is_some() && self.announced == announced && is_recent && self.doubted_at.is_none()
    }
}

/// What is known when an empty page follows the cursor.
#[derive(Debug, Clone, Copy, Default)]
pub struct EndFacts {
    /// The last message that was read, or the one that reading began behind.
    pub cursor: Option<MessageId>,
    /// The newest message that a listing names.
    pub announced: Option<MessageId>,
    /// Whether a count says that a channel holds messages of which none was
    /// read.
    pub is_counted: bool,
    /// Whether messages beyond the cursor are archived and not deleted.
    pub has_archived_beyond: bool,
    /// What is stored of the end.
    pub record: EndRecord,
}

/// What the newest page says of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewestPageVerdict {
    /// It is the end.
    Confirmed(ChannelEnd),
    /// The page holds a message beyond the cursor: the empty page was wrong.
    Contradicted,
    /// The page is empty, or nothing of it can be read.
    Unconfirmed,
}

impl EndFacts {
    /// The end, if nothing speaks against it or it is known from before.
    pub fn without_asking(&self, now: Timestamp) -> Option<ChannelEnd> {
        // Where a listing names no message, the newest page tells.
        if let Some(end) = self.unannounced().filter(|_| self.announced.is_some()) {
            return Some(end);
        }
        let still_holds = self.record.holds_for(self.announced, now) && !self.has_archived_beyond;
        still_holds.then_some(ChannelEnd { evidence: EndEvidence::StillConfirmed })
    }

    /// What the newest page, asked for without a cursor, says.
    pub fn with_newest_page(&self, page: &MessagePage) -> NewestPageVerdict {
        match page.last_id() {
            Some(last) if Some(last) > self.cursor => NewestPageVerdict::Contradicted,
            Some(_) => NewestPageVerdict::Confirmed(ChannelEnd { evidence: EndEvidence::NewestPage }),
            None => NewestPageVerdict::Unconfirmed,
        }
    }

    /// The end, if no listing, no count and no archived message says that anything
    /// follows.
    pub fn unannounced(&self) -> Option<ChannelEnd> {
        let is_silent = self.announced <= self.cursor && !self.is_counted && !self.has_archived_beyond;
        is_silent.then_some(ChannelEnd { evidence: EndEvidence::NothingAnnounced })
    }

    /// The end, if the newest page came empty a day ago as well. It stays the end
    /// until a listing names another message.
    pub fn after_a_day(&self, now: Timestamp) -> Option<ChannelEnd> {
        let empty = ChannelEnd { evidence: EndEvidence::EmptyForADay };
        let is_known = self.record.was_empty && self.record.announced == self.announced;
        if is_known && !self.has_archived_beyond {
            return Some(empty);
        }
        let doubted_at = self.record.doubted_at?;
        let is_old = doubted_at <= now && now.since(doubted_at) >= CONFIRMATION_INTERVAL;
        is_old.then_some(empty)
    }
}

/// What a channel's state rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateEvidence {
    /// A listing that succeeded names the channel.
    Listing,
    /// The answer to a question for the channel itself, after such a listing.
    DirectAnswer,
    /// The state of the channel that a thread hangs below.
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

/// The state of a channel, proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenState {
    state: ChannelState,
    evidence: StateEvidence,
}

impl ProvenState {
    /// A channel that a listing names, public, and readable or not.
    pub const fn listed(is_readable: bool) -> Self {
        let state = if is_readable { ChannelState::Active } else { ChannelState::Unreadable };
        Self { state, evidence: StateEvidence::Listing }
    }

    /// What the answer for the channel itself says.
    pub const fn answered(state: ChannelState) -> Self {
        Self { state, evidence: StateEvidence::DirectAnswer }
    }

    /// A thread shares what became of its parent.
    pub const fn of_parent(parent: ChannelState) -> Self {
        Self { state: parent, evidence: StateEvidence::Parent }
    }

    /// The state.
    pub const fn state(self) -> ChannelState {
        self.state
    }

    /// What it rests on.
    pub const fn evidence(self) -> StateEvidence {
        self.evidence
    }
}

/// The channels that a successful listing showed to be readable: only there does
/// a message that is missing count as deleted.
#[derive(Debug, Clone)]
pub struct ConfirmedRights {
    readable: HashSet<ChannelId>,
    asked_at: Timestamp,
}

impl ConfirmedRights {
    /// From a listing that was asked for at `asked_at`.
    pub fn from_listing(channels: &[Channel], asked_at: Timestamp) -> Self {
        let is_readable = |channel: &&Channel| !channel.kind.is_thread() && channel.visibility.is_readable();
        let readable = channels.iter().filter(is_readable).map(|channel| channel.id).collect();
        Self { readable, asked_at }
    }

    /// Whether messages of this channel, or of its threads, can be read.
    pub fn covers(&self, root: ChannelId) -> bool {
        self.readable.contains(&root)
    }

    /// When the listing was asked for.
    pub const fn asked_at(&self) -> Timestamp {
        self.asked_at
    }
}

/// How many ordinary messages of people came without content since the last one
/// that had some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContentTally {
    blank: usize,
    /// Who wrote the first of them.
    first_author: Option<UserId>,
    /// Whether somebody else wrote one, too.
    has_several_authors: bool,
    is_withheld: bool,
}

impl ContentTally {
    /// Adds those of a page.
    #[must_use]
    pub fn and(self, page: &MessagePage) -> Self {
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

    /// Whether content is withheld: people don't write so many messages of nothing
    /// in a row. One of them alone may have an odd way of writing.
    pub const fn is_withheld(self) -> bool {
        self.is_withheld
    }
}

#[cfg(test)]
mod tests {
    use super::super::BrokenMessage;
    use super::*;

    fn id(raw: u64) -> Option<MessageId> {
        MessageId::new(raw)
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000).later(Duration::from_hours(hours))
    }

    fn page(ids: &[u64]) -> MessagePage {
        let broken = ids.iter().map(|raw| BrokenMessage { id: id(*raw), reason: String::new() });
        MessagePage { broken: broken.collect(), ..MessagePage::default() }
    }

    #[test]
    fn a_page_that_brings_the_announced_message_is_the_end_and_an_earlier_one_is_not() {
        assert!(ChannelEnd::brought(id(5).unwrap(), id(5)).is_some());
        assert!(ChannelEnd::brought(id(6).unwrap(), id(5)).is_some());
        assert_eq!(ChannelEnd::brought(id(4).unwrap(), id(5)), None);
        assert_eq!(ChannelEnd::brought(id(4).unwrap(), None), None, "nothing was announced");
    }

    #[test]
    fn an_empty_page_is_believed_at_once_only_where_nothing_says_otherwise() {
        let end = |facts: EndFacts| facts.without_asking(at(0)).map(ChannelEnd::evidence);
        let silent = EndFacts::default();
        assert_eq!(end(silent), None, "a listing that names none doesn't say that there is none");
        assert!(silent.unannounced().is_some());
        let read = EndFacts { cursor: id(9), announced: id(9), ..silent };
        assert_eq!(end(read), Some(EndEvidence::NothingAnnounced));
        assert_eq!(end(EndFacts { announced: id(10), ..read }), None);
        assert_eq!(end(EndFacts { is_counted: true, ..silent }), None);
        assert_eq!(end(EndFacts { has_archived_beyond: true, ..silent }), None);
    }

    #[test]
    fn a_confirmed_end_holds_for_a_day_and_for_one_announced_message() {
        let record = EndRecord { announced: id(10), confirmed_at: Some(at(0)), ..EndRecord::default() };
        let facts = EndFacts { cursor: id(9), announced: id(10), record, ..EndFacts::default() };
        let evidence = |facts: EndFacts, now| facts.without_asking(now).map(ChannelEnd::evidence);
        assert_eq!(evidence(facts, at(23)), Some(EndEvidence::StillConfirmed));
        assert_eq!(evidence(facts, at(24)), None);
        assert_eq!(evidence(EndFacts { announced: id(11), ..facts }, at(1)), None);
        assert_eq!(evidence(EndFacts { has_archived_beyond: true, ..facts }, at(1)), None);
        let later = EndRecord { confirmed_at: Some(at(5)), ..record };
        assert_eq!(evidence(EndFacts { record: later, ..facts }, at(1)), None, "a time of the future");
    }

    #[test]
    fn the_newest_page_confirms_contradicts_or_proves_nothing() {
        let facts = EndFacts { cursor: id(9), announced: id(10), ..EndFacts::default() };
        let confirmed = facts.with_newest_page(&page(&[3, 9]));
        assert!(matches!(confirmed, NewestPageVerdict::Confirmed(end) if end.is_of_listing()));
        assert_eq!(facts.with_newest_page(&page(&[9, 10])), NewestPageVerdict::Contradicted);
        assert_eq!(facts.with_newest_page(&page(&[])), NewestPageVerdict::Unconfirmed);
        let nameless = BrokenMessage { id: None, reason: String::new() };
        let nameless = MessagePage { broken: vec![nameless], ..MessagePage::default() };
        assert_eq!(facts.with_newest_page(&nameless), NewestPageVerdict::Unconfirmed);
    }

    #[test]
    fn emptiness_is_believed_after_a_day() {
        let record = EndRecord { doubted_at: Some(at(0)), ..EndRecord::default() };
        let facts = EndFacts { announced: id(10), record, ..EndFacts::default() };
        assert_eq!(facts.after_a_day(at(23)), None);
        assert!(facts.after_a_day(at(24)).is_some());
        assert_eq!(EndFacts { record: EndRecord::default(), ..facts }.after_a_day(at(24)), None);
        let record = EndRecord { announced: id(10), was_empty: true, ..EndRecord::default() };
        assert!(EndFacts { record, ..facts }.after_a_day(at(99)).is_some(), "it was believed before");
        let moved = EndFacts { announced: id(11), record, ..facts };
        assert_eq!(moved.after_a_day(at(99)), None);
    }
}
