//! Figures in words.

use super::calendar::{Day, Period};
use super::figure::{Figure, WITHHELD, rounded};
use super::report::{Compared, Report};
use crate::model::with_separators;

/// The share of the busiest four hours from which they are named: a quarter more than if all were alike.
pub const MIN_PERMILLE_OF_BUSIEST: u64 = 208;

/// Below this number before, both numbers are named instead of a percentage.
const MIN_BASE: u64 = 30;
/// What is shown of a number that is hidden; with a no-break space.
const FEW: &str = "<\u{a0}5";
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What the period and the one before are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// Such as "this year".
    pub now: &'static str,
    /// Such as "the year before".
    pub before: &'static str,
}

impl Names {
    /// Those of a report.
    pub fn of(report: &Report) -> Self {
        let period = Period { first: day(&report.period.from), end: day(&report.period.to).later(1) };
        if period == Period::year_to(period.end) {
            Self { now: "this year", before: "the year before" }
        } else {
            Self { now: "this period", before: "the period before" }
        }
    }
}

/// A day of a report.
pub fn day(text: &str) -> Day {
    text.parse().map_or(Day(0), Day::of)
}

/// A date, such as "9 March 2026".
pub fn date(day: Day) -> String {
    let date = day.date();
    format!("{} {} {}", date.day(), month_name(day), date.year())
}

/// A day, such as "9 Mar".
pub fn short_date(day: Day) -> String {
    format!("{} {}", day.date().day(), short_month(day))
}

/// Days, such as "9–15 Mar" or "29 Dec – 4 Jan".
pub fn short_dates(days: Period) -> String {
    let last = days.end.later(-1);
    if days.days() == 1 {
        short_date(last)
    } else if days.first.month() == last.month() {
        format!("{}–{}", days.first.date().day(), short_date(last))
    } else {
        format!("{} – {}", short_date(days.first), short_date(last))
    }
}

/// A month, such as "Mar 2026".
pub fn month_and_year(day: Day) -> String {
    format!("{} {}", short_month(day), day.date().year())
}

/// The first three letters of a day's month.
pub fn short_month(day: Day) -> &'static str {
    &month_name(day)[..3]
}

fn month_name(day: Day) -> &'static str {
    MONTHS[usize::try_from(day.date().month() - 1).unwrap_or(0)]
}

/// A number in words up to ten.
pub fn small_number(number: usize) -> String {
    const WORDS: [&str; 10] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    number
        .checked_sub(1)
        .and_then(|index| WORDS.get(index))
        .map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

/// A number for readers.
pub fn number(figure: Figure) -> String {
    match figure {
        Figure::Shown(number) => with_separators(number),
        Figure::Hidden => FEW.to_owned(),
        Figure::Withheld => WITHHELD.to_owned(),
    }
}

/// Thousandths as a percentage: one decimal below 10 %.
pub fn percent(permille: Figure) -> String {
    match permille {
        Figure::Hidden => format!("{FEW} people"),
        Figure::Withheld => WITHHELD.to_owned(),
        Figure::Shown(permille) if permille < 100 && permille % 10 != 0 => {
            format!("{}.{}\u{202f}%", permille / 10, permille % 10)
        }
        Figure::Shown(permille) => format!("{}\u{202f}%", rounded(permille, 10)),
    }
}

/// Minutes, at least one, as hours from one hour on, as days from two days on.
pub fn duration(minutes: Figure) -> String {
    let Figure::Shown(minutes) = minutes else { return percent(minutes) };
    let minutes = minutes.max(1);
    match minutes {
        0..60 => format!("{minutes}\u{a0}min"),
        60..600 if minutes % 60 > 0 => format!("{}\u{a0}h {}\u{a0}min", minutes / 60, minutes % 60),
        60..2880 => format!("{}\u{a0}h", rounded(minutes, 60)),
        _ => format!("{}\u{a0}days", tenths(minutes, 1440)),
    }
}

/// A quotient with one decimal.
pub fn tenths(number: u64, divisor: u64) -> String {
    let tenths = rounded(number * 10, divisor);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// How a number compares with that of the period before, such as "8 % more than the year before".
pub fn change(compared: Compared, noun: &str, before_name: &str) -> String {
    let Some(before) = compared.before else { return no_earlier(before_name) };
    let (Figure::Shown(now), Figure::Shown(before)) = (compared.now, before) else {
        return format!("{} in {before_name}", number(before));
    };
    if before < MIN_BASE {
        return format!("{} in {before_name}", with_separators(before));
    }
    let difference = now.abs_diff(before);
    if difference * 50 < before {
        format!("about as many {noun} as in {before_name}")
    } else if now >= 2 * before {
        format!("{} times as many {noun} as in {before_name}", tenths(now, before))
    } else {
        let percent = rounded(difference * 100, before);
        format!("{percent}\u{202f}% {} than in {before_name}", if now > before { "more" } else { "fewer" })
    }
}

/// How a share compares with that of the period before, at the precision shown.
pub fn share_change(compared: Compared, before_name: &str) -> String {
    let Some(before) = compared.before else { return no_earlier(before_name) };
    let (Figure::Shown(now), Figure::Shown(before)) = (compared.now, before) else {
        return format!("{} in {before_name}", percent(before));
    };
    let (now, before) = (rounded(now, 10), rounded(before, 10));
    match now.abs_diff(before) {
        0 => format!("as in {before_name}"),
        1 => {
            format!("1 percentage point {} than in {before_name}", if now > before { "more" } else { "less" })
        }
        points => {
            format!(
                "{points} percentage points {} than in {before_name}",
                if now > before { "more" } else { "less" }
            )
        }
    }
}

/// How a duration compares with that of the period before: sooner or later from a twentieth on.
pub fn duration_change(now: Figure, before: Option<Figure>, before_name: &str) -> String {
    let Some(before) = before else { return no_earlier(before_name) };
    let (Figure::Shown(now), Figure::Shown(then)) = (now, before) else {
        return format!("{} in {before_name}", duration(before));
    };
    let difference = now.abs_diff(then);
    if difference * 20 < then.max(1) {
        return format!("about as fast as in {before_name}");
    }
    let way = if now < then { "sooner" } else { "later" };
    format!("{} {way} than in {before_name}", duration(Figure::Shown(difference)))
}

fn no_earlier(before_name: &str) -> String {
    match before_name {
        "the year before" => "no earlier year to compare with".to_owned(),
        _ => "no earlier period to compare with".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Figure::{Hidden, Shown};

    const YEAR: &str = "the year before";

    /// No-break spaces as spaces.
    fn plain(text: &str) -> String {
        text.replace(['\u{a0}', '\u{202f}'], " ")
    }

    #[test]
    fn changes_are_described() {
        let described = |now, before| plain(&change(Compared { now, before }, "messages", YEAR));
        assert_eq!(described(Shown(108), Some(Shown(100))), "8 % more than in the year before");
        assert_eq!(described(Shown(92), Some(Shown(100))), "8 % fewer than in the year before");
        assert_eq!(described(Shown(101), Some(Shown(100))), "about as many messages as in the year before");
        assert_eq!(
            described(Shown(240), Some(Shown(100))),
            "2.4 times as many messages as in the year before"
        );
        assert_eq!(described(Shown(50), Some(Shown(20))), "20 in the year before");
        assert_eq!(described(Shown(50), Some(Hidden)), "< 5 in the year before");
        assert_eq!(described(Hidden, Some(Shown(500))), "500 in the year before");
        assert_eq!(described(Shown(50), None), "no earlier year to compare with");
        let shares = |now, before| share_change(Compared { now, before }, "the period before");
        assert_eq!(shares(Shown(304), Some(Shown(295))), "as in the period before");
        assert_eq!(shares(Shown(314), Some(Shown(295))), "1 percentage point more than in the period before");
        assert_eq!(
            shares(Shown(100), Some(Shown(295))),
            "20 percentage points less than in the period before"
        );
        assert_eq!(shares(Shown(100), None), "no earlier period to compare with");
        let durations = |now, before| plain(&duration_change(now, before, YEAR));
        assert_eq!(durations(Shown(69), Some(Shown(118))), "49 min sooner than in the year before");
        assert_eq!(durations(Shown(118), Some(Shown(118))), "about as fast as in the year before");
        assert_eq!(durations(Hidden, Some(Shown(118))), "1 h 58 min in the year before");
    }

    #[test]
    fn numbers_and_dates_are_for_readers() {
        let times = [45, 69, 120, 1860, 3456].map(|minutes| plain(&duration(Shown(minutes))));
        assert_eq!(times, ["45 min", "1 h 9 min", "2 h", "31 h", "2.4 days"]);
        let shares = [Shown(305), Shown(31), Shown(40), Shown(0), Hidden].map(|share| plain(&percent(share)));
        assert_eq!(shares, ["31 %", "3.1 %", "4 %", "0 %", "< 5 people"]);
        let days = |first: &str, end: &str| short_dates(Period { first: day(first), end: day(end) });
        assert_eq!(days("2026-03-09", "2026-03-16"), "9–15 Mar");
        assert_eq!(days("2025-12-29", "2026-01-05"), "29 Dec – 4 Jan");
        assert_eq!(days("2026-03-09", "2026-03-10"), "9 Mar");
        assert_eq!(
            (date(day("2026-03-09")), month_and_year(day("2026-03-09"))),
            ("9 March 2026".into(), "Mar 2026".into())
        );
    }
}
