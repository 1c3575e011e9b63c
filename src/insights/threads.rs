//! Threads and posts: how many are opened, and how long they get.

use serde::Serialize;

use super::few::{Tally, parts};
use super::figure::Figure;

/// Lengths of threads, each from twice the one before.
const LENGTHS: [(u64, Option<u64>); 7] =
    [(0, Some(1)), (2, Some(3)), (4, Some(7)), (8, Some(15)), (16, Some(31)), (32, Some(63)), (64, None)];

/// Threads and posts that people opened in the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThreadsReport {
    pub opened: Figure,
    pub lengths: Vec<ThreadsOfLength>,
}

/// The number of threads in a class of lengths, in messages of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ThreadsOfLength {
    pub from_messages: u64,
    pub to_messages: Option<u64>,
    pub threads: Figure,
}

impl ThreadsReport {
    /// The figures of threads: who opened each, by row, and its messages.
    pub fn of(threads: &[(i64, u64)]) -> Self {
        let mut all = Tally::default();
        let mut tallies = [Tally::default(); LENGTHS.len()];
        for (owner, messages) in threads {
            all.add(*owner);
            let length = LENGTHS.iter().rposition(|(from, _)| from <= messages).unwrap_or(0);
            tallies[length].add(*owner);
        }
        let lengths = LENGTHS.iter().zip(parts(&tallies)).map(|((from, to), threads)| ThreadsOfLength {
            from_messages: *from,
            to_messages: *to,
            threads,
        });
        Self { opened: all.figure(), lengths: lengths.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_counted_by_length() {
        let threads: Vec<(i64, u64)> = (0..6)
            .flat_map(|owner| [(owner, 0), (owner, 1), (owner, 7), (owner % 3, 64), (owner, 63)])
            .collect();
        let report = ThreadsReport::of(&threads);
        assert_eq!(report.opened, Figure::Shown(30));
        let shown: Vec<_> = report.lengths.iter().map(|length| length.threads.number()).collect();
        // Three people opened the longest, and nobody those of two, eight and sixteen: the least of the others goes.
        assert_eq!(shown, [Some(12), None, Some(6), None, None, None, None]);
    }
}
