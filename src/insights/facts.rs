//! What is counted of a tenant's messages.

use hashbrown::{HashMap, HashSet};

use super::calendar::{Day, Period};
use super::chat::ChatQuestionsReport;
use super::emoji::EmojiReport;
use super::few::{FewPeople, Tally};
use super::files::FileKind;
use super::vocabulary::WordChange;
use crate::archive::ChannelRow;
use crate::model::Timestamp;

/// Numbers of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayCounts {
    /// Messages that people wrote.
    pub messages: u64,
    /// The same with deleted ones.
    pub sent: u64,
    /// Messages of bots and webhooks.
    pub by_bots: u64,
}

/// A person, whose number is its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// The day of the first archived message.
    pub first: Day,
    pub first_at: Timestamp,
    /// Messages in the period, and in the one before.
    pub messages: u64,
    pub messages_before: u64,
}

impl Default for Person {
    /// A person without messages.
    fn default() -> Self {
        Self {
            first: Day(i32::MAX),
            first_at: Timestamp::from_millis(i64::MAX),
            messages: 0,
            messages_before: 0,
        }
    }
}

/// Numbers of a channel, its threads included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelCounts {
    pub name: String,
    /// Messages of people in the period, and by how many.
    pub messages: u64,
    pub people: PersonSet,
    /// The same of the last three months, and of the same months a year before.
    pub recent: (u64, PersonSet),
    pub earlier: (u64, PersonSet),
    /// People who wrote in the period, outside of its last three months.
    pub rest: PersonSet,
}

/// A set of people by their numbers, a bit for each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonSet(Vec<u64>);

impl PersonSet {
    /// Adds a person.
    pub fn insert(&mut self, person: u32) {
        let (word, bit) = (person as usize / 64, person % 64);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    /// Adds those of another set.
    pub fn insert_all(&mut self, others: &Self) {
        self.0.resize(self.0.len().max(others.0.len()), 0);
        for (word, other) in self.0.iter_mut().zip(&others.0) {
            *word |= other;
        }
    }

    /// Some of them, as many as a number about them needs.
    pub fn few(&self) -> FewPeople {
        let mut few = FewPeople::default();
        for (index, word) in self.0.iter().enumerate() {
            let mut word = *word;
            while word != 0 && !few.is_enough() {
                few.insert(i64::try_from(index * 64).unwrap_or(0) + i64::from(word.trailing_zeros()));
                word &= word - 1;
            }
        }
        few
    }

    /// How many they are.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

/// What is counted of a tenant.
#[derive(Debug)]
pub struct Facts {
    /// The period, and the one before.
    pub period: Period,
    pub before: Period,
    /// The last three months of the period, and the same months a year before, if both are in the two
    /// periods.
    pub compared: Option<(Period, Period)>,
    /// When the oldest archived message was sent.
    pub since: Option<Timestamp>,
    /// When the newest was.
    pub newest: Option<Timestamp>,
    /// From the first day of the period before.
    pub days: Vec<DayCounts>,
    pub people: Vec<Person>,
    /// For each person, a bit for each of the days.
    pub written: Vec<u64>,
    /// Messages of the period in each hour of the week, and by how many.
    pub hours: Vec<(u64, PersonSet)>,
    pub channels: HashMap<ChannelRow, ChannelCounts>,
    /// Who replied to whom in the period.
    pub replies: HashSet<(u32, u32)>,
    /// Replies, edited and deleted messages of the period.
    pub replied: Tally,
    pub edited: Tally,
    pub deleted: Tally,
    /// Reactions to messages of the period, and of the one before.
    pub reactions: [Tally; 2],
    /// Emoji in texts and reactions of the period.
    pub emoji: EmojiReport,
    /// Files of the period by kind, and addresses by site.
    pub files: HashMap<FileKind, Tally>,
    pub sites: HashMap<Box<str>, Tally>,
    /// Questions outside of forums.
    pub chat_questions: ChatQuestionsReport,
    /// For threads that people opened in the period: who did, by row, and how many messages people wrote
    /// in it.
    pub threads: Vec<(i64, u64)>,
    /// Words that rose and fell.
    pub words: (Vec<WordChange>, Vec<WordChange>),
}

impl Facts {
    /// Nothing yet.
    pub fn new(period: Period) -> Self {
        let before = period.before();
        let days = usize::try_from(period.end.0 - before.first.0).unwrap_or(0);
        Self {
            period,
            before,
            compared: compared(period, before),
            since: None,
            newest: None,
            days: vec![DayCounts::default(); days],
            people: Vec::new(),
            written: Vec::new(),
            hours: vec![Default::default(); 168],
            channels: HashMap::new(),
            replies: HashSet::new(),
            replied: Tally::default(),
            edited: Tally::default(),
            deleted: Tally::default(),
            reactions: Default::default(),
            emoji: EmojiReport::default(),
            files: HashMap::new(),
            sites: HashMap::new(),
            chat_questions: ChatQuestionsReport::default(),
            threads: Vec::new(),
            words: Default::default(),
        }
    }

    /// The numbers of a day of the two periods.
    pub fn day(&self, day: Day) -> DayCounts {
        self.index(day).map(|index| self.days[index]).unwrap_or_default()
    }

    /// The sum over days.
    pub fn sum(&self, days: Period, number: impl Fn(DayCounts) -> u64) -> u64 {
        (days.first.0..days.end.0).map(|day| number(self.day(Day(day)))).sum()
    }

    /// How many people wrote in each of several ranges of days.
    pub fn people_in(&self, ranges: &[Period]) -> Vec<u64> {
        let count = |range: &Period| {
            let masks = self.masks(*range);
            (0..self.people.len()).filter(|person| self.wrote_on(*person, &masks)).count() as u64
        };
        ranges.iter().map(count).collect()
    }

    /// Whether a person wrote on one of the days.
    pub fn wrote_in(&self, person: usize, days: Period) -> bool {
        self.wrote_on(person, &self.masks(days))
    }

    fn wrote_on(&self, person: usize, masks: &[(usize, u64)]) -> bool {
        let words = &self.written[person * self.words_per_person()..][..self.words_per_person()];
        masks.iter().any(|(index, mask)| words[*index] & mask != 0)
    }

    /// The words of days with their bits for a range of days.
    fn masks(&self, days: Period) -> Vec<(usize, u64)> {
        let position =
            |day: Day| usize::try_from(day.0 - self.before.first.0).unwrap_or(0).min(self.days.len());
        let (first, end) = (position(days.first), position(days.end));
        let mut masks = Vec::new();
        let mut day = first;
        while day < end {
            let (word, bit) = (day / 64, day % 64);
            let length = (64 - bit).min(end - day);
            masks.push((word, (u64::MAX >> (64 - length)) << bit));
            day += length;
        }
        masks
    }

    /// Words of [`Self::written`] for each person.
    pub fn words_per_person(&self) -> usize {
        self.days.len().div_ceil(64)
    }

    /// The position of a day in [`Self::days`].
    pub fn index(&self, day: Day) -> Option<usize> {
        usize::try_from(day.0 - self.before.first.0).ok().filter(|index| *index < self.days.len())
    }
}

/// The last three whole months of a period, and the same a year before.
fn compared(period: Period, before: Period) -> Option<(Period, Period)> {
    let months: Vec<Day> = period.whole_months().collect();
    let first = *months.iter().rev().nth(2)?;
    let recent = Period { first, end: months.last()?.next_month() };
    let earlier = Period { first: Period::year_to(first).first, end: Period::year_to(recent.end).first };
    (earlier.first >= before.first && earlier.end <= before.end).then_some((recent, earlier))
}
