//! Axes of charts.

use std::fmt::Write as _;

use super::super::super::calendar::Day;
use super::super::super::figure::Figure;
use super::super::super::words::{duration, percent as percentage, short_date, short_month};
use super::{Chart, percent};
use crate::model::with_separators;

/// Height of the axis with the months.
pub const AXIS: u64 = 34;
/// Pixels above the highest tick, for labels and the caption.
const TOP: u64 = 30;
/// Names on an axis at most.
const MAX_NAMES: u64 = 12;
/// Days of a period whose axis has days instead of months.
const SHORT: i32 = 56;
/// Steps of an axis: of counts times powers of ten, of durations in minutes.
const STEPS: [u64; 4] = [10, 20, 25, 50];
const MINUTES: [u64; 12] = [5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1440];
const DAY: u64 = 1440;

/// What the numbers of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A count.
    Count,
    /// Thousandths.
    Permille,
    /// Minutes.
    Minutes,
}

impl Unit {
    /// A number in words.
    pub fn text(self, number: u64) -> String {
        match self {
            Self::Count => with_separators(number),
            Self::Permille => percentage(Figure::Shown(number)),
            Self::Minutes => duration(Figure::Shown(number)),
        }
    }

    /// A number at a tick.
    pub fn tick(self, number: u64) -> String {
        match self {
            Self::Minutes if number == 0 => "0".to_owned(),
            Self::Minutes if number % 60 == 30 && number > 60 => format!("{}.5\u{a0}h", number / 60),
            Self::Minutes if number.is_multiple_of(DAY) => format!("{}\u{a0}d", number / DAY),
            _ => self.text(number),
        }
    }

    /// Possible steps, ascending.
    fn steps(self) -> Vec<u64> {
        match self {
            Self::Minutes => {
                let days = (0..12).flat_map(|power| STEPS.map(|step| step * DAY * 10_u64.pow(power) / 10));
                MINUTES.into_iter().chain(days.filter(|step| step % DAY == 0 && *step > DAY)).collect()
            }
            Self::Permille => vec![1, 2, 5, 10, 20, 50, 100, 200, 250],
            Self::Count => {
                let all = (0..17).flat_map(|power| STEPS.map(|step| (step * 10_u64.pow(power), power)));
                // No halves.
                all.filter(|(step, _)| step % 10 == 0).map(|(step, _)| step / 10).collect()
            }
        }
    }
}

/// The y axis: from zero.
pub struct Scale {
    step: u64,
    max: u64,
    /// Pixels of the plot.
    height: u64,
}

impl Scale {
    /// The scale with the least empty space of those with three to five steps.
    pub fn of(largest: u64, height: u64, unit: Unit) -> Self {
        let largest = largest.max(1);
        let of_step = |step: u64| (largest.div_ceil(step).max(1) * step, step);
        let fits = |step: &u64| (3..=5).contains(&largest.div_ceil(*step));
        let steps = unit.steps();
        let best = steps.iter().filter(|step| fits(step)).map(|step| of_step(*step));
        let (max, step) =
            best.min_by_key(|(max, step)| (*max, std::cmp::Reverse(*step))).unwrap_or_else(|| {
                of_step(steps.into_iter().find(|step| largest.div_ceil(*step) <= 5).unwrap_or(largest))
            });
        Self { step, max, height }
    }

    /// The numbers at the ticks.
    pub fn ticks(&self) -> impl Iterator<Item = u64> {
        (0..=self.max / self.step).map(|step| step * self.step)
    }

    /// The position of a number, in tenths of a pixel from the top.
    pub fn y(&self, number: u64) -> u64 {
        let plot = (self.height - TOP) * 10;
        self.height * 10 - number.min(self.max) * plot / self.max
    }
}

impl Chart<'_> {
    /// The axis with the months, or the days of a short period.
    pub fn days_axis(&self) -> String {
        let mut text = String::from("<g text-anchor=\"middle\">");
        if self.period.days() < SHORT {
            self.add_days(&mut text);
        } else {
            self.add_months(&mut text);
        }
        text + "</g>"
    }

    fn add_days(&self, text: &mut String) {
        let period = self.period;
        let stride = if period.days() <= 8 { 1 } else { 7 };
        let first =
            if stride == 1 { period.first } else { period.whole_weeks().next().unwrap_or(period.first) };
        let mut day = first;
        while day < period.end {
            let middle = percent(u64::midpoint(self.x(day), self.x(day.later(1))));
            let class = if (day.0 - first.0) / stride % 2 == 1 { " class=\"xo\"" } else { "" };
            write!(text, "<text x=\"{middle}\" y=\"{}\"{class}>{}</text>", self.height + 17, short_date(day))
                .ok();
            day = day.later(stride);
        }
    }

    fn add_months(&self, text: &mut String) {
        let Self { period, height, .. } = self;
        // At most twelve names, every second of which goes on narrow screens.
        let months = u64::try_from(period.days() / 30).unwrap_or(0);
        let stride = months.div_ceil(MAX_NAMES).max(1);
        let (mut start, mut names, mut year) = (period.first, 0, 0);
        let mut index = 0;
        while start < period.end {
            let end: Day = start.next_month().min(period.end);
            // Too little of a month for its name.
            if end.0 - start.0 >= 12 && index % stride == 0 {
                let middle = percent(u64::midpoint(self.x(start), self.x(end)));
                let class = if names % 2 == 1 { " class=\"xo\"" } else { "" };
                write!(
                    text,
                    "<text x=\"{middle}\" y=\"{}\"{class}>{}</text>",
                    height + 17,
                    short_month(start)
                )
                .ok();
                // The year stands under the first name of it that is always seen.
                if class.is_empty() && year != start.date().year() {
                    year = start.date().year();
                    write!(text, "<text x=\"{middle}\" y=\"{}\">{year}</text>", height + 31).ok();
                }
                names += 1;
            }
            index += 1;
            if start > period.first {
                let x = percent(self.x(start));
                let (from, to) = (height, height + 5);
                write!(text, "<line class=\"tick\" x1=\"{x}\" x2=\"{x}\" y1=\"{from}\" y2=\"{to}\"/>").ok();
            }
            start = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_few_round_ticks() {
        let ticks = |largest, unit| {
            let ticks: Vec<String> = Scale::of(largest, 200, unit)
                .ticks()
                .map(|number| unit.tick(number).replace(['\u{a0}', '\u{202f}'], " "))
                .collect();
            ticks.join(", ")
        };
        for (largest, unit, expected) in [
            (11_113, Unit::Count, "0, 2,500, 5,000, 7,500, 10,000, 12,500"),
            (0, Unit::Count, "0, 1"),
            (4, Unit::Count, "0, 1, 2, 3, 4"),
            (7, Unit::Count, "0, 2, 4, 6, 8"),
            (11, Unit::Count, "0, 5, 10, 15"),
            (1232, Unit::Count, "0, 250, 500, 750, 1,000, 1,250"),
            (350, Unit::Permille, "0 %, 10 %, 20 %, 30 %, 40 %"),
            (1000, Unit::Permille, "0 %, 25 %, 50 %, 75 %, 100 %"),
            (112, Unit::Minutes, "0, 30 min, 1 h, 1.5 h, 2 h"),
            (930, Unit::Minutes, "0, 4 h, 8 h, 12 h, 16 h"),
            (20_000, Unit::Minutes, "0, 5 d, 10 d, 15 d"),
        ] {
            assert_eq!(ticks(largest, unit), expected, "{largest}");
        }
    }
}
