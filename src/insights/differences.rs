//! Secondary suppression for additive numbers of overlapping ranges of days.
//!
//! Published numbers of days, weeks, months and the whole period can be added and subtracted: the period minus its
//! months gives the days outside of whole months, a month minus its weeks the days at its ends. Model: a graph whose
//! nodes are days and whose edges are the published ranges, from the first day to the day after the last. The number
//! between any two days of one connected component can be computed.

use hashbrown::HashMap;

use super::calendar::{Day, Period};
use super::figure::{Figure, MIN_PEOPLE};

/// Withholds numbers until every number that can be computed from the published ones has enough contributors.
/// The number of `whole` is published; `people` returns the number of contributors of each range.
pub fn hide_differences(
    whole: Period,
    intervals: &mut [(Period, &mut Figure)],
    people: impl Fn(&[Period]) -> Vec<u64>,
) {
    let mut known: HashMap<(Day, Day), u64> = HashMap::new();
    loop {
        let ranges = connected_ranges(whole, intervals);
        let is_new = |range: &&Period| !known.contains_key(&(range.first, range.end));
        let unknown: Vec<Period> = ranges.iter().filter(is_new).copied().collect();
        known.extend(unknown.iter().map(|range| (range.first, range.end)).zip(people(&unknown)));
        let is_disclosive = |range: &&Period| {
            **range != whole
                && known.get(&(range.first, range.end)).is_some_and(|people| *people < MIN_PEOPLE)
        };
        let Some(range) = ranges.iter().find(is_disclosive) else { return };
        let cost = |day: Day| {
            let touching = intervals.iter().filter(|(interval, _)| touches(*interval, day));
            touching.filter_map(|(_, figure)| figure.number()).sum::<u64>()
        };
        let is_end = |day: &Day| *day != whole.first && *day != whole.end;
        let Some(day) = [range.first, range.end].into_iter().filter(is_end).min_by_key(|day| cost(*day))
        else {
            return;
        };
        for (interval, figure) in &mut *intervals {
            if touches(*interval, day) && figure.is_shown() {
                **figure = Figure::Withheld;
            }
        }
    }
}

fn touches(interval: Period, day: Day) -> bool {
    interval.first == day || interval.end == day
}

/// The ranges between consecutive days of each connected component.
fn connected_ranges(whole: Period, intervals: &[(Period, &mut Figure)]) -> Vec<Period> {
    let mut days: Vec<Day> = vec![whole.first, whole.end];
    days.extend(intervals.iter().flat_map(|(interval, _)| [interval.first, interval.end]));
    days.sort_unstable();
    days.dedup();
    let mut group: Vec<usize> = (0..days.len()).collect();
    let position = |day: Day| days.binary_search(&day).unwrap_or(0);
    let shown = intervals.iter().filter(|(_, figure)| figure.is_shown());
    for interval in shown.map(|(interval, _)| *interval).chain([whole]) {
        let (one, other) = (group[position(interval.first)], group[position(interval.end)]);
        for member in &mut group {
            if *member == one {
                *member = other;
            }
        }
    }
    let mut last: HashMap<usize, Day> = HashMap::new();
    let mut ranges = Vec::new();
    for (day, group) in days.iter().zip(group) {
        if let Some(first) = last.insert(group, *day) {
            ranges.push(Period { first, end: *day });
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each range's people: the sum over its days, of whom each day has others.
    fn hidden(whole: (i32, i32), intervals: &[(i32, i32)], people: &[u64]) -> Vec<(i32, i32)> {
        let period = |(first, end): (i32, i32)| Period { first: Day(first), end: Day(end) };
        let of = |range: Period| -> u64 {
            (range.first.0..range.end.0).map(|day| people[usize::try_from(day).unwrap()]).sum()
        };
        let mut figures: Vec<Figure> =
            intervals.iter().map(|interval| Figure::of_people(of(period(*interval)))).collect();
        let mut both: Vec<(Period, &mut Figure)> =
            intervals.iter().map(|interval| period(*interval)).zip(&mut figures).collect();
        hide_differences(period(whole), &mut both, |ranges| ranges.iter().map(|range| of(*range)).collect());
        let of_figure =
            |(interval, figure): (&(i32, i32), &Figure)| (!figure.is_shown()).then_some(*interval);
        intervals.iter().zip(&figures).filter_map(of_figure).collect()
    }

    #[test]
    fn numbers_that_tell_nothing_stay() {
        assert_eq!(hidden((0, 4), &[(0, 2), (2, 4)], &[9, 9, 9, 9]), []);
        // The days that belong to none are about enough people.
        assert_eq!(hidden((0, 6), &[(1, 3), (3, 5)], &[5, 9, 9, 9, 9, 0]), []);
    }

    #[test]
    fn one_hidden_number_takes_another_with_it() {
        assert_eq!(hidden((0, 6), &[(0, 2), (2, 4), (4, 6)], &[9, 9, 2, 1, 4, 4]), [(2, 4), (4, 6)]);
    }

    #[test]
    fn days_that_belong_to_no_week_are_hidden() {
        // The whole without both weeks gives the last day.
        assert_eq!(hidden((0, 5), &[(0, 2), (2, 4)], &[9, 9, 5, 5, 2]), [(2, 4)]);
    }

    #[test]
    fn days_between_a_week_and_a_month_are_hidden() {
        // Months (0, 4), (4, 8); weeks (0, 3), (3, 6): the day from 3 to 4 would follow.
        let people = [9, 9, 9, 1, 9, 9, 9, 9];
        assert_eq!(hidden((0, 8), &[(0, 4), (4, 8), (0, 3), (3, 6)], &people), [(0, 3), (3, 6)]);
        // Two numbers far apart may be connected by others.
        let people = [9, 9, 1, 9, 9, 9];
        assert_eq!(hidden((0, 6), &[(0, 2), (0, 3), (3, 6)], &people), [(0, 2)]);
    }
}
