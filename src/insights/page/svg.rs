//! Charts as SVG. They have no view box: x is in per cent and y in pixels, so that one chart fits every
//! width and its text keeps its size.
//!
//! Positions are integers: x in hundredths of a per cent, y in tenths of a pixel.

mod axis;
mod heat;
mod rows;

use std::fmt::Write as _;

pub use self::axis::Unit;
use self::axis::{AXIS, Scale};
pub use self::heat::heat_map;
pub use self::rows::{Bar, Dumbbell, bar, bars, dumbbells};
use super::super::calendar::{Day, Period};
use super::super::figure::Figure;
use super::escaped;

/// Pixels of a character of 12 pixels, and the least width of a plot.
const CHAR: u64 = 7;
const LEAST_WIDTH: u64 = 250;
/// Pixels between a label and the marks under it, and from which on a line leads to its mark.
const LABEL_GAP: u64 = 7;
const LEAD_FROM: u64 = 16;

/// What a chart shows.
pub struct Chart<'c> {
    /// The chart's name, unique in the page.
    pub id: &'c str,
    /// What is shown.
    pub title: &'c str,
    /// What is seen: the form and the extremes.
    pub description: &'c str,
    /// The days of the x axis.
    pub period: Period,
    /// Pixels of the plot.
    pub height: u64,
    /// What the numbers are.
    pub unit: Unit,
    /// What stands above the axis, such as "messages per week".
    pub caption: &'c str,
    /// The class of its colour.
    pub class: &'c str,
}

/// A mark: the days that it is about, and its number.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The days.
    pub days: Period,
    /// The number.
    pub figure: Figure,
    /// The days in words.
    pub label: String,
}

impl Chart<'_> {
    /// A column for each mark, and a dashed line for those of the period before.
    pub fn columns(&self, marks: &[Mark], before: &[Figure], share: u64) -> String {
        let scale = self.scale(marks, before);
        let mut body = String::new();
        for mark in marks {
            let Figure::Shown(number) = mark.figure else { continue };
            let (x, end) = (self.x(mark.days.first), self.x(mark.days.end));
            let width = (end - x) * share / 100;
            let y = scale.y(number);
            write!(
                body,
                "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
                self.class,
                percent(x + (end - x - width) / 2),
                pixels(y),
                percent(width),
                pixels(self.height * 10 - y),
                escaped(&self.tooltip(mark)),
            )
            .ok();
        }
        body.push_str(&self.path(&scale, marks, before, "lx"));
        body.push_str(&self.peak(&scale, marks, before));
        self.framed(&scale, &body)
    }

    /// A line through the marks, with a gap where one is hidden, and a dashed one for the period before.
    pub fn line(&self, marks: &[Mark], before: &[Figure]) -> String {
        let scale = self.scale(marks, before);
        let figures: Vec<Figure> = marks.iter().map(|mark| mark.figure).collect();
        let mut body = self.path(&scale, marks, before, "lx");
        body.push_str(&self.path(&scale, marks, &figures, "l1"));
        for (index, mark) in marks.iter().enumerate() {
            let Figure::Shown(number) = mark.figure else { continue };
            // A mark without neighbours is no line.
            let has_neighbour = [index.wrapping_sub(1), index + 1]
                .iter()
                .any(|near| figures.get(*near).is_some_and(|figure| figure.is_shown()));
            let class = if has_neighbour { "dot" } else { self.class };
            write!(
                body,
                "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"4\"><title>{}</title></circle>",
                percent(self.middle(mark)),
                pixels(scale.y(number)),
                escaped(&self.tooltip(mark)),
            )
            .ok();
        }
        body.push_str(&self.peak(&scale, marks, before));
        self.framed(&scale, &body)
    }

    fn scale(&self, marks: &[Mark], before: &[Figure]) -> Scale {
        let figures = marks.iter().map(|mark| mark.figure).chain(before.iter().copied());
        Scale::of(figures.filter_map(Figure::number).max().unwrap_or(0), self.height, self.unit)
    }

    /// A line through numbers at the places of the marks.
    fn path(&self, scale: &Scale, marks: &[Mark], figures: &[Figure], class: &str) -> String {
        let (mut path, mut is_gap) = (String::new(), true);
        for (mark, figure) in marks.iter().zip(figures) {
            let Figure::Shown(number) = figure else {
                is_gap = true;
                continue;
            };
            // The path is in thousandths of the width.
            let x = self.middle(mark);
            write!(
                path,
                "{}{}.{} {}",
                if is_gap { "M" } else { "L" },
                x / 10,
                x % 10,
                pixels(scale.y(*number))
            )
            .ok();
            is_gap = false;
        }
        if path.is_empty() {
            return path;
        }
        let height = self.height;
        // The dashed line is seen on columns, too.
        let halo = if class == "lx" {
            format!("<path class=\"lx0\" vector-effect=\"non-scaling-stroke\" d=\"{path}\"/>")
        } else {
            String::new()
        };
        format!(
            "<svg viewBox=\"0 0 1000 {height}\" width=\"100%\" height=\"{height}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             {halo}<path class=\"{class}\" vector-effect=\"non-scaling-stroke\" d=\"{path}\"/></svg>"
        )
    }

    /// A label at the largest number, above everything under its width. None if two are as large.
    fn peak(&self, scale: &Scale, marks: &[Mark], before: &[Figure]) -> String {
        let largest = marks.iter().filter_map(|mark| mark.figure.number()).max().unwrap_or(0);
        let mut peaks = marks.iter().filter(|mark| mark.figure == Figure::Shown(largest));
        let (Some(peak), None, true) = (peaks.next(), peaks.next(), marks.len() > 2) else {
            return String::new();
        };
        let x = self.middle(peak);
        let (anchor, left, right) = match x {
            0..1800 => ("start", 0, 2),
            8200.. => ("end", 2, 0),
            _ => ("middle", 1, 1),
        };
        let value = self.unit.text(largest);
        let mut labels = String::new();
        for (text, class) in [(format!("{}: {value}", peak.label), "xo"), (value.clone(), "xn")] {
            // Half its width in hundredths of a per cent of the narrowest plot, and some space.
            let half = (text.chars().count() as u64 * CHAR / 2 + 4) * 10_000 / LEAST_WIDTH;
            let (from, to) = (x.saturating_sub(half * left), x + half * right);
            let is_under = |mark: &&Mark| self.x(mark.days.end) > from && self.x(mark.days.first) < to;
            let under = marks.iter().filter(is_under).map(|mark| mark.figure);
            let under_before =
                marks.iter().zip(before).filter(|(mark, _)| is_under(mark)).map(|(_, figure)| *figure);
            let highest = under.chain(under_before).filter_map(Figure::number).max().unwrap_or(0);
            let (y, at) = (scale.y(highest) - LABEL_GAP * 10, scale.y(largest));
            if at - y > (LABEL_GAP + LEAD_FROM) * 10 {
                let x = percent(x);
                write!(
                    labels,
                    "<line class=\"lead {class}\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>",
                    pixels(y + 20),
                    pixels(at - 20)
                )
                .ok();
            }
            write!(
                labels,
                "<text class=\"an {class}\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\" paint-order=\"stroke\">{}</text>",
                percent(x),
                pixels(y),
                escaped(&text)
            )
            .ok();
        }
        labels
    }

    fn tooltip(&self, mark: &Mark) -> String {
        let number = mark.figure.number().map_or_else(String::new, |number| self.unit.text(number));
        format!("{}: {number}", mark.label)
    }

    /// The position of a day.
    fn x(&self, day: Day) -> u64 {
        let days = u64::try_from(self.period.days()).unwrap_or(1).max(1);
        let passed = u64::try_from(day.0 - self.period.first.0).unwrap_or(0).min(days);
        passed * 10_000 / days
    }

    fn middle(&self, mark: &Mark) -> u64 {
        u64::midpoint(self.x(mark.days.first), self.x(mark.days.end))
    }

    fn framed(&self, scale: &Scale, body: &str) -> String {
        let Self { id, title, description, height, caption, .. } = self;
        let mut grid = String::new();
        for number in scale.ticks() {
            let y = pixels(scale.y(number));
            let class = if number == 0 { "base" } else { "grid" };
            write!(
                grid,
                "<line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text x=\"-8\" y=\"{y}\" dy=\"4\" text-anchor=\"end\">{}</text>",
                escaped(&self.unit.tick(number))
            )
            .ok();
        }
        if !caption.is_empty() {
            write!(grid, "<text x=\"-54\" y=\"11\">{}</text>", escaped(caption)).ok();
        }
        format!(
            "<div class=\"plot l54 r10\"><svg width=\"100%\" height=\"{}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{grid}{body}{}</svg></div>",
            height + AXIS,
            escaped(title),
            escaped(description),
            self.days_axis()
        )
    }
}

/// Hundredths of a per cent.
fn percent(hundredths: u64) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// Tenths of a pixel.
fn pixels(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}
