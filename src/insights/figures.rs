//! Computes the figures of a report.

use std::cmp::Reverse;

use super::calendar::{Calendar, Day, Period};
use super::differences::hide_differences;
use super::facts::{ChannelCounts, Facts, PersonSet};
use super::few::{Tally, largest, parts};
use super::figure::{Figure, MIN_PEOPLE, median, protect, rounded};
use super::questions::Questions;
use super::report::{
    BusiestHours, ChannelChange, ChannelReport, Compared, FilesOfKind, FilesReport, Health, Interval,
    LinksReport, LinksToSite, MonthOfNewcomers, OtherChannels, OtherSites, Ranks, TenantReport,
};
use super::threads::ThreadsReport;
use crate::archive::ChannelRow;

/// Channels that are listed by their size, and by their growth.
const CHANNELS: usize = 8;
const CHANGED_CHANNELS: usize = 3;
/// Messages in a month, on average, from which on a channel can grow or fade.
const MIN_MESSAGES_PER_MONTH: u64 = 100;
/// Days from which on a period is shown by weeks only.
const DAYS_OF_SHORT_PERIOD: i32 = 56;
/// Windows of four weeks in a table of cohorts.
const WINDOWS: i32 = 6;
const WINDOW_DAYS: i32 = 28;
/// People from which on the share of the most active is shown.
const MIN_PEOPLE_OF_RANKS: u64 = 20;
const RANKS: [(u64, u64); 4] = [(1, 10), (11, 100), (101, 1000), (1001, u64::MAX)];
/// Sites that are listed.
const SITES: usize = 8;

/// What the figures of a tenant are computed from.
pub struct Figures<'f> {
    pub tenant: &'f str,
    pub facts: &'f Facts,
    pub calendar: &'f Calendar,
}

impl Figures<'_> {
    /// The day of the oldest archived message.
    fn since(&self) -> Option<Day> {
        self.facts.since.map(|since| self.calendar.day_and_hour(since).0)
    }

    /// Whether the archive has the whole period before.
    pub fn reaches_back(&self) -> bool {
        self.since().is_some_and(|since| since <= self.facts.before.first)
    }

    /// The report.
    pub fn report(&self, questions: Questions, health: Health) -> TenantReport {
        let Self { tenant, facts, .. } = self;
        let (period, before) = (facts.period, facts.before);
        let (since, reaches_back) = (self.since(), self.reaches_back());
        let compared = |now, number: &dyn Fn() -> Figure| Compared { now, before: reaches_back.then(number) };
        // In a young archive, everybody is new.
        let knows_newcomers = since.is_some_and(|since| since <= before.before().first);
        let messages = self.messages(period);
        let by_bots = facts.sum(period, |day| day.by_bots);
        let whole = Figure::about(messages.number().map_or(0, |messages| messages + by_bots), MIN_PEOPLE);
        let day_ranges: Vec<Period> =
            (period.first.0..period.end.0).map(|day| Period { first: Day(day), end: Day(day + 1) }).collect();
        let [days, weeks, months] = self.all_intervals(period);
        let [_, weeks_before, _] = if reaches_back { self.all_intervals(before) } else { Default::default() };
        let people_of =
            |intervals: &[Interval]| median(intervals.iter().map(|interval| interval.people).collect());
        let busiest_hours = self.busiest_hours();
        let (channels, other_channels) = self.channels();
        let (growing_channels, fading_channels) = self.changed_channels();
        let (reply_pairs, returned_replies_permille) = self.replies();
        let share = |tally: Tally| Figure::permille(tally.figure(), messages);
        let new = Figure::of_people(self.newcomers(period));
        // The others follow.
        let known = self.people(period).saturating_sub(self.newcomers(period));
        let newcomers =
            if (1..MIN_PEOPLE).contains(&known) && new.is_shown() { Figure::Withheld } else { new };
        TenantReport {
            tenant: (*tenant).to_owned(),
            archived_since: since.map(|since| since.date().to_string()),
            newest_message: facts
                .newest
                .map(|newest| self.calendar.day_and_hour(newest).0.date().to_string()),
            messages: compared(messages, &|| self.messages(before)),
            people: compared(Figure::of_people(self.people(period)), &|| {
                Figure::of_people(self.people(before))
            }),
            newcomers: Compared {
                now: newcomers,
                before: knows_newcomers.then(|| Figure::of_people(self.newcomers(before))),
            },
            returned_after_four_weeks_permille: Compared {
                now: self.returned_after_four_weeks(period),
                before: knows_newcomers.then(|| self.returned_after_four_weeks(before)),
            },
            typical_day_people: median(
                facts.people_in(&day_ranges).into_iter().map(Figure::of_people).collect(),
            ),
            typical_week_people: people_of(&weeks),
            typical_month_people: people_of(&months),
            replies_permille: share(facts.replied),
            reply_pairs,
            returned_replies_permille,
            reactions: compared(facts.reactions[0].figure(), &|| facts.reactions[1].figure()),
            bots_messages: by_bots,
            bots_permille: Figure::permille(Figure::Shown(by_bots), whole),
            edited_permille: share(facts.edited),
            deleted_permille: Figure::permille(
                facts.deleted.figure(),
                Figure::about(facts.sum(period, |day| day.sent), self.people(period)),
            ),
            days,
            weeks,
            weeks_before,
            months,
            newcomers_by_month: self.newcomers_by_month(),
            messages_by_hour_per_thousand: self.hours(busiest_hours),
            busiest_hours,
            channels,
            other_channels,
            growing_channels,
            fading_channels,
            concentration: self.concentration(),
            questions,
            chat_questions: facts.chat_questions,
            threads: ThreadsReport::of(&facts.threads),
            emoji: facts.emoji.clone(),
            files: self.files(),
            links: self.links(),
            words_that_rose: facts.words.0.clone(),
            words_that_fell: facts.words.1.clone(),
            health,
        }
    }

    /// People who wrote on the days.
    fn people(&self, days: Period) -> u64 {
        self.facts.people_in(&[days])[0]
    }

    /// Messages of the days.
    fn messages(&self, days: Period) -> Figure {
        Figure::about(self.facts.sum(days, |day| day.messages), self.people(days))
    }

    /// The days of a short period, and the whole weeks and months of any.
    fn all_intervals(&self, period: Period) -> [Vec<Interval>; 3] {
        let is_short = period.days() < DAYS_OF_SHORT_PERIOD;
        let days = (period.first.0..period.end.0).filter(|_| is_short);
        let ranges = [
            days.map(|day| Period { first: Day(day), end: Day(day + 1) }).collect(),
            period.whole_weeks().map(|first| Period { first, end: first.later(7) }).collect(),
            period.whole_months().map(|first| Period { first, end: first.next_month() }).collect::<Vec<_>>(),
        ];
        let mut intervals = ranges.each_ref().map(|ranges| self.intervals(ranges));
        let figures = intervals.iter_mut().flatten().map(|interval| &mut interval.messages);
        let mut messages: Vec<(Period, &mut Figure)> = ranges.into_iter().flatten().zip(figures).collect();
        hide_differences(period, &mut messages, |ranges| self.facts.people_in(ranges));
        intervals
    }

    fn intervals(&self, ranges: &[Period]) -> Vec<Interval> {
        let interval = |(range, people): (&Period, u64)| Interval {
            from: range.first.date().to_string(),
            messages: Figure::about(self.facts.sum(*range, |day| day.messages), people),
            people: Figure::of_people(people),
        };
        ranges.iter().zip(self.facts.people_in(ranges)).map(interval).collect()
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
        let (mut months, mut ranges): (Vec<MonthOfNewcomers>, Vec<Period>) = Default::default();
        for month in period.whole_months() {
            let days = Period { first: month, end: month.next_month() };
            ranges.push(days);
            let is_over = |window: &i32| days.end.later(WINDOW_DAYS * (window + 1)) <= period.end;
            let returned = (1..=WINDOWS).filter(is_over).map(|window| {
                let (returned, all) = self.returned(days, window);
                share_of_people(returned, all)
            });
            months.push(MonthOfNewcomers {
                month: month.date().strftime("%Y-%m").to_string(),
                people: Figure::of_people(self.newcomers(days)),
                returned_permille: returned.collect(),
            });
        }
        self.withhold_returned(&mut months, &ranges);
        let people = months.iter_mut().map(|month| &mut month.people);
        let mut people: Vec<(Period, &mut Figure)> = ranges.into_iter().zip(people).collect();
        hide_differences(period, &mut people, |ranges| {
            ranges.iter().map(|range| self.newcomers(*range)).collect()
        });
        months
    }

    /// Withholds shares of months from which one about too few people would follow: their sum is published.
    fn withhold_returned(&self, months: &mut [MonthOfNewcomers], ranges: &[Period]) {
        let mut first = 0;
        let tally = |range: &Period| {
            let (returned, _) = self.returned(*range, 1);
            let mut tally = Tally { number: returned, ..Tally::default() };
            // Each newcomer belongs to one month.
            (first..first + i64::try_from(returned).unwrap_or(0))
                .for_each(|person| tally.people.insert(person));
            first += i64::try_from(returned).unwrap_or(0);
            tally
        };
        let is_over = |month: &MonthOfNewcomers| !month.returned_permille.is_empty();
        let over = months.iter().filter(|month| is_over(month)).count();
        let tallies: Vec<Tally> = ranges[..over.min(ranges.len())].iter().map(tally).collect();
        for (month, figure) in months.iter_mut().zip(parts(&tallies)) {
            if !figure.is_shown() && month.returned_permille[0].is_shown() {
                month.returned_permille[0] = Figure::Withheld;
            }
        }
    }

    fn returned_after_four_weeks(&self, period: Period) -> Figure {
        let months = period.whole_months().map(|month| Period { first: month, end: month.next_month() });
        let is_over = |days: &Period| days.end.later(WINDOW_DAYS * 2) <= period.end;
        let (mut returned, mut all) = (0, 0);
        for days in months.filter(is_over) {
            let (more, of) = self.returned(days, 1);
            (returned, all) = (returned + more, all + of);
        }
        share_of_people(returned, all)
    }

    /// What is known of each hour of the week.
    fn hours(&self, busiest: Option<BusiestHours>) -> Vec<Vec<Figure>> {
        let occurred = self.calendar.hours_of_week(self.facts.period);
        let is_busy = |hour: usize| busiest.is_some_and(|busiest| (hour + 24 - busiest.from_hour) % 24 < 4);
        let mut figures = vec![Figure::Hidden; self.facts.hours.len()];
        // The sum of the busiest hours is known, and with it that of the others.
        for side in [true, false] {
            let hours: Vec<usize> = (0..figures.len()).filter(|index| is_busy(index % 24) == side).collect();
            let tally = |index: &usize| {
                let (messages, people) = &self.facts.hours[*index];
                Tally { number: *messages, people: people.few() }
            };
            let tallies: Vec<Tally> = hours.iter().map(tally).collect();
            for (index, figure) in hours.into_iter().zip(parts(&tallies)) {
                figures[index] = figure.number().map_or(figure, |messages| {
                    Figure::Shown(rounded(messages * 1000, u64::from(occurred[index])))
                });
            }
        }
        figures.chunks(24).map(<[Figure]>::to_vec).collect()
    }

    fn busiest_hours(&self) -> Option<BusiestHours> {
        let of_hour =
            |hour: usize| -> u64 { (0..7).map(|day| self.facts.hours[day * 24 + hour % 24].0).sum() };
        let all: u64 = (0..24).map(of_hour).sum();
        let four = |from: usize| (from..from + 4).map(of_hour).sum::<u64>();
        let from_hour = (0..24).max_by_key(|from| (four(*from), Reverse(*from)))?;
        let people = |is_wanted: &dyn Fn(usize) -> bool| {
            let mut people = PersonSet::default();
            let hours = self.facts.hours.iter().enumerate().filter(|(index, _)| is_wanted(index % 24));
            hours.for_each(|(_, (_, of_hour))| people.insert_all(of_hour));
            people.len()
        };
        let is_busy = |hour: usize| (hour + 24 - from_hour) % 24 < 4;
        // The share of the others follows.
        let is_shown = people(&is_busy) >= MIN_PEOPLE && people(&|hour| !is_busy(hour)) >= MIN_PEOPLE;
        is_shown.then(|| BusiestHours { from_hour, permille: rounded(four(from_hour) * 1000, all) })
    }

    /// The largest channels, and the others together.
    fn channels(&self) -> (Vec<ChannelReport>, OtherChannels) {
        let channels: Vec<_> = self.facts.channels.iter().collect();
        let tally = |(_, channel): &(&ChannelRow, &ChannelCounts)| Tally {
            number: channel.messages,
            people: channel.people.few(),
        };
        // Two channels may have one name.
        let by_name = |one: &(&ChannelRow, &ChannelCounts), other: &(&ChannelRow, &ChannelCounts)| {
            (&one.1.name, one.0).cmp(&(&other.1.name, other.0))
        };
        let (listed, rest) = largest(channels, CHANNELS, tally, by_name);
        let report = |channel: &ChannelCounts| ChannelReport {
            channel: channel.name.clone(),
            messages: Figure::about(channel.messages, channel.people.len()),
            people: Figure::of_people(channel.people.len()),
        };
        let others = OtherChannels { channels: rest.items, messages: rest.tally.figure() };
        (listed.into_iter().map(|(_, channel)| report(channel)).collect(), others)
    }

    fn files(&self) -> FilesReport {
        let kinds: Vec<_> = self.facts.files.iter().collect();
        let mut all = Tally::default();
        for (_, tally) in &kinds {
            all.add_all(**tally);
        }
        let (listed, rest) =
            largest(kinds, usize::MAX, |(_, tally)| **tally, |one, other| one.0.cmp(other.0));
        FilesReport {
            files: all.figure(),
            kinds: listed
                .into_iter()
                .map(|(kind, tally)| FilesOfKind { kind: *kind, files: tally.figure() })
                .collect(),
            of_other_kinds: (rest.items > 0).then(|| rest.tally.figure()),
        }
    }

    fn links(&self) -> LinksReport {
        let sites: Vec<_> = self.facts.sites.iter().collect();
        let mut all = Tally::default();
        for (_, tally) in &sites {
            all.add_all(**tally);
        }
        let (listed, rest) = largest(sites, SITES, |(_, tally)| **tally, |one, other| one.0.cmp(other.0));
        LinksReport {
            links: all.figure(),
            sites: listed
                .into_iter()
                .map(|(site, tally)| LinksToSite { site: site.to_string(), links: tally.figure() })
                .collect(),
            other_sites: OtherSites { sites: rest.items, links: rest.tally.figure() },
        }
    }

    /// The channels that have grown and faded the most, by a twentieth at least.
    fn changed_channels(&self) -> (Vec<ChannelChange>, Vec<ChannelChange>) {
        if self.facts.compared.is_none() {
            return (Vec::new(), Vec::new());
        }
        let is_large = |channel: &ChannelCounts| {
            let ((recent, now), (earlier, then)) = (&channel.recent, &channel.earlier);
            *recent.max(earlier) >= 3 * MIN_MESSAGES_PER_MONTH
                && now.len() >= MIN_PEOPLE
                && then.len() >= MIN_PEOPLE
                // The other months follow if the channel is listed by its size.
                && channel.rest.len() >= MIN_PEOPLE
        };
        // By how many times, as a fraction that integers can compare.
        let mut channels: Vec<_> =
            self.facts.channels.iter().filter(|(_, channel)| is_large(channel)).collect();
        let factor = |channel: &ChannelCounts| channel.recent.0 * 1_000_000 / channel.earlier.0.max(1);
        channels.sort_by_key(|(row, channel)| (Reverse(factor(channel)), channel.name.clone(), **row));
        let change = |channel: &ChannelCounts| ChannelChange {
            channel: channel.name.clone(),
            messages: Figure::about(channel.recent.0, channel.recent.1.len()),
            messages_a_year_before: Figure::about(channel.earlier.0, channel.earlier.1.len()),
        };
        let has_grown = |channel: &ChannelCounts| channel.recent.0 * 20 >= channel.earlier.0 * 21;
        let has_faded = |channel: &ChannelCounts| channel.recent.0 * 21 <= channel.earlier.0 * 20;
        let grown = channels.iter().filter(|(_, channel)| has_grown(channel)).take(CHANGED_CHANNELS);
        let faded = channels.iter().rev().filter(|(_, channel)| has_faded(channel)).take(CHANGED_CHANNELS);
        let (grown, faded): (Vec<_>, Vec<_>) = (grown.collect(), faded.collect());
        // The numbers of the other channels follow from those of the months.
        let is_listed = |row: &ChannelRow| grown.iter().chain(&faded).any(|(listed, _)| *listed == row);
        let (mut others, mut others_before) = (PersonSet::default(), PersonSet::default());
        for (_, other) in self.facts.channels.iter().filter(|(row, _)| !is_listed(row)) {
            others.insert_all(&other.recent.1);
            others_before.insert_all(&other.earlier.1);
        }
        if others.len() < MIN_PEOPLE || others_before.len() < MIN_PEOPLE {
            return (Vec::new(), Vec::new());
        }
        let report = |listed: Vec<&(&ChannelRow, &ChannelCounts)>| {
            listed.into_iter().map(|(_, channel)| change(channel)).collect()
        };
        (report(grown), report(faded))
    }

    fn replies(&self) -> (Figure, Figure) {
        let replies = &self.facts.replies;
        let mut people = PersonSet::default();
        let (mut pairs, mut returned, mut in_both) = (0, 0, PersonSet::default());
        for (one, other) in replies {
            people.insert(*one);
            let is_returned = replies.contains(&(*other, *one));
            if is_returned {
                in_both.insert(*one);
            }
            // A pair in which both replied is counted once.
            if !is_returned || one < other {
                (pairs, returned) = (pairs + 1, returned + u64::from(is_returned));
            }
        }
        let pairs = Figure::about(pairs, people.len());
        (pairs, Figure::permille(Figure::about(returned, in_both.len()), pairs))
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

/// The share of people, in thousandths. Withheld if those who do not belong to it are too few.
const fn share_of_people(part: u64, all: u64) -> Figure {
    let others = all.saturating_sub(part);
    match Figure::permille(Figure::of_people(part), Figure::of_people(all)) {
        Figure::Shown(_) if others > 0 && others < MIN_PEOPLE => Figure::Withheld,
        figure => figure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_people_says_nothing_about_few_others() {
        for (part, all, expected) in [
            (5, 6, Figure::Withheld),
            (6, 10, Figure::Withheld),
            (5, 10, Figure::Shown(500)),
            (6, 6, Figure::Shown(1000)),
            (4, 10, Figure::Hidden),
            (0, 0, Figure::Hidden),
        ] {
            assert_eq!(share_of_people(part, all), expected, "{part} of {all}");
        }
    }
}
