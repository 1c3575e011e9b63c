//! The figures of a report. Each is defined in docs/insights.md.

use std::cmp::Reverse;

use serde::Serialize;

use super::calendar::{Calendar, Day, Period};
use super::facts::{ChannelCounts, Facts, PersonSet};
use super::figure::{Figure, MIN_PEOPLE, median, protect, rounded};
use super::questions::Questions;
use crate::archive::activity::ChannelStates;
use crate::model::Timestamp;

/// Raised when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;
/// Channels that are listed by their size, and by their growth.
const CHANNELS: usize = 8;
const CHANGED_CHANNELS: usize = 3;
/// Messages in a month, on average, from which on a channel can grow or fade.
const MIN_MESSAGES_PER_MONTH: u64 = 100;
/// Windows of four weeks in a table of cohorts.
const WINDOWS: i32 = 6;
const WINDOW_DAYS: i32 = 28;
/// People from which on the share of the most active is shown.
const MIN_PEOPLE_OF_RANKS: u64 = 20;
const RANKS: [(u64, u64); 4] = [(1, 10), (11, 100), (101, 1000), (1001, u64::MAX)];

/// A report on one or more communities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// See [`SCHEMA`].
    pub schema: u32,
    /// When the archive last took in a whole community.
    pub as_of: Option<String>,
    /// The time zone of days and hours.
    pub timezone: String,
    /// The days that it is about.
    pub period: Dates,
    /// The period that it is compared with.
    pub before: Dates,
    /// Whether deleted messages count.
    pub includes_deleted: bool,
    /// The communities, the largest first.
    pub tenants: Vec<TenantReport>,
}

/// Days from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dates {
    pub from: String,
    pub to: String,
}

/// A number of the period, and of the one before; `None` if the archive doesn't reach back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compared {
    pub now: Figure,
    pub before: Option<Figure>,
}

/// The figures of a community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantReport {
    pub tenant: String,
    /// When the oldest archived message was sent.
    pub archived_since: Option<String>,
    pub messages: Compared,
    pub people: Compared,
    pub newcomers: Compared,
    /// Of the newcomers for whom four weeks and the four after are over: how many wrote in the latter, in
    /// thousandths.
    pub returned_after_four_weeks_permille: Figure,
    /// Medians of the people who wrote in a day, a whole week and a whole month.
    pub typical_day_people: Figure,
    pub typical_week_people: Figure,
    pub typical_month_people: Figure,
    pub replies_permille: Figure,
    /// Pairs of people of whom one replied to the other, and the share in which the other one did, too.
    pub reply_pairs: Figure,
    pub returned_replies_permille: Figure,
    pub bots_messages: u64,
    pub bots_permille: Figure,
    pub edited_permille: Figure,
    pub deleted_permille: Figure,
    pub weeks: Vec<Interval>,
    pub months: Vec<Interval>,
    pub newcomers_by_month: Vec<MonthOfNewcomers>,
    /// A row for each day of the week from Monday, a number for each hour: messages for a thousand times
    /// that the hour occurred.
    pub messages_by_hour_per_thousand: Vec<Vec<Figure>>,
    /// The first of the four hours in which most is written, and their share.
    pub busiest_hours: Option<BusiestHours>,
    pub channels: Vec<ChannelReport>,
    /// Channels that are not listed, and their messages.
    pub other_channels: OtherChannels,
    pub growing_channels: Vec<ChannelChange>,
    pub fading_channels: Vec<ChannelChange>,
    /// Shares of messages by people in the order of how much they wrote.
    pub concentration: Vec<Ranks>,
    /// Questions in forums.
    pub questions: Questions,
    pub health: Health,
}

/// A week or month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interval {
    pub from: String,
    pub messages: Figure,
    pub people: Figure,
}

/// The people who first wrote in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthOfNewcomers {
    pub month: String,
    pub people: Figure,
    /// For each window of four weeks after the first: how many wrote in it, in thousandths. Only windows
    /// that are over for all of them.
    pub returned_permille: Vec<Figure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BusiestHours {
    pub from_hour: usize,
    pub permille: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelReport {
    pub channel: String,
    pub messages: Figure,
    pub people: Figure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OtherChannels {
    pub channels: u64,
    pub messages: Figure,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelChange {
    pub channel: String,
    pub messages: Figure,
    pub messages_a_year_before: Figure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ranks {
    pub from_rank: u64,
    pub to_rank: Option<u64>,
    pub permille: Figure,
}

/// How complete the archive is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    pub last_success: Option<String>,
    pub channels_read: u64,
    pub channels_unreadable: u64,
    pub channels_hidden: u64,
}

impl Dates {
    /// The dates of a period.
    pub fn of(period: Period) -> Self {
        Self { from: period.first.date().to_string(), to: period.end.later(-1).date().to_string() }
    }
}

/// A time in UTC.
pub fn time_text(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl TenantReport {
    /// The figures of a tenant.
    pub fn of(
        tenant: &str,
        facts: &Facts,
        calendar: &Calendar,
        questions: Questions,
        states: ChannelStates,
        last_success: Option<Timestamp>,
    ) -> Self {
        let figures = Figures { facts, calendar };
        let (period, before) = (facts.period, facts.before);
        let since = facts.since.map(|since| calendar.day_and_hour(since).0);
        let reaches_back = since.is_some_and(|since| since <= before.first);
        let compared = |now, number: &dyn Fn() -> Figure| Compared { now, before: reaches_back.then(number) };
        // In a young archive, everybody is new.
        let knows_newcomers = since.is_some_and(|since| since <= before.before().first);
        let messages = figures.messages(period);
        let by_bots = facts.sum(period, |day| day.by_bots);
        let whole = Figure::about(messages.number().map_or(0, |messages| messages + by_bots), MIN_PEOPLE);
        let day_ranges: Vec<Period> =
            (period.first.0..period.end.0).map(|day| Period { first: Day(day), end: Day(day + 1) }).collect();
        let weeks = figures.intervals(period.whole_weeks().map(|week| (week, week.later(7))));
        let months = figures.intervals(period.whole_months().map(|month| (month, month.next_month())));
        let people_of =
            |intervals: &[Interval]| median(intervals.iter().map(|interval| interval.people).collect());
        let (channels, other_channels) = figures.channels();
        let (growing_channels, fading_channels) = figures.changed_channels();
        let (reply_pairs, returned_replies_permille) = figures.replies();
        let share = |number: &dyn Fn(super::facts::DayCounts) -> u64| {
            Figure::permille(Figure::about(facts.sum(period, number), figures.people(period)), messages)
        };
        Self {
            tenant: tenant.to_owned(),
            archived_since: since.map(|since| since.date().to_string()),
            messages: compared(messages, &|| figures.messages(before)),
            people: compared(Figure::of_people(figures.people(period)), &|| {
                Figure::of_people(figures.people(before))
            }),
            newcomers: Compared {
                now: Figure::of_people(figures.newcomers(period)),
                before: knows_newcomers.then(|| Figure::of_people(figures.newcomers(before))),
            },
            returned_after_four_weeks_permille: figures.returned_after_four_weeks(),
            typical_day_people: median(
                facts.people_in(&day_ranges).into_iter().map(Figure::of_people).collect(),
            ),
            typical_week_people: people_of(&weeks),
            typical_month_people: people_of(&months),
            replies_permille: share(&|day| day.replies),
            reply_pairs,
            returned_replies_permille,
            bots_messages: by_bots,
            bots_permille: Figure::permille(Figure::Shown(by_bots), whole),
            edited_permille: share(&|day| day.edited),
            deleted_permille: share(&|day| day.deleted),
            weeks,
            months,
            newcomers_by_month: figures.newcomers_by_month(),
            messages_by_hour_per_thousand: figures.hours(),
            busiest_hours: figures.busiest_hours(),
            channels,
            other_channels,
            growing_channels,
            fading_channels,
            concentration: figures.concentration(),
            questions,
            health: Health {
                last_success: last_success.map(time_text),
                channels_read: states.active,
                channels_unreadable: states.unreadable,
                channels_hidden: states.hidden,
            },
        }
    }
}

/// Computes the figures of a tenant.
struct Figures<'f> {
    facts: &'f Facts,
    calendar: &'f Calendar,
}

impl Figures<'_> {
    /// People who wrote on the days.
    fn people(&self, days: Period) -> u64 {
        self.facts.people_in(&[days])[0]
    }

    /// Messages of the days.
    fn messages(&self, days: Period) -> Figure {
        Figure::about(self.facts.sum(days, |day| day.messages), self.people(days))
    }

    fn intervals(&self, ranges: impl Iterator<Item = (Day, Day)>) -> Vec<Interval> {
        let ranges: Vec<Period> = ranges.map(|(first, end)| Period { first, end }).collect();
        let people = self.facts.people_in(&ranges);
        let interval = |(range, people): (&Period, u64)| Interval {
            from: range.first.date().to_string(),
            messages: Figure::about(self.facts.sum(*range, |day| day.messages), people),
            people: Figure::of_people(people),
        };
        let mut intervals: Vec<Interval> = ranges.iter().zip(people).map(interval).collect();
        protect(intervals.iter_mut().map(|interval| &mut interval.messages));
        intervals
    }

    fn newcomers(&self, days: Period) -> u64 {
        self.facts.people.iter().filter(|person| days.contains(person.first)).count() as u64
    }

    /// Of those who first wrote on the days: how many wrote in the window of four weeks, and all of them.
    fn returned(&self, days: Period, window: i32) -> (u64, u64) {
        let (mut returned, mut all) = (0, 0);
        for (number, person) in self.facts.people.iter().enumerate() {
            if days.contains(person.first) {
                let first = person.first.later(WINDOW_DAYS * window);
                all += 1;
                returned +=
                    u64::from(self.facts.wrote_in(number, Period { first, end: first.later(WINDOW_DAYS) }));
            }
        }
        (returned, all)
    }

    fn newcomers_by_month(&self) -> Vec<MonthOfNewcomers> {
        let period = self.facts.period;
        let mut months: Vec<MonthOfNewcomers> = Vec::new();
        for month in period.whole_months() {
            let days = Period { first: month, end: month.next_month() };
            let is_over = |window: &i32| days.end.later(WINDOW_DAYS * (window + 1)) <= period.end;
            let returned = (1..=WINDOWS).filter(is_over).map(|window| {
                let (returned, all) = self.returned(days, window);
                Figure::permille(Figure::of_people(returned), Figure::of_people(all))
            });
            months.push(MonthOfNewcomers {
                month: month.date().strftime("%Y-%m").to_string(),
                people: Figure::of_people(self.newcomers(days)),
                returned_permille: returned.collect(),
            });
        }
        protect(months.iter_mut().map(|month| &mut month.people));
        months
    }

    fn returned_after_four_weeks(&self) -> Figure {
        let period = self.facts.period;
        let months = period.whole_months().map(|month| Period { first: month, end: month.next_month() });
        let is_over = |days: &Period| days.end.later(WINDOW_DAYS * 2) <= period.end;
        let (mut returned, mut all) = (0, 0);
        for days in months.filter(is_over) {
            let (more, of) = self.returned(days, 1);
            (returned, all) = (returned + more, all + of);
        }
        Figure::permille(Figure::of_people(returned), Figure::of_people(all))
    }

    fn hours(&self) -> Vec<Vec<Figure>> {
        let occurred = self.calendar.hours_of_week(self.facts.period);
        let figure = |(index, (messages, people)): (usize, &(u64, PersonSet))| {
            Figure::about(rounded(messages * 1000, u64::from(occurred[index])), people.len())
        };
        let figures: Vec<Figure> = self.facts.hours.iter().enumerate().map(figure).collect();
        figures.chunks(24).map(<[Figure]>::to_vec).collect()
    }

    fn busiest_hours(&self) -> Option<BusiestHours> {
        let of_hour =
            |hour: usize| -> u64 { (0..7).map(|day| self.facts.hours[day * 24 + hour % 24].0).sum() };
        let all: u64 = (0..24).map(of_hour).sum();
        let is_shown = self.people(self.facts.period) >= MIN_PEOPLE && all > 0;
        let four = |from: usize| (from..from + 4).map(of_hour).sum::<u64>();
        let from_hour = (0..24).max_by_key(|from| (four(*from), Reverse(*from)))?;
        is_shown.then(|| BusiestHours { from_hour, permille: rounded(four(from_hour) * 1000, all) })
    }

    /// The largest channels, and the others together.
    fn channels(&self) -> (Vec<ChannelReport>, OtherChannels) {
        let mut channels: Vec<&ChannelCounts> =
            self.facts.channels.values().filter(|channel| channel.messages > 0).collect();
        channels.sort_by_key(|channel| (Reverse(channel.messages), channel.name.clone()));
        let is_shown = |channel: &&ChannelCounts| channel.people.len() >= MIN_PEOPLE;
        let mut listed: Vec<&ChannelCounts> =
            channels.iter().copied().filter(is_shown).take(CHANNELS).collect();
        // One other channel would follow from the sum.
        if channels.len() - listed.len() == 1 {
            listed.pop();
        }
        let others =
            channels.iter().filter(|channel| !listed.iter().any(|one| std::ptr::eq(*one, **channel)));
        let (mut count, mut messages, mut largest) = (0, 0, 0);
        for channel in others {
            (count, messages) = (count + 1, messages + channel.messages);
            largest = largest.max(channel.people.len());
        }
        let report = |channel: &ChannelCounts| ChannelReport {
            channel: channel.name.clone(),
            messages: Figure::about(channel.messages, channel.people.len()),
            people: Figure::of_people(channel.people.len()),
        };
        let others = OtherChannels { channels: count, messages: Figure::about(messages, largest) };
        (listed.into_iter().map(report).collect(), others)
    }

    /// The channels that have grown and faded the most, by a twentieth at least.
    fn changed_channels(&self) -> (Vec<ChannelChange>, Vec<ChannelChange>) {
        if self.facts.compared.is_none() {
            return (Vec::new(), Vec::new());
        }
        let is_large = |channel: &&ChannelCounts| {
            let ((recent, now), (earlier, then)) = (&channel.recent, &channel.earlier);
            *recent.max(earlier) >= 3 * MIN_MESSAGES_PER_MONTH
                && now.len() >= MIN_PEOPLE
                && then.len() >= MIN_PEOPLE
        };
        // By how many times, as a fraction that integers can compare.
        let mut channels: Vec<&ChannelCounts> = self.facts.channels.values().filter(is_large).collect();
        let factor = |channel: &ChannelCounts| channel.recent.0 * 1_000_000 / channel.earlier.0.max(1);
        channels.sort_by_key(|channel| (Reverse(factor(channel)), channel.name.clone()));
        let change = |channel: &&ChannelCounts| ChannelChange {
            channel: channel.name.clone(),
            messages: Figure::about(channel.recent.0, channel.recent.1.len()),
            messages_a_year_before: Figure::about(channel.earlier.0, channel.earlier.1.len()),
        };
        let grown = channels.iter().filter(|channel| channel.recent.0 * 20 >= channel.earlier.0 * 21);
        let faded = channels.iter().rev().filter(|channel| channel.recent.0 * 21 <= channel.earlier.0 * 20);
        (
            grown.take(CHANGED_CHANNELS).map(change).collect(),
            faded.take(CHANGED_CHANNELS).map(change).collect(),
        )
    }

    fn replies(&self) -> (Figure, Figure) {
        let replies = &self.facts.replies;
        let mut people = PersonSet::default();
        let (mut pairs, mut returned) = (0, 0);
        for (one, other) in replies {
            people.insert(*one);
            let is_returned = replies.contains(&(*other, *one));
            // A pair in which both replied is counted once.
            if !is_returned || one < other {
                (pairs, returned) = (pairs + 1, returned + u64::from(is_returned));
            }
        }
        let pairs = Figure::about(pairs, people.len());
        (pairs, Figure::permille(Figure::about(returned, people.len()), pairs))
    }

    fn concentration(&self) -> Vec<Ranks> {
        let mut messages: Vec<u64> =
            self.facts.people.iter().map(|person| person.messages).filter(|messages| *messages > 0).collect();
        messages.sort_unstable_by_key(|messages| Reverse(*messages));
        let (people, all) = (messages.len() as u64, messages.iter().sum::<u64>());
        let is_shown = people >= MIN_PEOPLE_OF_RANKS;
        let ranks = RANKS.into_iter().filter(|(from, _)| *from <= people).map(|(from, to)| {
            let to = to.min(people);
            let of_ranks = (1..).zip(&messages).filter(|(rank, _)| (from..=to).contains(rank));
            let share = rounded(of_ranks.map(|(_, messages)| messages).sum::<u64>() * 1000, all);
            let size = to - from + 1;
            (from, to, if is_shown { Figure::about(share, size) } else { Figure::Hidden })
        });
        let mut ranks: Vec<(u64, u64, Figure)> = ranks.collect();
        protect(ranks.iter_mut().map(|(_, _, share)| share));
        let last = ranks.len().saturating_sub(1);
        let report = |(index, (from_rank, to, permille))| Ranks {
            from_rank,
            to_rank: (index < last).then_some(to),
            permille,
        };
        ranks.into_iter().enumerate().map(report).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_name_the_last_day() {
        let period = Period::year_to(Day::of("2026-11-01".parse().unwrap()));
        assert_eq!(Dates::of(period), Dates { from: "2025-11-01".to_owned(), to: "2026-10-31".to_owned() });
        assert_eq!(time_text(Timestamp::from_millis(0)), "1970-01-01T00:00:00Z");
    }
}
