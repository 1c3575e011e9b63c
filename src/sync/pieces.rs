//! How a page that can't be had as a whole is asked for in smaller pieces, and how
//! a message that can't be had at all is found. Pure.

use crate::model::MessageId;

/// How many messages to ask for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pieces {
    page_size: u16,
    limit: u16,
    /// Messages of the page that failed which were not read yet.
    doubtful: usize,
}

impl Pieces {
    pub(super) const fn new(page_size: u16) -> Self {
        Self { page_size, limit: page_size, doubtful: 0 }
    }

    /// Messages to ask for.
    pub(super) const fn limit(self) -> u16 {
        self.limit
    }

    /// Whether a page failed, and has not been read yet.
    pub(super) const fn is_reduced(self) -> bool {
        self.doubtful > 0
    }

    /// The page failed: asks for half of it from now on. Returns whether there is
    /// a half.
    pub(super) fn reduce(&mut self) -> bool {
        if self.doubtful == 0 {
            self.doubtful = usize::from(self.limit);
        }
        let can_be_halved = self.limit > 1;
        self.limit = (self.limit / 2).max(1);
        can_be_halved
    }

    /// So many messages came. Once all of the page that failed has, whole pages
    /// are asked for again.
    pub(super) fn read(&mut self, messages: usize) {
        self.doubtful = self.doubtful.saturating_sub(messages);
        if self.doubtful == 0 {
            self.limit = self.page_size;
        }
    }
}

/// IDs of a message are at most this.
const GREATEST_ID: u64 = i64::MAX as u64;
/// The first step from the cursor: with IDs that carry milliseconds above their
/// low 22 bits, about one of them.
const FIRST_STEP: u64 = 1 << 22;

/// A question for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// Does the message behind this ID come?
    After(MessageId),
    /// Does the one before this ID?
    Before(MessageId),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// No page came.
    Failed,
    /// A page with this message, if with any.
    Came(Option<MessageId>),
}

/// Finds the first message behind a cursor that no page can hold.
///
/// A page of one message fails behind each ID below such a message, and comes
/// behind the message itself: the search doubles its steps until a page comes, and
/// then halves the range. That finds one of several such messages. So the message
/// before the one that is found is asked for: if it lies behind the cursor, or
/// can't be had either, there is another below, and the search goes on there.
#[derive(Debug)]
pub(super) struct GapSearch {
    cursor: u64,
    /// Behind this ID a page fails.
    fails: u64,
    /// Behind this ID a page comes.
    comes: Option<u64>,
    /// Before the first ID the message comes and is none behind the cursor, before
    /// the second it fails: the message before the one that was found, too.
    below: Option<(u64, u64)>,
    is_first: bool,
    step: u64,
    /// Where the message is known to be from before, if it is: its own ID, and
    /// the one below, tell.
    guesses: Vec<u64>,
    limit: u64,
}

impl GapSearch {
    /// `announced` is the newest message of the channel; `known` are messages that
    /// couldn't be had before, ascending.
    pub(super) fn new(cursor: Option<MessageId>, announced: Option<MessageId>, known: &[MessageId]) -> Self {
        let cursor = cursor.map_or(0, MessageId::get);
        let guess = known.iter().map(|id| id.get()).find(|id| *id > cursor);
        let limit = announced.map_or(GREATEST_ID, MessageId::get).max(cursor.saturating_add(1));
        let guesses = guess.filter(|id| *id <= limit).map(|id| vec![id - 1, id]).unwrap_or_default();
        Self {
            cursor,
            fails: cursor,
            comes: None,
            below: None,
            is_first: false,
            step: FIRST_STEP,
            guesses,
            limit,
        }
    }

    /// What is asked for next; `None` once the message is found, or if there is
    /// none.
    pub(super) fn next_probe(&mut self) -> Option<Probe> {
        if self.is_first {
            return None;
        }
        if let Some((comes, fails)) = self.below {
            return MessageId::new(comes + (fails - comes) / 2).map(Probe::Before);
        }
        while let Some(guess) = self.guesses.pop() {
            if guess > self.fails && self.comes.is_none_or(|comes| guess < comes) {
                return MessageId::new(guess).map(Probe::After);
            }
        }
        let probe = match self.comes {
            Some(comes) if comes - self.fails <= 1 => return MessageId::new(comes).map(Probe::Before),
            Some(comes) => self.fails + (comes - self.fails) / 2,
            None if self.fails >= self.limit => return None,
            None => self.fails.saturating_add(self.step).min(self.limit),
        };
        MessageId::new(probe).map(Probe::After)
    }

    /// What came of a question.
    pub(super) fn answered(&mut self, probe: Probe, answer: Answer) {
        match (probe, answer) {
            (Probe::After(probe), Answer::Came(_)) => self.comes = Some(probe.get()),
            (Probe::After(probe), Answer::Failed) => {
                self.fails = probe.get();
                self.step = self.step.saturating_mul(4);
            }
            (Probe::Before(_), Answer::Came(Some(last))) if last.get() > self.cursor => {
                // It can be had, and what lies before it can't: that is another.
                (self.fails, self.comes, self.below) = (self.cursor, Some(last.get() - 1), None);
            }
            (Probe::Before(before), Answer::Came(_)) => {
                let fails = self.below.map(|(_, fails)| fails);
                self.settle_below(before.get(), fails);
            }
            (Probe::Before(before), Answer::Failed) => {
                let comes = self.below.map_or(self.cursor + 1, |(comes, _)| comes);
                self.settle_below(comes, Some(before.get()));
            }
        }
    }

    /// Before `comes` nothing lies behind the cursor; before `fails`, something
    /// that can't be had.
    fn settle_below(&mut self, comes: u64, fails: Option<u64>) {
        match fails {
            Some(fails) if fails > comes + 1 => self.below = Some((comes, fails)),
            // The message itself is the first.
            None => self.is_first = true,
            Some(fails) => {
                self.comes = Some(fails - 1);
                self.is_first = true;
            }
        }
    }

    /// The message, once there is no further probe.
    pub(super) fn found(&self) -> Option<MessageId> {
        self.comes.filter(|comes| self.is_first && *comes > self.cursor).and_then(MessageId::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(raw: u64) -> MessageId {
        MessageId::new(raw).unwrap()
    }

    /// Searches where these messages can't be had; returns what is found and how
    /// many probes it took.
    fn search(mut search: GapSearch, poison: &[u64], messages: &[u64]) -> (Option<u64>, usize) {
        let mut probes = 0;
        while let Some(probe) = search.next_probe() {
            probes += 1;
            let next = match probe {
                Probe::After(after) => messages.iter().find(|message| **message > after.get()),
                Probe::Before(before) => messages.iter().rfind(|message| **message < before.get()),
            };
            let fails = next.is_some_and(|next| poison.contains(next));
            let came = Answer::Came(next.map(|next| id(*next)));
            search.answered(probe, if fails { Answer::Failed } else { came });
            assert!(probes < 2000, "it ends");
        }
        (search.found().map(MessageId::get), probes)
    }

    #[test]
    fn a_page_is_halved_until_it_comes_and_then_whole_again() {
        let mut pieces = Pieces::new(100);
        assert!(!pieces.is_reduced());
        assert!(pieces.reduce() && pieces.reduce());
        assert_eq!((pieces.limit(), pieces.is_reduced()), (25, true));
        pieces.read(25);
        pieces.read(25);
        assert_eq!((pieces.limit(), pieces.is_reduced()), (25, true));
        pieces.read(25);
        pieces.read(25);
        assert_eq!(pieces, Pieces::new(100));
        let mut single = Pieces::new(1);
        assert!(!single.reduce(), "one message has no half");
        assert!(single.is_reduced());
    }

    #[test]
    fn the_message_that_cant_be_had_is_found_wherever_it_stands() {
        let mut rng = fastrand::Rng::with_seed(8);
        for _ in 0..200 {
            let mut messages: Vec<u64> = (0..50).map(|_| rng.u64(1 << 55..1 << 60)).collect();
            messages.sort_unstable();
            messages.dedup();
            let at = rng.usize(1..messages.len());
            let (cursor, poison) = (messages[at - 1], messages[at]);
            let last = messages.last().copied().unwrap();
            let (found, probes) =
                search(GapSearch::new(Some(id(cursor)), Some(id(last)), &[]), &[poison], &messages);
            assert_eq!(found, Some(poison));
            assert!(probes < 90, "{probes} probes");
        }
    }

    #[test]
    fn of_several_the_first_is_found_and_nothing_that_comes_lies_below_it() {
        let mut rng = fastrand::Rng::with_seed(9);
        for _ in 0..300 {
            let mut messages: Vec<u64> = (0..40).map(|_| rng.u64(1 << 55..1 << 60)).collect();
            messages.sort_unstable();
            messages.dedup();
            let at = rng.usize(1..messages.len());
            let mut poison = vec![messages[at]];
            poison.extend(messages[at..].iter().copied().filter(|_| rng.f64() < 0.4));
            let last = messages.last().copied().unwrap();
            let new = GapSearch::new(Some(id(messages[at - 1])), Some(id(last)), &[]);
            assert_eq!(search(new, &poison, &messages).0, Some(messages[at]));
        }
    }

    #[test]
    fn one_that_is_known_is_found_with_few_probes() {
        let messages = [1000, 900_000_000_000, 900_000_000_007, 950_000_000_000_000];
        let known = [id(900_000_000_000)];
        let new = || GapSearch::new(Some(id(1000)), Some(id(950_000_000_000_000)), &known);
        assert_eq!(search(new(), &[messages[1]], &messages), (Some(messages[1]), 3));
        let other = search(new(), &[messages[1], messages[2]], &messages);
        assert_eq!(other.0, Some(messages[1]), "the first of several in a row");
    }

    #[test]
    fn where_no_page_comes_nothing_is_found() {
        let all = [5, 10, 20];
        assert_eq!(search(GapSearch::new(None, Some(id(20)), &[]), &all, &all).0, Some(5));
        let endless = |mut search: GapSearch| {
            while let Some(probe) = search.next_probe() {
                search.answered(probe, Answer::Failed);
            }
            search.found()
        };
        assert_eq!(endless(GapSearch::new(None, Some(id(20)), &[])), None);
        assert_eq!(endless(GapSearch::new(Some(id(7)), None, &[])), None);
    }
}
