//! Reads messages of many channels in the order of time, without sorting them all.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use super::terms::document;
use crate::archive::word_index::{Document, IndexedChannel};
use crate::archive::{ArchiveError, MessageRanges, Reader};
use crate::model::Timestamp;

/// Documents that a slice should have.
const TARGET: usize = 10_000;
/// Documents that are read at most before a slice is cut short.
const LIMIT: usize = 4 * TARGET;
/// The least number of messages read from a channel at once.
const MIN_READ: usize = 1_000;
/// The longest time that a slice spans.
const MAX_WIDTH: Duration = Duration::from_hours(10 * 365 * 24);

/// Reads slices of time; a channel's messages are in the order of time already.
pub struct Slices<'r> {
    reader: &'r Reader,
    sources: Vec<Source>,
    /// When the next message of each source was sent.
    next: BinaryHeap<Reverse<(Timestamp, usize)>>,
    width: Duration,
    /// Documents that were read, and belong to a later slice.
    carried: Vec<Document>,
}

/// A channel, and what is still to be read of it.
struct Source {
    channel: IndexedChannel,
    ranges: VecDeque<(i64, i64)>,
}

/// A slice: all documents of a time.
pub struct Slice {
    /// In the order of time, ID and channel.
    pub documents: Vec<Document>,
    /// Messages that were read for it, also those without words.
    pub read: u64,
}

/// Where reading of a source stopped.
enum Stop {
    /// Nothing is left.
    End,
    /// The next message was sent then, after the slice.
    Later(Timestamp),
    /// Enough was read; the next message was sent then.
    Full(Timestamp),
}

impl<'r> Slices<'r> {
    /// Prepares to read messages of the channels.
    pub fn new(
        reader: &'r Reader,
        channels: impl IntoIterator<Item = IndexedChannel>,
        messages: &MessageRanges,
    ) -> Result<Self, ArchiveError> {
        let by_row: std::collections::HashMap<_, _> = messages.channels().collect();
        let (mut sources, mut next) = (Vec::new(), BinaryHeap::new());
        for channel in channels {
            let Some(ranges) = by_row.get(&channel.row) else { continue };
            let mut ranges: VecDeque<(i64, i64)> = ranges.iter().copied().collect();
            while let Some(range) = ranges.front().copied() {
                if let Some((id, sent_at)) = reader.first_message(channel.row, range)? {
                    ranges[0].0 = id;
                    next.push(Reverse((sent_at, sources.len())));
                    sources.push(Source { channel, ranges });
                    break;
                }
                ranges.pop_front();
            }
        }
        Ok(Self { reader, sources, next, width: Duration::from_hours(24), carried: Vec::new() })
    }

    /// The next slice; `None` after the last.
    pub fn next(&mut self) -> Result<Option<Slice>, ArchiveError> {
        let of_sources = self.next.peek().map(|Reverse((sent_at, _))| *sent_at);
        let of_carried = self.carried.iter().map(|document| document.sent_at).min();
        let Some(start) = of_sources.into_iter().chain(of_carried).min() else { return Ok(None) };
        let mut end = start.later(self.width);
        let mut documents = std::mem::take(&mut self.carried);
        let mut read = 0;
        while let Some(Reverse((sent_at, index))) =
            self.next.peek().copied().filter(|Reverse((at, _))| *at < end)
        {
            self.next.pop();
            let limit = LIMIT.saturating_sub(documents.len()).max(MIN_READ);
            match self.read(index, end, limit, &mut documents, &mut read)? {
                Stop::End => {}
                Stop::Later(at) => self.next.push(Reverse((at, index))),
                Stop::Full(at) if at > sent_at => {
                    // What is not read yet belongs to a later slice, and so does all that
                    // was sent after it.
                    end = at;
                    self.next.push(Reverse((at, index)));
                }
                // All at one time.
                Stop::Full(at) => {
                    end = at.later(Duration::from_millis(1));
                    if let Stop::Later(at) | Stop::Full(at) =
                        self.read(index, end, usize::MAX, &mut documents, &mut read)?
                    {
                        self.next.push(Reverse((at, index)));
                    }
                }
            }
        }
        self.carried = documents.extract_if(.., |document| document.sent_at >= end).collect();
        documents.sort_unstable_by_key(|document| (document.sent_at, document.message, document.channel));
        if documents.len() < TARGET / 2 {
            self.width = (self.width * 2).min(MAX_WIDTH);
        } else if documents.len() > TARGET * 2 {
            self.width = (self.width / 2).max(Duration::from_millis(1));
        }
        Ok(Some(Slice { documents, read }))
    }

    /// Reads at most `limit` messages of a source that were sent before `end`.
    fn read(
        &mut self,
        index: usize,
        end: Timestamp,
        limit: usize,
        documents: &mut Vec<Document>,
        read: &mut u64,
    ) -> Result<Stop, ArchiveError> {
        let Source { channel, ranges } = &mut self.sources[index];
        let mut left = limit;
        while let Some(range) = ranges.front().copied() {
            let row = channel.row;
            let stopped_at = self.reader.messages_before(row, range, end, left, |message| {
                (left, *read) = (left - 1, *read + 1);
                let words = document(&message);
                if !words.is_empty() {
                    let key = message.key;
                    documents.push(Document {
                        sent_at: key.sent_at,
                        message: key.message,
                        channel: row,
                        words,
                    });
                }
            })?;
            let Some((id, sent_at)) = stopped_at else {
                ranges.pop_front();
                continue;
            };
            ranges[0].0 = id;
            return Ok(if sent_at < end { Stop::Full(sent_at) } else { Stop::Later(sent_at) });
        }
        Ok(Stop::End)
    }
}
