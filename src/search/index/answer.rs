//! Answers a search with an index.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashSet;

use super::terms::{self, format};
use super::upkeep::changed_range;
use crate::archive::changes::Subscription;
use crate::archive::message_scan::{MessageKey, MessageLookup};
use crate::archive::word_index::{Bounds, Candidate, Run, SUBSCRIBER, WordIndex};
use crate::archive::{ArchiveError, ChannelRow, MessageRanges, Reader};
use crate::model::Timestamp;
use crate::search::best::Best;
use crate::search::message_matcher::MessageMatcher;
use crate::search::request::{Answer, Request, Searched};
use crate::search::scan::READ_STEP;

/// Candidates that are read from the archive before a search gives up.
const MAX_CANDIDATES: u64 = 200_000;
/// Candidates of other channels that cost as much as reading one.
const SKIPPED_PER_READ: u64 = 20;
/// Messages of a channel or person that are read rather than asking a large index.
const FEW_MESSAGES: u64 = 5_000;
/// Candidates of a run that are read first; each further time twice as many.
const FIRST_READ: usize = 64;
/// Candidates of a run that are read at once at most.
const MAX_READ: usize = 8192;
const MILLISECOND: Duration = Duration::from_millis(1);
/// Changes that are read at once.
const CHANGES_STEP: u32 = 10_000;
/// Ranges of messages that an index may not hold yet. With more, everything is read.
const MAX_PENDING: usize = 200_000;

/// An index of this very archive, and the messages that it doesn't hold as they are now.
#[derive(Debug)]
pub struct CurrentIndex {
    index: WordIndex,
    pending: MessageRanges,
}

impl CurrentIndex {
    /// Checks that an index, which was opened before the reader's snapshot, can be used with it; `None` if it
    /// can't.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if the archive can't be read.
    pub fn of(index: WordIndex, reader: &Reader) -> Result<Option<Self>, ArchiveError> {
        let state = index.state();
        let subscription = reader.subscription(SUBSCRIBER)?;
        let belongs = |subscription: &Subscription| state.belongs_to(&subscription.token);
        if state.format != format() || !subscription.as_ref().is_some_and(belongs) {
            return Ok(None);
        }
        let mut position = state.position;
        let mut pending = Vec::new();
        loop {
            let Some(changes) = reader.changes_after(position, CHANGES_STEP)? else { return Ok(None) };
            pending.extend(changes.iter().filter_map(|(_, change)| changed_range(change)));
            let Some((last, _)) = changes.last() else { break };
            position = *last;
            if pending.len() > MAX_PENDING {
                return Ok(None);
            }
        }
        Ok(Some(Self { index, pending: pending.into_iter().collect() }))
    }
}

/// Answers a search; `None` if the index can't.
pub fn by_index(
    reader: &Reader,
    current: &CurrentIndex,
    request: &Request,
    on_read: &mut dyn FnMut(u64),
) -> Result<Option<Answer>, ArchiveError> {
    let Some(expression) = terms::expression(&request.query) else { return Ok(None) };
    let is_large = current.index.documents() > MAX_CANDIDATES;
    if is_large && selects_few(reader, request)? {
        return Ok(None);
    }
    let mut search = Search {
        reader,
        current,
        request,
        expression,
        channels: reader.filter_channels(&request.filter)?,
        lookup: reader.message_lookup(&request.filter)?,
        matcher: MessageMatcher::new(request),
        work: 0,
    };
    let Some(mut answer) = search.run(on_read)? else { return Ok(None) };
    if answer.count == 0 && answer.searched_until.is_none() {
        answer.missing = missing(reader, current, request)?;
    }
    Ok(Some(answer))
}

/// Whether a filter names channels or people with so few messages that reading them takes no
/// longer than asking the index.
fn selects_few(reader: &Reader, request: &Request) -> Result<bool, ArchiveError> {
    let filter = &request.filter;
    let of_author = reader.messages_of_author(filter, FEW_MESSAGES + 1)?;
    let names_channels = !filter.tenants.is_empty() || !filter.channels.is_empty();
    let of_channels = if names_channels { Some(reader.filter_scope(filter)?.messages) } else { None };
    Ok(of_author.into_iter().chain(of_channels).any(|messages| messages <= FEW_MESSAGES))
}

/// The phrases that must occur and that no message has.
fn missing(reader: &Reader, current: &CurrentIndex, request: &Request) -> Result<Vec<String>, ArchiveError> {
    let mut missing = Vec::new();
    let phrases = request.query.required_phrases();
    if let [only] = phrases.as_slice()
        && **only == request.query
    {
        return Ok(vec![only.to_string()]);
    }
    for phrase in phrases {
        let request = Request { query: phrase.clone(), limit: 1, counts: false, ..request.clone() };
        let answer = by_index(reader, current, &request, &mut |_| ())?;
        if answer.is_some_and(|answer| answer.count == 0 && answer.searched_until.is_none()) {
            missing.push(phrase.to_string());
        }
    }
    Ok(missing)
}

/// A search that is going on.
struct Search<'s> {
    reader: &'s Reader,
    current: &'s CurrentIndex,
    request: &'s Request,
    expression: String,
    /// The channels that the filter names; `None` for all.
    channels: Option<HashSet<ChannelRow>>,
    lookup: MessageLookup<'s>,
    matcher: MessageMatcher<'s>,
    /// What was done so far, in candidates that were skipped.
    work: u64,
}

/// The candidates of an ordered run that were not looked at yet.
struct Stream {
    bounds: Bounds,
    read: VecDeque<Candidate>,
    next_read: usize,
    /// The next candidate.
    head: Option<Head>,
}

/// A candidate that was looked at.
#[derive(Clone, Copy)]
struct Head {
    key: MessageKey,
    is_hit: bool,
}

impl Search<'_> {
    /// The answer; `None` if reading everything takes no longer.
    fn run(&mut self, on_read: &mut dyn FnMut(u64)) -> Result<Option<Answer>, ArchiveError> {
        let mut best = Best::new(self.request);
        let mut searched = Searched::Index;
        if !self.current.pending.is_empty() {
            searched = Searched::Both;
            self.scan_pending(&mut best, on_read)?;
        }
        let (ordered, unordered): (Vec<&Run>, Vec<&Run>) =
            self.current.index.runs().iter().partition(|run| run.is_ordered);
        let mut searched_until = None;
        for run in unordered {
            let mut stream = Stream::of(self.current.index.bounds(run));
            while let Some(head) = self.next_head(&mut stream)? {
                if head.is_hit {
                    best.add(head.key);
                }
                if self.is_enough() {
                    return Ok(None);
                }
            }
        }
        let mut streams = Vec::new();
        for run in ordered {
            let mut stream = Stream::of(self.bounds(run)?);
            stream.head = self.next_head(&mut stream)?;
            streams.push(stream);
        }
        // Hits among the candidates of the ordered runs, which come in order.
        let mut hits = 0;
        while let Some((stream, head)) = self.first_of(&mut streams) {
            if self.is_beyond(head.key) {
                stream.head = None;
                continue;
            }
            if head.is_hit {
                best.add(head.key);
                hits += 1;
                if hits > self.request.limit && !self.request.counts {
                    break;
                }
            }
            if self.is_enough() {
                // Others of the same time were not looked at.
                let at = head.key.sent_at;
                searched_until = Some(if self.request.is_oldest_first { at } else { at.later(MILLISECOND) });
                break;
            }
            stream.head = self.next_head(stream)?;
        }
        let count = best.count();
        let mut keys = best.into_sorted();
        if let Some(until) = searched_until {
            keys.retain(|key| {
                if self.request.is_oldest_first { key.sent_at < until } else { key.sent_at >= until }
            });
        }
        Ok(Some(Answer { keys, count, searched, searched_until, missing: Vec::new() }))
    }

    /// Reads what the index doesn't hold yet.
    fn scan_pending(
        &mut self,
        best: &mut Best<'_>,
        on_read: &mut dyn FnMut(u64),
    ) -> Result<(), ArchiveError> {
        let mut read = 0_u64;
        self.reader.scan_ranges(&self.request.filter, &self.current.pending, |message| {
            read += 1;
            if self.matcher.matches(&message) {
                best.add(message.key);
            }
            if read.is_multiple_of(READ_STEP) {
                on_read(read);
            }
        })
    }

    /// The documents of a run that were sent in the time that is searched, as far as that
    /// can be told; on the side where reading begins.
    fn bounds(&self, run: &Run) -> Result<Bounds, ArchiveError> {
        let index = &self.current.index;
        let mut bounds = index.bounds(run);
        let filter = &self.request.filter;
        let first_from = |time: Timestamp| {
            index.first_where_not(run, |channel, message| {
                // Its time may have changed.
                if self.current.pending.contains(channel, message) {
                    return Ok(None);
                }
                let sent_at = self.reader.sent_at(channel, message)?;
                Ok(sent_at.map(|sent_at| sent_at < time))
            })
        };
        match (self.request.is_oldest_first, filter.since, filter.until) {
            (true, Some(since), _) => bounds.first = first_from(since)?,
            (false, _, Some(until)) => bounds.end = first_from(until)?,
            _ => {}
        }
        Ok(bounds)
    }

    /// Whether neither a message nor those after it were sent in the time that is searched.
    fn is_beyond(&self, key: MessageKey) -> bool {
        let filter = &self.request.filter;
        if self.request.is_oldest_first {
            filter.until.is_some_and(|until| key.sent_at >= until)
        } else {
            filter.since.is_some_and(|since| key.sent_at < since)
        }
    }

    /// The stream whose next candidate comes first, with that candidate.
    fn first_of<'t>(&self, streams: &'t mut [Stream]) -> Option<(&'t mut Stream, Head)> {
        let with_head = streams.iter_mut().filter_map(|stream| stream.head.map(|head| (stream, head)));
        if self.request.is_oldest_first {
            with_head.min_by_key(|(_, head)| head.key)
        } else {
            with_head.max_by_key(|(_, head)| head.key)
        }
    }

    /// The next candidate of a run that is archived, and unchanged since it was indexed.
    fn next_head(&mut self, stream: &mut Stream) -> Result<Option<Head>, ArchiveError> {
        loop {
            let Some(candidate) = self.next_candidate(stream)? else { return Ok(None) };
            let Candidate { channel, message, .. } = candidate;
            let may_match = self.channels.as_ref().is_none_or(|channels| channels.contains(&channel));
            // Once it is enough, any message tells how far the search came, unless its time may
            // have changed.
            let is_skipped = !may_match && !self.is_enough();
            if is_skipped || self.current.pending.contains(channel, message) {
                self.work += 1;
                continue;
            }
            self.work += SKIPPED_PER_READ;
            let matcher = &mut self.matcher;
            let head = self.lookup.read(channel, message, |message, is_selected| Head {
                key: message.key,
                is_hit: may_match && is_selected && matcher.matches(&message),
            })?;
            if head.is_some() {
                return Ok(head);
            }
        }
    }

    /// Whether the search has done as much as it may.
    const fn is_enough(&self) -> bool {
        self.work >= MAX_CANDIDATES * SKIPPED_PER_READ
    }

    fn next_candidate(&self, stream: &mut Stream) -> Result<Option<Candidate>, ArchiveError> {
        if stream.read.is_empty() && stream.next_read > 0 {
            let is_ascending = self.request.is_oldest_first;
            let read = self.current.index.candidates(
                &self.expression,
                stream.bounds,
                is_ascending,
                stream.next_read,
            )?;
            let is_last = read.len() < stream.next_read;
            if let Some(last) = read.last() {
                if is_ascending {
                    stream.bounds.first = last.document + 1;
                } else {
                    stream.bounds.end = last.document;
                }
            }
            stream.next_read = if is_last { 0 } else { (stream.next_read * 2).min(MAX_READ) };
            stream.read = read.into();
        }
        Ok(stream.read.pop_front())
    }
}

impl Stream {
    fn of(bounds: Bounds) -> Self {
        Self { bounds, read: VecDeque::new(), next_read: FIRST_READ, head: None }
    }
}
