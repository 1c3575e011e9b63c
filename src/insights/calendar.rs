//! Local days, weeks and months of a time zone.
//!
//! A day is a number: days since 1970-01-01 in local time. A week begins on Monday.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

use crate::model::Timestamp;

/// Milliseconds of an hour and of a day without a change of the clocks.
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A day in local time: days since 1970-01-01.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day of a date.
    pub fn of(date: Date) -> Self {
        let days = date.since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days());
        Self(days)
    }

    /// Its date.
    pub fn date(self) -> Date {
        Date::constant(1970, 1, 1).checked_add(self.0.days()).unwrap_or(Date::MAX)
    }

    /// The Monday of its week.
    pub const fn monday(self) -> Self {
        // 1970-01-01 was a Thursday.
        Self((self.0 + 3).div_euclid(7) * 7 - 3)
    }

    /// 0 for Monday to 6 for Sunday.
    pub const fn weekday(self) -> usize {
        (self.0 + 3).rem_euclid(7) as usize
    }

    /// The first day of its month.
    pub fn month(self) -> Self {
        Self::of(self.date().first_of_month())
    }

    /// The first day of the next month.
    pub fn next_month(self) -> Self {
        Self::of(self.date().last_of_month()).later(1)
    }

    /// A later day.
    pub const fn later(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

/// Days from the first to before the end.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub first: Day,
    /// The day after the last one.
    pub end: Day,
}

impl Period {
    /// The twelve months that end with a day, which is left out.
    pub fn year_to(end: Day) -> Self {
        Self { first: shifted(end, -1.year()), end }
    }

    /// The period of the same length before: for whole years, the same dates.
    pub fn before(self) -> Self {
        let years = i64::from(self.end.date().year() - self.first.date().year());
        let is_years = years > 0 && shifted(self.first, years.years()) == self.end;
        let first =
            if is_years { shifted(self.first, -years.years()) } else { self.first.later(-self.days()) };
        Self { first, end: self.first }
    }

    /// The number of days.
    pub const fn days(self) -> i32 {
        self.end.0 - self.first.0
    }

    /// Whether a day is in it.
    pub fn contains(self, day: Day) -> bool {
        (self.first..self.end).contains(&day)
    }

    /// The Mondays of the weeks that are wholly in it.
    pub fn whole_weeks(self) -> impl Iterator<Item = Day> {
        let first = if self.first.monday() == self.first { self.first } else { self.first.monday().later(7) };
        (0..).map(move |week| first.later(7 * week)).take_while(move |monday| monday.later(7) <= self.end)
    }

    /// The first days of the months that are wholly in it.
    pub fn whole_months(self) -> impl Iterator<Item = Day> {
        let first = if self.first.month() == self.first { self.first } else { self.first.next_month() };
        std::iter::successors(Some(first), |month| Some(month.next_month()))
            .take_while(move |month| month.next_month() <= self.end)
    }
}

fn shifted(day: Day, span: Span) -> Day {
    day.date().checked_add(span).map_or(day, Day::of)
}

/// The local times of a zone around a period.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    /// From when on, in milliseconds since 1970 UTC, local time is how many milliseconds ahead of UTC.
    offsets: Vec<(i64, i64)>,
}

impl Calendar {
    /// The calendar of a zone.
    pub fn new(zone: TimeZone) -> Self {
        let mut offsets = vec![(i64::MIN, offset_at(&zone, jiff::Timestamp::MIN))];
        // Later rules of a zone repeat without end.
        let until = jiff::Timestamp::from_second(4_102_444_800).unwrap_or(jiff::Timestamp::MAX);
        let transitions =
            zone.following(jiff::Timestamp::UNIX_EPOCH).take_while(|next| next.timestamp() < until);
        offsets.extend(
            transitions
                .map(|next| (next.timestamp().as_millisecond(), i64::from(next.offset().seconds()) * 1000)),
        );
        Self { zone, offsets }
    }

    /// The name of the zone.
    pub fn name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The first moment of a day.
    pub fn start(&self, day: Day) -> Timestamp {
        let start = day.date().to_zoned(self.zone.clone()).map(|start| start.timestamp().as_millisecond());
        Timestamp::from_millis(start.unwrap_or(i64::MAX))
    }

    /// The local day and hour of a time.
    pub fn day_and_hour(&self, time: Timestamp) -> (Day, usize) {
        let millis = time.as_millis();
        let next = self.offsets.partition_point(|(from, _)| *from <= millis);
        let local = millis.saturating_add(self.offsets[next.saturating_sub(1)].1);
        let day = i32::try_from(local.div_euclid(DAY_MS)).unwrap_or(i32::MAX);
        (Day(day), usize::try_from(local.rem_euclid(DAY_MS) / HOUR_MS).unwrap_or(0))
    }

    /// How often each hour of the week occurs in a period, from Monday 0:00.
    pub fn hours_of_week(&self, period: Period) -> [u32; 168] {
        let mut hours = [0; 168];
        let (start, end) = (self.start(period.first).as_millis(), self.start(period.end).as_millis());
        for millis in (start..end).step_by(usize::try_from(HOUR_MS).unwrap_or(1)) {
            let (day, hour) = self.day_and_hour(Timestamp::from_millis(millis));
            hours[day.weekday() * 24 + hour] += 1;
        }
        hours
    }
}

fn offset_at(zone: &TimeZone, time: jiff::Timestamp) -> i64 {
    i64::from(zone.to_offset(time).seconds()) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::of(text.parse().unwrap())
    }

    #[test]
    fn weeks_months_and_years_are_those_of_the_calendar() {
        assert_eq!(day("1970-01-01"), Day(0));
        assert_eq!(day("2026-11-28").monday().date().to_string(), "2026-11-23");
        assert_eq!((day("2026-11-23").weekday(), day("2026-11-29").weekday()), (0, 6));
        let year = Period::year_to(day("2026-11-01"));
        assert_eq!(year, Period { first: day("2025-11-01"), end: day("2026-11-01") });
        assert_eq!(year.before(), Period { first: day("2024-11-01"), end: day("2025-11-01") });
        let weeks: Vec<String> = year.whole_weeks().map(|week| week.date().to_string()).collect();
        assert_eq!((weeks.len(), weeks[0].as_str(), weeks[50].as_str()), (51, "2025-11-03", "2026-10-19"));
        assert_eq!(year.whole_months().count(), 12);
        let month = Period { first: day("2026-02-10"), end: day("2026-03-10") };
        assert_eq!(month.before(), Period { first: day("2026-01-13"), end: day("2026-02-10") });
        assert_eq!((month.whole_months().count(), month.whole_weeks().count()), (0, 3));
    }

    #[test]
    fn local_time_follows_the_clocks() {
        let berlin = Calendar::new(TimeZone::get("Europe/Berlin").unwrap());
        assert_eq!(berlin.name(), "Europe/Berlin");
        let at =
            |text: &str| Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        for (time, expected, hour) in [
            ("2026-03-28T23:30:00Z", "2026-03-29", 0),
            ("2026-03-29T00:59:59Z", "2026-03-29", 1),
            ("2026-03-29T01:00:00Z", "2026-03-29", 3),
            ("2026-10-25T00:30:00Z", "2026-10-25", 2),
            ("2026-10-25T01:30:00Z", "2026-10-25", 2),
            ("2026-12-31T22:59:59Z", "2026-12-31", 23),
        ] {
            assert_eq!(berlin.day_and_hour(at(time)), (day(expected), hour), "{time}");
        }
        assert_eq!(berlin.start(day("2026-03-29")), at("2026-03-28T23:00:00Z"));
        // The Sunday on which an hour is left out, and the one on which an hour comes twice.
        let spring = berlin.hours_of_week(Period { first: day("2026-03-29"), end: day("2026-03-30") });
        assert_eq!((spring[6 * 24 + 2], spring.iter().sum::<u32>()), (0, 23));
        let autumn = berlin.hours_of_week(Period { first: day("2026-10-25"), end: day("2026-10-26") });
        assert_eq!((autumn[6 * 24 + 2], autumn.iter().sum::<u32>()), (2, 25));
        let kolkata = Calendar::new(TimeZone::get("Asia/Kolkata").unwrap());
        assert_eq!(kolkata.day_and_hour(at("2026-01-01T18:30:00Z")), (day("2026-01-02"), 0));
    }
}
