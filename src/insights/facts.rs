//! What is counted of a tenant's messages, in one pass over them.

use hashbrown::{HashMap, HashSet};

use super::calendar::{Calendar, Day, Period};
use crate::archive::activity::{ActivityChannel, ActivityRow};
use crate::archive::{ArchiveError, ChannelRow, Reader};
use crate::model::Timestamp;

/// Numbers of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayCounts {
    /// Messages that people wrote.
    pub messages: u64,
    /// Messages of bots and webhooks.
    pub by_bots: u64,
    /// People's messages that were edited, and those found to be deleted.
    pub edited: u64,
    pub deleted: u64,
    /// People's replies.
    pub replies: u64,
}

/// A person, whose number is its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// The day of the first archived message.
    pub first: Day,
    first_at: Timestamp,
    /// Messages in the period, and in the one before.
    pub messages: u64,
    pub messages_before: u64,
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
    /// From the first day of the period before.
    days: Vec<DayCounts>,
    pub people: Vec<Person>,
    /// For each person, a bit for each of the days.
    written: Vec<u64>,
    /// Messages of the period in each hour of the week, and by how many.
    pub hours: Vec<(u64, PersonSet)>,
    pub channels: HashMap<ChannelRow, ChannelCounts>,
    /// Who replied to whom in the period.
    pub replies: HashSet<(u32, u32)>,
}

impl Facts {
    fn new(period: Period) -> Self {
        let before = period.before();
        let days = usize::try_from(period.end.0 - before.first.0).unwrap_or(0);
        Self {
            period,
            before,
            compared: compared(period, before),
            since: None,
            days: vec![DayCounts::default(); days],
            people: Vec::new(),
            written: Vec::new(),
            hours: vec![Default::default(); 168],
            channels: HashMap::new(),
            replies: HashSet::new(),
        }
    }

    /// Counts the messages of channels. `on_message` is called for each; counting ends early if it returns
    /// `false`.
    pub fn count(
        reader: &Reader,
        channels: &[ActivityChannel],
        calendar: &Calendar,
        period: Period,
        includes_deleted: bool,
        on_message: &mut dyn FnMut() -> bool,
    ) -> Result<Self, ArchiveError> {
        let bots = reader.bots_by_user()?;
        let mut counting = Counting {
            facts: Self::new(period),
            numbers: HashMap::new(),
            bots: &bots,
            calendar,
            includes_deleted,
        };
        counting.facts.since = channels.iter().filter_map(|channel| channel.first_sent).min();
        for channel in channels {
            let counts = counting.facts.channels.entry(channel.root).or_default();
            counts.name.clone_from(&channel.root_name);
            let mut goes_on = true;
            reader.activity(channel.row, |row| {
                counting.add(channel.root, row);
                goes_on = on_message();
                goes_on
            })?;
            if !goes_on {
                break;
            }
        }
        Ok(counting.facts)
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
        let mut counts = vec![0; ranges.len()];
        for person in 0..self.people.len() {
            for (count, range) in counts.iter_mut().zip(ranges) {
                *count += u64::from(self.wrote_in(person, *range));
            }
        }
        counts
    }

    /// Whether a person wrote on one of the days.
    pub fn wrote_in(&self, person: usize, days: Period) -> bool {
        let Some(first) = self.index(days.first.max(self.before.first)) else { return false };
        let end =
            usize::try_from((days.end.0 - self.before.first.0).max(0)).unwrap_or(0).min(self.days.len());
        let words = &self.written[person * self.words()..][..self.words()];
        (first..end).any(|day| words[day / 64] >> (day % 64) & 1 == 1)
    }

    fn words(&self) -> usize {
        self.days.len().div_ceil(64)
    }

    fn index(&self, day: Day) -> Option<usize> {
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

/// Counting, message by message.
struct Counting<'c> {
    facts: Facts,
    /// The number of each person, by row.
    numbers: HashMap<i64, u32>,
    bots: &'c HashMap<i64, bool>,
    calendar: &'c Calendar,
    includes_deleted: bool,
}

impl Counting<'_> {
    fn add(&mut self, channel: ChannelRow, row: ActivityRow) {
        let Some(author) = row.author.filter(|_| row.is_written) else { return };
        let (day, hour) = self.calendar.day_and_hour(row.sent_at);
        let index = self.facts.index(day);
        if self.bots.get(&author).copied().unwrap_or_default() {
            if let Some(index) = index.filter(|_| self.includes_deleted || !row.is_deleted) {
                self.facts.days[index].by_bots += 1;
            }
            return;
        }
        if let Some(index) = index {
            self.facts.days[index].deleted += u64::from(row.is_deleted);
        }
        if row.is_deleted && !self.includes_deleted {
            return;
        }
        let number = self.person(author, day, row.sent_at);
        let Some(index) = index else { return };
        let facts = &mut self.facts;
        let counts = &mut facts.days[index];
        counts.messages += 1;
        counts.edited += u64::from(row.is_edited);
        counts.replies += u64::from(row.is_reply);
        let words = facts.words();
        facts.written[number as usize * words + index / 64] |= 1 << (index % 64);
        let is_in_period = facts.period.contains(day);
        let person = &mut facts.people[number as usize];
        person.messages += u64::from(is_in_period);
        person.messages_before += u64::from(!is_in_period);
        if let Some(counts) = facts.channels.get_mut(&channel) {
            if is_in_period {
                counts.messages += 1;
                counts.people.insert(number);
            }
            if let Some((recent, earlier)) = facts.compared {
                for (period, (messages, people)) in
                    [(recent, &mut counts.recent), (earlier, &mut counts.earlier)]
                {
                    if period.contains(day) {
                        *messages += 1;
                        people.insert(number);
                    }
                }
            }
        }
        if is_in_period {
            let (messages, people) = &mut facts.hours[day.weekday() * 24 + hour];
            *messages += 1;
            people.insert(number);
            let replied_to =
                row.reply_to_author.filter(|other| *other != author && self.bots.get(other) == Some(&false));
            if let Some(other) = replied_to {
                let other = self.known(other);
                self.facts.replies.insert((number, other));
            }
        }
    }

    /// The number of a person who wrote on a day.
    fn person(&mut self, author: i64, day: Day, sent_at: Timestamp) -> u32 {
        let number = self.known(author);
        let person = &mut self.facts.people[number as usize];
        if sent_at < person.first_at {
            (person.first, person.first_at) = (day, sent_at);
        }
        number
    }

    /// The number of a person.
    fn known(&mut self, row: i64) -> u32 {
        let facts = &mut self.facts;
        *self.numbers.entry(row).or_insert_with(|| {
            facts.written.resize(facts.written.len() + facts.words(), 0);
            facts.people.push(Person {
                first: Day(i32::MAX),
                first_at: Timestamp::from_millis(i64::MAX),
                messages: 0,
                messages_before: 0,
            });
            u32::try_from(facts.people.len() - 1).unwrap_or(u32::MAX)
        })
    }
}
