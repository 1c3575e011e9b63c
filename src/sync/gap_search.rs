//! Adapts the page size around a page that fails, and finds a message that can't be
//! fetched at all. Pure: the caller sends the requests.

use crate::model::MessageId;

/// The page size: halved while a page fails, and whole again once that page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AdaptivePageSize {
    page_size: u16,
    limit: u16,
    /// Messages of the failed page that weren't read yet.
    unread_messages: usize,
}

impl AdaptivePageSize {
    pub(super) const fn new(page_size: u16) -> Self {
        Self { page_size, limit: page_size, unread_messages: 0 }
    }

    /// Messages to request.
    pub(super) const fn limit(self) -> u16 {
        self.limit
    }

    /// Whether a page failed and hasn't been read yet.
    pub(super) const fn is_reduced(self) -> bool {
        self.unread_messages > 0
    }

    /// Halves the page size after a failure. Returns false if it was one message already.
    pub(super) fn halve(&mut self) -> bool {
        if self.unread_messages == 0 {
            self.unread_messages = usize::from(self.limit);
        }
        let can_be_halved = self.limit > 1;
        self.limit = (self.limit / 2).max(1);
        can_be_halved
    }

    /// Records that `messages` were read. The size is whole again once the failed page
    /// has been read.
    pub(super) fn messages_read(&mut self, messages: usize) {
        self.unread_messages = self.unread_messages.saturating_sub(messages);
        if self.unread_messages == 0 {
            self.limit = self.page_size;
        }
    }
}

/// The greatest message ID.
const GREATEST_ID: u64 = i64::MAX as u64;
/// The first step from the cursor: one millisecond, if IDs carry milliseconds above their
/// low 22 bits.
const FIRST_STEP: u64 = 1 << 22;

/// A request for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// The first message after this ID.
    After(MessageId),
    /// The last message before this ID.
    Before(MessageId),
}

/// The answer to a [`Probe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeAnswer {
    /// The request failed.
    Failed,
    /// The request succeeded, with this message unless the page was empty.
    Succeeded(Option<MessageId>),
}

/// Searches for the first message after a cursor that can't be fetched.
///
/// A request for one message fails after every ID between the preceding message and the
/// unfetchable one, and succeeds after the unfetchable one itself. The search takes
/// growing steps from the cursor until a request succeeds, then bisects. That finds one
/// of possibly several such messages. To make sure that it is the first, the search asks
/// for the message before it: if that lies after the cursor, or fails too, there is
/// another unfetchable message below, and the search continues there.
#[derive(Debug)]
pub(super) struct GapSearch {
    cursor: u64,
    /// A request after this ID fails.
    fails: u64,
    /// A request after this ID succeeds.
    comes: Option<u64>,
    /// Bounds of another unfetchable message below the one found: a request before the
    /// first ID succeeds without a message after the cursor, one before the second fails.
    below: Option<(u64, u64)>,
    /// Whether the message found is known to be the first.
    is_first: bool,
    step: u64,
    /// IDs to probe first, last one first: a message recorded by an earlier run and the
    /// ID below it.
    guesses: Vec<u64>,
    limit: u64,
}

impl GapSearch {
    /// `announced` is the newest listed message of the channel; `known` are the malformed
    /// messages recorded by earlier runs, ascending.
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

    /// The next request; `None` once the message is found, or if there is none.
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

    /// Records the answer to a probe.
    pub(super) fn record(&mut self, probe: Probe, answer: ProbeAnswer) {
        match (probe, answer) {
            (Probe::After(probe), ProbeAnswer::Succeeded(_)) => self.comes = Some(probe.get()),
            (Probe::After(probe), ProbeAnswer::Failed) => {
                self.fails = probe.get();
                self.step = self.step.saturating_mul(4);
            }
            (Probe::Before(_), ProbeAnswer::Succeeded(Some(last))) if last.get() > self.cursor => {
                // This message was fetched, and something before it fails: that is
                // another.
                (self.fails, self.comes, self.below) = (self.cursor, Some(last.get() - 1), None);
            }
            (Probe::Before(before), ProbeAnswer::Succeeded(_)) => {
                let fails = self.below.map(|(_, fails)| fails);
                self.narrow_below(before.get(), fails);
            }
            (Probe::Before(before), ProbeAnswer::Failed) => {
                let comes = self.below.map_or(self.cursor + 1, |(comes, _)| comes);
                self.narrow_below(comes, Some(before.get()));
            }
        }
    }

    /// Narrows the bounds of another unfetchable message: a request before `comes` finds
    /// nothing after the cursor; one before `fails` fails.
    fn narrow_below(&mut self, comes: u64, fails: Option<u64>) {
        match fails {
            Some(fails) if fails > comes + 1 => self.below = Some((comes, fails)),
            // Nothing below fails: the message found is the first.
            None => self.is_first = true,
            Some(fails) => {
                self.comes = Some(fails - 1);
                self.is_first = true;
            }
        }
    }

    /// The message, once [`Self::next_probe`] returns `None`; `None` if none was found.
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

    /// Runs a search over `messages`, of which those in `poison` can't be fetched.
    /// Returns the message found and the number of probes.
    fn search(mut search: GapSearch, poison: &[u64], messages: &[u64]) -> (Option<u64>, usize) {
        let mut probes = 0;
        while let Some(probe) = search.next_probe() {
            probes += 1;
            let next = match probe {
                Probe::After(after) => messages.iter().find(|message| **message > after.get()),
                Probe::Before(before) => messages.iter().rfind(|message| **message < before.get()),
            };
            let fails = next.is_some_and(|next| poison.contains(next));
            let came = ProbeAnswer::Succeeded(next.map(|next| id(*next)));
            search.record(probe, if fails { ProbeAnswer::Failed } else { came });
            assert!(probes < 2000, "the search must end");
        }
        (search.found().map(MessageId::get), probes)
    }

    #[test]
    fn page_size_is_halved_on_failure_and_restored_after_the_page() {
        let mut page_size = AdaptivePageSize::new(100);
        assert!(!page_size.is_reduced());
        assert!(page_size.halve() && page_size.halve());
        assert_eq!((page_size.limit(), page_size.is_reduced()), (25, true));
        page_size.messages_read(25);
        page_size.messages_read(25);
        assert_eq!((page_size.limit(), page_size.is_reduced()), (25, true));
        page_size.messages_read(25);
        page_size.messages_read(25);
        assert_eq!(page_size, AdaptivePageSize::new(100));
        let mut single = AdaptivePageSize::new(1);
        assert!(!single.halve(), "one message has no half");
        assert!(single.is_reduced());
    }

    #[test]
    fn finds_the_unfetchable_message_anywhere() {
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
    fn finds_the_first_of_several_unfetchable_messages() {
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
    fn finds_a_known_message_with_few_probes() {
        let messages = [1000, 900_000_000_000, 900_000_000_007, 950_000_000_000_000];
        let known = [id(900_000_000_000)];
        let new = || GapSearch::new(Some(id(1000)), Some(id(950_000_000_000_000)), &known);
        assert_eq!(search(new(), &[messages[1]], &messages), (Some(messages[1]), 3));
        let other = search(new(), &[messages[1], messages[2]], &messages);
        assert_eq!(other.0, Some(messages[1]), "the first of several in a row");
    }

    #[test]
    fn finds_nothing_if_every_request_fails() {
        let all = [5, 10, 20];
        assert_eq!(search(GapSearch::new(None, Some(id(20)), &[]), &all, &all).0, Some(5));
        let endless = |mut search: GapSearch| {
            while let Some(probe) = search.next_probe() {
                search.record(probe, ProbeAnswer::Failed);
            }
            search.found()
        };
        assert_eq!(endless(GapSearch::new(None, Some(id(20)), &[])), None);
        assert_eq!(endless(GapSearch::new(Some(id(7)), None, &[])), None);
    }
}
