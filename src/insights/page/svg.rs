//! Charts as SVG. They have no view box: x is in per cent and y in pixels, so that one chart fits every
//! width and its text keeps its size.

use std::fmt::Write as _;

use super::super::calendar::{Day, Period};
use super::super::figure::Figure;
use super::escaped;
use crate::model::with_separators;

/// Height of the axis with the months.
const AXIS: u64 = 34;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Names of months on an axis at most.
const MAX_MONTHS: u64 = 12;
/// Steps of an axis, times powers of ten.
const STEPS: [u64; 3] = [1, 2, 5];
/// Steps of an axis at most.
const MAX_STEPS: u64 = 5;

/// What a chart shows.
pub struct Chart<'c> {
    /// The chart's name, unique in the page.
    pub id: &'c str,
    /// What is shown.
    pub title: &'c str,
    /// What is seen: the extremes.
    pub description: &'c str,
    /// The days of the x axis.
    pub period: Period,
    /// Pixels of the plot.
    pub height: u64,
    /// What the numbers are of, such as `messages`.
    pub unit: &'c str,
}

/// A mark: the days that it is about, and its number.
pub struct Mark {
    /// The days.
    pub days: Period,
    /// The number.
    pub figure: Figure,
    /// The days in words.
    pub label: String,
}

impl Chart<'_> {
    /// A column for each mark.
    pub fn columns(&self, marks: &[Mark]) -> String {
        let scale = Scale::of(marks, self.height);
        let mut body = String::new();
        for mark in marks {
            let Figure::Shown(number) = mark.figure else { continue };
            let (x, end) = (self.x(mark.days.first), self.x(mark.days.end));
            let width = (end - x) * 3 / 4;
            let height = scale.height_of(number);
            write!(
                body,
                "<rect class=\"c1\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
                percent(x + (end - x - width) / 2),
                pixels(self.height * 10 - height),
                percent(width),
                pixels(height),
                escaped(&self.tooltip(mark)),
            )
            .ok();
        }
        self.framed(&scale, &body)
    }

    /// A line through the marks, with a gap where one is hidden.
    pub fn line(&self, marks: &[Mark]) -> String {
        let scale = Scale::of(marks, self.height);
        let (mut path, mut dots, mut is_gap) = (String::new(), String::new(), true);
        for mark in marks {
            let Figure::Shown(number) = mark.figure else {
                is_gap = true;
                continue;
            };
            let x = u64::midpoint(self.x(mark.days.first), self.x(mark.days.end));
            let y = self.height * 10 - scale.height_of(number);
            // The path is in thousandths of the width.
            write!(path, "{}{}.{} {}", if is_gap { "M" } else { "L" }, x / 10, x % 10, pixels(y)).ok();
            is_gap = false;
            write!(
                dots,
                "<circle class=\"c1\" cx=\"{}\" cy=\"{}\" r=\"3\"><title>{}</title></circle>",
                percent(x),
                pixels(y),
                escaped(&self.tooltip(mark)),
            )
            .ok();
        }
        let body = format!(
            "<svg viewBox=\"0 0 1000 {0}\" width=\"100%\" height=\"{0}\" preserveAspectRatio=\"none\">\
             <path class=\"l1\" vector-effect=\"non-scaling-stroke\" d=\"{path}\"/></svg>{dots}",
            self.height
        );
        self.framed(&scale, &body)
    }

    fn tooltip(&self, mark: &Mark) -> String {
        let number = mark.figure.number().map_or_else(String::new, with_separators);
        format!("{}: {number} {}", mark.label, self.unit)
    }

    /// The position of a day, in hundredths of a per cent.
    fn x(&self, day: Day) -> u64 {
        let days = u64::try_from(self.period.days()).unwrap_or(1).max(1);
        let passed = u64::try_from(day.0 - self.period.first.0).unwrap_or(0).min(days);
        passed * 10_000 / days
    }

    fn framed(&self, scale: &Scale, body: &str) -> String {
        let Self { id, title, description, height, .. } = self;
        let mut grid = String::new();
        for step in 0..=scale.max / scale.step {
            let number = step * scale.step;
            let y = pixels(height * 10 - scale.height_of(number));
            let class = if number == 0 { "base" } else { "grid" };
            write!(grid, "<line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>").ok();
            write!(
                grid,
                "<text x=\"-8\" y=\"{y}\" dy=\"4\" text-anchor=\"end\">{}</text>",
                with_separators(number)
            )
            .ok();
        }
        format!(
            "<div class=\"plot l54 r10\"><svg width=\"100%\" height=\"{}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{grid}{body}{}</svg></div>",
            height + AXIS,
            escaped(title),
            escaped(description),
            self.months()
        )
    }

    /// The axis with the months.
    fn months(&self) -> String {
        let Self { period, height, .. } = self;
        let mut text = String::from("<g text-anchor=\"middle\">");
        // At most twelve names, every second of which goes on narrow screens.
        let months = u64::try_from(period.days() / 30).unwrap_or(0);
        let stride = months.div_ceil(MAX_MONTHS).max(1);
        let mut start = period.first;
        let mut index = 0;
        while start < period.end {
            let end = start.next_month().min(period.end);
            // Too little of a month for its name.
            if end.0 - start.0 >= 12 && index % stride == 0 {
                let date = start.date();
                let middle = percent(u64::midpoint(self.x(start), self.x(end)));
                let class = if index / stride % 2 == 1 { " class=\"xo\"" } else { "" };
                let name = MONTHS[usize::try_from(date.month() - 1).unwrap_or(0)];
                write!(text, "<text x=\"{middle}\" y=\"{}\"{class}>{name}</text>", height + 17).ok();
                if index == 0 || date.month() <= i8::try_from(stride).unwrap_or(1) {
                    let y = height + 31;
                    write!(text, "<text x=\"{middle}\" y=\"{y}\"{class}>{}</text>", date.year()).ok();
                }
            }
            index += 1;
            if start > period.first {
                let x = percent(self.x(start));
                let (from, to) = (height, height + 5);
                write!(text, "<line class=\"tick\" x1=\"{x}\" x2=\"{x}\" y1=\"{from}\" y2=\"{to}\"/>").ok();
            }
            start = end;
        }
        text + "</g>"
    }
}

/// The y axis: from zero.
struct Scale {
    step: u64,
    max: u64,
    /// Pixels of the plot.
    height: u64,
}

impl Scale {
    fn of(marks: &[Mark], height: u64) -> Self {
        let max = marks.iter().filter_map(|mark| mark.figure.number()).max().unwrap_or(0).max(1);
        let steps = (0..18).flat_map(|power| STEPS.map(|step| step * 10_u64.pow(power)));
        let step = steps.into_iter().find(|step| max.div_ceil(*step) <= MAX_STEPS).unwrap_or(max);
        Self { step, max, height }
    }

    /// The height of a number, in tenths of a pixel. A twenty-fifth of the plot stays free.
    fn height_of(&self, number: u64) -> u64 {
        number * self.height * 240 / (self.max * 25)
    }
}

/// Messages in each hour of the week, as squares in seven steps.
pub fn heat_map(id: &str, hours: &[Vec<Figure>]) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const ROW: usize = 24;
    let max = hours.iter().flatten().filter_map(|hour| hour.number()).max().unwrap_or(0).max(1);
    let mut body = String::new();
    for (row, (name, hours)) in DAYS.into_iter().zip(hours).enumerate() {
        let y = row * ROW;
        write!(body, "<text x=\"-8\" y=\"{}\" text-anchor=\"end\">{name}</text>", y + 16).ok();
        for (hour, figure) in (0_u64..).zip(hours) {
            let (step, label) = match figure {
                Figure::Hidden => (0, "fewer than five people".to_owned()),
                Figure::Shown(number) => {
                    // Shown are messages for a thousand times that the hour occurred.
                    let label = format!("{}.{} messages", number / 1000, number % 1000 / 100);
                    ((number * 7 / (max + 1)).min(6), label)
                }
            };
            write!(
                body,
                "<rect class=\"q{step}\" x=\"{}\" y=\"{y}\" width=\"4%\" height=\"{}\"><title>{name} {hour}:00: {label}</title></rect>",
                percent(hour * 10_000 / 24),
                ROW - 2
            )
            .ok();
        }
    }
    for hour in (0..24).step_by(6) {
        write!(body, "<text x=\"{}\" y=\"{}\">{hour}:00</text>", percent(hour * 10_000 / 24), 7 * ROW + 14)
            .ok();
    }
    format!(
        "<div class=\"plot l44 r10\"><svg width=\"100%\" height=\"{}\" role=\"img\" aria-labelledby=\"{id}-t\">\
         <title id=\"{id}-t\">Messages by weekday and hour; the table has the numbers</title>{body}</svg></div>",
        7 * ROW + 20
    )
}

/// A bar as wide as this share of its cell, in thousandths.
pub fn bar(permille: u64) -> String {
    format!(
        "<svg class=\"bar\" aria-hidden=\"true\"><rect class=\"c1\" width=\"{}\" height=\"6\"/></svg>",
        percent(permille * 10)
    )
}

/// Hundredths of a per cent.
fn percent(hundredths: u64) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// Tenths of a pixel.
fn pixels(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}
