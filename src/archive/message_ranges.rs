//! Sets of messages, as ranges of message IDs.

use std::collections::BTreeMap;

use crate::archive::ChannelRow;

/// Messages, by channel, as ranges of their IDs (both ends included) that are ascending and
/// apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageRanges(BTreeMap<ChannelRow, Vec<(i64, i64)>>);

impl MessageRanges {
    /// All messages of channels.
    pub fn all_of(channels: impl IntoIterator<Item = ChannelRow>) -> Self {
        channels.into_iter().map(|channel| (channel, i64::MIN, i64::MAX)).collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of ranges.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether a message is among them.
    pub fn contains(&self, channel: ChannelRow, message: i64) -> bool {
        self.0.get(&channel).is_some_and(|ranges| {
            let before = ranges.partition_point(|(_, last)| *last < message);
            ranges.get(before).is_some_and(|(first, _)| *first <= message)
        })
    }

    /// The channels with their ranges.
    pub fn channels(&self) -> impl Iterator<Item = (ChannelRow, &[(i64, i64)])> {
        self.0.iter().map(|(channel, ranges)| (*channel, ranges.as_slice()))
    }
}

impl FromIterator<(ChannelRow, i64, i64)> for MessageRanges {
    fn from_iter<I: IntoIterator<Item = (ChannelRow, i64, i64)>>(ranges: I) -> Self {
        let mut by_channel: BTreeMap<ChannelRow, Vec<(i64, i64)>> = BTreeMap::new();
        for (channel, first, last) in ranges {
            by_channel.entry(channel).or_default().push((first, last));
        }
        for ranges in by_channel.values_mut() {
            ranges.sort_unstable();
            ranges.dedup_by(|next, range| {
                let touches = next.0 <= range.1.saturating_add(1);
                if touches {
                    range.1 = range.1.max(next.1);
                }
                touches
            });
        }
        Self(by_channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined_and_searched() {
        let (one, two) = (ChannelRow(1), ChannelRow(2));
        let ranges: MessageRanges =
            [(one, 5, 9), (two, 7, 7), (one, 1, 2), (one, 3, 4), (one, 8, 20), (one, 30, 30)]
                .into_iter()
                .collect();
        let all: Vec<_> = ranges.channels().collect();
        assert_eq!(all, [(one, &[(1, 20), (30, 30)][..]), (two, &[(7, 7)][..])]);
        assert_eq!(ranges.len(), 3);
        for (channel, message, expected) in [
            (one, 0, false),
            (one, 1, true),
            (one, 20, true),
            (one, 21, false),
            (one, 30, true),
            (two, 5, false),
        ] {
            assert_eq!(ranges.contains(channel, message), expected, "{message}");
        }
        let all = MessageRanges::all_of([two]);
        assert!(all.contains(two, i64::MAX) && all.contains(two, i64::MIN) && !all.contains(one, 0));
    }
}
