//! Which files of an earlier export may differ from the archive now, by the change log.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashSet;

use super::months::Month;
use super::tables::Table;
use crate::archive::changes::{Change, MessageRange};
use crate::archive::{ArchiveError, ChannelRow, Reader};
use crate::model::Timestamp;

/// Changes that are read at once.
const CHANGES_AT_ONCE: u32 = 10_000;

/// Changes that are looked up at most; more take longer than to read everything.
const MAX_CHANGES: i64 = 100_000;
/// Authors and emoji that are looked up at most.
const MAX_AUTHORS_AND_EMOJI: usize = 500;

/// Months by the name of the tenant.
type Months = BTreeMap<String, BTreeSet<Month>>;

/// What may differ from the archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stale {
    months: Months,
    /// Further months of replies: whether the original is archived may have changed.
    months_of_replies: Months,
    channels: HashSet<ChannelRow>,
    /// Authors and emoji of which something has changed.
    authors: BTreeSet<i64>,
    emoji: BTreeSet<i64>,
}

impl Stale {
    /// What has changed since a position of the change log. `None` if that isn't known: then
    /// everything may have changed.
    pub fn since(reader: &Reader, mut position: i64) -> Result<Option<Self>, ArchiveError> {
        let (mut stale, last) = (Self::default(), reader.last_change()?);
        if last - position > MAX_CHANGES {
            return Ok(None);
        }
        while position < last {
            let Some(changes) = reader.changes_after(position, CHANGES_AT_ONCE)? else { return Ok(None) };
            for (next, change) in changes {
                if stale.add(reader, change)?.is_none() {
                    return Ok(None);
                }
                position = next;
            }
        }
        if position != last || !stale.add_authors_and_emoji(reader)? {
            return Ok(None);
        }
        Ok(Some(stale))
    }

    /// The months of a table that may differ.
    pub fn months(&self, table: Table, tenant: &str) -> BTreeSet<Month> {
        let mut months = self.months.get(tenant).cloned().unwrap_or_default();
        if table == Table::Replies {
            months.extend(self.months_of_replies.get(tenant).into_iter().flatten());
        }
        months
    }

    /// Whether a channel, or one of its messages, may differ.
    pub fn has_channel(&self, channel: ChannelRow) -> bool {
        self.channels.contains(&channel)
    }

    /// Adds a month.
    pub fn add_month(&mut self, tenant: &str, month: Month) {
        self.months.entry(tenant.to_owned()).or_default().insert(month);
    }

    /// Adds what a change may have changed. `None` if that isn't known.
    fn add(&mut self, reader: &Reader, change: Change) -> Result<Option<()>, ArchiveError> {
        match change {
            Change::Messages(_, range) => return self.add_range(reader, range),
            Change::Channel(channel) => {
                // Rows show the name of the channel above, and a file of a channel that of its category.
                for channel in reader.with_channels_below(channel)? {
                    self.channels.insert(channel);
                    let Some(span) = reader.channel_span(channel)? else { return Ok(None) };
                    if let Some((first, last)) = span.sent {
                        add(&mut self.months, &span.tenant, first, last);
                    }
                }
            }
            Change::Author(row) => {
                self.authors.insert(row);
            }
            Change::Emoji(row) => {
                self.emoji.insert(row);
            }
            // Its name is in the paths.
            Change::Tenant(_) => return Ok(None),
        }
        Ok(Some(()))
    }

    /// Adds what shows the authors and emoji. `false` if that would take longer than to read everything.
    fn add_authors_and_emoji(&mut self, reader: &Reader) -> Result<bool, ArchiveError> {
        let (authors, emoji) = (std::mem::take(&mut self.authors), std::mem::take(&mut self.emoji));
        let count = authors.len() + emoji.len();
        if count > MAX_AUTHORS_AND_EMOJI || count > 0 && !reader.has_deferred_indexes()? {
            return Ok(false);
        }
        let mut shown = BTreeSet::new();
        let mut add = |channel, sent_at| {
            shown.insert((channel, Month::of(sent_at)));
        };
        for author in authors {
            reader.messages_with_user(author, &mut add)?;
        }
        for emoji in emoji {
            reader.messages_with_emoji(emoji, &mut add)?;
        }
        Ok(self.add_shown(reader, shown)?.is_some())
    }

    fn add_range(&mut self, reader: &Reader, range: MessageRange) -> Result<Option<()>, ArchiveError> {
        self.channels.insert(range.channel);
        let (Some((first, last)), Some(span)) = (range.sent, reader.channel_span(range.channel)?) else {
            return Ok(None);
        };
        add(&mut self.months, &span.tenant, first, last);
        // Later messages may reply to those of the range. An edit doesn't matter to them, but it can't be
        // told from a message that was added between others.
        // Threads begin with a message that refers to the channel above.
        let mut newest = last;
        for below in reader.with_channels_below(range.channel)? {
            let sent = reader.channel_span(below)?.and_then(|span| span.sent);
            newest = sent.map_or(newest, |(_, of_channel)| newest.max(of_channel));
        }
        if newest > last {
            add(&mut self.months_of_replies, &span.tenant, last, newest);
        }
        Ok(Some(()))
    }

    fn add_shown(
        &mut self,
        reader: &Reader,
        shown: BTreeSet<(ChannelRow, Month)>,
    ) -> Result<Option<()>, ArchiveError> {
        for (channel, month) in shown {
            self.channels.insert(channel);
            let Some(span) = reader.channel_span(channel)? else { return Ok(None) };
            self.add_month(&span.tenant, month);
        }
        Ok(Some(()))
    }
}

/// Adds the months from a time to another.
fn add(months: &mut Months, tenant: &str, first: Timestamp, last: Timestamp) {
    let months = months.entry(tenant.to_owned()).or_default();
    let (mut month, last) = (Month::of(first), Month::of(last));
    while month <= last {
        months.insert(month);
        let next = Month::of(month.end());
        if next <= month {
            break;
        }
        month = next;
    }
}
