//! Finds the words whose frequency changed against the period before.
//!
//! Two passes bound the memory. The first fills a count-min sketch (one hash function), which gives an upper bound of
//! each word's uses. The second counts only words whose bound allows for enough people in both periods.

use std::hash::{BuildHasher as _, Hasher as _};

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use serde::Serialize;

use super::few::FewPeople;
use super::figure::{MIN_PEOPLE, rounded};
use super::word_thread::CountsWords;

/// Counters of each period; a power of two.
const COUNTERS: usize = 1 << 21;
/// Words that are counted at most; the rarest go when there are more. Just below what makes the table grow.
const MAX_WORDS: usize = 57_000;
/// Words that are reported of each kind.
const REPORTED: usize = 6;
/// Twice the log-likelihood ratio from which the change of one word is no accident: 10.83 for p < 0.001, in
/// binary logarithms.
const MIN_SURPRISE: i128 = (1562 << FRACTION_BITS) / 100;
/// Bits behind the point of logarithms.
const FRACTION_BITS: u32 = 32;

/// Counts in the period, and in the one before.
type Both<T> = [T; 2];

/// A word whose use changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordChange {
    /// The word as it is searched for: in lower case, without accents.
    pub word: String,
    /// Messages with it, per 100,000.
    pub per_100_000: u64,
    /// The same of the period before.
    pub per_100_000_before: u64,
}

/// Upper bounds of the uses of words: saturating counters, indexed by the hash of a word.
#[derive(Debug)]
pub struct Sketch {
    counters: Vec<Both<u8>>,
    hasher: FixedState,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { counters: vec![[0; 2]; COUNTERS], hasher: FixedState::with_seed(0) }
    }
}

impl Sketch {
    fn at_most(&self, word: &str) -> Both<u8> {
        self.counters[self.index(word)]
    }

    fn index(&self, word: &str) -> usize {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(word.as_bytes());
        usize::try_from(hasher.finish() % COUNTERS as u64).unwrap_or(0)
    }
}

impl CountsWords for Sketch {
    fn add(&mut self, word: &str, _user: i64, is_before: bool) {
        let index = self.index(word);
        let counter = &mut self.counters[index][usize::from(is_before)];
        *counter = counter.saturating_add(1);
    }
}

/// What is known of a word.
#[derive(Debug, Default)]
struct WordUse {
    /// Messages with it.
    messages: Both<u32>,
    people: Both<FewPeople>,
    /// The last message with it.
    last: u32,
}

impl WordUse {
    fn add(&mut self, message: u32, period: usize, user: i64) {
        if self.last != message {
            self.last = message;
            self.messages[period] += 1;
            self.people[period].insert(user);
        }
    }
}

/// The words that can have been used by enough people in both periods.
#[derive(Debug)]
pub struct Vocabulary {
    sketch: Sketch,
    words: HashMap<Box<str>, WordUse, FixedState>,
    /// Uses that a word needs in both periods together.
    floor: u16,
    message: u32,
    max_words: usize,
}

impl Vocabulary {
    /// Words that were all added to the sketch.
    pub fn new(sketch: Sketch) -> Self {
        Self {
            sketch,
            words: HashMap::with_hasher(FixedState::with_seed(1)),
            floor: 0,
            message: 0,
            max_words: MAX_WORDS,
        }
    }

    fn has_room_for(&mut self, word: &str) -> bool {
        if self.words.len() >= self.max_words {
            self.drop_rare();
        }
        self.words.len() < self.max_words && self.can_be_reported(word)
    }

    fn can_be_reported(&self, word: &str) -> bool {
        can_be_reported(self.sketch.at_most(word), self.floor)
    }

    /// Forgets the rarest words.
    fn drop_rare(&mut self) {
        while self.words.len() >= self.max_words && self.floor < 2 * u16::from(u8::MAX) {
            self.floor += 1;
            let (sketch, floor) = (&self.sketch, self.floor);
            self.words.retain(|word, _| can_be_reported(sketch.at_most(word), floor));
        }
    }

    /// The words that rose and fell, the most surprising changes first. `messages` is how many there are in
    /// the period, and in the one before.
    pub fn changes(&self, messages: Both<u64>) -> (Vec<WordChange>, Vec<WordChange>) {
        let of_people = || self.words.iter().filter(|(_, word)| word.people.iter().all(FewPeople::is_enough));
        // The more words there are, the more surprising one of them can be by chance (Bonferroni).
        let least = MIN_SURPRISE + 2 * i128::from(log2(of_people().count() as u64));
        let mut found: Vec<(i128, &str, Both<u64>)> = of_people()
            .map(|(word, of_word)| {
                let counts = of_word.messages.map(u64::from);
                (surprise(counts, messages), &**word, counts)
            })
            .filter(|(surprise, ..)| *surprise >= least)
            .collect();
        found.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(other.1)));
        let rose = |counts: Both<u64>| counts[0] * messages[1] > counts[1] * messages[0];
        let report = |has_risen: bool| {
            let of_kind = found.iter().filter(|(_, _, counts)| rose(*counts) == has_risen);
            let change = |(_, word, counts): &(i128, &str, Both<u64>)| WordChange {
                word: (*word).to_owned(),
                per_100_000: rounded(counts[0] * 100_000, messages[0]),
                per_100_000_before: rounded(counts[1] * 100_000, messages[1]),
            };
            of_kind.take(REPORTED).map(change).collect()
        };
        (report(true), report(false))
    }
}

impl CountsWords for Vocabulary {
    fn begin_message(&mut self) {
        self.message += 1;
    }

    fn add(&mut self, word: &str, user: i64, is_before: bool) {
        let period = usize::from(is_before);
        // Most words are known.
        if let Some(of_word) = self.words.get_mut(word) {
            of_word.add(self.message, period, user);
        } else if self.can_be_reported(word) && self.has_room_for(word) {
            let mut of_word = WordUse::default();
            of_word.add(self.message, period, user);
            self.words.insert(word.into(), of_word);
        }
    }
}

/// Whether a word that was used that often at most can be reported.
fn can_be_reported(at_most: Both<u8>, floor: u16) -> bool {
    at_most.iter().all(|count| u64::from(*count) >= MIN_PEOPLE)
        && u16::from(at_most[0]) + u16::from(at_most[1]) >= floor
}

/// Twice the log-likelihood ratio of a word's numbers of messages (Dunning 1993, in the form of Rayson and Garside
/// 2000), in binary logarithms with [`FRACTION_BITS`].
fn surprise(counts: Both<u64>, messages: Both<u64>) -> i128 {
    let log = |number: u64| i128::from(log2(number));
    let (both, all) = (counts[0] + counts[1], messages[0] + messages[1]);
    let of_period = |period: usize| {
        let ratio = log(counts[period]) + log(all) - log(messages[period]) - log(both);
        i128::from(counts[period]) * ratio
    };
    2 * (of_period(0) + of_period(1))
}

/// The binary logarithm of a number, with [`FRACTION_BITS`]; 0 of 0. Integers only, so that it is the same on
/// every machine.
fn log2(number: u64) -> u64 {
    let Some(whole) = number.checked_ilog2() else { return 0 };
    // The number between 1 and 2, with 63 bits behind the point.
    let mut rest = u128::from(number) << (63 - whole);
    let mut log = u64::from(whole);
    for _ in 0..FRACTION_BITS {
        rest = (rest * rest) >> 63;
        let is_two = rest >> 64 != 0;
        log = log << 1 | u64::from(is_two);
        rest >>= u32::from(is_two);
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_floating_point() {
        for number in [1, 2, 3, 5, 1000, 123_456_789, u64::MAX] {
            #[expect(clippy::cast_precision_loss, reason = "compared to a millionth")]
            let (found, expected) = (log2(number) as f64 / 4_294_967_296.0, (number as f64).log2());
            assert!((found - expected).abs() < 1e-6, "{number}: {found} {expected}");
        }
        assert_eq!(log2(0), 0);
    }

    /// Words of each person in one period.
    type Said<'w> = &'w [(u32, &'w str)];

    fn changes(now: Said<'_>, before: Said<'_>, max_words: usize) -> Vec<String> {
        let mut sketch = Sketch::default();
        let all = [(now, false), (before, true)];
        for (said, is_before) in all {
            for (_, text) in said {
                text.split(' ').for_each(|word| sketch.add(word, 0, is_before));
            }
        }
        let mut vocabulary = Vocabulary { max_words, ..Vocabulary::new(sketch) };
        for (said, is_before) in all {
            for (person, text) in said {
                vocabulary.begin_message();
                text.split(' ').for_each(|word| vocabulary.add(word, i64::from(*person), is_before));
            }
        }
        let (rose, fell) = vocabulary.changes([now.len() as u64, before.len() as u64]);
        let text = |(word, sign): (&WordChange, &str)| {
            format!("{sign}{} {} {}", word.word, word.per_100_000, word.per_100_000_before)
        };
        let rose = rose.iter().map(|word| text((word, "+")));
        rose.chain(fell.iter().map(|word| text((word, "-")))).collect()
    }

    #[test]
    fn words_need_five_people_in_both_periods_and_a_change_that_is_no_accident() {
        let repeat = |people: u32, times: u32, text: &'static str| -> Vec<(u32, &'static str)> {
            (0..times).map(|time| (time % people, text)).collect()
        };
        let mut now = repeat(5, 80, "rose level rose");
        now.extend(repeat(4, 60, "few level"));
        now.extend(repeat(9, 60, "new level"));
        now.extend(repeat(5, 10, "slightly level"));
        let mut before = repeat(5, 5, "rose level");
        before.extend(repeat(9, 60, "few level fell"));
        before.extend(repeat(4, 4, "new level"));
        before.extend(repeat(5, 9, "slightly level"));
        now.extend(repeat(6, 6, "fell"));
        let found = changes(&now, &before, MAX_WORDS);
        assert_eq!(found, ["+rose 37037 6410", "-fell 2778 76923"]);
        // With little room, rare words go first.
        assert_eq!(changes(&now, &before, 3), found[..1]);
    }
}
