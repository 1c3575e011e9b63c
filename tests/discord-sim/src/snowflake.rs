//! Snowflakes, and computed sequences of them that take no memory.
//!
//! Source: Reference, "Snowflakes": bits 22 to 63 are the milliseconds since the start of
//! 2015; worker, process and increment are in the bits below.

use crate::dice;

/// The first millisecond of 2015 in Unix time: Reference, "Snowflakes".
pub const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;

/// Number of IDs per group of a [`Layout`].
const GROUP_LEN: u64 = 4;
/// Snowflakes per millisecond.
const IDS_PER_MS: u64 = 1 << 22;

/// The smallest snowflake of a time in Unix milliseconds.
pub const fn first_of(unix_ms: i64) -> u64 {
    let since = unix_ms - DISCORD_EPOCH_MS;
    if since <= 0 { 0 } else { (since as u64) << 22 }
}

/// The time of a snowflake in Unix milliseconds.
pub const fn unix_ms(id: u64) -> i64 {
    (id >> 22) as i64 + DISCORD_EPOCH_MS
}

/// A strictly increasing sequence of snowflakes over a span of time; `id` and `rank` take
/// constant time. About one in 16 groups of four IDs shares a millisecond, as messages of
/// a busy server do.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    salt: u64,
    base: u64,
    stride: u64,
    count: u64,
}

impl Layout {
    /// `count` snowflakes from `first_ms` up to `last_ms`.
    pub(crate) fn new(salt: u64, first_ms: i64, last_ms: i64, count: u64) -> Self {
        let base = first_of(first_ms);
        let groups = count.div_ceil(GROUP_LEN).max(1);
        let span = first_of(last_ms).saturating_sub(base);
        Self { salt, base, stride: (span / groups).max(GROUP_LEN << 12), count }
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The ID at an index.
    pub(crate) fn id(&self, index: u64) -> u64 {
        let (group, member) = (index / GROUP_LEN, index % GROUP_LEN);
        let start = self.base + group * self.stride;
        let jitter = dice::hash(self.salt, 1, index);
        if self.shares_millisecond(group) {
            let slot = IDS_PER_MS / GROUP_LEN;
            start.next_multiple_of(IDS_PER_MS) + member * slot + jitter % slot
        } else {
            let slot = self.stride / GROUP_LEN;
            start + member * slot + jitter % slot
        }
    }

    fn shares_millisecond(&self, group: u64) -> bool {
        self.stride >= 2 * IDS_PER_MS && dice::hash(self.salt, 2, group).is_multiple_of(16)
    }

    /// Number of IDs of the sequence that are smaller than `id`.
    pub(crate) fn rank(&self, id: u64) -> u64 {
        if id <= self.base {
            return 0;
        }
        let group = (id - self.base) / self.stride;
        let first = group.saturating_mul(GROUP_LEN).min(self.count);
        let end = (first + GROUP_LEN).min(self.count);
        (first..end).find(|index| self.id(*index) >= id).unwrap_or(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_increase_and_rank_inverts_id() {
        let layout = Layout::new(7, 1_700_000_000_000, 1_700_000_900_000, 1_003);
        let ids: Vec<u64> = (0..1_003).map(|index| layout.id(index)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(layout.rank(*id), index as u64);
            assert_eq!(layout.rank(id + 1), index as u64 + 1);
        }
        assert_eq!(layout.rank(0), 0);
        assert_eq!(layout.rank(u64::MAX), 1_003);
    }

    #[test]
    fn some_ids_share_a_millisecond() {
        let layout = Layout::new(7, 1_700_000_000_000, 1_700_900_000_000, 1_000);
        let tied =
            (1..1_000).filter(|index| unix_ms(layout.id(index - 1)) == unix_ms(layout.id(*index))).count();
        assert!(tied > 20, "{tied}");
    }
}
