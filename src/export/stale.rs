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

/// Months by the name of the tenant.
type Months = BTreeMap<String, BTreeSet<Month>>;

/// What may differ from the archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stale {
    months: Months,
    /// Further months of replies: whether the original is archived may have changed.
    months_of_replies: Months,
    channels: HashSet<ChannelRow>,
}

impl Stale {
    /// What has changed since a position of the change log. `None` if that isn't known: then
    /// everything may have changed.
    pub fn since(reader: &Reader, mut position: i64) -> Result<Option<Self>, ArchiveError> {
        let (mut stale, last) = (Self::default(), reader.last_change()?);
        while position < last {
            let Some(changes) = reader.changes_after(position, CHANGES_AT_ONCE)? else { return Ok(None) };
            for (next, change) in changes {
                if stale.add(reader, change)?.is_none() {
                    return Ok(None);
                }
                position = next;
            }
        }
        Ok((position == last).then_some(stale))
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
                let mut shown = BTreeSet::new();
                reader.messages_with_user(row, |channel, sent_at| {
                    shown.insert((channel, Month::of(sent_at)));
                })?;
                return self.add_shown(reader, shown);
            }
            Change::Emoji(row) => {
                let mut shown = BTreeSet::new();
                reader.messages_with_emoji(row, |channel, sent_at| {
                    shown.insert((channel, Month::of(sent_at)));
                })?;
                return self.add_shown(reader, shown);
            }
            // Its name is in the paths.
            Change::Tenant(_) => return Ok(None),
        }
        Ok(Some(()))
    }

    fn add_range(&mut self, reader: &Reader, range: MessageRange) -> Result<Option<()>, ArchiveError> {
        self.channels.insert(range.channel);
        let (Some((first, last)), Some(span)) = (range.sent, reader.channel_span(range.channel)?) else {
            return Ok(None);
        };
        add(&mut self.months, &span.tenant, first, last);
        // Later messages may reply to those of the range. An edit doesn't matter to them, but it can't be
        // told from a message that was added between others.
        if let Some((_, newest)) = span.sent.filter(|(_, newest)| *newest > last) {
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
